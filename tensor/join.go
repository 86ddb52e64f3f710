package tensor

import "github.com/inkstone-ai/inkstone/internal/kernel"

// Concat returns x and the others one after another along dimension dim; the
// other dimensions are equal.
func (x *Tensor) Concat(dim int, others ...*Tensor) *Tensor {
	s := stepOf("Concat", x)
	for _, t := range others {
		s = stepOf("Concat", x, t)
	}
	dim = x.axis("Concat", dim)
	a, tracked := x.array, s.wanted(x)
	for _, t := range others {
		if t.dtype != x.dtype || !fitsBut(dim, &x.array, &t.array) {
			mismatch("Concat", &x.array, &t.array)
		}
		a.shape[dim] += t.shape[dim]
		tracked = tracked || s.wanted(t)
	}
	y := s.result(a)
	if tracked {
		y.needs = true
		s.tape = append(s.tape, entry{out: y}) // owns y's memory; the parts below do not
	}
	at := s.put(y, x, dim, 0)
	for _, t := range others {
		at = s.put(y, t, dim, at)
	}
	return y
}

// fitsBut reports whether a and b have the same shape apart from dimension dim.
func fitsBut(dim int, a, b *array) bool {
	c := *b
	if c.dims == a.dims {
		c.shape[dim] = a.shape[dim]
	}
	return a.same(&c)
}

// put copies x to the part of y that begins at index at of dimension dim, and
// returns where the next part begins.
func (s *Step) put(y, x *Tensor, dim, at int) int {
	if dim == 0 {
		s.dev.k.Copy(y.band(at, x.shape[0]), x.band(0, x.shape[0]), false)
	} else {
		s.dev.k.Permute(y.part(dim, at, x.shape[dim]), x.view(), false)
	}
	s.record(entry{back: putBack, in: [3]*Tensor{x}, aside: y, n: [maxDims]int{dim, at}})
	return at + x.shape[dim]
}

func putBack(s *Step, e entry) {
	if !e.aside.written {
		return
	}
	dy := e.aside.upstream()
	dx, acc := s.gradient(e.in[0])
	s.dev.k.Permute(dx.view(), dy.part(e.n[0], e.n[1], dx.shape[e.n[0]]), acc)
}

// part is the View of n indices of dimension dim from index from on.
func (a *array) part(dim, from, n int) kernel.View {
	v := a.view()
	v.Off += from * v.Stride[dim]
	v.Shape[dim] = n
	return v
}

// Expand returns a copy of x stretched to shape, as Add stretches its operands.
func (x *Tensor) Expand(shape ...int) *Tensor {
	s := stepOf("Expand", x)
	a := shaped("Expand", x.dtype, shape)
	if to := broadcast("Expand", &x.array, &a); !to.same(&a) {
		mismatch("Expand", &x.array, &a)
	}
	y := s.result(a)
	s.dev.k.Permute(y.view(), x.stretched(&y.array), false)
	s.record(entry{back: expandBack, out: y, in: [3]*Tensor{x}})
	return y
}

func expandBack(s *Step, e entry) { s.sumTo(e.in[0], e.out.upstream()) }
