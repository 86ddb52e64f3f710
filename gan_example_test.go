package inkstone_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"slices"

	"github.com/inkstone-ai/inkstone"
)

// A GAN learns to draw pictures that are bright on the left and pictures that are bright on the right, and draws 16 of
// each.
func ExampleTrainGAN() {
	dir, err := os.MkdirTemp("", "gan")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	pictures := filepath.Join(dir, "pictures")
	err = writePictures(pictures, []string{"left", "right"}, func(i, k, x, y int) uint8 {
		if x/4 == k {
			return uint8(180 + i)
		}
		return uint8(2 * i)
	})
	if err != nil {
		log.Fatal(err)
	}
	trained, err := inkstone.TrainGAN(context.Background(), inkstone.GANOptions{
		Data: []string{pictures}, Out: filepath.Join(dir, "model"),
		Settings: inkstone.GANSettings{Width: 8, Latent: 4, Rows: 16, Steps: 150, LR: 4e-3, DiscriminatorLR: 4e-3},
	})
	if err != nil {
		log.Fatal(err)
	}
	g, err := inkstone.LoadGAN(trained.Dir, nil)
	if err != nil {
		log.Fatal(err)
	}
	defer g.Close()
	drawn, err := g.Sample(slices.Repeat([]int32{0, 1}, 16), 1) // of the left and of the right in turn
	if err != nil {
		log.Fatal(err)
	}
	right := 0
	for i := range drawn.Len() {
		var sides [2]int
		for p, v := range drawn.Image(i) {
			sides[p%8/4] += int(v)
		}
		if sides[i%2] > sides[1-i%2] {
			right++
		}
	}
	fmt.Println(right, "of", drawn.Len(), "are bright where they were asked to be")
	// Output:
	// 32 of 32 are bright where they were asked to be
}
