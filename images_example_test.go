package inkstone_test

import (
	"context"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"log"
	"os"
	"path/filepath"

	"github.com/inkstone-ai/inkstone"
)

// A small CNN learns to tell bars that lie from bars that stand, from a folder with a
// folder of pictures for each.
func ExampleTrainImages() {
	dir, err := os.MkdirTemp("", "images")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	for i := range 32 {
		class := []string{"lying", "standing"}[i%2]
		m := image.NewGray(image.Rect(0, 0, 8, 8))
		for k := range 4 + i%4 {
			x, y := k, 1+i/2%6
			if class == "standing" {
				x, y = y, x
			}
			m.SetGray(x, y, color.Gray{uint8(200 + i)})
		}
		path := filepath.Join(dir, "bars", class, fmt.Sprintf("%02d.png", i))
		if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
			log.Fatal(err)
		}
		f, err := os.Create(path)
		if err != nil {
			log.Fatal(err)
		}
		if err := png.Encode(f, m); err != nil {
			log.Fatal(err)
		}
		if err := f.Close(); err != nil {
			log.Fatal(err)
		}
	}
	trained, err := inkstone.TrainImages(context.Background(), inkstone.ImageOptions{
		Data: []string{filepath.Join(dir, "bars")}, Out: filepath.Join(dir, "model"),
		Settings: inkstone.ImageSettings{Depth: 2, Width: 8, Rows: 16, Steps: 100},
	})
	if err != nil {
		log.Fatal(err)
	}
	m, err := inkstone.LoadClassifier(trained.Dir, nil)
	if err != nil {
		log.Fatal(err)
	}
	defer m.Close()
	images, err := m.Read(nil, filepath.Join(dir, "bars", "lying", "02.png"), filepath.Join(dir, "bars", "standing", "03.png"))
	if err != nil {
		log.Fatal(err)
	}
	said, err := m.Classify(images, 1)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(said[0][0].Class, said[1][0].Class)
	// Output:
	// lying standing
}
