package main

import "github.com/inkstone-ai/inkstone/internal/kernel/_asm/emit"

// pack writes the kernels that rearrange operands for products.
func pack() *emit.File {
	file := &emit.File{Name: "pack"}
	file.Func(emit.AVX2, "transpose8", `transposes 8 rows of k elements, ld apart in src: element (i,j) goes to
dst[j·ds+i].`, []emit.Param{
		{Name: "dst", Type: "*float32"}, {Name: "ds", Type: "int"},
		{Name: "src", Type: "*float32"}, {Name: "ld", Type: "int"}, {Name: "k", Type: "int"},
	}, transpose8)
	file.Func(emit.AVX2, "words8", `transposes 8 rows of n words, a multiple of 4, stride bytes apart: word j of row i,
each bit that is set in flip turned, goes to byte 64j+4i of dst.`, []emit.Param{
		{Name: "dst", Type: "*byte"}, {Name: "src", Type: "*byte"}, {Name: "stride", Type: "int"}, {Name: "n", Type: "int"}, {Name: "flip", Type: "uint32"},
	}, words8)
	for _, half := range []struct{ name, doc string }{
		{"widenBF16", "widens n BF16 numbers, n a multiple of 8."},
		{"widenF16", "widens n F16 numbers, n a multiple of 8."},
	} {
		file.Func(emit.AVX2, half.name, half.doc, []emit.Param{
			{Name: "dst", Type: "*float32"}, {Name: "src", Type: "*uint16"}, {Name: "n", Type: "int"},
		}, func(f *emit.Func) { widen(f, half.name == "widenBF16") })
	}
	rows := []emit.Param{
		{Name: "dst", Type: "*float32"}, {Name: "src", Type: "*byte"},
		{Name: "ld", Type: "int"}, {Name: "rows", Type: "int"}, {Name: "n", Type: "int"},
	}
	file.Func(emit.AVX2, "widenRowsQ8", `widens rows of n blocks of Q8_0, ld bytes apart, to rows side by side.`, rows, widenRowsQ8)
	file.Func(emit.AVX2, "widenRowsF16", `widens rows of 8·n F16 numbers, ld bytes apart, to rows side by side.`, rows, widenRowsF16)
	file.Func(emit.AVX2, "touch", `asks for rows of n floats, ld apart, to be brought near.`, []emit.Param{
		{Name: "p", Type: "*float32"}, {Name: "ld", Type: "int"}, {Name: "rows", Type: "int"}, {Name: "n", Type: "int"},
	}, touch)
	for _, isa := range versions {
		file.Func(isa, "panels", `copies k rows, ld apart in src, of several panels to dst, panel t to
t·ps on, where its rows follow each other.`, []emit.Param{
			{Name: "dst", Type: "*float32"}, {Name: "ps", Type: "int"}, {Name: "src", Type: "*float32"},
			{Name: "ld", Type: "int"}, {Name: "count", Type: "int"}, {Name: "k", Type: "int"},
		}, panels)
	}
	return file
}

func words8(f *emit.Func) {
	dst, src, stride, n, line := f.Arg("dst"), f.Arg("src"), f.Arg("stride"), f.Arg("n"), f.GP()
	flip := f.Broadcast(f.ArgMem("flip"))
	f.I("MOVQ", 64, line)
	rows := rowPointers(f, src, stride, 8)
	f.While("four", n, 4, func() {
		transpose4(f, rows, stride, dst, line, func(v *emit.Reg) *emit.Reg { return f.Xor(v, flip) })
		for _, r := range rows {
			f.I("ADDQ", 16, r)
		}
	})
	f.Ret()
}

func transpose8(f *emit.Func) {
	dst, ds, src, ld, k := f.Arg("dst"), f.Arg("ds"), f.Arg("src"), f.Arg("ld"), f.Arg("k")
	f.I("SHLQ", 2, ds)
	f.I("SHLQ", 2, ld)
	rows := rowPointers(f, src, ld, 8)
	f.While("four", k, 4, func() {
		transpose4(f, rows, ld, dst, ds, func(v *emit.Reg) *emit.Reg { return v })
		for _, r := range rows {
			f.I("ADDQ", 16, r)
		}
	})
	f.Repeat("one", k, func() {
		for i := range 8 {
			v := f.Vec().Low("X")
			f.I("VMOVSS", rowAt(rows, ld, i), v)
			f.I("VMOVSS", v, emit.At(dst, 4*i))
		}
		f.I("ADDQ", ds, dst)
		for _, r := range rows {
			f.I("ADDQ", 4, r)
		}
	})
	f.Ret()
}

// transpose4 turns four columns of eight rows into four rows of dst. Rows i
// and i+4 share a register, so that no shuffle has to cross its halves. last is what
// happens to a row before it is stored.
func transpose4(f *emit.Func, rows []*emit.Reg, ld, dst, ds *emit.Reg, last func(*emit.Reg) *emit.Reg) {
	var r [4]*emit.Reg
	for i := range r {
		low := f.Vec()
		f.I("VMOVUPS", rowAt(rows, ld, i), low.Low("X"))
		r[i] = f.Vec()
		f.I("VINSERTF128", 1, rowAt(rows, ld, i+4), low, r[i])
	}
	two := func(op string, a, b *emit.Reg) *emit.Reg {
		d := f.Vec()
		f.I(op, b, a, d)
		return d
	}
	for _, half := range []string{"VUNPCKLPS", "VUNPCKHPS"} {
		ab, cd := two(half, r[0], r[1]), two(half, r[2], r[3])
		for _, pair := range []string{"VUNPCKLPD", "VUNPCKHPD"} {
			f.Store(last(two(pair, ab, cd)), emit.At(dst, 0))
			f.I("ADDQ", ds, dst)
		}
	}
}

// panels goes row by row, as the rows lie on pages of their own.
func panels(f *emit.Func) {
	dst, ps, src, ld, k := f.Arg("dst"), f.Arg("ps"), f.Arg("src"), f.Arg("ld"), f.Arg("k")
	f.I("SHLQ", 2, ps)
	f.I("SHLQ", 2, ld)
	width := f.ISA.Bytes()
	ahead := f.GP()
	f.I("MOVQ", ld, ahead)
	f.I("SHLQ", 3, ahead)
	f.Repeat("k", k, func() {
		from, to, n := f.GP(), f.GP(), f.Arg("count")
		f.I("MOVQ", src, from)
		f.I("MOVQ", dst, to)
		f.Repeat("panel", n, func() {
			f.I("PREFETCHT0", emit.AtIndex(from, ahead, 1))
			if width == 64 {
				f.I("PREFETCHT0", mem(emit.AtIndex(from, ahead, 1), 64))
			}
			a, b := f.Load(emit.At(from, 0)), f.Load(emit.At(from, width))
			f.Store(a, emit.At(to, 0))
			f.Store(b, emit.At(to, width))
			f.I("ADDQ", 2*width, from)
			f.I("ADDQ", ps, to)
		})
		f.I("ADDQ", ld, src)
		f.I("ADDQ", 2*width, dst)
	})
	f.Ret()
}

// mem is m, disp bytes on.
func mem(m emit.Mem, disp int) emit.Mem {
	m.Disp += disp
	return m
}

// widen takes eight numbers a turn. A BF16 is the upper half of a float32; the
// processor's own conversion of F16 is part of every AVX2 machine.
func widen(f *emit.Func, bf16 bool) {
	dst, src, n := f.Arg("dst"), f.Arg("src"), f.Arg("n")
	f.While("eight", n, 8, func() {
		v := f.Vec()
		if bf16 {
			f.I("VPMOVZXWD", emit.At(src, 0), v)
			v = f.ShiftLeft(v, 16)
		} else {
			f.I("VCVTPH2PS", emit.At(src, 0), v)
		}
		f.Store(v, emit.At(dst, 0))
		f.I("ADDQ", 16, src)
		f.I("ADDQ", 32, dst)
	})
	f.Ret()
}

// widenRows walks rows, one takes a step of one and moves src and dst on.
func widenRows(f *emit.Func, one func(dst, src *emit.Reg)) {
	dst, at, ld, rows := f.Arg("dst"), f.Arg("src"), f.Arg("ld"), f.Arg("rows")
	f.Repeat("rows", rows, func() {
		src, n := f.GP(), f.Arg("n")
		f.I("MOVQ", at, src)
		f.Repeat("part", n, func() { one(dst, src) })
		f.I("ADDQ", ld, at)
	})
	f.Ret()
}

func widenRowsF16(f *emit.Func) {
	widenRows(f, func(dst, src *emit.Reg) {
		v := f.Vec()
		f.I("VCVTPH2PS", emit.At(src, 0), v)
		f.Store(v, emit.At(dst, 0))
		f.I("ADDQ", 16, src)
		f.I("ADDQ", 32, dst)
	})
}

// widenRowsQ8 takes a block a turn: a scale of F16, then 32 integers.
func widenRowsQ8(f *emit.Func) {
	widenRows(f, func(dst, src *emit.Reg) {
		scale := f.Vec()
		f.I("VPBROADCASTW", emit.At(src, 0), scale.Low("X"))
		f.I("VCVTPH2PS", scale.Low("X"), scale)
		for i := range 4 {
			v := f.Vec()
			f.I("VPMOVSXBD", emit.At(src, 2+8*i), v)
			f.I("VCVTDQ2PS", v, v)
			f.Store(f.Mul(v, scale), emit.At(dst, 32*i))
		}
		f.I("ADDQ", 34, src)
		f.I("ADDQ", 128, dst)
	})
}

// touch prefetches: rows that lie far apart are no pattern to the processor.
func touch(f *emit.Func) {
	p, ld, rows := f.Arg("p"), f.Arg("ld"), f.Arg("rows")
	f.I("SHLQ", 2, ld)
	f.Repeat("rows", rows, func() {
		q, n := f.GP(), f.Arg("n")
		f.I("MOVQ", p, q)
		f.While("lines", n, 16, func() {
			f.I("PREFETCHT0", emit.At(q, 0))
			f.I("ADDQ", 64, q)
		})
		f.I("ADDQ", ld, p)
	})
	f.Ret()
}
