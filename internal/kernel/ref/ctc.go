package ref

import (
	"math"

	"github.com/inkstone-ai/inkstone/internal/kernel"
)

// A ctc is one sequence as Graves et al. 2006 write it: y[t][k] is log y_k at row t, lab is l′,
// the target with a blank before, between and after its labels. Everything is a logarithm.
type ctc struct {
	y     [][]float64
	lab   []int
	blank int
}

func (device) CTC(loss, dlogits, logits, targets, segments, weights mat, blank int32, zeroInfinity bool) {
	kernel.CheckCTC(loss, dlogits, logits, targets, segments, weights, blank)
	for s := range segments.Rows {
		g := kernel.SegmentAt(segments, s)
		weight := 1.0
		if !weights.Nil() {
			weight = number(weights, s)
		}
		c := newCTC(logits, targets, g, int(blank))
		p := c.logProbability()
		dead := weight == 0 || zeroInfinity && math.IsInf(p, -1)
		put(loss.Buf, loss.At(s), choose(dead, 0, -weight*p), false)
		if dlogits.Nil() {
			continue
		}
		slope := c.slope(p)
		for t := range g.Queries {
			for k := range logits.Cols {
				set(dlogits, g.Query+t, k, choose(dead, 0, weight*slope[t][k]), false)
			}
		}
	}
}

func newCTC(logits, targets mat, g kernel.Segment, blank int) ctc {
	c := ctc{blank: blank, lab: []int{blank}}
	for i := range g.Keys {
		c.lab = append(c.lab, integer(targets, g.Key+i), blank)
	}
	for t := range g.Queries {
		top, sum := topAndSum(logits, g.Query+t)
		row := make([]float64, logits.Cols)
		for k := range row {
			row[k] = at(logits, g.Query+t, k) - top - math.Log(sum)
		}
		c.y = append(c.y, row)
	}
	return c
}

// logProbability is log p(l|x), eq. 8: the last blank or the last label. Of no rows, the empty
// target has probability 1.
func (c ctc) logProbability() float64 {
	n := len(c.lab)
	if len(c.y) == 0 {
		return choose(n == 1, 0, math.Inf(-1))
	}
	alpha := c.forward()
	last := alpha[len(alpha)-1]
	if n == 1 {
		return last[0]
	}
	return logSum(last[n-1], last[n-2])
}

// forward is α, eq. 5–7.
func (c ctc) forward() [][]float64 {
	alpha := c.cells()
	for t := range c.y {
		for s, k := range c.lab {
			before := math.Inf(-1)
			switch {
			case t == 0 && s < 2:
				before = 0
			case t > 0:
				before = c.entering(alpha[t-1], s, -1)
			}
			alpha[t][s] = before + c.y[t][k]
		}
	}
	return alpha
}

// backward is β, eq. 9–11.
func (c ctc) backward() [][]float64 {
	beta, T, n := c.cells(), len(c.y), len(c.lab)
	for t := T - 1; t >= 0; t-- {
		for s, k := range c.lab {
			after := math.Inf(-1)
			switch {
			case t == T-1 && s >= n-2:
				after = 0
			case t < T-1:
				after = c.entering(beta[t+1], s, 1)
			}
			beta[t][s] = after + c.y[t][k]
		}
	}
	return beta
}

// entering is what position s gets from its neighbours in direction dir: itself, the next, and
// the one after that where it is another label and no blank.
func (c ctc) entering(row []float64, s, dir int) float64 {
	sum := row[s]
	if next := s + dir; next >= 0 && next < len(row) {
		sum = logSum(sum, row[next])
	}
	if skip := s + 2*dir; skip >= 0 && skip < len(row) && c.lab[s] != c.blank && c.lab[s] != c.lab[skip] {
		sum = logSum(sum, row[skip])
	}
	return sum
}

func (c ctc) cells() [][]float64 {
	cells := make([][]float64, len(c.y))
	for t := range cells {
		cells[t] = make([]float64, len(c.lab))
	}
	return cells
}

// slope is d(−log p)/d logits, eq. 15 and 16: y_k − (1/p)·Σ α·β/y_k over the places of k.
func (c ctc) slope(p float64) [][]float64 {
	alpha, beta := c.forward(), c.backward()
	d := make([][]float64, len(c.y))
	for t, y := range c.y {
		d[t] = make([]float64, len(y))
		for k := range y {
			d[t][k] = math.Exp(y[k])
		}
		for s, k := range c.lab {
			if through := alpha[t][s] + beta[t][s]; !math.IsInf(through, -1) {
				d[t][k] -= math.Exp(through - y[k] - p)
			}
		}
		for k := range y {
			if math.IsInf(p, -1) || math.IsNaN(p) {
				d[t][k] = math.NaN()
			}
		}
	}
	return d
}

// logSum is log(eᵃ + eᵇ).
func logSum(a, b float64) float64 {
	top := max(a, b)
	if math.IsInf(top, -1) {
		return top
	}
	return top + math.Log(math.Exp(a-top)+math.Exp(b-top))
}
