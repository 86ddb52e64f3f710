package kernel

import "math"

// Philox is the counter-based generator Philox4x32-10 (Salmon et al. 2011,
// "Parallel random numbers: as easy as 1, 2, 3"): ten rounds of two 32-bit
// products turn a key and a block number into four words. It has no state, so
// number i is the same whoever computes it, on any device and in any order.
func Philox(key, block uint64) [4]uint32 {
	return PhiloxWords([4]uint32{uint32(block), uint32(block >> 32)}, uint32(key), uint32(key>>32))
}

// The multipliers and the key's increments of the paper; the increments are
// the golden ratio and √3 − 1 in 32 bits.
const (
	PhiloxM0 = 0xD2511F53
	PhiloxM1 = 0xCD9E8D57
	PhiloxW0 = 0x9E3779B9
	PhiloxW1 = 0xBB67AE85
)

// PhiloxWords is Philox with the whole counter c, all of its 128 bits.
func PhiloxWords(c [4]uint32, k0, k1 uint32) [4]uint32 {
	c0, c1, c2, c3 := c[0], c[1], c[2], c[3] // in registers, which an array is not
	for range 10 {
		p0, p1 := uint64(c0)*PhiloxM0, uint64(c2)*PhiloxM1
		c0, c1, c2, c3 = uint32(p1>>32)^c1^k0, uint32(p1), uint32(p0>>32)^c3^k1, uint32(p0)
		k0 += PhiloxW0
		k1 += PhiloxW1
	}
	return [4]uint32{c0, c1, c2, c3}
}

// Uniform is number index of the stream key, in [0, 1) with 24 bits.
func Uniform(key, index uint64) float32 {
	return UnitFloat(Philox(key, index/4)[index%4])
}

// UnitFloat is the upper 24 bits of u as a float in [0, 1): as many as a
// float32 holds without rounding, so 1 can not come out.
func UnitFloat(u uint32) float32 { return float32(u>>8) * (1.0 / (1 << 24)) }

// Normals sets x to the numbers of the stream key from number first on, normal
// with mean 0 and standard deviation 1. A Philox block makes four, so first must
// be a multiple of 4.
func Normals(x []float32, key, first uint64) {
	if first%4 != 0 {
		panic("kernel: Normals: begins within a block")
	}
	for i := 0; i < len(x); i += 4 {
		w := Philox(key, (first+uint64(i))/4)
		var four [4]float32
		four[0], four[1] = boxMuller(w[0], w[1])
		four[2], four[3] = boxMuller(w[2], w[3])
		copy(x[i:], four[:])
	}
}

// boxMuller turns two words into two normal numbers (Box & Muller 1958).
func boxMuller(v, w uint32) (x, y float32) {
	u := (float64(v) + 0.5) / (1 << 32) // never 0: its logarithm is finite
	s, c := math.Sincos(2 * math.Pi * (float64(w) / (1 << 32)))
	r := math.Sqrt(-2 * math.Log(u))
	return float32(r * c), float32(r * s)
}
