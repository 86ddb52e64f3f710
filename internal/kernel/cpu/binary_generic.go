package cpu

import (
	"math"

	"github.com/inkstone-ai/inkstone/internal/kernel"
)

// The plain loops of two operands. Those that training spends its time in are
// written out; the rest go through one indirect call an element.

func addRow(dst, a, b []float32) {
	a, b = a[:len(dst)], b[:len(dst)]
	for i := range dst {
		dst[i] = a[i] + b[i]
	}
}

func subRow(dst, a, b []float32) {
	a, b = a[:len(dst)], b[:len(dst)]
	for i := range dst {
		dst[i] = a[i] - b[i]
	}
}

func mulRow(dst, a, b []float32) {
	a, b = a[:len(dst)], b[:len(dst)]
	for i := range dst {
		dst[i] = a[i] * b[i]
	}
}

func mulAddRow(dst, a, b []float32) {
	a, b = a[:len(dst)], b[:len(dst)]
	for i := range dst {
		dst[i] += a[i] * b[i]
	}
}

// pairing is f applied to rows.
func pairing(f func(a, b float32) float32) func(dst, a, b []float32) {
	return func(dst, a, b []float32) {
		a, b = a[:len(dst)], b[:len(dst)]
		for i := range dst {
			dst[i] = f(a[i], b[i])
		}
	}
}

func truth(b bool) float32 {
	if b {
		return 1
	}
	return 0
}

// binaryRows is the generic table of binary operations.
var binaryRows = [kernel.LessEqual + 1]func(dst, a, b []float32){
	kernel.Add:       addRow,
	kernel.Sub:       subRow,
	kernel.Mul:       mulRow,
	kernel.Div:       pairing(func(a, b float32) float32 { return a / b }),
	kernel.Pow:       pairing(func(a, b float32) float32 { return float32(math.Pow(float64(a), float64(b))) }),
	kernel.Max:       pairing(func(a, b float32) float32 { return max(a, b) }),
	kernel.Min:       pairing(func(a, b float32) float32 { return min(a, b) }),
	kernel.Equal:     pairing(func(a, b float32) float32 { return truth(a == b) }),
	kernel.Less:      pairing(func(a, b float32) float32 { return truth(a < b) }),
	kernel.LessEqual: pairing(func(a, b float32) float32 { return truth(a <= b) }),
}
