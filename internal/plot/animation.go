package plot

import (
	"fmt"
	"image"
	"image/color"
	"image/color/palette"
	"image/draw"
	"image/gif"
	"io"
	"math"
	"time"
)

// An Animation is pictures of one size, one after the other, for ever. The zero values of
// all but Frames work.
type Animation struct {
	Frames []Picture
	Scale  int           // a pixel is a square of so many; 0: 1
	Delay  time.Duration // of each frame, in steps of 10 ms from 20 ms, below which viewers choose their own; 0: 100 ms
}

// WriteGIF writes the animation. A frame of at most 256 colours, so every grey one, is exact;
// GIF has no more, and one with more is dithered (Floyd, Steinberg 1976) in a fixed
// palette.
func (a *Animation) WriteGIF(w io.Writer) error {
	if err := a.check(); err != nil {
		return err
	}
	delay := int(a.Delay / (10 * time.Millisecond))
	if delay == 0 {
		delay = 10
	}
	var g gif.GIF
	for _, f := range a.Frames {
		g.Image, g.Delay = append(g.Image, f.paletted(max(1, a.Scale))), append(g.Delay, delay)
	}
	return gif.EncodeAll(w, &g)
}

func (a *Animation) check() error {
	if len(a.Frames) == 0 {
		return fmt.Errorf("plot: animation: no frame")
	}
	const largest = math.MaxUint16 // of GIF, pixels of a side and hundredths of a second
	first := a.Frames[0]
	scale := max(1, a.Scale)
	if a.Scale < 0 || scale > largest || first.H > largest/scale || first.W > largest/scale || first.H*first.W > mostPixels/scale/scale {
		return fmt.Errorf("plot: animation: %d × %d pixels at scale %d; a side has at most %d pixels, all of it %d", first.H, first.W, a.Scale, largest, mostPixels)
	}
	if a.Delay != 0 && (a.Delay < 20*time.Millisecond || a.Delay > largest*10*time.Millisecond) {
		return fmt.Errorf("plot: animation: a delay of %v; GIF has 20 ms to %v", a.Delay, largest*10*time.Millisecond)
	}
	for i, f := range a.Frames {
		if err := f.check(); err != nil {
			return fmt.Errorf("%w (frame %d of an animation)", err, i+1)
		}
		if f.H != first.H || f.W != first.W {
			return fmt.Errorf("plot: animation: frame %d is %d × %d, the first is %d × %d", i+1, f.H, f.W, first.H, first.W)
		}
	}
	return nil
}

// paletted is the picture in its own colours, or in a fixed palette where they are too many.
func (p Picture) paletted(scale int) *image.Paletted {
	colours, ok := p.colours()
	small := image.NewPaletted(image.Rect(0, 0, p.W, p.H), colours)
	if ok {
		at := map[color.RGBA]uint8{}
		for i, c := range colours {
			at[c.(color.RGBA)] = uint8(i)
		}
		for i := range small.Pix {
			small.Pix[i] = at[p.at(i/p.W, i%p.W)]
		}
	} else {
		whole := image.NewRGBA(small.Bounds())
		p.paint(whole, 0, 0, 1)
		draw.FloydSteinberg.Draw(small, small.Bounds(), whole, image.Point{})
	}
	if scale == 1 {
		return small
	}
	large := image.NewPaletted(image.Rect(0, 0, p.W*scale, p.H*scale), colours)
	for i := range large.Pix {
		large.Pix[i] = small.Pix[i/large.Stride/scale*small.Stride+i%large.Stride/scale]
	}
	return large
}

// colours are those of the picture, in the order of their first pixels, or, not ok, Plan
// 9's where they are more than 256.
func (p Picture) colours() (colours color.Palette, ok bool) {
	seen := map[color.RGBA]bool{}
	for i := range p.H * p.W {
		c := p.at(i/p.W, i%p.W)
		if seen[c] {
			continue
		}
		if len(colours) == 256 {
			return palette.Plan9, false
		}
		seen[c], colours = true, append(colours, c)
	}
	return colours, true
}
