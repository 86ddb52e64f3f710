package tensor

import (
	"fmt"

	"github.com/inkstone-ai/inkstone/internal/kernel"
)

// A Cell names what a recurrent layer computes at each step, from the products
// x of its input and p of its state, both with their biases.
type Cell uint8

// Cells, with PyTorch's order of gates. The state is h, of an LSTM h and c side by side.
const (
	// ElmanCell: h' = tanh(x + p) (Elman 1990).
	ElmanCell = Cell(kernel.ElmanCell)
	// LSTMCell: i, f, g, o = σ, σ, tanh, σ of x + p; c' = f·c + i·g; h' = o·tanh(c')
	// (Hochreiter & Schmidhuber 1997, with the forget gate of Gers et al. 2000).
	LSTMCell = Cell(kernel.LSTMCell)
	// GRUCell: r, z = σ(x + p); n = tanh(x + r·p); h' = (1−z)·n + z·h (Cho et al.
	// 2014, arXiv:1406.1078, with the reset gate after the product, as PyTorch has it).
	GRUCell = Cell(kernel.GRUCell)
)

// Gates is the number of parts, each H wide, of what a step computes from: 1, 4, 3.
func (c Cell) Gates() int { return kernel.CellKind(c).Gates() }

// States is the number of parts of the state, each H wide: 1, 2, 1.
func (c Cell) States() int { return kernel.CellKind(c).States() }

// Kept is the number of parts that training keeps for the gradient: 0, 4, 4.
func (c Cell) Kept() int { return kernel.CellKind(c).Kept() }

// Recurrent runs a layer of cells over sequences and returns the state after each
// step, (N, States·H), of which the first H columns are h, the layer's output.
//
// x (N, Gates·H) is the input's products, all those of the first step first, then
// those of the second and so on; step t has a row for each of the first steps[t]
// sequences, steps falls or stays, and its numbers add up to N. w (Gates·H, H)
// multiplies the state and b (Gates·H) or nil is added to that product; start
// (steps[0], States·H) is each sequence's state before. steps must not change
// before Backward, which brings b a gradient where x, w or start gets one.
//
// The products of the state are float32 whatever the step's precision: they go
// through as many roundings as there are steps.
func (x *Tensor) Recurrent(cell Cell, w, b, start *Tensor, steps []int) *Tensor {
	s := stepOf("Recurrent", x, w, b, start)
	floats("Recurrent", x, start)
	k := kernel.CellKind(cell)
	x.checkRecurrent(k, w, b, start, steps)
	H := w.shape[1]
	e := entry{back: recurrentBack, in: [3]*Tensor{x, w, start}, also: s.asF32(b), op: uint8(cell), steps: steps}
	e.out = s.sized(x.shape[0], k.States()*H)
	if k.Kept() > 0 && s.wanted(x, w, start) {
		e.saved = s.sized(x.shape[0], k.Kept()*H)
	}
	mark := s.arena.mark()
	s.recur(e)
	s.arena.release(mark, nil)
	s.record(e)
	return e.out
}

func (x *Tensor) checkRecurrent(k kernel.CellKind, w, b, start *Tensor, steps []int) {
	n, falls := 0, len(steps) > 0
	for i, rows := range steps {
		falls = falls && rows > 0 && (i == 0 || rows <= steps[i-1])
		n += rows
	}
	if !falls || x.dims != 2 || x.shape[0] != n {
		panic(fmt.Sprintf("tensor: Recurrent: x %v in steps of %v rows, which must fall or stay and add up", x.array, steps))
	}
	H := w.shape[1]
	if w.dims != 2 || w.shape[0] != k.Gates()*H || x.shape[1] != w.shape[0] || b != nil && (b.dims != 1 || b.shape[0] != w.shape[0]) {
		panic(fmt.Sprintf("tensor: Recurrent: x %v does not fit w %v and b %v", x.array, w.array, b))
	}
	if start.dims != 2 || start.shape[0] != steps[0] || start.shape[1] != k.States()*H {
		panic(fmt.Sprintf("tensor: Recurrent: start %v, want (%d, %d)", start.array, steps[0], k.States()*H))
	}
}

// fewSteps is up to where packing the weight costs more than it gains.
const fewSteps = 3

// forSteps is w, transposed or not, as it is multiplied in so many steps: packed once
// for all, if that pays, and then done frees it.
func (s *Step) forSteps(w *Tensor, transposed bool, steps int) (m kernel.Mat, done func()) {
	switch {
	case transposed && !w.packed.Nil():
		return w.packed, func() {}
	case steps <= fewSteps:
		return w.rows(), func() {}
	}
	m = s.dev.k.Pack(w.rows(), transposed)
	return m, func() { s.dev.k.Free(m.Buf) }
}

// recur writes e.out, and e.saved where present.
func (s *Step) recur(e entry) {
	x, w, k := e.in[0], e.in[1], kernel.CellKind(e.op)
	H := w.shape[1]
	weight, done := s.forSteps(w, true, len(e.steps))
	defer done()
	products := s.sized(e.steps[0], k.Gates()*H)
	before, at := e.in[2].rows(), 0
	for _, n := range e.steps {
		before.Rows = n
		p := products.band(0, n)
		s.dev.k.MatMul(p, hidden(before, H), weight, kernel.Product{TB: true})
		state := e.out.band(at, n)
		s.dev.k.Cell(k, state, e.saved.optionalBand(at, n), x.band(at, n), p, e.also.optional(), before)
		before, at = state, at+n
	}
}

// hidden is the columns of h in a state.
func hidden(state kernel.Mat, H int) kernel.Mat {
	state.Cols = H
	return state
}

// optionalBand is band for a tensor that may be nil.
func (t *Tensor) optionalBand(at, n int) kernel.Mat {
	if t == nil {
		return kernel.Mat{}
	}
	return t.band(at, n)
}

// recurrentBack goes back in time, back-propagation through time (Werbos 1990): a step
// adds to the gradient of the state before it. The gradients of w and b are one
// product and one sum over all steps.
func recurrentBack(s *Step, e entry) {
	x, w, start := e.in[0], e.in[1], e.in[2]
	var to, dstart array
	var acc bool
	if x.tracked() {
		to, acc = s.gradient(x)
	}
	if start.tracked() {
		dstart = s.gradientAdd(start)
	}
	dx := to
	if dx.buf == nil || acc || !dx.dense() {
		dx = s.like(x).array
	}
	dp := dx
	if kernel.CellKind(e.op) == kernel.GRUCell {
		dp = s.like(x).array
	}
	s.unrecur(e, &dx, &dp, &dstart)
	if w.tracked() {
		s.recurrentWeights(e, &dp)
	}
	s.sumTo(e.also, dp)
	if to.buf != nil && to.buf != dx.buf {
		s.dev.k.Copy(to.rows(), dx.rows(), acc)
	}
}

// unrecur writes dx and dp and adds to dstart, where it has memory.
func (s *Step) unrecur(e entry, dx, dp, dstart *array) {
	w, start, k := e.in[1], e.in[2], kernel.CellKind(e.op)
	H, dy := w.shape[1], e.out.upstream()
	weight, done := s.forSteps(w, false, len(e.steps))
	defer done()
	at := e.out.shape[0]
	for t := len(e.steps) - 1; t >= 0; t-- {
		n := e.steps[t]
		at -= n
		before, dbefore := start.rows(), kernel.Mat{}
		if t > 0 {
			before, dbefore = e.out.band(at-e.steps[t-1], n), dy.band(at-e.steps[t-1], n)
		} else if dstart.buf != nil {
			dbefore = dstart.rows()
		}
		p := kernel.Mat{}
		if k == kernel.GRUCell {
			p = dp.band(at, n)
		}
		s.dev.k.CellGrad(k, dx.band(at, n), p, dbefore, dy.band(at, n), e.saved.optionalBand(at, n), e.out.band(at, n), before)
		if !dbefore.Nil() {
			s.dev.k.MatMul(hidden(dbefore, H), dp.band(at, n), weight, kernel.Product{Acc: true})
		}
	}
}

// recurrentWeights adds dpᵀ·h to the gradient of w, h being the state before each
// step: one product for each run of steps with as many sequences.
func (s *Step) recurrentWeights(e entry, dp *array) {
	w, start := e.in[1], e.in[2]
	H := w.shape[1]
	dw, acc := s.gradient(w)
	at := e.steps[0]
	s.times(dw.rows(), dp.band(0, at), hidden(start.rows(), H), kernel.Product{TA: true, Acc: acc})
	for t := 1; t < len(e.steps); {
		// The states before are rows of the step before. As long as no sequence has ended, so
		// that this is as large as the last one, they follow each other without a gap.
		n, rows := e.steps[t-1], 0
		for full := true; full && t < len(e.steps); t++ {
			rows += e.steps[t]
			full = e.steps[t] == n
		}
		s.times(dw.rows(), dp.band(at, rows), hidden(e.out.band(at-n, rows), H), kernel.Product{TA: true, Acc: true})
		at += rows
	}
}
