package main

import "github.com/inkstone-ai/inkstone/internal/kernel/_asm/emit"

// product writes the kernels of matrix products. C (m,n) is computed in
// strips one panel wide: a panel is two vectors of columns, MR rows of it are
// held in registers while k runs. Every element is one chain of fused
// multiply-adds over rising k.
//
// A is read by broadcasting single words through a row stride and a k stride,
// so plain rows, transposed rows and packed rows are one kernel. B is read a
// panel row at a time through a stride, so packed panels and plain rows are one
// kernel too. A word is a float32; of the BF16 kernels it is two BF16 of
// neighbouring k, and a step of k adds both their products.
func product() *emit.File {
	file := &emit.File{Name: "product"}
	for _, isa := range append(versions, emit.BF16) {
		doc := stripDoc
		if isa == emit.BF16 {
			doc += "\n" + pairDoc
		}
		file.Func(isa, "strip", doc, productParams, func(f *emit.Func) { strip(f, 2, tileRows(isa)) })
		file.Func(isa, "half", halfDoc, productParams, func(f *emit.Func) { strip(f, 1, 12) })
	}
	file.Func(emit.AMX, "strip", stripDoc+"\n"+pairDoc+"\n"+tilesDoc, productParams, stripTiles)
	for _, isa := range versions {
		file.Func(isa, "row", rowDoc, []emit.Param{
			{Name: "c", Type: "*float32"},
			{Name: "a", Type: "*float32"}, {Name: "acs", Type: "int"},
			{Name: "b", Type: "*float32"}, {Name: "bs", Type: "int"}, {Name: "ps", Type: "int"},
			{Name: "panels", Type: "int"}, {Name: "k", Type: "int"}, {Name: "acc", Type: "int"},
		}, row)
	}
	return file
}

var productParams = []emit.Param{
	{Name: "c", Type: "*float32"}, {Name: "ldc", Type: "int"},
	{Name: "a", Type: "*float32"}, {Name: "ars", Type: "int"}, {Name: "acs", Type: "int"},
	{Name: "b", Type: "*float32"}, {Name: "bs", Type: "int"},
	{Name: "m", Type: "int"}, {Name: "k", Type: "int"}, {Name: "acc", Type: "int"},
	{Name: "next", Type: "*float32"},
}

const stripDoc = `sets one panel of m rows, c[i·ldc+j] = Σ a[i·ars+p·acs] · b[p·bs+j] for j
in the panel and p below k, starting from c when acc is 1. Strides count elements.
On the way it brings what lies from next on, a panel if m is 96, into the second cache.`

const halfDoc = `is strip for the first half of the panel's columns.`

const pairDoc = `Words of a and b are pairs of BF16: the sum over each is added to c in float32.`

const tilesDoc = `acs is 1 and k a multiple of 16. Of each 16 words the first halves are added to each other, then the
second halves, then both to c.`

const rowDoc = `sets one row of several panels, which start ps elements apart in b and
follow each other in c: c[t·width+j] = Σ a[p·acs] · b[t·ps+p·bs+j], from c when acc is 1.`

// tileRows is the number of rows whose accumulators fit the registers beside
// a panel row of B and a broadcast element of A: 12 of 16, and 24 of 32.
func tileRows(isa *emit.ISA) int { return isa.Regs * 3 / 8 }

// nextRows is the number of rows in whose time a panel is brought from the last
// cache: fewer than a tile mostly has.
const nextRows = 96

// strip writes a loop over tiles of some rows and vectors, and a tile for each
// number of rows that may be left.
func strip(f *emit.Func, vectors, rows int) {
	s := stripState{
		f: f, vectors: vectors, a: f.Arg("a"), ars: f.Arg("ars"), acs: f.Arg("acs"),
		bs: f.Arg("bs"), m: f.Arg("m"), next: f.Arg("next"),
	}
	for _, r := range []*emit.Reg{s.ars, s.acs, s.bs} {
		f.I("SHLQ", 2, r)
	}
	f.While("rows", s.m, rows, func() { s.tile(rows, true) })
	done := emit.Label("done")
	for r := rows - 1; r > 0; r-- {
		next := f.NewLabel("not")
		f.I("CMPQ", s.m, r)
		f.I("JNE", next)
		s.tile(r, false)
		f.I("JMP", done)
		f.Place(next)
	}
	f.Place(done)
	f.Ret()
}

// stripState is what lives through a strip; strides are in bytes.
type stripState struct {
	f                        *emit.Func
	vectors                  int
	a, ars, acs, bs, m, next *emit.Reg
}

// tile computes rows × one panel and moves a and c on by rows. The full tile is
// where the time goes: its loop is unrolled.
func (s *stripState) tile(rows int, full bool) {
	f := s.f
	acc := accumulators(f, rows, s.vectors)
	ldc := f.Arg("ldc")
	f.I("SHLQ", 2, ldc)
	s.start(acc, ldc)
	a := rowPointers(f, s.a, s.ars, rows)
	b, k := f.Arg("b"), f.Arg("k")
	step := func() {
		var columns []*emit.Reg
		for v := range s.vectors {
			columns = append(columns, f.Load(emit.At(b, v*f.ISA.Bytes())))
		}
		f.I("ADDQ", s.bs, b)
		for i := range rows {
			x := f.Broadcast(rowAt(a, s.ars, i))
			for v, column := range columns {
				s.add(acc[i][v], x, column)
			}
		}
		for _, p := range a {
			f.I("ADDQ", s.acs, p)
		}
	}
	if full {
		f.While("four", k, 4, func() {
			f.I("PREFETCHT1", emit.At(s.next, 0))
			f.I("ADDQ", 4*s.vectors*f.ISA.Bytes()*rows/nextRows, s.next)
			for range 4 {
				step()
			}
		})
	}
	f.Repeat("one", k, step)
	s.finish(acc)
	for range rows {
		f.I("ADDQ", s.ars, s.a)
	}
}

// add adds the products of a word of A and the words of a column of B.
func (s *stripState) add(acc, a, b *emit.Reg) {
	if s.f.ISA == emit.BF16 {
		s.f.Dot2(acc, a, b)
	} else {
		s.f.FMA(acc, a, b)
	}
}

// start zeros the accumulators, or loads them from c.
func (s *stripState) start(acc [][]*emit.Reg, ldc *emit.Reg) {
	f := s.f
	begin := f.NewLabel("begin")
	for _, v := range flat(acc) {
		f.I(xor(f), v, v, v)
	}
	f.I("CMPQ", f.ArgMem("acc"), 0)
	f.I("JEQ", begin)
	p := f.Arg("c")
	for i := range acc {
		for j, v := range acc[i] {
			f.I("VMOVUPS", emit.At(p, j*f.ISA.Bytes()), v)
		}
		f.I("ADDQ", ldc, p)
	}
	f.Place(begin)
}

// finish stores the accumulators and leaves c behind them.
func (s *stripState) finish(acc [][]*emit.Reg) {
	f := s.f
	c, ldc := f.Arg("c"), f.Arg("ldc")
	f.I("SHLQ", 2, ldc)
	for i := range acc {
		for j, v := range acc[i] {
			f.Store(v, emit.At(c, j*f.ISA.Bytes()))
		}
		f.I("ADDQ", ldc, c)
	}
	f.I("MOVQ", c, f.ArgMem("c"))
}

// rowPointers are addresses of every third row; the stride's multiples reach
// the two rows behind each.
func rowPointers(f *emit.Func, a, stride *emit.Reg, rows int) []*emit.Reg {
	var p []*emit.Reg
	for i := 0; i < rows; i += 3 {
		q := f.GP()
		if i == 0 {
			f.I("MOVQ", a, q)
		} else {
			f.I("LEAQ", emit.AtIndex(p[len(p)-1], stride, 2), q)
			f.I("ADDQ", stride, q)
		}
		p = append(p, q)
	}
	return p
}

// rowAt is the element of row i.
func rowAt(p []*emit.Reg, stride *emit.Reg, i int) emit.Mem {
	if i%3 == 0 {
		return emit.At(p[i/3], 0)
	}
	return emit.AtIndex(p[i/3], stride, i%3)
}

// rowPanels is the number of panels whose chains run side by side in a row:
// enough to hide the latency of a multiply-add.
const rowPanels = 4

func row(f *emit.Func) {
	c, b, bs, ps, panels := f.Arg("c"), f.Arg("b"), f.Arg("bs"), f.Arg("ps"), f.Arg("panels")
	acs := f.Arg("acs")
	for _, r := range []*emit.Reg{acs, bs, ps} {
		f.I("SHLQ", 2, r)
	}
	group := func(n int) {
		acc := accumulators(f, n, 2)
		rowStart(f, acc, c)
		a, k := f.Arg("a"), f.Arg("k")
		p := rowPointers(f, b, ps, n)
		f.Repeat("k", k, func() {
			x := f.Broadcast(emit.At(a, 0))
			f.I("ADDQ", acs, a)
			for i := range n {
				at := rowAt(p, ps, i)
				f.FMA(acc[i][0], x, at)
				at.Disp = f.ISA.Bytes()
				f.FMA(acc[i][1], x, at)
			}
			for _, q := range p {
				f.I("ADDQ", bs, q)
			}
		})
		for i, v := range flat(acc) {
			f.Store(v, emit.At(c, i*f.ISA.Bytes()))
		}
		f.I("ADDQ", n*2*f.ISA.Bytes(), c)
		for range n {
			f.I("ADDQ", ps, b)
		}
	}
	f.While("panels", panels, rowPanels, func() { group(rowPanels) })
	f.Repeat("panel", panels, func() { group(1) })
	f.Ret()
}

// rowStart zeros the accumulators, or loads them from c.
func rowStart(f *emit.Func, acc [][]*emit.Reg, c *emit.Reg) {
	begin := f.NewLabel("begin")
	for _, v := range flat(acc) {
		f.I(xor(f), v, v, v)
	}
	f.I("CMPQ", f.ArgMem("acc"), 0)
	f.I("JEQ", begin)
	for i, v := range flat(acc) {
		f.I("VMOVUPS", emit.At(c, i*f.ISA.Bytes()), v)
	}
	f.Place(begin)
}

// accumulators are rows × cols vector registers.
func accumulators(f *emit.Func, rows, cols int) [][]*emit.Reg {
	acc := make([][]*emit.Reg, rows)
	for i := range acc {
		for range cols {
			acc[i] = append(acc[i], f.Vec())
		}
	}
	return acc
}

func flat(acc [][]*emit.Reg) (all []*emit.Reg) {
	for _, row := range acc {
		all = append(all, row...)
	}
	return all
}

func xor(f *emit.Func) string {
	if f.ISA.Wide() {
		return "VPXORD"
	}
	return "VPXOR"
}
