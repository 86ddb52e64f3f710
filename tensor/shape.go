package tensor

import "fmt"

// Reshape returns the same elements in another shape; one length may be −1 and
// is then what fits. The result is a view, but for a tensor with gaps whose
// dimension 0 changes.
func (x *Tensor) Reshape(shape ...int) *Tensor {
	x.check("Reshape")
	a := x.reshaped(shape)
	if !x.dense() && (a.dims < 2 || a.shape[0] != x.shape[0]) {
		return x.Contiguous().Reshape(shape...)
	}
	if !x.dense() {
		a.stride = x.stride
	}
	return x.alias(a)
}

// reshaped is a dense with another shape.
func (a array) reshaped(shape []int) array {
	b := a
	open, n := -1, 1
	b.dims = len(shape)
	if b.dims > maxDims {
		panic("tensor: Reshape: " + show(shape) + " has more than 6 dimensions")
	}
	b.shape = [maxDims]int{}
	for i, d := range shape {
		b.shape[i] = d
		if d == -1 && open < 0 {
			open = i
		} else {
			n *= d
		}
	}
	if open >= 0 && n != 0 {
		b.shape[open] = a.len() / n
		n *= b.shape[open]
	}
	if n != a.len() || open >= 0 && n == 0 {
		panic("tensor: Reshape: " + a.String() + " has other elements than " + show(shape))
	}
	b.stride = b.inner()
	return b
}

// Squeeze returns a view without dimension i, whose length is 1.
func (x *Tensor) Squeeze(i int) *Tensor {
	i = x.axis("Squeeze", i)
	if x.shape[i] != 1 {
		panic(fmt.Sprintf("tensor: Squeeze: dimension %d of %v is not 1", i, x.array))
	}
	a := x.array
	copy(a.shape[i:], x.shape[i+1:])
	a.dims--
	a.shape[a.dims] = 0
	return x.Reshape(a.shape[:a.dims]...)
}

// Unsqueeze returns a view with a dimension of length 1 more, which is then
// dimension i; −1 is the last.
func (x *Tensor) Unsqueeze(i int) *Tensor {
	a := x.array
	if a.dims == maxDims {
		panic("tensor: Unsqueeze: " + a.String() + " has 6 dimensions already")
	}
	a.dims++
	i = a.axis("Unsqueeze", i)
	copy(a.shape[i+1:], x.shape[i:])
	a.shape[i] = 1
	return x.Reshape(a.shape[:a.dims]...)
}

// Detach returns a view that no gradient passes.
func (x *Tensor) Detach() *Tensor {
	x.check("Detach")
	v := x.alias(x.array)
	v.detached = true
	return v
}

// Slice returns the elements from … to−1 of dimension dim. Along dimensions 0
// and 1 it is a view; along others a copy.
func (x *Tensor) Slice(dim, from, to int) *Tensor {
	x.check("Slice")
	dim = x.axis("Slice", dim)
	if from < 0 || to < from || to > x.shape[dim] {
		panic(fmt.Sprintf("tensor: Slice: %d…%d of dimension %d of %v", from, to, dim, x.array))
	}
	a := x.array
	a.shape[dim] = to - from
	switch dim {
	case 0:
		a.off += from * x.stride
	case 1:
		a.off += from * x.span(2, x.dims)
	default:
		return x.cut(a, dim, from)
	}
	return x.alias(a)
}

// cut copies the part of shape a that begins at from in dimension dim.
func (x *Tensor) cut(a array, dim, from int) *Tensor {
	s := stepOf("Slice", x)
	y := s.result(a)
	part := x.part(dim, from, a.shape[dim])
	s.dev.k.Permute(y.view(), part, false)
	s.record(entry{back: cutBack, out: y, in: [3]*Tensor{x}, n: [maxDims]int{dim, from}})
	return y
}

func cutBack(s *Step, e entry) {
	dy, dx := e.out.upstream(), s.gradientAdd(e.in[0])
	s.dev.k.Permute(dx.part(e.n[0], e.n[1], dy.shape[e.n[0]]), dy.view(), true)
}

// Split cuts dimension dim into parts of the given lengths, as Slice does.
func (x *Tensor) Split(dim int, lengths ...int) []*Tensor {
	dim = x.axis("Split", dim)
	parts, from := make([]*Tensor, len(lengths)), 0
	for i, n := range lengths {
		parts[i] = x.Slice(dim, from, from+n)
		from += n
	}
	if from != x.shape[dim] {
		panic(fmt.Sprintf("tensor: Split: lengths %v do not sum to dimension %d of %v", lengths, dim, x.array))
	}
	return parts
}

// Transpose returns a copy with dimensions i and j exchanged.
func (x *Tensor) Transpose(i, j int) *Tensor {
	order := [maxDims]int{0, 1, 2, 3, 4, 5}
	i, j = x.axis("Transpose", i), x.axis("Transpose", j)
	order[i], order[j] = j, i
	return x.Permute(order[:x.dims]...)
}

// Permute returns a copy whose dimension i is dimension order[i] of x.
func (x *Tensor) Permute(order ...int) *Tensor {
	s := stepOf("Permute", x)
	a, from, seen := x.array, x.view(), 0
	to := from
	for i, d := range order {
		if d < 0 || d >= x.dims || i >= x.dims {
			break
		}
		a.shape[i] = x.shape[d]
		to.Shape[i], to.Stride[i] = from.Shape[d], from.Stride[d]
		seen |= 1 << d
	}
	if len(order) != x.dims || seen != 1<<x.dims-1 {
		panic("tensor: Permute: " + show(order) + " is no order of the dimensions of " + x.array.String())
	}
	y := s.result(a)
	s.dev.k.Permute(y.view(), to, false)
	e := entry{back: permuteBack, out: y, in: [3]*Tensor{x}}
	copy(e.n[:], order)
	s.record(e)
	return y
}

func permuteBack(s *Step, e entry) {
	dy := e.out.upstream()
	dx, acc := s.gradient(e.in[0])
	from := dx.view()
	to := from
	for i, d := range e.n[:dx.dims] {
		to.Shape[i], to.Stride[i] = from.Shape[d], from.Stride[d]
	}
	s.dev.k.Permute(to, dy.view(), acc)
}
