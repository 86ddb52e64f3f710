package testkit

import (
	"math"
	"testing"
)

// Close reports whether |got[i]-want[i]| ≤ atol + rtol·|want[i]| for every i,
// the rule of numpy's allclose. A NaN equals a NaN, an infinity equals itself.
// Otherwise it calls t.Errorf with the number of misses and the worst of them,
// the one that exceeds its tolerance by the largest factor.
func Close[F float32 | float64](t testing.TB, what string, got, want []F, rtol, atol float64) bool {
	t.Helper()
	if len(got) != len(want) {
		t.Errorf("%s: got %d numbers, want %d", what, len(got), len(want))
		return false
	}
	misses, worst, most := 0, 0, 0.0
	for i := range got {
		g, w := float64(got[i]), float64(want[i])
		if by := excess(g, w, atol+rtol*math.Abs(w)); by > 1 {
			misses++
			if by > most {
				worst, most = i, by
			}
		}
	}
	if misses == 0 {
		return true
	}
	t.Errorf("%s: %d of %d numbers differ by more than rtol %g and atol %g; the worst is [%d]: got %v, want %v, difference %.3g",
		what, misses, len(got), rtol, atol, worst, got[worst], want[worst], float64(got[worst])-float64(want[worst]))
	return false
}

// excess is the difference of got and want in units of the tolerance.
func excess(got, want, tol float64) float64 {
	if got == want || math.IsNaN(got) && math.IsNaN(want) {
		return 0
	}
	d := math.Abs(got - want)
	if math.IsNaN(d) || math.IsInf(d, 0) || tol == 0 {
		return math.Inf(1)
	}
	return d / tol
}

// SameBits reports whether got and want are equal bit for bit, the sign of zero
// and the payload of NaN included, as determinism asks. Otherwise it calls
// t.Errorf with the number of differences and the first of them.
func SameBits[F float32 | float64](t testing.TB, what string, got, want []F) bool {
	t.Helper()
	if len(got) != len(want) {
		t.Errorf("%s: got %d numbers, want %d", what, len(got), len(want))
		return false
	}
	count, first := 0, -1
	for i := range got {
		if bits(got[i]) != bits(want[i]) {
			if count++; first < 0 {
				first = i
			}
		}
	}
	if count == 0 {
		return true
	}
	t.Errorf("%s: %d of %d numbers differ in their bits; the first is [%d]: got %v (%#x), want %v (%#x)",
		what, count, len(got), first, got[first], bits(got[first]), want[first], bits(want[first]))
	return false
}

// bits does not widen a float32 through float64: the conversion would quiet a
// signalling NaN.
func bits[F float32 | float64](x F) uint64 {
	switch x := any(x).(type) {
	case float32:
		return uint64(math.Float32bits(x))
	case float64:
		return math.Float64bits(x)
	}
	panic("testkit: a type outside of the constraint")
}
