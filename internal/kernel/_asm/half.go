package main

import "github.com/inkstone-ai/inkstone/internal/kernel/_asm/emit"

// half writes the conversions to numbers of 16 bits. They wait for memory, so
// one width serves both versions; pack has those back to float32.
func half() *emit.File {
	file := &emit.File{Name: "half"}
	list := []emit.Param{{Name: "dst", Type: "*uint16"}, {Name: "src", Type: "*float32"}, {Name: "n", Type: "int"}}
	file.Func(emit.AVX2, "narrowBF16", "rounds n numbers to BF16, n a multiple of 8.", list, func(f *emit.Func) { narrow(f, narrowBF16) })
	file.Func(emit.AVX2, "narrowF16", "rounds n numbers to F16, n a multiple of 8.", list, func(f *emit.Func) { narrow(f, narrowF16) })
	return file
}

func narrow(f *emit.Func, body func(f *emit.Func, v *emit.Reg, dst emit.Mem)) {
	dst, src, n := f.Arg("dst"), f.Arg("src"), f.Arg("n")
	f.While("eight", n, 8, func() {
		body(f, f.Load(emit.At(src, 0)), emit.At(dst, 0))
		f.I("ADDQ", 32, src)
		f.I("ADDQ", 16, dst)
	})
	f.Ret()
}

// narrowBF16 adds half of what is cut off, a little less before an even number.
// A NaN only turns quiet: rounding could carry its payload into infinity.
func narrowBF16(f *emit.Func, v *emit.Reg, dst emit.Mem) {
	upper := f.ShiftRight(v, 16)
	odd := f.And(upper, f.Bits(1))
	rounded := f.ShiftRight(f.AddInt(f.AddInt(v, f.Bits(0x7fff)), odd), 16)
	nan := f.Compare(emit.CmpNaN, v, v)
	w, high := f.Select(nan, f.Or(upper, f.Bits(0x40)), rounded), f.Vec().Low("X")
	f.I("VEXTRACTF128", 1, w, high)
	f.I("VPACKUSDW", high, w.Low("X"), high)
	f.I("VMOVUPS", high, dst)
}

// narrowF16 is the processor's own conversion, to nearest even.
func narrowF16(f *emit.Func, v *emit.Reg, dst emit.Mem) { f.I("VCVTPS2PH", 0, v, dst) }
