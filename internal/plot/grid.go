package plot

import (
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"image/png"
	"io"
	"math"

	"golang.org/x/image/font"
)

// A Grid is pictures in rows and columns. The zero values of all but Pictures work.
type Grid struct {
	Pictures []Picture // row after row; one without pixels is an empty place
	Columns  int       // 0: as many as make a square
	Scale    int       // a pixel is a square of so many; 0: 1
	Margin   int       // pixels between pictures and around them; 0: 4
	// Above are captions of the columns, Beside of the rows; nil: none.
	Above, Beside []string
}

// captionSize is of the letters, in pixels.
const captionSize = 16

// WritePNG writes the grid as a picture, in grey where all of its pictures are.
func (g *Grid) WritePNG(w io.Writer) error {
	l, err := g.layout()
	if err != nil {
		return err
	}
	img := image.Image(l.RGBA)
	l.draw(g)
	if g.grey() {
		small := image.NewGray(l.Bounds())
		draw.Draw(small, small.Bounds(), l, image.Point{}, draw.Src)
		img = small
	}
	return (&png.Encoder{CompressionLevel: png.BestCompression}).Encode(w, img)
}

func (g *Grid) grey() bool {
	for _, p := range g.Pictures {
		if p.C == 3 {
			return false
		}
	}
	return true
}

// A gridLayout is a grid whose places are known. A place is as large as the largest
// picture, and as wide as the widest caption above.
type gridLayout struct {
	*raster
	columns, rows, scale, margin int
	w, h                         int // of a place
	left, top                    int // of the first place
}

func (g *Grid) layout() (*gridLayout, error) {
	l := &gridLayout{columns: g.Columns, scale: max(1, g.Scale), margin: g.Margin}
	if l.margin == 0 {
		l.margin = 4
	}
	if l.columns == 0 {
		l.columns = int(math.Ceil(math.Sqrt(float64(len(g.Pictures)))))
	}
	if err := g.check(l.columns); err != nil {
		return nil, err
	}
	l.rows = (len(g.Pictures) + l.columns - 1) / l.columns
	if len(g.Beside) > 0 && len(g.Beside) != l.rows {
		return nil, fmt.Errorf("plot: grid: %d captions beside %d rows", len(g.Beside), l.rows)
	}
	for _, p := range g.Pictures {
		l.w, l.h = max(l.w, p.W*l.scale), max(l.h, p.H*l.scale)
	}
	face, err := letters(captionSize)
	if err != nil {
		return nil, err
	}
	l.left, l.top = l.margin, l.margin
	if len(g.Above) > 0 {
		l.w, l.top = max(l.w, longest(face, g.Above)), l.top+captionSize+l.margin
	}
	if len(g.Beside) > 0 {
		l.h, l.left = max(l.h, captionSize), l.left+longest(face, g.Beside)+l.margin
	}
	width, height := l.left+l.columns*(l.w+l.margin), l.top+l.rows*(l.h+l.margin)
	if width > mostPixels/height {
		return nil, fmt.Errorf("plot: grid: %d × %d pixels; at most %d are drawn: give a smaller scale or fewer pictures", height, width, mostPixels)
	}
	l.raster = &raster{image.NewRGBA(image.Rect(0, 0, width, height)), face}
	return l, nil
}

func (g *Grid) check(columns int) error {
	const largest = 1 << 12 // so that no product below overflows
	switch {
	case len(g.Pictures) == 0:
		return fmt.Errorf("plot: grid: no picture")
	case columns < 1 || columns > largest || g.Scale < 0 || g.Scale > largest || g.Margin < 0 || g.Margin > largest:
		return fmt.Errorf("plot: grid: %d columns, scale %d, margin %d: none is below 0 or above %d", columns, g.Scale, g.Margin, largest)
	case len(g.Above) > 0 && len(g.Above) != columns:
		return fmt.Errorf("plot: grid: %d captions above %d columns", len(g.Above), columns)
	}
	drawn := 0
	for i, p := range g.Pictures {
		if p.Pixels == nil {
			continue
		}
		if err := p.check(); err != nil {
			return fmt.Errorf("%w (picture %d of a grid)", err, i+1)
		}
		drawn++
	}
	if drawn == 0 {
		return fmt.Errorf("plot: grid: all %d places are empty", len(g.Pictures))
	}
	return nil
}

// longest is the width of the widest text.
func longest(face font.Face, texts []string) (width int) {
	for _, t := range texts {
		width = max(width, font.MeasureString(face, t).Ceil())
	}
	return width
}

// draw draws on light grey, from which black and white pictures both stand out.
func (l *gridLayout) draw(g *Grid) {
	draw.Draw(l.RGBA, l.Bounds(), image.NewUniform(color.Gray{0xe0}), image.Point{}, draw.Src)
	for i, p := range g.Pictures {
		x, y := l.place(i)
		if p.Pixels != nil {
			p.paint(l.RGBA, x+(l.w-p.W*l.scale)/2, y+(l.h-p.H*l.scale)/2, l.scale)
		}
	}
	for i, t := range g.Above {
		x, y := l.place(i)
		l.text(t, x+l.w/2, y-l.margin-captionSize/4, 0.5)
	}
	for i, t := range g.Beside {
		x, y := l.place(i * l.columns)
		l.text(t, x-l.margin, y+l.h/2+captionSize/3, 1)
	}
}

// place is the upper left corner of a picture's place.
func (l *gridLayout) place(i int) (x, y int) {
	return l.left + i%l.columns*(l.w+l.margin), l.top + i/l.columns*(l.h+l.margin)
}
