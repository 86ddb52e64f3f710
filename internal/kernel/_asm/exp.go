package main

import (
	"math"

	"github.com/inkstone-ai/inkstone/internal/kernel/_asm/emit"
)

// expWeight is eˣ for the weights of a softmax, x ≤ 88. What would be below
// 2⁻¹²⁶ is 0: such weights add nothing, and subnormal numbers are slow.
// The error is below 2 units in the last place.
//
// x = n·ln2 + r with |r| ≤ ln2/2; e^r is the polynomial of Cephes' expf
// (Moshier 1989), 2ⁿ is added to the exponent.
func expWeight(f *emit.Func, x *emit.Reg) *emit.Reg {
	n := f.Round(f.Mul(x, f.Const(math.Log2E)))
	r := f.Copy(x)
	f.FNMA(r, n, f.Const(ln2High))
	f.FNMA(r, n, f.Const(ln2Low))
	p := f.Copy(f.Const(expPoly[0]))
	for _, c := range expPoly[1:] {
		f.Horner(p, r, f.Const(c))
	}
	f.Horner(p, f.Mul(r, r), r)
	y := f.AddInt(f.Add(p, f.Const(1)), f.ShiftLeft(f.Int(n), 23))
	tiny := f.Compare(emit.CmpLT, x, f.Const(-87.33654))
	return f.Select(tiny, f.Const(0), y)
}

// ln2High has few enough bits that n·ln2High is exact.
const (
	ln2High = 0.693359375
	ln2Low  = -2.12194440e-4
)

var expPoly = []float32{1.9875691500e-4, 1.3981999507e-3, 8.3334519073e-3, 4.1665795894e-2, 1.6666665459e-1, 5.0000001201e-1}
