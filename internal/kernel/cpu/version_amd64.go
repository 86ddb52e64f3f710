//go:build !purego

package cpu

import "golang.org/x/sys/cpu"

// All names every version of this build, whether this processor has it or not.
var All = []string{"generic", "avx2", "avxvnni", "avx512", "avx512vnni", "avx512bf16", "amx"}

// versions lists what this processor can run, the plainest first. The bits of
// [cpu.X86] include what the operating system saves of the registers.
func versions() []version {
	list := []version{generic()}
	x := &cpu.X86
	if !x.HasAVX2 || !x.HasFMA || !x.HasF16C {
		return list
	}
	best := func() version { return list[len(list)-1] }
	list = append(list, avx2(best()))
	if x.HasAVXVNNI {
		list = append(list, avxvnni(best()))
	}
	if x.HasAVX512F && x.HasAVX512BW && x.HasAVX512DQ && x.HasAVX512VL && x.HasBMI2 {
		list = append(list, avx512(best()))
		if x.HasAVX512VNNI {
			list = append(list, avx512vnni(best()))
		}
		if x.HasAVX512BF16 {
			list = append(list, avx512bf16(best()))
		}
		if x.HasAVX512VNNI && x.HasAVX512BF16 && x.HasAMXInt8 && x.HasAMXBF16 && tilesAllowed() {
			list = append(list, amx(best()))
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
	v.dots.avx2()
	v.roof = roof{f32: peak{multiplyAddAVX2, 2 * 8 * 12}, read: readAVX2}
	return v
}

// avx512 is 512-bit vectors (Skylake-X 2017, Zen 4 2022).
func avx512(v version) version {
	v.name = "avx512"
	v.vectors.avx512()
	v.products.avx512()
	v.dots.round, v.dots.roundWide = roundBlocksAVX512, roundWideAVX512
	v.roof = roof{f32: peak{multiplyAddAVX512, 2 * 16 * 24}, read: readAVX512}
	return v
}

// avxvnni is AVX2 with products of fours of bytes (Alder Lake 2021, Zen 5 2024).
func avxvnni(v version) version {
	v.name = "avxvnni"
	v.dots.avxvnni()
	return v
}

// avx512vnni is AVX-512 with products of fours of bytes (Ice Lake 2019, Zen 4 2022).
func avx512vnni(v version) version {
	v.name = "avx512vnni"
	v.dots.avx512vnni()
	v.roof.int8 = peak{multiplyAddInt8AVX512, 2 * 4 * 16 * 24}
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

// amx is AVX-512 with products of tiles: eight times as many as of vectors
// (Sapphire Rapids 2023).
func amx(v version) version {
	v.name = "amx"
	v.dots.amx()
	v.products.amx()
	v.roof.bf16 = peak{multiplyAddAMX, 2 * 2 * 4 * 16 * 16 * 16}
	v.roof.int8 = peak{multiplyAddInt8AMX, 2 * 4 * 4 * 16 * 16 * 16}
	return v
}
