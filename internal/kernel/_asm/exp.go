package main

import (
	"math"

	"github.com/inkstone-ai/inkstone/internal/kernel/_asm/emit"
)

// The exponential and what is made of it. x = n·ln2 + r with |r| ≤ ln2/2; e^r
// is the polynomial of Cephes' expf (Moshier 1989). NaN goes through: products
// keep it, comparisons and extrema have x where NaN keeps it.

// shift is 1.5·2²³ + 127. A float32 of that size counts in ones, so that adding
// it rounds, and leaves n + 127 in the low bits: the exponent of 2ⁿ.
const shift = 3<<22 + 127

// reduced is t, which has n + 127 in its low bits, and e^r − 1.
func reduced(f *emit.Func, x *emit.Reg) (t, p *emit.Reg) {
	t = f.Copy(f.Const(shift))
	f.FMA(t, x, f.Const(math.Log2E))
	n, r := f.Sub(t, f.Const(shift)), f.Copy(x)
	f.FNMA(r, n, f.Const(ln2High))
	f.FNMA(r, n, f.Const(ln2Low))
	pair := func(i int) *emit.Reg {
		p := f.Copy(f.Const(expPoly[i]))
		f.Horner(p, r, f.Const(expPoly[i+1]))
		return p
	}
	square, low, mid := f.Mul(r, r), pair(4), pair(2)
	p = pair(0)
	f.Horner(p, square, mid)
	f.Horner(p, square, low)
	f.Horner(p, square, r)
	return t, p
}

// expWeight is eˣ for the weights of a softmax, x ≤ 88. What would be below
// 2⁻¹²⁶ is 0: such weights add nothing, and subnormal numbers are slow.
// The error is below 2 units in the last place.
func expWeight(f *emit.Func, x *emit.Reg) *emit.Reg {
	t, p := reduced(f, x)
	scale := f.ShiftLeft(t, 23)
	f.Horner(p, scale, scale)
	tiny := f.Compare(emit.CmpLT, x, f.Const(-87.33654))
	return f.Select(tiny, f.Const(0), p)
}

// exp is eˣ for every x, subnormal results included: 2ⁿ is multiplied in two
// halves, because it may lie outside of float32 where 2ⁿ·e^r does not.
func exp(f *emit.Func, x *emit.Reg) *emit.Reg {
	x = f.Min(f.Copy(f.Const(89)), f.Max(f.Copy(f.Const(-104)), x)) // beyond: ∞ and 0
	t, p := reduced(f, x)
	p = f.Add(p, f.Const(1))
	whole := f.SubInt(t, f.Const(shift))
	half := f.ShiftRightSigned(whole, 1)
	return f.Mul(f.Mul(p, power2(f, half)), power2(f, f.SubInt(whole, half)))
}

// power2 is 2ⁿ as a float32, n an integer in −126…127.
func power2(f *emit.Func, n *emit.Reg) *emit.Reg {
	return f.ShiftLeft(f.AddInt(n, f.Bits(127)), 23)
}

// expm1 is eˣ − 1 for x ≤ 0, exact to the last places near 0 as well: with
// n = 0 it is the polynomial itself. Below −30 it is −1.
func expm1(f *emit.Func, x *emit.Reg) *emit.Reg {
	x = f.Max(f.Copy(f.Const(-30)), x)
	t, p := reduced(f, x)
	scale := f.ShiftLeft(t, 23)
	y := f.Sub(scale, f.Const(1))
	f.FMA(y, p, scale)
	return y
}

// ln2High has few enough bits that n·ln2High is exact.
const (
	ln2High = 0.693359375
	ln2Low  = -2.12194440e-4
)

var expPoly = []float32{1.9875691500e-4, 1.3981999507e-3, 8.3334519073e-3, 4.1665795894e-2, 1.6666665459e-1, 5.0000001201e-1}
