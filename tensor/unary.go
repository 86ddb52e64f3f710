package tensor

import "github.com/inkstone-ai/inkstone/internal/kernel"

// unary runs y = f(x), element by element; a and b are parameters of f.
func (x *Tensor) unary(name string, op kernel.UnaryOp, a, b float32) *Tensor {
	s := floats(name, x)
	return s.brief(entry{
		forward: unaryForward, back: unaryBack, own: true, in: [3]*Tensor{x}, op: uint8(op), f: [2]float32{a, b},
	})
}

func unaryForward(s *Step, e entry) {
	s.dev.k.Unary(kernel.UnaryOp(e.op), e.out.rows(), e.in[0].rows(), e.f[0], e.f[1])
}

// unaryBack is dx += dy·f'(x).
func unaryBack(s *Step, e entry) {
	x, y := e.in[0], e.out
	dy := y.upstream()
	dx, acc := s.inherit(x, y)
	s.dev.k.UnaryGrad(kernel.UnaryOp(e.op), dx.rows(), x.rows(), y.rows(), dy.rows(), e.f[0], e.f[1], acc)
}

// AddScalar returns x + a.
func (x *Tensor) AddScalar(a float32) *Tensor { return x.unary("AddScalar", kernel.AddScalar, a, 0) }

// Scale returns x · a.
func (x *Tensor) Scale(a float32) *Tensor { return x.unary("Scale", kernel.MulScalar, a, 0) }

// PowScalar returns xᵃ.
func (x *Tensor) PowScalar(a float32) *Tensor { return x.unary("PowScalar", kernel.PowScalar, a, 0) }

// Clip returns x limited to [lo, hi]. Its gradient is 1 inside and 0 outside.
func (x *Tensor) Clip(lo, hi float32) *Tensor { return x.unary("Clip", kernel.Clip, lo, hi) }

// Neg returns −x.
func (x *Tensor) Neg() *Tensor { return x.unary("Neg", kernel.Neg, 0, 0) }

// Abs returns |x|. Its gradient at 0 is 0.
func (x *Tensor) Abs() *Tensor { return x.unary("Abs", kernel.Abs, 0, 0) }

// Sign returns −1, 0 or 1. Its gradient is 0.
func (x *Tensor) Sign() *Tensor { return x.unary("Sign", kernel.Sign, 0, 0) }

// Floor returns the greatest whole number ≤ x. Its gradient is 0.
func (x *Tensor) Floor() *Tensor { return x.unary("Floor", kernel.Floor, 0, 0) }

// Ceil returns the least whole number ≥ x. Its gradient is 0.
func (x *Tensor) Ceil() *Tensor { return x.unary("Ceil", kernel.Ceil, 0, 0) }

// Round returns the nearest whole number, the even one of two. Its gradient is 0.
func (x *Tensor) Round() *Tensor { return x.unary("Round", kernel.Round, 0, 0) }

// Exp returns eˣ.
func (x *Tensor) Exp() *Tensor { return x.unary("Exp", kernel.Exp, 0, 0) }

// Log returns the natural logarithm.
func (x *Tensor) Log() *Tensor { return x.unary("Log", kernel.Log, 0, 0) }

// Sqrt returns √x.
func (x *Tensor) Sqrt() *Tensor { return x.unary("Sqrt", kernel.Sqrt, 0, 0) }

// Rsqrt returns 1/√x.
func (x *Tensor) Rsqrt() *Tensor { return x.unary("Rsqrt", kernel.Rsqrt, 0, 0) }

// Reciprocal returns 1/x.
func (x *Tensor) Reciprocal() *Tensor { return x.unary("Reciprocal", kernel.Reciprocal, 0, 0) }

// Square returns x².
func (x *Tensor) Square() *Tensor { return x.unary("Square", kernel.Square, 0, 0) }

// Sin returns the sine of x in radians.
func (x *Tensor) Sin() *Tensor { return x.unary("Sin", kernel.Sin, 0, 0) }

// Cos returns the cosine of x in radians.
func (x *Tensor) Cos() *Tensor { return x.unary("Cos", kernel.Cos, 0, 0) }

// Tanh returns the hyperbolic tangent.
func (x *Tensor) Tanh() *Tensor { return x.unary("Tanh", kernel.Tanh, 0, 0) }

// SoftCap returns c·tanh(x/c), which is x where it is small and stays within ±c (Gemma 2,
// arXiv:2408.00118, section 2); c = 0 is no cap: x itself.
func (x *Tensor) SoftCap(c float32) *Tensor {
	if c == 0 {
		return x
	}
	return x.Scale(1 / c).Tanh().Scale(c)
}

// Sigmoid returns σ(x) = 1/(1+e⁻ˣ).
func (x *Tensor) Sigmoid() *Tensor { return x.unary("Sigmoid", kernel.Sigmoid, 0, 0) }

// Softplus returns log(1+eˣ).
func (x *Tensor) Softplus() *Tensor { return x.unary("Softplus", kernel.Softplus, 0, 0) }

// Erf returns the error function.
func (x *Tensor) Erf() *Tensor { return x.unary("Erf", kernel.Erf, 0, 0) }

// ReLU returns max(x, 0).
func (x *Tensor) ReLU() *Tensor { return x.unary("ReLU", kernel.ReLU, 0, 0) }

// LeakyReLU returns x, or slope·x where x < 0.
func (x *Tensor) LeakyReLU(slope float32) *Tensor {
	return x.unary("LeakyReLU", kernel.LeakyReLU, slope, 0)
}

// ELU returns x, or a·(eˣ−1) where x < 0 (Clevert 2015, arXiv:1511.07289).
func (x *Tensor) ELU(a float32) *Tensor { return x.unary("ELU", kernel.ELU, a, 0) }

// GELU is the tanh form of x·Φ(x) (Hendrycks & Gimpel 2016, arXiv:1606.08415),
// which GPT-2 uses: gelu_new, gelu_pytorch_tanh.
func (x *Tensor) GELU() *Tensor { return x.unary("GELU", kernel.GELU, 0, 0) }

// GELUErf is x·Φ(x) exactly, which BERT uses.
func (x *Tensor) GELUErf() *Tensor { return x.unary("GELUErf", kernel.GELUErf, 0, 0) }

// SiLU returns x·σ(x), also called swish.
func (x *Tensor) SiLU() *Tensor { return x.unary("SiLU", kernel.SiLU, 0, 0) }
