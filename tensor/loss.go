package tensor

import (
	"fmt"

	"github.com/inkstone-ai/inkstone/internal/kernel"
)

// CEOptions refines a cross-entropy. The zero value is the plain one.
type CEOptions struct {
	// Ignore is the target of rows that count nothing. 0 stands for −100,
	// PyTorch's; rows of class 0 are ignored by giving them weight 0.
	Ignore int32
	// Smoothing ε mixes the target with all classes: (1−ε)·CE + ε·mean over
	// classes of −log p (Szegedy 2015, arXiv:1512.00567).
	Smoothing float32
	// Weights, f32 with one element a row, multiply the rows' losses; nil is 1.
	// No gradient goes to them.
	Weights *Tensor
}

func (o CEOptions) ignore() int32 {
	if o.Ignore == 0 {
		return -100
	}
	return o.Ignore
}

// weights is the rows' weights, absent where there are none.
func (o CEOptions) weights() kernel.Mat {
	if o.Weights == nil {
		return kernel.Mat{}
	}
	return o.Weights.flat()
}

// check panics unless targets and weights have a dense element for each of n rows.
func (o CEOptions) check(op string, n int, targets *Tensor) {
	if targets.len() != n || targets.dtype != I32 || !targets.dense() {
		panic(fmt.Sprintf("tensor: %s: targets %v, want i32, one for each of %d rows", op, targets, n))
	}
	if w := o.Weights; w != nil && (w.len() != n || w.dtype != F32 || !w.dense()) {
		panic(fmt.Sprintf("tensor: %s: weights %v, want f32, one for each of %d rows", op, w, n))
	}
}

// CrossEntropy returns the loss −log softmax(logits)[target] of each row, in
// targets' shape: logits (…, V), targets (…) i32. Sum or average as you like.
func (logits *Tensor) CrossEntropy(targets *Tensor, o CEOptions) *Tensor {
	s := stepOf("CrossEntropy", logits, targets, o.Weights)
	floats("CrossEntropy", logits)
	logits = s.matrixLike(logits)
	m := logits.matrix()
	o.check("CrossEntropy", m.Rows, targets)
	a := targets.array
	a.dtype = F32
	y := s.result(a)
	s.dev.k.CrossEntropy(y.column(), kernel.Mat{}, m, targets.flat(), o.weights(), o.ignore(), o.Smoothing)
	s.record(entry{back: crossEntropyBack, out: y, in: [3]*Tensor{logits}, aside: targets, ce: o})
	return y
}

// crossEntropyBack runs the kernel again for the gradient, with weight·dy as
// the rows' weights: keeping it from the forward would cost the logits' size.
func crossEntropyBack(s *Step, e entry) {
	logits, w := e.in[0], e.out.slope(s)
	if e.ce.Weights != nil {
		w = w.Mul(e.ce.Weights.Reshape(w.shape[:w.dims]...))
	}
	d, loss := s.like(logits), s.like(w)
	s.dev.k.CrossEntropy(loss.column(), d.matrix(), logits.matrix(), e.aside.flat(), w.flat(), e.ce.ignore(), e.ce.Smoothing)
	dx, acc := s.gradient(logits)
	s.dev.k.Copy(dx.rows(), d.rows(), acc)
}

// headRows is the number of rows whose logits HeadLoss holds at a time: 4 MiB
// of them, which stay in cache, but enough rows for a product to be fast.
func headRows(classes int) int { return max(64, (1<<20/max(classes, 1))&^15) }

// HeadLoss returns the sum of the weighted cross-entropies of softmax(x·wᵀ) and
// the rows' losses (N), for activations x (N, C), the output head w (V, C) and
// targets (N) i32. The logits of all rows are never in memory: a chunk of rows
// at a time is multiplied, turned into its gradient, and multiplied back to dx,
// which is kept for Backward, and to dw, which is added to w's gradient at once.
//
// So Backward must reach sum with gradient 1, else it panics: scale
// [CEOptions].Weights instead of the loss. The rows' losses carry no gradient.
// Where x and w need none, only the losses are computed.
func (x *Tensor) HeadLoss(w, targets *Tensor, o CEOptions) (sum, rows *Tensor) {
	s := stepOf("HeadLoss", x, w, targets, o.Weights)
	floats("HeadLoss", x)
	if x.dims != 2 || w.dims != 2 || w.shape[1] != x.shape[1] {
		mismatch("HeadLoss", &x.array, &w.array)
	}
	o.check("HeadLoss", x.shape[0], targets)
	h := head{x: x, w: w, targets: targets, o: o, rows: s.sized(x.shape[0])}
	if s.wanted(x) {
		h.dx = s.like(x)
	}
	h.dw = s.wanted(w)
	n := headRows(w.shape[0])
	for from := 0; from < x.shape[0]; from += n {
		mark := s.arena.mark()
		s.headChunk(&h, from, min(n, x.shape[0]-from))
		s.arena.release(mark, nil)
	}
	rows, sum = h.rows, s.sized()
	s.dev.k.Reduce(kernel.Sum, sum.flat(), rows.flat(), 1, rows.len(), 1, false)
	s.record(entry{back: headBack, out: sum, in: [3]*Tensor{x, w}, saved: h.dx})
	return sum, rows
}

// head is what HeadLoss works on.
type head struct {
	x, w, targets *Tensor
	o             CEOptions
	rows, dx      *Tensor
	dw            bool
}

// headChunk computes rows from … from+n.
func (s *Step) headChunk(h *head, from, n int) {
	k, x, rows := s.dev.k, h.x.band(from, n), h.rows.element(from, n)
	logits := s.sized(n, h.w.shape[0])
	z := logits.rows()
	w := h.w.rows()
	weights := h.o.Weights.element(from, n)
	if p := h.w.packed; h.dx == nil && !h.dw && !p.Nil() {
		w = p
	}
	k.MatMul(z, x, w, false, true, false, 1, 0, 0, 0)
	if h.dx == nil && !h.dw {
		k.CrossEntropy(rows, kernel.Mat{}, z, h.targets.element(from, n), weights, h.o.ignore(), h.o.Smoothing)
		return
	}
	k.CrossEntropy(rows, z, z, h.targets.element(from, n), weights, h.o.ignore(), h.o.Smoothing)
	if h.dx != nil {
		k.MatMul(h.dx.band(from, n), z, h.w.rows(), false, false, false, 1, 0, 0, 0)
	}
	if h.dw {
		dw, acc := s.gradient(h.w)
		k.MatMul(dw.rows(), z, x, true, false, acc, 1, 0, 0, 0)
	}
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
	if x := e.in[0]; x.tracked() {
		dx, acc := s.gradient(x)
		s.dev.k.Copy(dx.rows(), e.saved.rows(), acc)
	}
}
