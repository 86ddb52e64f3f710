package train

import (
	"io"
	"math"
	"strconv"

	"github.com/go-analyze/charts/chartdraw"
	"github.com/go-analyze/charts/chartdraw/drawing"
)

// A line of a chart.
type line struct {
	name string
	x, y []float64
}

// inks of a chart's lines tell apart in print and for most colour-blind readers
// (Okabe and Ito, Color Universal Design, 2008).
var inks = []string{"0072b2", "d55e00", "009e73", "cc79a7", "e69f00", "56b4e9"}

// A chart is laid out here and drawn by chartdraw, which strokes and writes the
// same on a PNG and on an SVG.
type chart struct {
	chartdraw.Renderer
	x, y axis
}

// Geometry of a chart in points; the origin is the upper left corner.
const (
	chartWidth, chartHeight = 1600, 1000
	chartLeft, chartRight   = 120, 1560
	chartTop, chartBottom   = 60, 880
	textSize                = 20
)

// drawChart writes the lines on common axes in one of the library's forms.
func drawChart(w io.Writer, form chartdraw.RendererProvider, xName, yName string, lines []line) error {
	c := chart{
		Renderer: form(chartWidth, chartHeight),
		x:        newAxis(lines, func(l line) []float64 { return l.x }, chartLeft, chartRight),
		y:        newAxis(lines, func(l line) []float64 { return l.y }, chartBottom, chartTop),
	}
	c.SetDPI(drawing.DefaultDPI)
	c.SetFont(chartdraw.GetDefaultFont())
	c.SetFontSize(textSize)
	c.SetFontColor(drawing.ColorBlack)
	c.SetFillColor(drawing.ColorWhite)
	c.path(0, 0, chartWidth, 0, chartWidth, chartHeight, 0, chartHeight, 0, 0)
	c.Fill()
	c.grid(xName, yName)
	for i, l := range lines {
		c.line(l, inks[i%len(inks)], i)
	}
	return c.Save(w)
}

func (c chart) grid(xName, yName string) {
	c.pen("dddddd", 2)
	for _, t := range c.x.ticks {
		at := c.x.at(t)
		c.path(at, chartTop, at, chartBottom)
		c.Stroke()
		c.text(c.x.label(t), at, chartBottom+36, 0.5)
	}
	for _, t := range c.y.ticks {
		at := c.y.at(t)
		c.path(chartLeft, at, chartRight, at)
		c.Stroke()
		c.text(c.y.label(t), chartLeft-16, at+10, 1)
	}
	c.text(xName, (chartLeft+chartRight)/2, chartHeight-30, 0.5)
	c.text(yName, chartLeft, chartTop-24, 0.5)
}

// line draws l and names it in the legend's row.
func (c chart) line(l line, ink string, row int) {
	c.pen(ink, 4)
	points := make([]int, 0, 2*len(l.x))
	for i := range l.x {
		points = append(points, c.x.at(l.x[i]), c.y.at(l.y[i]))
	}
	c.path(points...)
	c.Stroke()
	if len(l.x) == 1 { // one point has no length
		c.SetFillColor(drawing.ColorFromHex(ink))
		c.Circle(8, points[0], points[1])
		c.Fill()
	}
	y := chartTop + 30 + 44*row
	c.path(chartRight-90, y, chartRight-20, y)
	c.Stroke()
	c.text(l.name, chartRight-110, y+8, 1)
}

func (c chart) pen(ink string, width float64) {
	c.SetStrokeColor(drawing.ColorFromHex(ink))
	c.SetStrokeWidth(width)
}

// path goes through points given as x, y, x, y …
func (c chart) path(points ...int) {
	c.MoveTo(points[0], points[1])
	for i := 2; i < len(points); i += 2 {
		c.LineTo(points[i], points[i+1])
	}
}

// text writes s with its left end (align 0), middle (0.5) or right end (1) at x.
func (c chart) text(s string, x, y int, align float64) {
	width := c.MeasureText(s).Width()
	c.Text(s, x-int(align*float64(width)), y)
}

// An axis maps values to points, from the first of its round numbers to the last.
type axis struct {
	ticks    []float64
	digits   int // after the decimal point
	from, to int
}

// newAxis has about six round numbers that enclose the values, at steps of 1, 2 or
// 5 times a power of ten.
func newAxis(lines []line, values func(line) []float64, from, to int) axis {
	lo, hi := math.Inf(1), math.Inf(-1)
	for _, l := range lines {
		for _, v := range values(l) {
			lo, hi = min(lo, v), max(hi, v)
		}
	}
	if hi-lo <= 1e-9*math.Abs(hi) { // a range that is lost in rounding has no steps
		pad := max(0.5, math.Abs(hi)/2)
		lo, hi = lo-pad, hi+pad
	}
	step := roundStep((hi - lo) / 5)
	a := axis{digits: max(0, int(-math.Floor(math.Log10(step)))), from: from, to: to}
	const slack = 1e-9 // of a step, for rounding
	for i := math.Floor(lo/step + slack); ; i++ {
		a.ticks = append(a.ticks, i*step)
		if i*step >= hi-slack*step {
			return a
		}
	}
}

// roundStep is the least 1, 2 or 5 times a power of ten that is not below x.
func roundStep(x float64) float64 {
	p := math.Pow(10, math.Floor(math.Log10(x)))
	for _, m := range []float64{1, 2, 5} {
		if m*p >= x {
			return m * p
		}
	}
	return 10 * p
}

func (a axis) at(v float64) int {
	lo, hi := a.ticks[0], a.ticks[len(a.ticks)-1]
	return a.from + int(math.Round((v-lo)/(hi-lo)*float64(a.to-a.from)))
}

func (a axis) label(v float64) string { return strconv.FormatFloat(v, 'f', a.digits, 64) }
