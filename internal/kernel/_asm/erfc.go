package main

import (
	"math"

	"github.com/inkstone-ai/inkstone/internal/kernel/_asm/emit"
)

// erfcPoly is P in erfc(z) = t·P(t)·exp(−z²), t = 1/(1 + z/2), z ≥ 0, the highest
// power first: fitted by testdata/erfc.py, relative error 3e-7 in float32.
var erfcPoly = []float32{
	-0.05938504654503944, 0.28611840782821863, -0.49039734949579306, 0.281725461266061, -0.02914463290936721,
	0.20375141453939194, 0.24283528133858673, 0.2824120889571707, 0.28208433127254395,
}

// erfc is the complementary error function of z ≥ 0, given exp(−z²).
func erfc(f *emit.Func, z, bell *emit.Reg) *emit.Reg {
	one := f.Copy(f.Const(1))
	d := f.Copy(f.Const(0.5))
	f.Horner(d, z, one)
	t := f.Div(one, d)
	p := f.Copy(f.Const(erfcPoly[0]))
	for _, c := range erfcPoly[1:] {
		f.Horner(p, t, f.Const(c))
	}
	return f.Mul(f.Mul(p, t), bell)
}

// magnitude is |x|.
func magnitude(f *emit.Func, x *emit.Reg) *emit.Reg { return f.And(x, f.Bits(signBit-1)) }

// erf is the error function; below |x| = ½, where 1 − erfc cancels, its series.
func erf(f *emit.Func, x *emit.Reg) *emit.Reg {
	sign := f.And(x, f.Bits(signBit))
	z := f.Min(f.Copy(f.Const(10)), magnitude(f, x))
	square := f.Mul(z, z)
	far := f.Sub(f.Copy(f.Const(1)), erfc(f, z, expWeight(f, f.Xor(square, f.Bits(signBit)))))
	near := f.Copy(f.Const(erfSeries[0]))
	for _, c := range erfSeries[1:] {
		f.Horner(near, square, f.Const(c))
	}
	small := f.Compare(emit.CmpLT, z, f.Const(0.5))
	return f.Or(f.Select(small, f.Mul(near, z), far), sign)
}

// erfSeries is Maclaurin's, 2/√π·Σ (−1)ⁿ x²ⁿ/(n!·(2n+1)), n from 6 down to 0: below |x| = ½
// the next term is 1e-8 of the sum.
var erfSeries = func() (c []float32) {
	factorial := 720.0
	for n := 6; n >= 0; n-- {
		c = append(c, float32(2/math.SqrtPi*math.Pow(-1, float64(n))/(factorial*float64(2*n+1))))
		factorial /= float64(max(n, 1))
	}
	return c
}()

// gaussian is Φ(x), the normal distribution's, and φ(x), its density.
func gaussian(f *emit.Func, x *emit.Reg) (cdf, density *emit.Reg) {
	bell := expWeight(f, f.Mul(f.Mul(x, x), f.Const(-0.5)))
	tail := f.Mul(erfc(f, f.Mul(magnitude(f, x), f.Const(math.Sqrt2/2)), bell), f.Const(0.5))
	negative := f.Compare(emit.CmpLT, x, f.Zero())
	cdf = f.Select(negative, tail, f.Sub(f.Copy(f.Const(1)), tail))
	return cdf, f.Mul(bell, f.Const(1/math.Sqrt2/math.SqrtPi))
}

// geluErf is x·Φ(x) and its derivative Φ(x) + x·φ(x).
func geluErf(f *emit.Func, x *emit.Reg) (y, slope *emit.Reg) {
	c := clamp(f, x, 40)
	cdf, density := gaussian(f, c)
	y = f.Mul(f.Max(c, x), cdf)
	f.FMA(cdf, c, density)
	return y, cdf
}
