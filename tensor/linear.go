package tensor

import (
	"fmt"

	"github.com/inkstone-ai/inkstone/internal/kernel"
)

// Linear returns x·wᵀ + b for x (…, K), w (N, K) and b (N) or nil: the layer as
// weight files store it. w and b may be bf16 or f16 where they are not trained, and a packed w
// quantised where neither is x.
func (x *Tensor) Linear(w, b *Tensor) *Tensor {
	if !fitLinear(x, w, b) {
		panic(fmt.Sprintf("tensor: Linear: x %v does not fit w %v and b %v", x, w, b))
	}
	s := stepOf("Linear", x, w, b)
	if s.o.Watch != nil {
		s.o.Watch(x, w)
	}
	x, b = s.matrixLike(x), s.asF32(b)
	a := x.array
	a.dtype, a.shape[a.dims-1] = F32, w.shape[0]
	y := s.result(a)
	wm := w.rows()
	if p := w.packed; !p.Nil() && !s.wanted(w) {
		wm = p
	} else if w.dtype.Quantised() {
		panic("tensor: Linear: " + w.label() + " is " + w.dtype.String() + ": Pack makes it ready for products")
	}
	if w.dtype.Quantised() && s.wanted(x) {
		panic("tensor: Linear: " + w.label() + " is " + w.dtype.String() + ", through which no gradient goes")
	}
	s.times(y.matrix(), x.matrix(), wm, kernel.Product{TB: true})
	s.addBias(y, b)
	s.record(entry{back: linearBack, out: y, in: [3]*Tensor{x, w, b}})
	return y
}

func fitLinear(x, w, b *Tensor) bool {
	return w.dims == 2 && x.dims > 0 && w.shape[1] == x.last() && (b == nil || b.dims == 1 && b.shape[0] == w.shape[0])
}

// linearBack: dx = dy·w, dw = dyᵀ·x, db = Σ dy over rows.
func linearBack(s *Step, e entry) {
	x, w, b, dy := e.in[0], e.in[1], e.in[2], e.out.upstream()
	s.sumTo(b, dy)
	if w.tracked() {
		dw, acc := s.gradient(w)
		s.times(dw.rows(), dy.matrix(), x.matrix(), kernel.Product{TA: true, Acc: acc})
	}
	if x.tracked() {
		dx, acc := s.gradient(x)
		s.times(dx.matrix(), dy.matrix(), w.rows(), kernel.Product{Acc: acc})
	}
}
