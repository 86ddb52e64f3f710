//go:build !purego

package cpu

import "github.com/inkstone-ai/inkstone/internal/kernel"

// avx2 replaces the primitives that have an AVX2 form.
func (v *vectors) avx2() {
	replace(v.unary[:], unaryAVX2)
	replace(v.slope[:], slopeAVX2)
	replace(v.gated[:], gatedAVX2)
	replace(v.gatedGrad[:], gatedGradAVX2)
	replace(v.binary[:], binaryAVX2)
	v.mulAdd, v.axpy = mulAddAVX2, axpyAVX2
	v.sum, v.sumAbs, v.maxOf, v.minOf = sumAVX2, sumAbsAVX2, maxOfAVX2, minOfAVX2
	v.dot, v.spread, v.expSum = dotAVX2, spreadAVX2, expSumAVX2
	v.normalize, v.normSums, v.normGrad = normalizeAVX2, normSumsAVX2, normGradAVX2
	v.update = rules{
		sgdAVX2, momentumAVX2, adamAVX2, adaGradAVX2, rmsPropAVX2, rmsPropMomentumAVX2,
	}.table()
}

// avx512 replaces the primitives that have an AVX-512 form.
func (v *vectors) avx512() {
	replace(v.unary[:], unaryAVX512)
	replace(v.slope[:], slopeAVX512)
	replace(v.gated[:], gatedAVX512)
	replace(v.gatedGrad[:], gatedGradAVX512)
	replace(v.binary[:], binaryAVX512)
	v.mulAdd, v.axpy = mulAddAVX512, axpyAVX512
	v.sum, v.sumAbs, v.maxOf, v.minOf = sumAVX512, sumAbsAVX512, maxOfAVX512, minOfAVX512
	v.dot, v.spread, v.expSum = dotAVX512, spreadAVX512, expSumAVX512
	v.normalize, v.normSums, v.normGrad = normalizeAVX512, normSumsAVX512, normGradAVX512
	v.update = rules{
		sgdAVX512, momentumAVX512, adamAVX512, adaGradAVX512, rmsPropAVX512, rmsPropMomentumAVX512,
	}.table()
}

// replace puts the functions that faster has into all.
func replace[Op kernel.UnaryOp | kernel.BinaryOp, F any](all []F, faster map[Op]F) {
	for op, f := range faster {
		all[op] = f
	}
}
