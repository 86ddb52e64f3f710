package plot

import (
	"fmt"
	"image"
	"image/color"
	"math"
)

// A Picture is H rows of W pixels of C values, 1 grey or 3 red, green, blue.
type Picture struct {
	H, W, C int
	Pixels  []uint8 // (H, W, C), 0 black to 255 white
}

// Floats makes a picture of (H, W, C) values from 0, black, to 1, white. What lies outside
// becomes the nearer of the two, as what a network gives may; a value that is not a number
// is an error.
func Floats(h, w, c int, values []float32) (Picture, error) {
	p := Picture{h, w, c, make([]uint8, len(values))}
	if err := p.check(); err != nil {
		return Picture{}, err
	}
	for i, v := range values {
		if v != v {
			return Picture{}, fmt.Errorf("plot: picture: row %d, column %d, channel %d is not a number", i/(w*c), i/c%w, i%c)
		}
		p.Pixels[i] = uint8(math.Round(255 * float64(min(max(v, 0), 1))))
	}
	return p, nil
}

// mostPixels bounds what is drawn: a scale with a digit too many is no reason to take all memory.
const mostPixels = 256 << 20

func (p Picture) check() error {
	switch {
	case p.H < 1 || p.W < 1 || p.H > mostPixels/p.W || p.C != 1 && p.C != 3:
		return fmt.Errorf("plot: a picture of %d × %d pixels of %d channels", p.H, p.W, p.C)
	case len(p.Pixels) != p.H*p.W*p.C:
		return fmt.Errorf("plot: a picture of %d × %d × %d has %d values", p.H, p.W, p.C, len(p.Pixels))
	}
	return nil
}

func (p Picture) at(y, x int) color.RGBA {
	i := (y*p.W + x) * p.C
	if p.C == 1 {
		return color.RGBA{p.Pixels[i], p.Pixels[i], p.Pixels[i], 255}
	}
	return color.RGBA{p.Pixels[i], p.Pixels[i+1], p.Pixels[i+2], 255}
}

// paint draws the picture with its upper left corner at (x, y), each pixel a square of scale.
func (p Picture) paint(on *image.RGBA, x, y, scale int) {
	for row := range p.H * scale {
		for column := range p.W * scale {
			on.SetRGBA(x+column, y+row, p.at(row/scale, column/scale))
		}
	}
}
