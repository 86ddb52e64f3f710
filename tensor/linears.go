package tensor

import (
	"fmt"

	"github.com/inkstone-ai/inkstone/internal/kernel"
)

// most is how many maps of the same activations there are in a model: queries, keys and values.
const most = 3

// Linears sets y to what Linear returns for each of up to three w and b, all (·, K) for x (…, K). Where
// no gradient goes through x and every w is packed, the device makes the products together; of quantised
// weights it rounds the rows of x once then, and no worker waits between the products.
func (x *Tensor) Linears(y, w, b []*Tensor) {
	if len(w) == 0 {
		return
	}
	s := stepOf("Linear", x, w[0], b[0])
	if !s.together(x, w, b) {
		for i := range w {
			y[i] = x.Linear(w[i], b[i])
		}
		return
	}
	flat, each := s.matrixLike(x), &s.each
	for i := range w {
		stepOf("Linear", x, w[i], b[i])
		a := flat.array
		a.dtype, a.shape[a.dims-1] = F32, w[i].shape[0]
		y[i] = s.result(a)
		each.c[i], each.b[i] = y[i].matrix(), w[i].packed
	}
	s.dev.k.MatMulEach(each.c[:len(w)], flat.matrix(), each.b[:len(w)], kernel.Product{TB: true, Precision: kernel.DType(s.o.Precision)})
	for i := range w {
		s.addBias(y[i], s.asF32(b[i]))
	}
}

// products are the operands of Linears, kept so that a call takes nothing from the heap.
type products struct{ c, b [most]kernel.Mat }

// together reports whether products of x with w can be made at once; operands that do not fit
// are left to Linear, which says so.
func (s *Step) together(x *Tensor, w, b []*Tensor) bool {
	if len(w) > most {
		panic(fmt.Sprintf("tensor: Linears: %d weights, at most %d", len(w), most))
	}
	if s.o.Watch != nil || s.wanted(x) {
		return false
	}
	for i, w := range w {
		if w.packed.Nil() || s.wanted(w) || b[i] != nil && s.wanted(b[i]) || !fitLinear(x, w, b[i]) {
			return false
		}
	}
	return true
}
