package plot

import (
	"math"
	"strconv"
)

// An axis maps values to points, from the first of its round numbers to the last.
type axis struct {
	ticks    []float64
	labels   []string
	log      bool
	from, to int
}

// refuses reports whether v has no place on the axis.
func (s Scale) refuses(v float64) bool {
	return math.IsNaN(v) || math.IsInf(v, 0) || s.Log && v <= 0
}

// axis has round numbers that enclose the values.
func (s Scale) axis(lines []Line, values func(Line) []float64, from, to int) axis {
	lo, hi := math.Inf(1), math.Inf(-1)
	for _, l := range lines {
		for _, v := range values(l) {
			lo, hi = min(lo, v), max(hi, v)
		}
	}
	a := axis{log: s.Log, from: from, to: to}
	if s.Log {
		a.ticks = decades(lo, hi)
	} else {
		if s.Zero {
			lo = min(lo, 0)
		}
		a.ticks = steps(lo, hi)
	}
	a.labels = label(a.ticks, s.Log)
	return a
}

// steps are about six numbers at steps of 1, 2 or 5 times a power of ten.
func steps(lo, hi float64) (ticks []float64) {
	if hi-lo <= 1e-9*math.Abs(hi) { // a range that is lost in rounding has no steps
		pad := max(0.5, math.Abs(hi)/2)
		lo, hi = lo-pad, hi+pad
	}
	step := roundStep((hi - lo) / 5)
	const slack = 1e-9 // of a step, for rounding
	for i := math.Floor(lo/step + slack); ; i++ {
		ticks = append(ticks, i*step)
		if i*step >= hi-slack*step {
			return ticks
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

// decades are 1, 2 and 5 times powers of ten, or powers alone where the former
// would be too many, the last one below lo to the first one above hi.
func decades(lo, hi float64) (ticks []float64) {
	multiples := []float64{1, 2, 5}
	if hi > 2000*lo {
		multiples = multiples[:1]
	}
	const slack = 1e-9
	for e := math.Floor(math.Log10(lo) + slack); ; e++ {
		for _, m := range multiples {
			v := m * math.Pow(10, e)
			if len(ticks) > 0 && v <= lo*(1+slack) {
				ticks = ticks[:0] // a closer beginning
			}
			ticks = append(ticks, v)
			if v >= hi*(1-slack) && len(ticks) > 1 {
				return ticks
			}
		}
	}
}

func (a axis) at(v float64) int {
	lo, hi := a.ticks[0], a.ticks[len(a.ticks)-1]
	if a.log {
		lo, hi, v = math.Log(lo), math.Log(hi), math.Log(v)
	}
	return a.from + int(math.Round((v-lo)/(hi-lo)*float64(a.to-a.from)))
}

// label writes ticks with as many digits as tell them apart, in thousands or
// millions where all are large.
func label(ticks []float64, log bool) []string {
	most := 0.0
	for _, t := range ticks {
		most = max(most, math.Abs(t))
	}
	labels := make([]string, len(ticks))
	for i, t := range ticks {
		switch {
		case log:
			labels[i] = short(t, -1, t)
		default:
			step := ticks[1] - ticks[0]
			labels[i] = short(t, max(0, int(-math.Floor(math.Log10(step/unit(most).value)+1e-9))), most)
		}
	}
	return labels
}

// short writes t in the unit that suits a number of size.
func short(t float64, digits int, size float64) string {
	u := unit(size)
	form := byte('f')
	if t/u.value != 0 && math.Abs(t/u.value) < 1e-4 {
		form = 'g'
	}
	if t == 0 && u.name != "" {
		return "0"
	}
	return strconv.FormatFloat(t/u.value, form, digits, 64) + u.name
}

type si struct {
	name  string
	value float64
}

func unit(size float64) si {
	switch size = math.Abs(size); {
	case size >= 1e12 || size < 1e4:
		return si{"", 1}
	case size >= 1e9:
		return si{"G", 1e9}
	case size >= 1e6:
		return si{"M", 1e6}
	}
	return si{"k", 1e3}
}
