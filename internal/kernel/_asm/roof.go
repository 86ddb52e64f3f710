package main

import "github.com/inkstone-ai/inkstone/internal/kernel/_asm/emit"

// roof writes what no kernel can exceed: multiply-adds in registers, as many
// at once as hide their latency, and loads that wait for nothing.
func roof() *emit.File {
	file := &emit.File{Name: "roof"}
	for _, isa := range versions {
		file.Func(isa, "multiplyAdd", `runs n rounds of a multiply-add in every accumulator: 12, or 24 of AVX-512.`,
			[]emit.Param{{Name: "n", Type: "int"}}, multiplyAdd)
		file.Func(isa, "read", `reads n floats, as many of them as fill blocks of eight vectors.`,
			[]emit.Param{{Name: "p", Type: "*float32"}, {Name: "n", Type: "int"}}, read)
	}
	list := []emit.Param{{Name: "n", Type: "int"}}
	file.Func(emit.BF16, "multiplyAdd", `is the same with pairs of BF16.`, list, multiplyAdd)
	file.Func(emit.AVX512, "multiplyAddInt8", `is the same with fours of bytes, which want VNNI.`, list, func(f *emit.Func) {
		rounds(f, func(acc, a, b *emit.Reg) { f.I("VPDPBUSD", b, a, acc) })
	})
	file.Func(emit.AMX, "multiplyAddInt8", `runs n rounds of products of four pairs of tiles of bytes.`, list, func(f *emit.Func) { tileRounds(f, "TDPBSSD") })
	file.Func(emit.AMX, "multiplyAdd", `is the same with tiles of BF16.`, list, func(f *emit.Func) { tileRounds(f, "TDPBF16PS") })
	return file
}

// tileRounds multiplies two tiles by two others.
func tileRounds(f *emit.Func, op string) {
	shape := f.GP()
	f.I("LEAQ", stripShape(f, 16), shape)
	f.I("LDTILECFG", emit.At(shape, 0))
	f.Repeat("round", f.Arg("n"), func() {
		for i, left := range stripLeft {
			for h, right := range stripRight {
				f.I(op, right, left, stripSums[i][h])
			}
		}
	})
	f.I("TILERELEASE")
	f.Ret()
}

func multiplyAdd(f *emit.Func) {
	if f.ISA == emit.BF16 {
		rounds(f, f.Dot2)
	} else {
		rounds(f, func(acc, a, b *emit.Reg) { f.FMA(acc, a, b) })
	}
}

func rounds(f *emit.Func, add func(acc, a, b *emit.Reg)) {
	a, b := f.Zero(), f.Zero()
	acc := make([]*emit.Reg, chains(f.ISA))
	for i := range acc {
		acc[i] = f.Zero()
	}
	f.Repeat("round", f.Arg("n"), func() {
		for _, r := range acc {
			add(r, a, b)
		}
	})
	f.Ret()
}

// chains is the number of registers that a product's tile adds in.
func chains(isa *emit.ISA) int { return isa.Regs * 3 / 4 }

// read adds up what it loads, so that each load must have come. It goes through
// four stretches at once: memory gives more to several streams.
func read(f *emit.Func) {
	const streams = 4
	p, n, width := f.Arg("p"), f.Arg("n"), f.ISA.Bytes()
	f.I("SHRQ", 2, n)
	at := []*emit.Reg{p}
	for i := range streams - 1 {
		q := f.GP()
		f.I("LEAQ", emit.AtIndex(at[i], n, 4), q)
		at = append(at, q)
	}
	var acc [2 * streams]*emit.Reg
	for i := range acc {
		acc[i] = f.Zero()
	}
	f.While("block", n, 2*width/4, func() {
		for i, r := range acc {
			f.AddTo(r, emit.At(at[i/2], i%2*width))
		}
		for _, q := range at {
			f.I("ADDQ", 2*width, q)
		}
	})
	f.Ret()
}
