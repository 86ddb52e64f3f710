package train

import (
	"math"
	"strconv"
)

// A line of a chart.
type line struct {
	name string
	x, y []float64
}

// inks of a chart's lines tell apart in print and for most colour-blind readers
// (Okabe and Ito, Color Universal Design, 2008).
var inks = []string{"0072b2", "d55e00", "009e73", "cc79a7", "e69f00", "56b4e9"}

// A canvas is a picture of a chart's size that is drawn on.
type canvas interface {
	// polyline strokes through points, all of their coordinates in points of the picture.
	polyline(points [][2]int, ink string, width int)
	// text writes s with its left end (align 0), middle (0.5) or right end (1) at x.
	text(s string, x, y int, align float64)
}

// A chart is laid out here, the same on each canvas.
type chart struct {
	canvas
	x, y axis
}

// Geometry of a chart in points; the origin is the upper left corner.
const (
	chartWidth, chartHeight = 1600, 1000
	chartLeft, chartRight   = 120, 1560
	chartTop, chartBottom   = 60, 880
	textSize                = 27
)

// drawChart draws the lines on common axes.
func drawChart(on canvas, xName, yName string, lines []line) {
	c := chart{
		canvas: on,
		x:      newAxis(lines, func(l line) []float64 { return l.x }, chartLeft, chartRight),
		y:      newAxis(lines, func(l line) []float64 { return l.y }, chartBottom, chartTop),
	}
	c.grid(xName, yName)
	for i, l := range lines {
		c.line(l, inks[i%len(inks)], i)
	}
}

func (c chart) grid(xName, yName string) {
	const grey = "dddddd"
	for _, t := range c.x.ticks {
		at := c.x.at(t)
		c.polyline([][2]int{{at, chartTop}, {at, chartBottom}}, grey, 2)
		c.text(c.x.label(t), at, chartBottom+36, 0.5)
	}
	for _, t := range c.y.ticks {
		at := c.y.at(t)
		c.polyline([][2]int{{chartLeft, at}, {chartRight, at}}, grey, 2)
		c.text(c.y.label(t), chartLeft-16, at+10, 1)
	}
	c.text(xName, (chartLeft+chartRight)/2, chartHeight-30, 0.5)
	c.text(yName, chartLeft, chartTop-24, 0.5)
}

// line draws l and names it in the legend's row. One point alone is a dot.
func (c chart) line(l line, ink string, row int) {
	points := make([][2]int, len(l.x))
	for i := range l.x {
		points[i] = [2]int{c.x.at(l.x[i]), c.y.at(l.y[i])}
	}
	if len(points) == 1 {
		c.polyline([][2]int{points[0], points[0]}, ink, 16)
	} else {
		c.polyline(points, ink, 4)
	}
	y := chartTop + 30 + 44*row
	c.polyline([][2]int{{chartRight - 90, y}, {chartRight - 20, y}}, ink, 4)
	c.text(l.name, chartRight-110, y+9, 1)
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
