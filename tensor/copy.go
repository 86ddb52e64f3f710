package tensor

// Contiguous returns a copy without gaps.
func (x *Tensor) Contiguous() *Tensor {
	s := stepOf("Contiguous", x)
	y := s.result(x.array)
	s.dev.k.Copy(y.rows(), x.rows(), false)
	s.record(entry{back: copyBack, blind: true, out: y, in: [3]*Tensor{x}})
	return y
}

// denseOf is x, or a copy of it where x has gaps.
func (s *Step) denseOf(x *Tensor) *Tensor {
	if x.dense() {
		return x
	}
	return x.Contiguous()
}

// Cast returns x converted to another float type, rounded to the nearest even.
// Gradients stay f32.
func (x *Tensor) Cast(dt DType) *Tensor {
	s := stepOf("Cast", x)
	if !dt.isFloat() || !x.dtype.isFloat() {
		panic("tensor: Cast: no conversion from " + x.dtype.String() + " to " + dt.String())
	}
	a := x.array
	a.dtype = dt
	y := s.result(a)
	s.dev.k.Copy(y.rows(), x.rows(), false)
	s.record(entry{back: copyBack, out: y, in: [3]*Tensor{x}})
	return y
}

func copyBack(s *Step, e entry) { s.pass(e.in[0], e.out) }

// Keep returns a persistent copy that outlives the step: a recurrent state, a
// generated sample. Free it. No gradient passes.
func (x *Tensor) Keep() *Tensor {
	x.check("Keep")
	t := NewTyped(x.dev, x.dtype, x.shape[:x.dims]...)
	t.name = x.name
	x.dev.k.Copy(t.rows(), x.rows(), false)
	return t
}

// matrixLike is x where its last dimension can be the columns of a Mat, else
// a copy without gaps.
func (s *Step) matrixLike(x *Tensor) *Tensor {
	if x.dims <= 2 || x.dense() {
		return x
	}
	return x.Contiguous()
}

// asF32 is x, which may be nil, converted to f32 where it is not: biases and
// scales bound to a half-precision file.
func (s *Step) asF32(x *Tensor) *Tensor {
	if x == nil || x.dtype == F32 {
		return x
	}
	if x.step == nil {
		x = s.Use(x)
	}
	return x.Cast(F32)
}
