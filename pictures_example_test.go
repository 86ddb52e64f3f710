package inkstone_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"path/filepath"

	"github.com/inkstone-ai/inkstone"
	"github.com/inkstone-ai/inkstone/corpus"
	"github.com/inkstone-ai/inkstone/format"
	"github.com/inkstone-ai/inkstone/style"
)

// slopes are pictures of 8 × 8, brighter to the right, each from another grey on.
func slopes(n int) *corpus.Images {
	m := &corpus.Images{H: 8, W: 8, C: 1}
	for i := range n {
		for p := range 64 {
			m.Pixels = append(m.Pixels, uint8(i+20*(p%8)))
		}
	}
	return m
}

// A small network learns to fill holes in slopes.
func ExampleTrainPictures() {
	dir, err := os.MkdirTemp("", "pictures")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	data := filepath.Join(dir, "slopes.zip")
	if err := format.WriteFile(data, slopes(60).WriteZip); err != nil {
		log.Fatal(err)
	}
	ctx := context.Background()
	trained, err := inkstone.TrainPictures(ctx, inkstone.PictureOptions{
		Data: []string{data}, Out: filepath.Join(dir, "model"),
		Settings: inkstone.PictureSettings{Model: "inpaint", Width: 8, Depth: 2, Rows: 8, Steps: 100, LR: 1e-2},
	})
	if err != nil {
		log.Fatal(err)
	}
	m, err := inkstone.LoadInpainter(trained.Dir, nil)
	if err != nil {
		log.Fatal(err)
	}
	defer m.Close()
	scores, err := m.Evaluate(ctx, nil, 1, nil, data)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%s before %s: %t\n", scores[0].Name, scores[1].Name, scores[0].Hole > scores[1].Hole)
	// Output:
	// model before mean of the learned pictures: true
}

// A network learns to turn pictures over, black for white, from pairs side by side.
func ExampleLoadPix2Pix() {
	dir, err := os.MkdirTemp("", "pairs")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	a, b := slopes(60), slopes(60)
	for i, v := range a.Pixels {
		b.Pixels[i] = 255 - v
	}
	pairs, err := corpus.Beside(a, b)
	if err != nil {
		log.Fatal(err)
	}
	data := filepath.Join(dir, "pairs.zip")
	if err := format.WriteFile(data, pairs.WriteZip); err != nil {
		log.Fatal(err)
	}
	ctx := context.Background()
	trained, err := inkstone.TrainPictures(ctx, inkstone.PictureOptions{
		Data: []string{data}, Out: filepath.Join(dir, "model"),
		Settings: inkstone.PictureSettings{Model: "pix2pix", Objective: "l1", Width: 4, Depth: 2, Rows: 8, Steps: 60, LR: 1e-2},
	})
	if err != nil {
		log.Fatal(err)
	}
	m, err := inkstone.LoadPix2Pix(trained.Dir, nil)
	if err != nil {
		log.Fatal(err)
	}
	defer m.Close()
	made, err := m.Redraw(ctx, slopes(1))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("brighter to the left:", made.Pixels[0] > made.Pixels[7]+50)
	// Output:
	// brighter to the left: true
}

// The style of one picture is put on another by the features of a classifier.
func ExampleStylize() {
	dir, err := os.MkdirTemp("", "style")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	path := func(name string) string { return filepath.Join(dir, name) }
	flat, steep := slopes(60), slopes(60)
	flat.Labels, flat.Classes = make([]int32, 60), []string{"bright", "dark"}
	for i := range flat.Labels {
		flat.Labels[i] = int32(i % 2)
		for p := range 64 * (i % 2) {
			flat.Pixels[i*64+p] /= 4
			steep.Pixels[i*64+p] = uint8(255 * (p % 2))
		}
	}
	for name, m := range map[string]*corpus.Images{"pictures.zip": flat, "content.zip": slopes(1), "style.zip": {H: 8, W: 8, C: 1, Pixels: steep.Image(1)}} {
		if err := format.WriteFile(path(name), m.WriteZip); err != nil {
			log.Fatal(err)
		}
	}
	ctx := context.Background()
	if _, err := inkstone.TrainImages(ctx, inkstone.ImageOptions{
		Data: []string{path("pictures.zip")}, Out: path("cnn"), Settings: inkstone.ImageSettings{Depth: 2, Width: 8, Rows: 8, Steps: 20},
	}); err != nil {
		log.Fatal(err)
	}
	made, err := inkstone.Stylize(ctx, inkstone.StylizeOptions{
		Model: path("cnn"), Content: path("content.zip"), Style: path("style.zip"), Options: style.Options{Steps: 50},
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("nearer to the style:", made.End.Style < made.Start.Style)
	// Output:
	// nearer to the style: true
}
