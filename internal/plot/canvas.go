package plot

import (
	"encoding/hex"
	"fmt"
	"html"
	"image"
	"image/color"
	"image/draw"
	"io"
	"math"
	"strings"

	"golang.org/x/image/font"
	"golang.org/x/image/font/gofont/goregular"
	"golang.org/x/image/font/opentype"
	"golang.org/x/image/math/fixed"
	"golang.org/x/image/vector"
)

// svg is a canvas that collects elements.
type svg struct{ strings.Builder }

func (s *svg) polyline(points [][2]int, ink string, thick int) {
	fmt.Fprintf(s, `<polyline fill="none" stroke="#%s" stroke-width="%d" stroke-linecap="round" stroke-linejoin="round" points="`, ink, thick)
	for _, p := range points {
		fmt.Fprintf(s, "%d,%d ", p[0], p[1])
	}
	s.WriteString("\"/>\n")
}

func (s *svg) text(text string, x, y int, align float64) {
	anchor := []string{"start", "middle", "end"}[int(2*align)]
	fmt.Fprintf(s, "<text x=\"%d\" y=\"%d\" text-anchor=\"%s\">%s</text>\n", x, y, anchor, html.EscapeString(text))
}

// write writes the drawing.
func (s *svg) write(w io.Writer) error {
	_, err := fmt.Fprintf(w, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" font-family="sans-serif" font-size="%d">
<rect width="100%%" height="100%%" fill="white"/>
%s</svg>
`, width, height, textSize, s.String())
	return err
}

// raster is a canvas of pixels. Package draw and its like are given the pixels themselves,
// whose type they know: through the interface they take ten times as long.
type raster struct {
	*image.RGBA
	face font.Face
}

// letters are Go Regular, which x/image brings along, so many pixels high.
func letters(size float64) (font.Face, error) {
	f, err := opentype.Parse(goregular.TTF)
	if err != nil {
		return nil, err
	}
	return opentype.NewFace(f, &opentype.FaceOptions{Size: size, DPI: 72})
}

// newRaster is white.
func newRaster() (*raster, error) {
	face, err := letters(textSize)
	if err != nil {
		return nil, err
	}
	r := &raster{image.NewRGBA(image.Rect(0, 0, width, height)), face}
	draw.Draw(r.RGBA, r.Bounds(), image.White, image.Point{}, draw.Src)
	return r, nil
}

// polyline fills a rectangle for each segment and a disc for each point; all turn
// the same way, so that what overlaps is filled once. The rasterizer is as large as
// the line alone: a dashed line has a hundred.
func (r *raster) polyline(points [][2]int, ink string, thick int) {
	box := around(points, thick).Intersect(r.Bounds())
	z := vector.NewRasterizer(box.Dx(), box.Dy())
	radius := float64(thick) / 2
	at := func(p [2]int) (x, y float64) { return float64(p[0] - box.Min.X), float64(p[1] - box.Min.Y) }
	for i, p := range points {
		x, y := at(p)
		disc(z, x, y, radius)
		if i == 0 {
			continue
		}
		fromX, fromY := at(points[i-1])
		if length := math.Hypot(x-fromX, y-fromY); length > 0 {
			nx, ny := -(y-fromY)/length*radius, (x-fromX)/length*radius // across the segment
			polygon(z, fromX-nx, fromY-ny, x-nx, y-ny, x+nx, y+ny, fromX+nx, fromY+ny)
		}
	}
	z.Draw(r.RGBA, box, image.NewUniform(rgb(ink)), image.Point{})
}

// around is the rectangle that a line so thick covers.
func around(points [][2]int, thick int) (box image.Rectangle) {
	for _, p := range points {
		box = box.Union(image.Rect(p[0]-thick, p[1]-thick, p[0]+thick, p[1]+thick))
	}
	return box
}

// disc is a polygon of sixteen corners.
func disc(z *vector.Rasterizer, x, y, radius float64) {
	var corners [32]float64
	for i := range 16 {
		sin, cos := math.Sincos(float64(i) * math.Pi / 8)
		corners[2*i], corners[2*i+1] = x+radius*cos, y+radius*sin
	}
	polygon(z, corners[:]...)
}

// polygon goes through corners given as x, y, x, y …
func polygon(z *vector.Rasterizer, corners ...float64) {
	z.MoveTo(float32(corners[0]), float32(corners[1]))
	for i := 2; i < len(corners); i += 2 {
		z.LineTo(float32(corners[i]), float32(corners[i+1]))
	}
	z.ClosePath()
}

func (r *raster) text(s string, x, y int, align float64) {
	length := font.MeasureString(r.face, s)
	d := font.Drawer{Dst: r.RGBA, Src: image.Black, Face: r.face}
	d.Dot = fixed.Point26_6{X: fixed.I(x) - fixed.Int26_6(align*float64(length)), Y: fixed.I(y)}
	d.DrawString(s)
}

// rgb reads six hexadecimal digits.
func rgb(ink string) color.Color {
	b, err := hex.DecodeString(ink)
	if err != nil || len(b) != 3 {
		panic(fmt.Sprintf("plot: ink %q", ink))
	}
	return color.RGBA{b[0], b[1], b[2], 255}
}

// indexed is the picture in at most 256 colours, which takes a third of the bytes:
// four bits of each channel are enough for the soft edges of a few inks. A picture
// with more stays as it is.
func (r *raster) indexed() image.Image {
	p := image.NewPaletted(r.Bounds(), nil)
	at := map[[3]uint8]uint8{}
	var last [3]uint8 // is most often the next one, too
	var index uint8
	for i := range p.Pix {
		c := [3]uint8(r.Pix[4*i:])
		if i > 0 && c == last {
			p.Pix[i] = index
			continue
		}
		last = c
		c = [3]uint8{coarse(c[0]), coarse(c[1]), coarse(c[2])}
		known, ok := at[c]
		if !ok {
			if len(p.Palette) == 256 {
				return r
			}
			known = uint8(len(p.Palette))
			at[c], p.Palette = known, append(p.Palette, color.RGBA{c[0], c[1], c[2], 255})
		}
		index, p.Pix[i] = known, known
	}
	return p
}

// coarse is the nearest multiple of 17, of which 255 is one.
func coarse(v uint8) uint8 { return uint8((int(v) + 8) / 17 * 17) }
