package inkstone_test

import (
	"context"
	"errors"
	"fmt"
	"image"
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
	if err := writeBars(filepath.Join(dir, "bars")); err != nil {
		log.Fatal(err)
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

// writeBars writes pictures of bars that lie and of bars that stand.
func writeBars(dir string) error {
	return writePictures(dir, []string{"lying", "standing"}, func(i, k, x, y int) uint8 {
		along, across := x, y
		if k == 1 {
			along, across = y, x
		}
		if along < 4+i%4 && across == 1+i%6 {
			return uint8(200 + i)
		}
		return 0
	})
}

// writePictures writes 32 pictures of 8 × 8 pixels of each of two classes: a pixel is a function of the picture, the
// class and the place.
func writePictures(dir string, classes []string, pixel func(i, k, x, y int) uint8) error {
	for i := range 64 {
		m := image.NewGray(image.Rect(0, 0, 8, 8))
		for p := range m.Pix {
			m.Pix[p] = pixel(i/2, i%2, p%8, p/8)
		}
		path := filepath.Join(dir, classes[i%2], fmt.Sprintf("%02d.png", i))
		if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
			return err
		}
		f, err := os.Create(path)
		if err != nil {
			return err
		}
		if err := errors.Join(png.Encode(f, m), f.Close()); err != nil {
			return err
		}
	}
	return nil
}
