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
	// SoftCap c puts c·tanh(z/c) in the place of each logit z (Gemma 2, arXiv:2408.00118,
	// section 2); 0 is none.
	SoftCap float32
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
	logits = s.matrixLike(logits.SoftCap(o.SoftCap))
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
