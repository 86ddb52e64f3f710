package main

import "github.com/inkstone-ai/inkstone/internal/kernel/_asm/emit"

// A sigma is a sigmoid σ(z) = 1/(1+e⁻ᶻ) with what its derivative is made of.
// Everything comes from e = exp(−|z|) and q = 1/(1+e), which neither overflow
// nor cancel: σ is q or e·q by the sign of z, and σ·(1−σ) is e·q².
type sigma struct{ s, e, q *emit.Reg }

func sigmoid(f *emit.Func, z *emit.Reg) sigma {
	e := expWeight(f, f.Or(z, f.Bits(signBit)))
	one := f.Copy(f.Const(1))
	q := f.Div(one, f.Add(e, one))
	negative := f.Compare(emit.CmpLT, z, f.Zero())
	return sigma{f.Select(negative, f.Mul(e, q), q), e, q}
}

// slope is σ·(1−σ).
func (s sigma) slope(f *emit.Func) *emit.Reg { return f.Mul(f.Mul(s.e, s.q), s.q) }

const signBit = 1 << 31

// clamp limits x to ±limit, where x·σ is x or 0 already: ∞·0 is not a number,
// but the limit of the product is 0.
func clamp(f *emit.Func, x *emit.Reg, limit float32) *emit.Reg {
	return f.Min(f.Copy(f.Const(limit)), f.Max(f.Copy(f.Const(-limit)), x))
}

// gate is x·σ(z), z growing with x: SiLU with z = x and GELU's tanh form with
// z = 2√(2/π)·(x + 0.044715x³), as ½(1+tanh u) = σ(2u).
type gate struct {
	limit float32 // |x| beyond which σ is 0 or 1
	inner func(f *emit.Func, x *emit.Reg) *emit.Reg
	// grown is dz/dx, nil for 1.
	grown func(f *emit.Func, x *emit.Reg) *emit.Reg
}

var siluGate = gate{limit: 120, inner: func(_ *emit.Func, x *emit.Reg) *emit.Reg { return x }}

const (
	gelu1 = 2 * 0.7978845608028654 // 2√(2/π)
	gelu3 = gelu1 * 0.044715
)

var geluGate = gate{
	limit: 40,
	inner: func(f *emit.Func, x *emit.Reg) *emit.Reg {
		p := f.Copy(f.Const(gelu3))
		f.Horner(p, f.Mul(x, x), f.Const(gelu1))
		return f.Mul(x, p)
	},
	grown: func(f *emit.Func, x *emit.Reg) *emit.Reg {
		p := f.Copy(f.Const(3 * gelu3))
		f.Horner(p, f.Mul(x, x), f.Const(gelu1))
		return p
	},
}

// value is x·σ.
func (g gate) value(f *emit.Func, x *emit.Reg) *emit.Reg {
	s := sigmoid(f, g.inner(f, x))
	return f.Mul(f.Max(f.Copy(f.Const(-g.limit)), x), s.s)
}

// both is x·σ and its derivative, σ + x·σ(1−σ)·dz/dx.
func (g gate) both(f *emit.Func, x *emit.Reg) (y, slope *emit.Reg) {
	c := clamp(f, x, g.limit)
	s := sigmoid(f, g.inner(f, c))
	d := f.Mul(s.slope(f), c)
	if g.grown != nil {
		f.MulBy(d, g.grown(f, c))
	}
	f.AddTo(d, s.s)
	return f.Mul(f.Max(c, x), s.s), d
}
