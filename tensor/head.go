package tensor

import (
	"fmt"

	"github.com/inkstone-ai/inkstone/internal/kernel"
)

// HeadRows is the number of rows whose logits [Tensor.HeadLoss] holds at a time: 4 MiB
// of them, which stay in cache, but enough rows that w and dw, which each chunk
// goes through four times, cost less than the logits that it goes through five times.
func HeadRows(classes, width int) int { return max(64, 1<<20/max(classes, 1)&^15, width/3&^15) }

// HeadLoss returns the sum of the weighted cross-entropies of softmax(x·wᵀ + b) and
// the rows' losses (N), for activations x (N, C), the output head w (V, C) with b (V) or
// nil, and targets (N) i32. The logits of all rows are never in memory: a chunk of rows
// at a time is multiplied, turned into its gradient, and multiplied back to dx,
// which is kept for Backward, and to dw and db, which are added to w's and b's
// gradients at once.
//
// So Backward must reach sum with gradient 1, else it panics: scale
// [CEOptions].Weights instead of the loss. The rows' losses carry no gradient.
// Where x, w and b need none, only the losses are computed.
func (x *Tensor) HeadLoss(w, b, targets *Tensor, o CEOptions) (sum, rows *Tensor) {
	s := stepOf("HeadLoss", x, w, b, targets, o.Weights)
	floats("HeadLoss", x)
	if x.dims != 2 || w.dims != 2 || w.shape[1] != x.shape[1] {
		mismatch("HeadLoss", &x.array, &w.array)
	}
	if b != nil && (b.dims != 1 || b.shape[0] != w.shape[0]) {
		mismatch("HeadLoss", &w.array, &b.array)
	}
	o.check("HeadLoss", x.shape[0], targets)
	h := head{x: x, w: w, b: s.asF32(b), targets: targets, o: o, rows: s.sized(x.shape[0])}
	if s.wanted(x) {
		h.dx = s.like(x)
	}
	h.dw, h.db = s.wanted(w), s.wanted(b)
	n := HeadRows(w.shape[0], w.shape[1])
	for from := 0; from < x.shape[0]; from += n {
		mark := s.arena.mark()
		s.headChunk(&h, from, min(n, x.shape[0]-from))
		s.arena.release(mark, nil)
	}
	rows, sum = h.rows, s.sized()
	s.dev.k.Reduce(kernel.Sum, sum.flat(), rows.flat(), 1, rows.len(), 1, false)
	s.record(entry{back: headBack, blind: true, out: sum, in: [3]*Tensor{x, w, b}, saved: h.dx})
	return sum, rows
}

// head is what HeadLoss works on.
type head struct {
	x, w, b, targets *Tensor
	o                CEOptions
	rows, dx         *Tensor
	dw, db           bool
}

// learns reports whether anything needs a gradient.
func (h *head) learns() bool { return h.dx != nil || h.dw || h.db }

// headChunk computes rows from … from+n.
func (s *Step) headChunk(h *head, from, n int) {
	k, x, rows := s.dev.k, h.x.band(from, n), h.rows.element(from, n)
	logits := s.sized(n, h.w.shape[0])
	z := logits.rows()
	w := h.w.rows()
	weights := h.o.Weights.element(from, n)
	if p := h.w.packed; !h.learns() && !p.Nil() {
		w = p
	}
	s.times(z, x, w, kernel.Product{TB: true})
	if h.b != nil {
		k.Binary(kernel.Add, logits.view(), logits.view(), h.b.stretched(&logits.array), false)
	}
	t := s.capped(logits, h.o.SoftCap)
	if !h.learns() {
		k.CrossEntropy(rows, kernel.Mat{}, z, h.targets.element(from, n), weights, h.o.ignore(), h.o.Smoothing)
		return
	}
	k.CrossEntropy(rows, z, z, h.targets.element(from, n), weights, h.o.ignore(), h.o.Smoothing)
	if t != nil { // d c·tanh(z/c) is 1 − tanh²(z/c), the derivative of tanh
		k.UnaryGrad(kernel.Tanh, z, t.rows(), t.rows(), z, 0, 0, false)
	}
	if h.dx != nil {
		s.times(h.dx.band(from, n), z, h.w.rows(), kernel.Product{})
	}
	if h.dw {
		dw, acc := s.gradient(h.w)
		s.times(dw.rows(), z, x, kernel.Product{TA: true, Acc: acc})
	}
	if h.db {
		s.sumTo(h.b, logits.array)
	}
}

// capped turns logits z into c·tanh(z/c) and returns tanh(z/c); nil where c is 0.
func (s *Step) capped(logits *Tensor, c float32) *Tensor {
	if c == 0 {
		return nil
	}
	k, z, t := s.dev.k, logits.rows(), s.like(logits)
	k.Unary(kernel.MulScalar, t.rows(), z, 1/c, 0)
	k.Unary(kernel.Tanh, t.rows(), t.rows(), 0, 0)
	k.Unary(kernel.MulScalar, z, t.rows(), c, 0)
	return t
}

// element is elements from … from+n of a dense vector; absent for nil.
func (t *Tensor) element(from, n int) kernel.Mat {
	if t == nil {
		return kernel.Mat{}
	}
	m := t.window(n, 1, 1)
	m.Off += from
	return m
}

// headBack sends on the dx that the forward computed for a gradient of 1.
func headBack(s *Step, e entry) {
	if g := s.dev.float(e.out.dbuf, 0); g != 1 {
		panic(fmt.Sprintf("tensor: HeadLoss: its gradient is %v, want 1: scale the weights, not the loss", g))
	}
	x := e.in[0]
	switch {
	case !x.tracked():
	case x.base == nil && x.grad == nil && x.dbuf == nil: // the kept dx becomes x's gradient
		x.dbuf, e.saved.buf, x.written = e.saved.buf, nil, true
	default:
		dx, acc := s.gradient(x)
		s.dev.k.Copy(dx.rows(), e.saved.rows(), acc)
	}
}
