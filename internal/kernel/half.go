package kernel

import "math"

// Half-width floats travel as their bits: BF16 is the upper half of a float32
// (8 bits of exponent, 7 of fraction), F16 is IEEE 754 binary16 (5 and 10).

// FromBF16 widens a bfloat16; every value is exact.
func FromBF16(h uint16) float32 { return math.Float32frombits(uint32(h) << 16) }

// ToBF16 rounds to the nearest bfloat16, ties to even. A NaN stays a NaN: it
// turns quiet, because rounding could carry its payload into infinity.
func ToBF16(x float32) uint16 {
	u := math.Float32bits(x)
	if x != x {
		return uint16(u>>16) | 0x40
	}
	return uint16((u + 0x7fff + u>>16&1) >> 16)
}

// FromF16 widens a binary16; every value is exact.
func FromF16(h uint16) float32 {
	sign := uint32(h&0x8000) << 16
	exp, frac := uint32(h>>10&31), uint32(h&0x3ff)
	switch exp {
	case 0: // zero and subnormals: frac·2⁻²⁴, exact in float32
		x := float32(frac) * (1.0 / (1 << 24))
		return math.Float32frombits(math.Float32bits(x) | sign)
	case 31: // infinity, NaN
		return math.Float32frombits(sign | 0x7f800000 | frac<<13)
	}
	return math.Float32frombits(sign | (exp+127-15)<<23 | frac<<13)
}

// ToF16 rounds to the nearest binary16, ties to even. What is too large for it
// (from 65520 up) becomes infinity, as IEEE 754 says; a NaN turns quiet.
func ToF16(x float32) uint16 {
	u := math.Float32bits(x)
	sign, u := uint16(u>>16&0x8000), u&0x7fffffff
	switch {
	case u > 0x7f800000: // NaN
		return sign | 0x7e00 | uint16(u>>13&0x3ff)
	case u >= 0x477ff000: // 65520, halfway to the number after the largest
		return sign | 0x7c00
	case u < 0x38800000: // below 2⁻¹⁴: adding 0.5 leaves the subnormal, rounded, in the low bits
		x := math.Float32frombits(u) + 0.5
		return sign | uint16(math.Float32bits(x)-0x3f000000)
	}
	u += 0xfff + u>>13&1                    // round what is cut off
	return sign | uint16((u-(112<<23))>>13) // the bias falls from 127 to 15
}
