package main

import (
	"math"

	"github.com/inkstone-ai/inkstone/internal/kernel/_asm/emit"
)

// logPositive is log x of finite x > 0, by Cephes' logf (Moshier 1989): x = 2ᵉ·m with
// √½ ≤ m < √2, and a polynomial in m − 1.
func logPositive(f *emit.Func, x *emit.Reg) *emit.Reg {
	// A subnormal number is made normal first.
	tiny := f.Compare(emit.CmpLT, x, f.Const(0x1p-126))
	lift := f.Select(tiny, f.Const(23), f.Zero())
	x = f.Select(tiny, f.Mul(x, f.Const(1<<23)), x)

	over := f.SubInt(x, f.Bits(math.Float32bits(math.Sqrt2/2)))
	e := f.ShiftRightSigned(over, 23)
	m := f.Sub(f.SubInt(x, f.ShiftLeft(e, 23)), f.Const(1))
	n := f.Sub(f.Float(e), lift)
	p := f.Copy(f.Const(logPoly[0]))
	for _, c := range logPoly[1:] {
		f.Horner(p, m, f.Const(c))
	}
	square := f.Mul(m, m)
	p = f.Mul(f.Mul(p, m), square)
	f.FMA(p, n, f.Const(ln2Low))
	f.FNMA(p, square, f.Const(0.5))
	y := f.Add(m, p)
	f.FMA(y, n, f.Const(ln2High))
	return y
}

var logPoly = []float32{
	7.0376836292e-2, -1.1514610310e-1, 1.1676998740e-1, -1.2420140846e-1, 1.4249322787e-1,
	-1.6668057665e-1, 2.0000714765e-1, -2.4999993993e-1, 3.3333331174e-1,
}

// logarithm is log x of any x: −∞ of 0, NaN of what is below.
func logarithm(f *emit.Func, x *emit.Reg) *emit.Reg {
	inf := float32(math.Inf(1))
	y := logPositive(f, x)
	y = f.Select(f.Compare(emit.CmpEQ, x, f.Zero()), f.Const(-inf), y)
	y = f.Select(f.Compare(emit.CmpLT, x, f.Zero()), f.Const(float32(math.NaN())), y)
	y = f.Select(f.Compare(emit.CmpEQ, x, f.Const(inf)), x, y)
	return f.Select(f.Compare(emit.CmpNaN, x, x), x, y)
}

// softplus is log(1+eˣ) = max(x,0) + log(1+e), e = exp(−|x|). What rounding 1+e
// loses comes back as its share of the slope, (e − (u−1))/u.
func softplus(f *emit.Func, x *emit.Reg) *emit.Reg {
	e := expWeight(f, f.Or(x, f.Bits(signBit)))
	one := f.Copy(f.Const(1))
	u := f.Add(e, one)
	lost := f.Div(f.Sub(e, f.Sub(u, one)), u)
	y := f.Add(logPositive(f, u), lost)
	return f.Add(f.Max(f.Zero(), x), y)
}
