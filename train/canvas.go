package train

import (
	"encoding/hex"
	"fmt"
	"html"
	"image"
	"image/color"
	"image/draw"
	"image/png"
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

func (s *svg) polyline(points [][2]int, ink string, width int) {
	fmt.Fprintf(s, `<polyline fill="none" stroke="#%s" stroke-width="%d" stroke-linecap="round" stroke-linejoin="round" points="`, ink, width)
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
`, chartWidth, chartHeight, textSize, s.String())
	return err
}

// raster is a canvas of pixels.
type raster struct {
	*image.RGBA
	face font.Face
}

// newRaster is white. Its letters are Go Regular, which x/image brings along.
func newRaster() (*raster, error) {
	f, err := opentype.Parse(goregular.TTF)
	if err != nil {
		return nil, err
	}
	face, err := opentype.NewFace(f, &opentype.FaceOptions{Size: textSize, DPI: 72})
	if err != nil {
		return nil, err
	}
	r := &raster{image.NewRGBA(image.Rect(0, 0, chartWidth, chartHeight)), face}
	draw.Draw(r, r.Bounds(), image.White, image.Point{}, draw.Src)
	return r, nil
}

// polyline fills a rectangle for each segment and a disc for each point; all turn
// the same way, so that what overlaps is filled once.
func (r *raster) polyline(points [][2]int, ink string, width int) {
	z := vector.NewRasterizer(chartWidth, chartHeight)
	radius := float64(width) / 2
	for i, p := range points {
		x, y := float64(p[0]), float64(p[1])
		disc(z, x, y, radius)
		if i == 0 {
			continue
		}
		fromX, fromY := float64(points[i-1][0]), float64(points[i-1][1])
		if length := math.Hypot(x-fromX, y-fromY); length > 0 {
			nx, ny := -(y-fromY)/length*radius, (x-fromX)/length*radius // across the segment
			polygon(z, fromX-nx, fromY-ny, x-nx, y-ny, x+nx, y+ny, fromX+nx, fromY+ny)
		}
	}
	z.Draw(r, r.Bounds(), image.NewUniform(rgb(ink)), image.Point{})
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
	width := font.MeasureString(r.face, s)
	d := font.Drawer{Dst: r, Src: image.Black, Face: r.face}
	d.Dot = fixed.Point26_6{X: fixed.I(x) - fixed.Int26_6(align*float64(width)), Y: fixed.I(y)}
	d.DrawString(s)
}

// write writes the picture as PNG.
func (r *raster) write(w io.Writer) error { return png.Encode(w, r) }

// rgb reads six hexadecimal digits.
func rgb(ink string) color.Color {
	b, err := hex.DecodeString(ink)
	if err != nil || len(b) != 3 {
		panic(fmt.Sprintf("train: ink %q", ink))
	}
	return color.RGBA{b[0], b[1], b[2], 255}
}
