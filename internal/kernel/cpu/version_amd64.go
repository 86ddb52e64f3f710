//go:build !purego

package cpu

import "golang.org/x/sys/cpu"

// All names every version of this build, whether this processor has it or not.
var All = []string{"generic", "avx2", "avx512", "avx512bf16"}

// versions lists what this processor can run, the plainest first. The bits of
// [cpu.X86] include what the operating system saves of the registers.
func versions() []version {
	list := []version{generic()}
	x := &cpu.X86
	if !x.HasAVX2 || !x.HasFMA || !x.HasF16C {
		return list
	}
	list = append(list, avx2(list[0]))
	if x.HasAVX512F && x.HasAVX512BW && x.HasAVX512DQ && x.HasAVX512VL && x.HasBMI2 {
		list = append(list, avx512(list[1]))
		if x.HasAVX512BF16 {
			list = append(list, avx512bf16(list[2]))
		}
	}
	return list
}

// avx2 is 256-bit vectors with fused multiply-add and conversions of halves
// (Haswell 2013, Zen 2017).
func avx2(v version) version {
	v.name = "avx2"
	v.vectors.avx2()
	v.products.avx2()
	v.roof = roof{f32: peak{multiplyAddAVX2, 2 * 8 * 12}, read: readAVX2}
	return v
}

// avx512 is 512-bit vectors (Skylake-X 2017, Zen 4 2022).
func avx512(v version) version {
	v.name = "avx512"
	v.vectors.avx512()
	v.products.avx512()
	v.roof = roof{f32: peak{multiplyAddAVX512, 2 * 16 * 24}, read: readAVX512}
	if cpu.X86.HasAVX512VNNI {
		v.roof.int8 = peak{multiplyAddInt8AVX512, 2 * 4 * 16 * 24}
	}
	return v
}

// avx512bf16 is AVX-512 with products of BF16 pairs, twice as many as of float32
// (Cooper Lake 2020, Zen 4 2022).
func avx512bf16(v version) version {
	v.name = "avx512bf16"
	v.products.avx512bf16()
	v.roof.bf16 = peak{multiplyAddBF16, 2 * 2 * 16 * 24}
	return v
}
