package tensor

import "github.com/inkstone-ai/inkstone/internal/kernel"

// Equal returns 1 where a = b and 0 elsewhere, stretched as for Add. It has no
// gradient.
func (a *Tensor) Equal(b *Tensor) *Tensor { return binary("Equal", kernel.Equal, a, b, nil) }

// Less returns 1 where a < b and 0 elsewhere. It has no gradient.
func (a *Tensor) Less(b *Tensor) *Tensor { return binary("Less", kernel.Less, a, b, nil) }

// LessEqual returns 1 where a ≤ b and 0 elsewhere. It has no gradient.
func (a *Tensor) LessEqual(b *Tensor) *Tensor {
	return binary("LessEqual", kernel.LessEqual, a, b, nil)
}

// Greater returns 1 where a > b and 0 elsewhere. It has no gradient.
func (a *Tensor) Greater(b *Tensor) *Tensor { return binary("Greater", kernel.Less, b, a, nil) }

// GreaterEqual returns 1 where a ≥ b and 0 elsewhere. It has no gradient.
func (a *Tensor) GreaterEqual(b *Tensor) *Tensor {
	return binary("GreaterEqual", kernel.LessEqual, b, a, nil)
}

// Where returns a where cond is not 0 and b elsewhere; the three stretch to one
// shape. No gradient goes to cond.
func (cond *Tensor) Where(a, b *Tensor) *Tensor {
	s := floats("Where", cond, a, b)
	ab := broadcast("Where", &a.array, &b.array)
	y := s.result(broadcast("Where", &cond.array, &ab))
	s.dev.k.Select(y.view(), cond.stretched(&y.array), a.stretched(&y.array), b.stretched(&y.array), false)
	// cond stands where record does not look for a tracked operand.
	s.record(entry{back: whereBack, out: y, in: [3]*Tensor{a, b}, aside: cond})
	return y
}

func whereBack(s *Step, e entry) {
	a, b, cond := e.in[0], e.in[1], e.aside
	dy, zero := e.out.slope(s), s.Zeros()
	if a.tracked() {
		s.sumTo(a, cond.Where(dy, zero).array)
	}
	if b.tracked() {
		s.sumTo(b, cond.Where(zero, dy).array)
	}
}
