package main

import (
	"fmt"
	"image"
	"image/color"
	"image/png"
	"os"
	"path/filepath"
	"strconv"

	"github.com/rogpeppe/go-internal/testscript"
)

// strokes writes pictures of 8 × 8 into the folders DIR/lying and DIR/standing, N each, no two
// alike.
func strokes(ts *testscript.TestScript, _ bool, args []string) {
	n, err := strconv.Atoi(args[1])
	ts.Check(err)
	for i := range 2 * n {
		class := []string{"lying", "standing"}[i%2]
		m := image.NewGray(image.Rect(0, 0, 8, 8))
		for k := range 8 {
			x, y := 1+i/2%6, k
			if class == "lying" {
				x, y = y, x
			}
			m.SetGray(x, y, color.Gray{uint8(255 - i)})
		}
		dir := filepath.Join(ts.MkAbs(args[0]), class)
		ts.Check(os.MkdirAll(dir, 0o777))
		f, err := os.Create(filepath.Join(dir, fmt.Sprintf("%03d.png", i)))
		ts.Check(err)
		ts.Check(png.Encode(f, m))
		ts.Check(f.Close())
	}
}
