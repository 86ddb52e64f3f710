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
	v.mulAdd = mulAddAVX2
	v.sum, v.sumAbs, v.maxOf, v.minOf = sumAVX2, sumAbsAVX2, maxOfAVX2, minOfAVX2
	v.dot, v.spread, v.expSum = dotAVX2, spreadAVX2, expSumAVX2
	v.normalize, v.normSums, v.normGrad = normalizeAVX2, normSumsAVX2, normGradAVX2
	v.moments, v.normMax, v.normMaxSums, v.normMaxGrad = momentsAVX2, normMaxAVX2, normMaxSumsAVX2, normMaxGradAVX2
	v.lstm, v.lstmGrad = lstmAVX2, lstmGradAVX2
	v.update = rules{
		sgdAVX2, momentumAVX2, adamAVX2, adaGradAVX2, rmsPropAVX2, rmsPropMomentumAVX2,
	}.table()
	v.rotate, v.dropout = rotateAVX2, dropouts(dropoutAVX2, 16)
	v.toBF16, v.fromBF16 = narrowing(narrowBF16AVX2, kernel.ToBF16), widening(widenBF16AVX2, kernel.FromBF16)
	v.toF16, v.fromF16 = narrowing(narrowF16AVX2, kernel.ToF16), widening(widenF16AVX2, kernel.FromF16)
	v.fromQ8 = func(dst []float32, src []byte) { widenRowsQ8AVX2(&dst[0], &src[0], 0, 1, len(dst)/32) }
	v.rowsQ8 = func(dst []float32, src *byte, ld, rows, n int) { widenRowsQ8AVX2(&dst[0], src, ld, rows, n/32) }
	plain := v.rowsF16
	v.rowsF16 = func(dst []float32, src *byte, ld, rows, n int) {
		if n%8 != 0 {
			plain(dst, src, ld, rows, n)
			return
		}
		widenRowsF16AVX2(&dst[0], src, ld, rows, n/8)
	}
}

// avx512 replaces the primitives that have an AVX-512 form.
func (v *vectors) avx512() {
	replace(v.unary[:], unaryAVX512)
	replace(v.slope[:], slopeAVX512)
	replace(v.gated[:], gatedAVX512)
	replace(v.gatedGrad[:], gatedGradAVX512)
	replace(v.binary[:], binaryAVX512)
	v.mulAdd = mulAddAVX512
	v.sum, v.sumAbs, v.maxOf, v.minOf = sumAVX512, sumAbsAVX512, maxOfAVX512, minOfAVX512
	v.dot, v.spread, v.expSum = dotAVX512, spreadAVX512, expSumAVX512
	v.normalize, v.normSums, v.normGrad = normalizeAVX512, normSumsAVX512, normGradAVX512
	v.moments, v.normMax, v.normMaxSums, v.normMaxGrad = momentsAVX512, normMaxAVX512, normMaxSumsAVX512, normMaxGradAVX512
	v.lstm, v.lstmGrad = lstmAVX512, lstmGradAVX512
	v.update = rules{
		sgdAVX512, momentumAVX512, adamAVX512, adaGradAVX512, rmsPropAVX512, rmsPropMomentumAVX512,
	}.table()
	v.rotate, v.dropout = rotateAVX512, dropouts(dropoutAVX512, 32)
}

// replace puts the functions that faster has into all.
func replace[Op kernel.UnaryOp | kernel.BinaryOp, F any](all []F, faster map[Op]F) {
	for op, f := range faster {
		all[op] = f
	}
}

// narrowing is a conversion of eight numbers at a time, the rest in plain Go.
func narrowing(f func(dst *uint16, src *float32, n int), one func(float32) uint16) func(dst []uint16, src []float32) {
	return func(dst []uint16, src []float32) {
		n := len(dst) &^ 7
		if n > 0 {
			f(&dst[0], &src[0], n)
		}
		convert(dst[n:], src[n:], one)
	}
}

// widening is the way back.
func widening(f func(dst *float32, src *uint16, n int), one func(uint16) float32) func(dst []float32, src []uint16) {
	return func(dst []float32, src []uint16) {
		n := len(dst) &^ 7
		if n > 0 {
			f(&dst[0], &src[0], n)
		}
		convert(dst[n:], src[n:], one)
	}
}

// dropouts runs f on multiples of step elements that begin with a block of
// random numbers, and plain Go before and behind them.
func dropouts(f func(y, x *float32, n int, block uint64, k0, k1 uint32, rate, scale float32), step int) func(y, x []float32, key, index uint64, rate, scale float32) {
	return func(y, x []float32, key, index uint64, rate, scale float32) {
		first := min(len(y), int(-index&3))
		n := (len(y) - first) / step * step
		dropoutRow(y[:first], x[:first], key, index, rate, scale)
		if n > 0 {
			f(&y[first], &x[first], n, (index+uint64(first))/4, uint32(key), uint32(key>>32), rate, scale)
		}
		last := first + n
		dropoutRow(y[last:], x[last:], key, index+uint64(last), rate, scale)
	}
}
