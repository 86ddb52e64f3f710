package cpu

import (
	"math"
	"unsafe"

	"github.com/inkstone-ai/inkstone/internal/kernel"
)

type ctcTask struct {
	v                                                 *vectors
	loss, dlogits, logits, targets, segments, weights mat
	blank                                             int
	zeroInfinity                                      bool
}

// CTC works on a sequence at a time. The recursions are float64 logarithms: probabilities of
// alignments that matter in the end may be 10⁻⁴⁰⁰ of the likeliest ones on the way, and the
// logarithm of a long sequence needs more digits than float32 has.
func (d *device) CTC(loss, dlogits, logits, targets, segments, weights mat, blank int32, zeroInfinity bool) {
	kernel.CheckCTC(loss, dlogits, logits, targets, segments, weights, blank)
	d.ctc = ctcTask{&d.vectors, loss, dlogits, logits, targets, segments, weights, int(blank), zeroInfinity}
	d.parallel(segments.Rows, &d.ctc)
}

// A lattice is one sequence: T rows by S = 2L+1 places, blanks and labels in turn. Place s of
// odd number is label (s−1)/2. Logarithms throughout.
type lattice struct {
	T, S   int
	first  int       // label of the sequence in targets
	y      []float64 // (T, L+1): blank's, then each label's
	alpha  []float64 // (T, S)
	q, b   []float64 // (S) each: one row of the way back
	chunk  []float32
	target mat
}

// room is a lattice for g in w's memory.
func (t *ctcTask) room(w *worker, g kernel.Segment) (l lattice) {
	l.T, l.S, l.first, l.target = g.Queries, 2*g.Keys+1, g.Key, t.targets
	y, alpha := l.T*(g.Keys+1), l.T*l.S
	doubles := y + alpha + 2*l.S
	memory := w.scratch(2*doubles + chunk)
	l.chunk = memory[2*doubles:]
	all := unsafe.Slice((*float64)(unsafe.Pointer(&memory[0])), doubles)
	l.y, all = all[:y], all[y:]
	l.alpha, all = all[:alpha], all[alpha:]
	l.q, l.b = all[:l.S], all[l.S:]
	return l
}

func (t *ctcTask) tile(w *worker, i int) {
	g, weight := kernel.SegmentAt(t.segments, i), float32(1)
	if !t.weights.Nil() {
		weight = f32At(t.weights, i)
	}
	loss := &kernel.Elements[float32](t.loss.Buf)[t.loss.At(i)]
	if weight == 0 {
		*loss = 0
		t.fill(g, 0)
		return
	}
	l := t.room(w, g)
	for r := range l.T {
		t.outputs(&l, g.Query+r, r, weight)
	}
	l.forward()
	p := l.logProbability()
	if none := math.IsInf(p, -1); none && t.zeroInfinity {
		*loss = 0
		t.fill(g, 0)
		return
	} else if none || p != p {
		t.fill(g, float32(math.NaN()))
	} else if !t.dlogits.Nil() {
		t.backward(&l, g.Query, p, weight)
	}
	*loss = float32(-float64(weight) * p)
}

// fill sets the gradient of a sequence to one value.
func (t *ctcTask) fill(g kernel.Segment, value float32) {
	if t.dlogits.Nil() {
		return
	}
	for r := range g.Queries {
		fillRow(kernel.Row[float32](t.dlogits, g.Query+r), value)
	}
}

// outputs takes what the lattice needs of a row of logits and sets the gradient's first
// part, weight·softmax, where it is wanted; it may lie over the logits.
func (t *ctcTask) outputs(l *lattice, row, r int, weight float32) {
	x := kernel.Row[float32](t.logits, row)
	n := (l.S + 1) / 2
	y, top := l.y[r*n:(r+1)*n], t.v.maxOf(x)
	y[0] = float64(x[t.blank]) - float64(top)
	for i := range n - 1 {
		y[i+1] = float64(x[l.label(i)]) - float64(top)
	}
	var sum float64
	if t.dlogits.Nil() {
		sum = t.v.sumExp(l.chunk, x, top)
	} else {
		d := kernel.Row[float32](t.dlogits, row)
		sum = t.v.totalExp(d, x, top)
		t.v.unary[kernel.MulScalar](d, d, float32(float64(weight)/sum), 0)
	}
	log := math.Log(sum)
	for i := range y {
		y[i] -= log
	}
}

func (l *lattice) label(i int) int { return i32At(l.target, l.first+i) }

// at is log y at row r of place s's class.
func (l *lattice) at(r, s int) float64 {
	n := (l.S + 1) / 2
	if s&1 == 0 {
		return l.y[r*n]
	}
	return l.y[r*n+(s+1)/2]
}

// skips reports whether place s may follow place s−2: another label, no blank.
func (l *lattice) skips(s int) bool {
	return s&1 == 1 && s > 1 && l.label(s/2) != l.label(s/2-1)
}

// band is the places of row r that a path from the start can have come to and from
// which it can reach the end.
func (l *lattice) band(r int) (from, to int) {
	return max(0, l.S-2*(l.T-r)), min(l.S, 2*r+2)
}

// forward is α (Graves et al. 2006, eq. 5–7).
func (l *lattice) forward() {
	none := math.Inf(-1)
	for r := range l.T {
		row := l.alpha[r*l.S : (r+1)*l.S]
		for s := range row {
			row[s] = none
		}
		from, to := l.band(r)
		for s := from; s < to; s++ {
			if r == 0 {
				row[s] = l.at(0, s)
				continue
			}
			before, skip, step := l.alpha[(r-1)*l.S:r*l.S], none, none
			if s > 0 {
				step = before[s-1]
			}
			if l.skips(s) {
				skip = before[s-2]
			}
			row[s] = logSum3(before[s], step, skip) + l.at(r, s)
		}
	}
}

// logProbability is eq. 8; of no rows the empty target has probability 1.
func (l *lattice) logProbability() float64 {
	switch {
	case l.T == 0 && l.S == 1:
		return 0
	case l.T == 0:
		return math.Inf(-1)
	case l.S == 1:
		return l.alpha[l.T-1]
	}
	last := l.alpha[(l.T-1)*l.S:]
	return logSum3(last[l.S-1], last[l.S-2], math.Inf(-1))
}

// backward subtracts weight·(probability that a path is at the place) from the gradient,
// eq. 15 and 16. Here β is without the row's own output, so that α·β need not be divided.
func (t *ctcTask) backward(l *lattice, row int, p float64, weight float32) {
	none := math.Inf(-1)
	for s := range l.b {
		l.b[s] = none
		if s >= l.S-2 {
			l.b[s] = 0
		}
	}
	for r := l.T - 1; r >= 0; r-- {
		if r < l.T-1 {
			l.back(r)
		}
		d, blank := kernel.Row[float32](t.dlogits, row+r), 0.0
		from, to := l.band(r)
		for s := from; s < to; s++ {
			here := math.Exp(l.alpha[r*l.S+s] + l.b[s] - p)
			if s&1 == 0 {
				blank += here
			} else {
				d[l.label(s/2)] -= float32(float64(weight) * here)
			}
		}
		d[t.blank] -= float32(float64(weight) * blank)
	}
}

// back brings b from row r+1 to row r.
func (l *lattice) back(r int) {
	none := math.Inf(-1)
	for s := range l.q {
		l.q[s] = l.b[s] + l.at(r+1, s)
	}
	from, to := l.band(r)
	for s := range l.b {
		if l.b[s] = none; s < from || s >= to {
			continue
		}
		step, skip := none, none
		if s+1 < l.S {
			step = l.q[s+1]
		}
		if s+2 < l.S && l.skips(s+2) {
			skip = l.q[s+2]
		}
		l.b[s] = logSum3(l.q[s], step, skip)
	}
}

// logSum3 is log(eᵃ + eᵇ + eᶜ).
func logSum3(a, b, c float64) float64 {
	top := max(a, b, c)
	if math.IsInf(top, -1) {
		return top
	}
	return top + math.Log(math.Exp(a-top)+math.Exp(b-top)+math.Exp(c-top))
}
