// Package plot draws line charts: losses over steps, speeds over sizes. It lays a
// chart out once and draws it on one of two small canvases, SVG and PNG; see
// docs/decisions/009-binary-size.md for why it is no library. It also shows pictures, in
// grids as PNG and one after the other as GIF. A method that writes is what
// format.WriteFile takes, which replaces a file when all of it is written.
package plot

import (
	"fmt"
	"image/png"
	"io"
	"unicode/utf8"
)

// A Line of a chart. A line of one point is a dot.
type Line struct {
	Name string
	X, Y []float64
	// Pair makes the line dashed, in the ink of the line before it: the other half of
	// what that one shows.
	Pair bool
	Dots bool // each point is marked: they are few, and each is a measurement
	// Labels make the line points that nothing joins, each with its own name beside it.
	Labels []string
}

// A Scale is what one axis measures.
type Scale struct {
	Name string // with its unit
	Log  bool   // all values are positive
	Zero bool   // the axis begins at zero, so that lengths compare; not of a logarithmic one
}

// A Chart has lines on common axes. The zero values of all but Lines work.
type Chart struct {
	Title string
	X, Y  Scale
	Lines []Line
}

// Geometry of a chart in points; the origin is the upper left corner.
const (
	width, height  = 1600, 1000
	left, right    = 130, width - 40
	top, bottom    = 100, height - 120
	textSize       = 27
	stroke         = 4
	legendMark     = 60 // of a line in the legend
	legendRow      = 44
	lettersPerSize = 0.52 // the mean width of a letter as a share of the text's size
)

// inks of a chart's lines tell apart in print and for most colour-blind readers
// (Okabe and Ito, Color Universal Design, 2008).
var inks = []string{"0072b2", "d55e00", "009e73", "cc79a7", "e69f00", "56b4e9", "000000"}

// WriteSVG writes the chart as a drawing.
func (c *Chart) WriteSVG(w io.Writer) error {
	if err := c.check(); err != nil {
		return err
	}
	s := &svg{}
	c.draw(s)
	return s.write(w)
}

// WritePNG writes the chart as a picture.
func (c *Chart) WritePNG(w io.Writer) error {
	if err := c.check(); err != nil {
		return err
	}
	r, err := newRaster()
	if err != nil {
		return err
	}
	c.draw(r)
	return png.Encode(w, r.indexed())
}

// check refuses what has no place on the axes.
func (c *Chart) check() error {
	points := 0
	for _, l := range c.Lines {
		if len(l.X) != len(l.Y) {
			return fmt.Errorf("plot: line %q has %d values of x and %d of y", l.Name, len(l.X), len(l.Y))
		}
		if l.Labels != nil && len(l.Labels) != len(l.X) {
			return fmt.Errorf("plot: line %q has %d points and %d labels", l.Name, len(l.X), len(l.Labels))
		}
		points += len(l.X)
		for i := range l.X {
			if c.X.refuses(l.X[i]) || c.Y.refuses(l.Y[i]) {
				return fmt.Errorf("plot: line %q: the point %g, %g has no place on the axes", l.Name, l.X[i], l.Y[i])
			}
		}
	}
	if points == 0 {
		return fmt.Errorf("plot: a chart without a point")
	}
	return nil
}

// A canvas is a picture of a chart's size that is drawn on.
type canvas interface {
	// polyline strokes through points, all of their coordinates in points of the picture.
	polyline(points [][2]int, ink string, thick int)
	// text writes s with its left end (align 0), middle (0.5) or right end (1) at x.
	text(s string, x, y int, align float64)
}

// A layout is a chart whose axes are placed on a canvas.
type layout struct {
	canvas
	x, y axis
	edge int // the right end of the axes; the legend stands right of it
}

func (c *Chart) draw(on canvas) {
	l := layout{canvas: on, edge: right - c.legend()}
	l.x = c.X.axis(c.Lines, func(l Line) []float64 { return l.X }, left, l.edge)
	l.y = c.Y.axis(c.Lines, func(l Line) []float64 { return l.Y }, bottom, top)
	l.grid(c)
	ink := -1
	for row, line := range c.Lines {
		if !line.Pair || ink < 0 {
			ink++
		}
		l.line(line, inks[ink%len(inks)], row)
	}
}

// legend is the width of the legend; it stands beside the axes, where no line is.
func (c *Chart) legend() int {
	letters := 0
	for _, l := range c.Lines {
		letters = max(letters, utf8.RuneCountInString(l.Name))
	}
	return legendMark + 40 + int(lettersPerSize*textSize*float64(letters))
}

func (l layout) grid(c *Chart) {
	const grey = "dddddd"
	for i, t := range l.x.ticks {
		at := l.x.at(t)
		l.polyline([][2]int{{at, top}, {at, bottom}}, grey, 2)
		l.text(l.x.labels[i], at, bottom+36, 0.5)
	}
	for i, t := range l.y.ticks {
		at := l.y.at(t)
		l.polyline([][2]int{{left, at}, {l.edge, at}}, grey, 2)
		l.text(l.y.labels[i], left-16, at+10, 1)
	}
	l.text(c.X.Name, (left+l.edge)/2, height-30, 0.5)
	l.text(c.Y.Name, 24, top-24, 0)
	l.text(c.Title, (left+l.edge)/2, top-64, 0.5)
}

// line draws a line and names it in the legend's row.
func (l layout) line(line Line, ink string, row int) {
	points := make([][2]int, len(line.X))
	for i := range line.X {
		points[i] = [2]int{l.x.at(line.X[i]), l.y.at(line.Y[i])}
	}
	if line.Labels != nil {
		l.scatter(points, line.Labels, ink)
		return
	}
	l.stroke(points, line, ink)
	x, y := l.edge+24, top+16+legendRow*row
	l.stroke([][2]int{{x, y}, {x + legendMark, y}}, Line{Pair: line.Pair}, ink)
	l.text(line.Name, x+legendMark+14, y+9, 0)
}

func (l layout) stroke(points [][2]int, line Line, ink string) {
	switch {
	case len(points) == 0:
		return
	case line.Pair:
		for _, dash := range dashes(points) {
			l.polyline(dash, ink, stroke)
		}
	default:
		l.polyline(points, ink, stroke)
	}
	if line.Dots || len(points) == 1 {
		for _, p := range points {
			l.polyline([][2]int{p, p}, ink, 4*stroke)
		}
	}
}
