package kernel

import "math"

// Rounded is how many neighbours of a row of A share a scale where they are multiplied by weights of a quantised type:
// 256 where the weights' own scales are whole numbers times one of 256, so that all of their products are
// added in integers, and else 32.
func (d DType) Rounded() int {
	switch d {
	case Q4_K, Q5_K, Q6_K:
		return 256
	}
	return 32
}

// RoundBlock rounds the numbers of x to bytes times the scale that it returns, a 127th of the
// largest magnitude: what a product with quantised weights makes of each [DType.Rounded] neighbours of a row
// of A. Blocks below 2⁻¹⁰⁰ count as zeros; where one is not finite, neither is the scale.
func RoundBlock(q []int8, x []float32) (scale float32) {
	top := uint32(0)
	for _, v := range x {
		top = max(top, math.Float32bits(v)&^(1<<31)) // a NaN is above all
	}
	largest := math.Float32frombits(top)
	clear(q)
	if largest > 0x1p-100 && top < 0x7f800000 {
		rate := 127 / largest
		for i, v := range x {
			q[i] = int8(math.RoundToEven(float64(v * rate)))
		}
	}
	return largest / 127
}
