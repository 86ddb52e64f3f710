package tensor

import "github.com/inkstone-ai/inkstone/internal/kernel"

// binary runs y = a op b. Shapes stretch to each other as NumPy's do:
// dimensions are aligned at the last and one of length 1 repeats.
func binary(name string, op kernel.BinaryOp, a, b *Tensor, back func(*Step, entry)) *Tensor {
	s := floats(name, a, b)
	y := s.result(broadcast(name, &a.array, &b.array))
	s.dev.k.Binary(op, y.view(), a.stretched(&y.array), b.stretched(&y.array), false)
	if back != nil {
		s.record(entry{back: back, blind: op == kernel.Add || op == kernel.Sub, out: y, in: [3]*Tensor{a, b}})
	}
	return y
}

// Add returns a + b.
func (a *Tensor) Add(b *Tensor) *Tensor { return binary("Add", kernel.Add, a, b, addBack) }

// b goes first: passing dy on to a may take dy's memory away.
func addBack(s *Step, e entry) {
	a, b, y := e.in[0], e.in[1], e.out
	s.sumTo(b, y.upstream())
	if a.len() == y.len() {
		s.pass(a, y)
	} else {
		s.sumTo(a, y.upstream())
	}
}

// Sub returns a − b.
func (a *Tensor) Sub(b *Tensor) *Tensor { return binary("Sub", kernel.Sub, a, b, subBack) }

func subBack(s *Step, e entry) {
	a, b, y := e.in[0], e.in[1], e.out
	if b.tracked() {
		s.sumTo(b, y.slope(s).Neg().array)
	}
	if a.len() == y.len() {
		s.pass(a, y)
	} else {
		s.sumTo(a, y.upstream())
	}
}

// Mul returns a · b, element by element.
func (a *Tensor) Mul(b *Tensor) *Tensor { return binary("Mul", kernel.Mul, a, b, mulBack) }

func mulBack(s *Step, e entry) {
	s.addProduct(e.in[0], e.out, e.in[1])
	s.addProduct(e.in[1], e.out, e.in[0])
}

// addProduct is dx += dy · f, in one pass where x was not stretched.
func (s *Step) addProduct(x, y, f *Tensor) {
	switch {
	case !x.tracked():
	case x.same(&y.array):
		dy := y.upstream()
		dx, acc := s.gradient(x)
		s.dev.k.Binary(kernel.Mul, dx.view(), dy.view(), f.stretched(&dy), acc)
	default:
		s.sumTo(x, y.slope(s).Mul(f).array)
	}
}

// Div returns a / b.
func (a *Tensor) Div(b *Tensor) *Tensor { return binary("Div", kernel.Div, a, b, divBack) }

// divBack: da = dy/b, db = −dy·y/b.
func divBack(s *Step, e entry) {
	a, b, y := e.in[0], e.in[1], e.out
	da := y.slope(s).Div(b)
	if b.tracked() {
		s.sumTo(b, da.Mul(y).Neg().array)
	}
	s.sumTo(a, da.array)
}

// Pow returns aᵇ. The gradient with respect to b is 0 where a is 0.
func (a *Tensor) Pow(b *Tensor) *Tensor { return binary("Pow", kernel.Pow, a, b, powBack) }

// powBack: da = dy·b·aᵇ⁻¹, and 0 where b is 0; db = dy·y·log a.
func powBack(s *Step, e entry) {
	a, b, y := e.in[0], e.in[1], e.out
	dy, zero := y.slope(s), s.Zeros()
	if a.tracked() {
		da := dy.Mul(b).Mul(a.Pow(b.AddScalar(-1)))
		s.sumTo(a, b.Equal(zero).Where(zero, da).array)
	}
	if b.tracked() {
		s.sumTo(b, a.Equal(zero).Where(zero, dy.Mul(y).Mul(a.Log())).array)
	}
}

// Max returns the larger of a and b. Where they are equal each gets half of
// the gradient.
func (a *Tensor) Max(b *Tensor) *Tensor { return binary("Max", kernel.Max, a, b, maxBack) }

func maxBack(s *Step, e entry) { s.share(e, e.in[1], e.in[0]) }

// Min returns the smaller of a and b. Where they are equal each gets half of
// the gradient.
func (a *Tensor) Min(b *Tensor) *Tensor { return binary("Min", kernel.Min, a, b, minBack) }

func minBack(s *Step, e entry) { s.share(e, e.in[0], e.in[1]) }

// share gives dy to a where lo < hi decides for it: the weight of in[0] is
// ([lo ≤ hi] + [lo < hi]) / 2, of in[1] the rest.
func (s *Step) share(e entry, lo, hi *Tensor) {
	dy := e.out.slope(s)
	first := dy.Mul(lo.LessEqual(hi).Add(lo.Less(hi)).Scale(0.5))
	s.sumTo(e.in[0], first.array)
	s.sumTo(e.in[1], dy.Sub(first).array)
}
