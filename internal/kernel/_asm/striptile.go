package main

import (
	"fmt"

	"github.com/inkstone-ai/inkstone/internal/kernel/_asm/emit"
)

// A strip by tiles: 32 rows by the two vectors of a panel are four tiles of sums, to which each 16
// words of k, two tiles of A and two of B, are added by four instructions.

// Tiles of a strip: sums of the first rows and of the second, rows of A, halves of a row of B.
var (
	stripSums  = [2][2]emit.Tile{{0, 1}, {2, 3}}
	stripLeft  = [2]emit.Tile{4, 5}
	stripRight = [2]emit.Tile{6, 7}
)

// stripShape has rows rows in the tiles of A and of sums.
func stripShape(f *emit.Func, rows uint32) emit.Mem {
	const full = 64 | 64<<16
	return f.Table(fmt.Sprintf("shape%d", rows), [16]uint32{0: 1, 4: full, 5: full, 6: full, 7: full,
		12: rows * 0x01010101, 13: rows | rows<<8 | 16<<16 | 16<<24})
}

// A tileStrip is one in writing; strides are in bytes.
type tileStrip struct {
	*emit.Func
	a, ars, m, c, ldc, bs *emit.Reg
}

func stripTiles(f *emit.Func) {
	shape := f.GP()
	f.I("LEAQ", stripShape(f, 16), shape)
	f.I("LDTILECFG", emit.At(shape, 0))
	s := tileStrip{f, f.Arg("a"), f.Arg("ars"), f.Arg("m"), f.Arg("c"), f.Arg("ldc"), f.Arg("bs")}
	for _, r := range []*emit.Reg{s.ars, s.ldc, s.bs} {
		f.I("SHLQ", 2, r)
	}
	f.While("rows32", s.m, 32, func() { s.rows(2, false) })
	f.While("rows16", s.m, 16, func() { s.rows(1, false) })
	f.When(s.m, func() {
		s.shape()
		s.rows(1, true)
	})
	f.I("TILERELEASE")
	f.Ret()
}

// shape configures tiles for the m rows that are left, fewer than 16.
func (s *tileStrip) shape() {
	p, found := s.GP(), s.NewLabel("shape")
	for r := uint32(1); r < 16; r++ {
		s.I("LEAQ", stripShape(s.Func, r), p)
		s.I("CMPQ", s.m, int(r))
		s.I("JEQ", found)
	}
	s.Place(found)
	s.I("LDTILECFG", emit.At(p, 0))
}

// place is memory of rows stride apart.
func place(base, stride *emit.Reg, disp int) emit.Mem {
	m := emit.AtIndex(base, stride, 1)
	m.Disp = disp
	return m
}

// ahead is how far before it is used B is asked for where few rows wait for memory.
const ahead = 8 << 10

// rows computes n tiles of rows, and goes on to the next.
func (s *tileStrip) rows(n int, few bool) {
	s.sums(n, func(t emit.Tile, at emit.Mem) { s.I("TILELOADD", at, t) }, true)
	a, b, k, step := []*emit.Reg{s.GP()}, s.Arg("b"), s.Arg("k"), s.GP()
	s.I("MOVQ", s.a, a[0])
	if n == 2 {
		a = append(a, s.GP())
		s.I("MOVQ", s.ars, a[1])
		s.I("SHLQ", 4, a[1])
		s.I("ADDQ", s.a, a[1])
	}
	s.I("MOVQ", s.bs, step)
	s.I("SHLQ", 4, step)
	s.While("words", k, 16, func() {
		for i := 0; few && i < 32; i++ {
			s.I("PREFETCHT0", emit.At(b, ahead+64*i))
		}
		for h, t := range stripRight {
			s.I("TILELOADD", place(b, s.bs, 64*h), t)
		}
		for i, p := range a {
			s.I("TILELOADD", place(p, s.ars, 0), stripLeft[i])
			for h, t := range stripRight {
				s.I("TDPBF16PS", t, stripLeft[i], stripSums[i][h])
			}
			s.I("ADDQ", 64, p)
		}
		s.I("ADDQ", step, b)
	})
	s.sums(n, func(t emit.Tile, at emit.Mem) { s.I("TILESTORED", t, at) }, false)
	for _, x := range [][2]*emit.Reg{{s.a, s.ars}, {s.c, s.ldc}} {
		by := s.GP()
		s.I("MOVQ", x[1], by)
		s.I("SHLQ", 3+n, by)
		s.I("ADDQ", by, x[0])
	}
}

// sums visits the tiles of n tiles of rows with their places in C; at the start they are zeros where acc
// is 0.
func (s *tileStrip) sums(n int, visit func(t emit.Tile, at emit.Mem), start bool) {
	begin := s.NewLabel("begin")
	if start {
		for _, row := range stripSums[:n] {
			for _, t := range row {
				s.I("TILEZERO", t)
			}
		}
		s.I("CMPQ", s.ArgMem("acc"), 0)
		s.I("JEQ", begin)
	}
	c := s.GP()
	s.I("MOVQ", s.c, c)
	for i, row := range stripSums[:n] {
		if i > 0 {
			by := s.GP()
			s.I("MOVQ", s.ldc, by)
			s.I("SHLQ", 4, by)
			s.I("ADDQ", by, c)
		}
		for h, t := range row {
			visit(t, place(c, s.ldc, 64*h))
		}
	}
	s.Place(begin)
}
