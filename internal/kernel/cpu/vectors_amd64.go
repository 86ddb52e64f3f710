//go:build !purego

package cpu

// avx2 replaces the primitives that have an AVX2 form.
func (v *vectors) avx2() {}

// avx512 replaces the primitives that have an AVX-512 form.
func (v *vectors) avx512() {}
