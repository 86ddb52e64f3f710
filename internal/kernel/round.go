package kernel

import "math"

// RoundBlock rounds x, 32 numbers, to bytes times the scale that it returns, a 127th of the
// largest magnitude: what a product with quantised weights makes of each 32 neighbours of a row
// of A. Blocks below 2⁻¹⁰⁰ count as zeros; where one is not finite, neither is the scale.
func RoundBlock(q *[32]int8, x []float32) (scale float32) {
	top := uint32(0)
	for _, v := range x {
		top = max(top, math.Float32bits(v)&^(1<<31)) // a NaN is above all
	}
	largest := math.Float32frombits(top)
	*q = [32]int8{}
	if largest > 0x1p-100 && top < 0x7f800000 {
		rate := 127 / largest
		for i, v := range x {
			q[i] = int8(math.RoundToEven(float64(v * rate)))
		}
	}
	return largest / 127
}
