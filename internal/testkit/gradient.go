package testkit

import (
	"math"
	"testing"
)

// Gradient returns ∂f/∂x by the five-point central difference
//
//	f'(x) ≈ (f(x-2h) - 8f(x-h) + 8f(x+h) - f(x+2h)) / 12h
//
// (Abramowitz and Stegun 1964, 25.3.6) with h scaled by max(1, |x[i]|). Its error is
// h⁴·f⁗'/30 plus about 1.5·ε/h, where ε is the rounding error of f: an h of 1e-3 suits
// an f that computes in float64, 1e-2 to 3e-2 one that computes in float32.
//
// f gets x itself with one element moved, and must not keep it. x is as before
// on return.
func Gradient(f func(x []float64) float64, x []float64, h float64) []float64 {
	g := make([]float64, len(x))
	for i, at := range x {
		step := h * math.Max(1, math.Abs(at))
		value := func(k float64) float64 {
			x[i] = at + k*step
			return f(x)
		}
		g[i] = (value(-2) - 8*value(-1) + 8*value(1) - value(2)) / (12 * step)
		x[i] = at
	}
	return g
}

// CheckGradient compares grad, a gradient of f at x derived by hand, with
// [Gradient] at step h, as [Close] does.
func CheckGradient(t testing.TB, what string, f func(x []float64) float64, x, grad []float64, h, rtol, atol float64) bool {
	t.Helper()
	return Close(t, what+" against its numeric gradient", grad, Gradient(f, x, h), rtol, atol)
}
