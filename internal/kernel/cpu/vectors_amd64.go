//go:build !purego

package cpu

// avx2 replaces the primitives that have an AVX2 form.
func (v *vectors) avx2() {
	replace(v.unary[:], unaryAVX2)
	replace(v.slope[:], slopeAVX2)
	replace(v.gated[:], gatedAVX2)
	replace(v.gatedGrad[:], gatedGradAVX2)
}

// avx512 replaces the primitives that have an AVX-512 form.
func (v *vectors) avx512() {
	replace(v.unary[:], unaryAVX512)
	replace(v.slope[:], slopeAVX512)
	replace(v.gated[:], gatedAVX512)
	replace(v.gatedGrad[:], gatedGradAVX512)
}

// replace puts the functions that faster has into all.
func replace[Op ~uint8, F any](all []F, faster map[Op]F) {
	for op, f := range faster {
		all[op] = f
	}
}
