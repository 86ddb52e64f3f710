package kernel

import "math"

// Blocks of Q8_0: the scale as F16, then 32 integers of 8 bits (ggml's layout).
const (
	q8Block = 32
	q8Bytes = 2 + q8Block
)

// ToQ8 quantises src, whole blocks of 32 numbers, to dst: the scale is the largest absolute
// value over 127, numbers are rounded to its nearest multiple, away from zero in the middle. A block
// with a number that is not finite, or too large for the scale, becomes NaN.
func ToQ8(dst []byte, src []float32) {
	for len(src) >= q8Block {
		toQ8Block(dst[:q8Bytes], src[:q8Block])
		dst, src = dst[q8Bytes:], src[q8Block:]
	}
}

func toQ8Block(dst []byte, src []float32) {
	var bits uint32 // of the largest absolute value: they are ordered as the numbers are, NaN last
	for _, x := range src {
		bits = max(bits, math.Float32bits(x)&^(1<<31))
	}
	scale := math.Float32frombits(bits) / 127
	half := ToF16(scale)
	if half >= 0x7c00 {
		half, scale = 0x7e00, 0
	}
	dst[0], dst[1] = byte(half), byte(half>>8)
	inverse := float32(0)
	if scale > 0 {
		inverse = 1 / scale
	}
	if math.IsInf(float64(inverse), 0) { // a scale of the smallest numbers: they are 0 as F16
		inverse = 0
	}
	for i, x := range src {
		v := float32(0)
		if inverse > 0 {
			v = float32(x * inverse)
		}
		dst[2+i] = byte(int8(v + float32(math.Copysign(0.5, float64(v)))))
	}
}
