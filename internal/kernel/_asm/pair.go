package main

import "github.com/inkstone-ai/inkstone/internal/kernel/_asm/emit"

// pair writes the kernels that turn float32 operands into words of two BF16,
// neighbours in k, which is how the processor multiplies them, and beside each
// the one that leaves them float32.
func pair() *emit.File {
	file := &emit.File{Name: "pair"}
	file.Func(emit.BF16, "pairRows", `rounds k rows of n numbers, ld apart, to BF16: word j of row p of dst, ds
words apart, holds rows 2p and 2p+1 at j. Behind an odd last row stand zeros.`, []emit.Param{
		{Name: "dst", Type: "*float32"}, {Name: "ds", Type: "int"},
		{Name: "src", Type: "*float32"}, {Name: "ld", Type: "int"}, {Name: "n", Type: "int"}, {Name: "k", Type: "int"},
	}, pairRows)
	file.Func(emit.BF16, "pairPanels", `is pairRows of several panels of 32 columns, panel t of dst to t·ps on, where
its rows follow each other.`, []emit.Param{
		{Name: "dst", Type: "*float32"}, {Name: "ps", Type: "int"}, {Name: "src", Type: "*float32"},
		{Name: "ld", Type: "int"}, {Name: "count", Type: "int"}, {Name: "k", Type: "int"},
	}, pairPanels)
	file.Func(emit.BF16, "pairLines", `rounds m rows of n numbers, ld apart, to BF16, n a multiple of 32: word p of row i,
at dst[i·ds+p], holds numbers 2p and 2p+1.`, []emit.Param{
		{Name: "dst", Type: "*float32"}, {Name: "ds", Type: "int"},
		{Name: "src", Type: "*float32"}, {Name: "ld", Type: "int"}, {Name: "n", Type: "int"}, {Name: "m", Type: "int"},
	}, pairLines)
	list := []emit.Param{
		{Name: "dst", Type: "*float32"}, {Name: "ds", Type: "int"},
		{Name: "src", Type: "*float32"}, {Name: "ld", Type: "int"}, {Name: "k", Type: "int"},
	}
	file.Func(emit.BF16, "transposePairs16", `rounds 16 rows of k numbers, ld apart, to BF16, k a multiple of 32: word
(p, i), at dst[p·ds+i], holds numbers 2p and 2p+1 of row i.`, list, func(f *emit.Func) { transpose16(f, true) })
	file.Func(emit.BF16, "turnPairs16", `rounds 32 rows of n numbers, ld apart, to BF16, n a multiple of 16: word p of
line j, at dst[j·ds+p], holds numbers j of rows 2p and 2p+1.`, []emit.Param{
		{Name: "dst", Type: "*float32"}, {Name: "ds", Type: "int"},
		{Name: "src", Type: "*float32"}, {Name: "ld", Type: "int"}, {Name: "n", Type: "int"},
	}, turnPairs16)
	file.Func(emit.AVX512, "transpose16", `transposes 16 rows of k numbers, ld apart, k a multiple of 16: number (i, j)
goes to dst[j·ds+i].`, list, func(f *emit.Func) { transpose16(f, false) })
	file.Func(emit.AVX512, "turnF16", `is transpose16 of rows of F16, ld bytes apart, and asks for as many rows from next on.`, []emit.Param{
		{Name: "dst", Type: "*float32"}, {Name: "ds", Type: "int"},
		{Name: "src", Type: "*byte"}, {Name: "next", Type: "*byte"}, {Name: "ld", Type: "int"}, {Name: "k", Type: "int"},
	}, turnF16)
	return file
}

// interleave is the order of VPERMW that puts the lower half of a vector of BF16
// into the lower halves of words, and the upper half into the upper ones.
func interleave(f *emit.Func) *emit.Reg {
	var w [16]uint32
	for j := range w {
		w[j] = uint32(j | (16+j)<<16)
	}
	return f.Load(f.Table("interleave", w))
}

// paired is a vector of words from that of one row and that of the next.
func paired(f *emit.Func, order, low, high *emit.Reg) *emit.Reg {
	w := f.Vec()
	f.I("VPERMW", f.Narrow(high, low), order, w)
	return w
}

// eachPair writes a loop over pairs of rows, and body again for an odd last one.
// next is the vector at a place of the second row.
func eachPair(f *emit.Func, src, ld, k *emit.Reg, body func(next func(from *emit.Reg, load func(emit.Mem) *emit.Reg) *emit.Reg)) {
	f.While("two", k, 2, func() {
		body(func(from *emit.Reg, load func(emit.Mem) *emit.Reg) *emit.Reg { return load(emit.AtIndex(from, ld, 1)) })
		f.I("ADDQ", ld, src)
		f.I("ADDQ", ld, src)
	})
	f.When(k, func() {
		body(func(*emit.Reg, func(emit.Mem) *emit.Reg) *emit.Reg { return f.Zero() })
	})
}

func pairRows(f *emit.Func) {
	dst, ds, src, ld, k := f.Arg("dst"), f.Arg("ds"), f.Arg("src"), f.Arg("ld"), f.Arg("k")
	f.I("SHLQ", 2, ds)
	f.I("SHLQ", 2, ld)
	order := interleave(f)
	eachPair(f, src, ld, k, func(next func(*emit.Reg, func(emit.Mem) *emit.Reg) *emit.Reg) {
		from, to, n := f.GP(), f.GP(), f.Arg("n")
		f.I("MOVQ", src, from)
		f.I("MOVQ", dst, to)
		f.While("words", n, 16, func() {
			f.Store(paired(f, order, f.Load(emit.At(from, 0)), next(from, f.Load)), emit.At(to, 0))
			f.I("ADDQ", 64, from)
			f.I("ADDQ", 64, to)
		})
		f.When(n, func() {
			mask := f.TailMask(n)
			load := func(m emit.Mem) *emit.Reg { return f.LoadMasked(mask, m) }
			f.StoreMasked(paired(f, order, load(emit.At(from, 0)), next(from, load)), mask, emit.At(to, 0))
		})
		f.I("ADDQ", ds, dst)
	})
	f.Ret()
}

// pairPanels goes row by row, as the rows lie on pages of their own.
func pairPanels(f *emit.Func) {
	dst, ps, src, ld, k := f.Arg("dst"), f.Arg("ps"), f.Arg("src"), f.Arg("ld"), f.Arg("k")
	f.I("SHLQ", 2, ps)
	f.I("SHLQ", 2, ld)
	order := interleave(f)
	ahead, behind := f.GP(), f.GP()
	f.I("MOVQ", ld, ahead)
	f.I("SHLQ", 3, ahead)
	f.I("MOVQ", ahead, behind)
	f.I("ADDQ", ld, behind)
	eachPair(f, src, ld, k, func(next func(*emit.Reg, func(emit.Mem) *emit.Reg) *emit.Reg) {
		from, to, n := f.GP(), f.GP(), f.Arg("count")
		f.I("MOVQ", src, from)
		f.I("MOVQ", dst, to)
		f.Repeat("panel", n, func() {
			for i := range 2 {
				f.I("PREFETCHT0", emit.AtIndex(from, ahead, 1))
				f.I("PREFETCHT0", emit.AtIndex(from, behind, 1))
				f.Store(paired(f, order, f.Load(emit.At(from, 0)), next(from, f.Load)), emit.At(to, 64*i))
				f.I("ADDQ", 64, from)
			}
			f.I("ADDQ", ps, to)
		})
		f.I("ADDQ", 128, dst)
	})
	f.Ret()
}

func pairLines(f *emit.Func) {
	dst, ds, src, ld, m := f.Arg("dst"), f.Arg("ds"), f.Arg("src"), f.Arg("ld"), f.Arg("m")
	f.I("SHLQ", 2, ds)
	f.I("SHLQ", 2, ld)
	f.Repeat("row", m, func() {
		from, to, n := f.GP(), f.GP(), f.Arg("n")
		f.I("MOVQ", src, from)
		f.I("MOVQ", dst, to)
		f.While("words", n, 32, func() {
			f.Store(f.Narrow(f.Load(emit.At(from, 64)), f.Load(emit.At(from, 0))), emit.At(to, 0))
			f.I("ADDQ", 128, from)
			f.I("ADDQ", 64, to)
		})
		f.I("ADDQ", ld, src)
		f.I("ADDQ", ds, dst)
	})
	f.Ret()
}

// transpose16 turns squares of 16 × 16 words, one after another.
func transpose16(f *emit.Func, pairs bool) {
	dst, ds, src, ld, k := f.Arg("dst"), f.Arg("ds"), f.Arg("src"), f.Arg("ld"), f.Arg("k")
	f.I("SHLQ", 2, ds)
	f.I("SHLQ", 2, ld)
	step := 16
	if pairs {
		step = 32
	}
	f.While("square", k, step, func() {
		p := f.GP()
		f.I("MOVQ", src, p)
		turnRows(f, dst, ds, func() *emit.Reg {
			row := f.Load(emit.At(p, 0))
			if pairs {
				row = f.Narrow(f.Load(emit.At(p, 64)), row)
			}
			f.I("ADDQ", ld, p)
			return row
		})
		f.I("ADDQ", 4*step, src)
	})
	f.Ret()
}

// turnF16 asks for memory here and there beside the work; for much at once it would have to wait.
func turnF16(f *emit.Func) {
	dst, ds, src, next, ld, k := f.Arg("dst"), f.Arg("ds"), f.Arg("src"), f.Arg("next"), f.Arg("ld"), f.Arg("k")
	f.I("SHLQ", 2, ds)
	f.I("SUBQ", src, next) // how far it is
	f.While("square", k, 16, func() {
		p := f.GP()
		f.I("MOVQ", src, p)
		turnRows(f, dst, ds, func() *emit.Reg {
			row := f.Vec()
			f.I("VCVTPH2PS", emit.At(p, 0), row)
			f.I("PREFETCHT0", emit.AtIndex(p, next, 1))
			f.I("ADDQ", ld, p)
			return row
		})
		f.I("ADDQ", 32, src)
	})
	f.Ret()
}

// turnPairs16 is transpose16 the other way round: pairs are neighbours in a column.
func turnPairs16(f *emit.Func) {
	dst, ds, src, ld, n := f.Arg("dst"), f.Arg("ds"), f.Arg("src"), f.Arg("ld"), f.Arg("n")
	f.I("SHLQ", 2, ds)
	f.I("SHLQ", 2, ld)
	order := interleave(f)
	f.While("square", n, 16, func() {
		p := f.GP()
		f.I("MOVQ", src, p)
		turnRows(f, dst, ds, func() *emit.Reg {
			row := paired(f, order, f.Load(emit.At(p, 0)), f.Load(emit.AtIndex(p, ld, 1)))
			f.I("ADDQ", ld, p)
			f.I("ADDQ", ld, p)
			return row
		})
		f.I("ADDQ", 64, src)
	})
	f.Ret()
}

// turnRows stores the columns of the 16 rows that next gives, ds apart, and moves dst behind them: of
// each four rows, words and then pairs of words are interleaved, and the fourths of four such vectors
// exchanged.
func turnRows(f *emit.Func, dst, ds *emit.Reg, next func() *emit.Reg) {
	var fours [4][4]*emit.Reg
	for g := range fours {
		var row [4]*emit.Reg
		for i := range row {
			row[i] = next()
		}
		fours[g] = columns4(f, row)
	}
	var lines [16]*emit.Reg
	for c := range 4 {
		even := [2]*emit.Reg{exchange(f, 0x88, fours[0][c], fours[1][c]), exchange(f, 0x88, fours[2][c], fours[3][c])}
		odd := [2]*emit.Reg{exchange(f, 0xdd, fours[0][c], fours[1][c]), exchange(f, 0xdd, fours[2][c], fours[3][c])}
		lines[c], lines[8+c] = exchange(f, 0x88, even[0], even[1]), exchange(f, 0xdd, even[0], even[1])
		lines[4+c], lines[12+c] = exchange(f, 0x88, odd[0], odd[1]), exchange(f, 0xdd, odd[0], odd[1])
	}
	for _, line := range lines {
		f.Store(line, emit.At(dst, 0))
		f.I("ADDQ", ds, dst)
	}
}

// columns4 are four vectors of columns from four rows: fourth l of vector c has
// column 4l+c.
func columns4(f *emit.Func, r [4]*emit.Reg) (c [4]*emit.Reg) {
	two := func(op string, a, b *emit.Reg) *emit.Reg {
		d := f.Vec()
		f.I(op, b, a, d)
		return d
	}
	for i, half := range []string{"VUNPCKLPS", "VUNPCKHPS"} {
		ab, cd := two(half, r[0], r[1]), two(half, r[2], r[3])
		c[2*i], c[2*i+1] = two("VUNPCKLPD", ab, cd), two("VUNPCKHPD", ab, cd)
	}
	return c
}

// exchange takes two fourths of a and two of b, by the pairs of bits of which.
func exchange(f *emit.Func, which int, a, b *emit.Reg) *emit.Reg {
	d := f.Vec()
	f.I("VSHUFF32X4", which, b, a, d)
	return d
}
