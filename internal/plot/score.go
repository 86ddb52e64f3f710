package plot

import (
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"image/png"
	"io"
)

// A Score is pictures of one width under each other, as the parts of an orchestra: what stands in one
// column belongs together. Other than in a [Grid], their heights may differ.
type Score struct {
	Pictures []Picture
	Beside   []string // captions, one for each
	Scale    int      // a pixel is a square of so many; 0: 1
	Margin   int      // pixels between pictures and around them; 0: 4
}

// WritePNG writes the score as a picture.
func (s *Score) WritePNG(w io.Writer) error {
	scale, margin := max(1, s.Scale), s.Margin
	if margin == 0 {
		margin = 4
	}
	if len(s.Pictures) == 0 || len(s.Beside) != len(s.Pictures) || s.Scale > 1<<12 || margin < 0 || margin > 1<<12 {
		return fmt.Errorf("plot: score: %d pictures, %d captions, scale %d, margin %d", len(s.Pictures), len(s.Beside), s.Scale, s.Margin)
	}
	face, err := letters(captionSize)
	if err != nil {
		return err
	}
	left, height := longest(face, s.Beside)+2*margin, margin
	for i, p := range s.Pictures {
		if err := p.check(); err != nil {
			return fmt.Errorf("%w (picture %d of a score)", err, i+1)
		}
		if p.W != s.Pictures[0].W {
			return fmt.Errorf("plot: score: picture %d is %d wide, the first %d", i+1, p.W, s.Pictures[0].W)
		}
		height += max(p.H*scale, captionSize) + margin
	}
	width := left + s.Pictures[0].W*scale + margin
	if width > mostPixels/height {
		return fmt.Errorf("plot: score: %d × %d pixels; at most %d are drawn: give a smaller scale", height, width, mostPixels)
	}
	r := &raster{image.NewRGBA(image.Rect(0, 0, width, height)), face}
	draw.Draw(r.RGBA, r.Bounds(), image.NewUniform(color.Gray{0xe0}), image.Point{}, draw.Src)
	y := margin
	for i, p := range s.Pictures {
		h := max(p.H*scale, captionSize)
		p.paint(r.RGBA, left, y+(h-p.H*scale)/2, scale)
		r.text(s.Beside[i], left-margin, y+h/2+captionSize/3, 1)
		y += h + margin
	}
	return (&png.Encoder{CompressionLevel: png.BestCompression}).Encode(w, r)
}
