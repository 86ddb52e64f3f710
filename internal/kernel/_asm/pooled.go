package main

import "github.com/inkstone-ai/inkstone/internal/kernel/_asm/emit"

// pooled writes what norms of channels do to rows of them: their moments, and the norm, ReLU and
// maximum over squares of 2 × 2 pixels in one pass over memory, with the gradient. Channels lie side by
// side, so that a lane is a channel and nothing is ever added across lanes.
func pooled() *emit.File {
	file := &emit.File{Name: "pooled"}
	slices := func(names ...string) []emit.Param { return params(names, nil, nil) }
	ints := func(list []emit.Param, names ...string) []emit.Param {
		for _, name := range names {
			list = append(list, emit.Param{Name: name, Type: "int"})
		}
		return list
	}
	for _, isa := range versions {
		file.Func(isa, "moments", `sets first to the mean of rows of x, ld apart, and next to Σ (x−first)²; part is
1/rows.`, append(ints(slices("first", "next", "x"), "ld", "rows"), emit.Param{Name: "part", Type: "float32"}), moments)
		file.Func(isa, "normMax", normMaxDoc, ints(slices("y", "x", "scale", "shift"), "line", "squares"), normMax)
		file.Func(isa, "normMaxSums", `adds Σ g to first and Σ g·(x−mean) to next, over squares of normMax: g is dy, and x the
first pixel that was the largest, where that was above 0. mean is read by whole vectors.`,
			ints(slices("first", "next", "dy", "x", "scale", "shift", "mean"), "line", "squares"), normMaxSums)
		file.Func(isa, "normMaxGrad", `sets dx, which lies as x does, to g·a + x·b + c, or adds it, over squares of normMax: g
is dy at the first pixel that was the largest, where that was above 0. abc is a row of a, one of b and one of c, read
by whole vectors.`, append(ints(slices("scale", "shift", "dx", "dy", "x", "abc"), "line", "squares"), emit.Param{Name: "acc", Type: "bool"}), normMaxGrad)
	}
	return file
}

const normMaxDoc = `sets y to the largest of x·scale + shift, or 0, in each of the squares of 2 × 2 pixels that lie
side by side from x on; the lower two pixels are line elements behind the upper ones.`

// channels goes over the first slice's elements, a vector of them at a time: body is given the bytes
// before it and the mask of the lanes that exist, nil for all.
func channels(f *emit.Func, first string, body func(at, mask *emit.Reg)) {
	at, left := f.GP(), f.Arg(first+"_len")
	f.I("MOVQ", 0, at)
	f.While("channels", left, f.ISA.Lanes, func() {
		body(at, nil)
		f.I("ADDQ", f.ISA.Bytes(), at)
	})
	f.When(left, func() { body(at, f.TailMask(left)) })
}

// behind is the address of a slice's element at bytes.
func behind(f *emit.Func, slice string, at *emit.Reg) *emit.Reg {
	p := f.Arg(slice + "_base")
	f.I("ADDQ", at, p)
	return p
}

// some reads a vector's lanes that exist.
func some(f *emit.Func, mask *emit.Reg, m emit.Mem) *emit.Reg {
	if mask != nil {
		return f.LoadMasked(mask, m)
	}
	return f.Load(m)
}

func put(f *emit.Func, v, mask *emit.Reg, m emit.Mem) {
	if mask != nil {
		f.StoreMasked(v, mask, m)
		return
	}
	f.Store(v, m)
}

// momentRows is the number of rows that moments takes at a time, each with sums of its own.
const momentRows = 4

func moments(f *emit.Func) {
	ld := f.Arg("ld")
	f.I("SHLQ", 2, ld)
	part := f.Broadcast(f.ArgMem("part"))
	channels(f, "first", func(at, mask *emit.Reg) {
		// over goes down the rows of this vector of channels.
		over := func(take func(unit int, x *emit.Reg)) {
			p, rows := behind(f, "x", at), f.Arg("rows")
			f.While("rows", rows, momentRows, func() {
				for u := range momentRows {
					take(u, some(f, mask, emit.At(p, 0)))
					f.I("ADDQ", ld, p)
				}
			})
			f.Repeat("row", rows, func() {
				take(0, some(f, mask, emit.At(p, 0)))
				f.I("ADDQ", ld, p)
			})
		}
		sums := zeros(f, momentRows)
		over(func(u int, x *emit.Reg) { f.AddTo(sums[u], x) })
		mean := f.Mul(joined(f, "VADDPS", sums), part)
		put(f, mean, mask, emit.At(behind(f, "first", at), 0))
		squares := zeros(f, momentRows)
		over(func(u int, x *emit.Reg) { d := f.Sub(x, mean); f.FMA(squares[u], d, d) })
		put(f, joined(f, "VADDPS", squares), mask, emit.At(behind(f, "next", at), 0))
	})
	f.Ret()
}

// A square walks squares of 2 × 2 pixels for one vector of channels.
type square struct {
	*emit.Func
	mask         *emit.Reg
	wide         *emit.Reg // bytes from a pixel to the one beside it
	upper, lower *emit.Reg
	scale, shift *emit.Reg
	zero         *emit.Reg
}

// squares runs body for each square of each vector of channels, between begin and end.
func squares(f *emit.Func, begin func(at, mask *emit.Reg), body func(s square), end func(at, mask *emit.Reg)) {
	wide, zero := f.Arg("scale_len"), f.Zero()
	f.I("SHLQ", 2, wide)
	channels(f, "scale", func(at, mask *emit.Reg) {
		scale := some(f, mask, emit.At(behind(f, "scale", at), 0))
		shift := some(f, mask, emit.At(behind(f, "shift", at), 0))
		upper := behind(f, "x", at)
		lower := f.Arg("line")
		f.I("SHLQ", 2, lower)
		f.I("ADDQ", upper, lower)
		begin(at, mask)
		f.Repeat("squares", f.Arg("squares"), func() {
			body(square{f, mask, wide, upper, lower, scale, shift, zero})
			for range 2 {
				f.I("ADDQ", wide, upper)
				f.I("ADDQ", wide, lower)
			}
		})
		end(at, mask)
	})
	f.Ret()
}

// pixels are where the four lie, in the order in which the first of equals is the largest.
func (s square) pixels() []emit.Mem {
	return []emit.Mem{emit.At(s.upper, 0), emit.AtIndex(s.upper, s.wide, 1), emit.At(s.lower, 0), emit.AtIndex(s.lower, s.wide, 1)}
}

// norms are the four, with the largest of them and 0. Max has its second operand where one is NaN:
// of a channel of NaN it is NaN.
func (s square) norms() (all []*emit.Reg, largest *emit.Reg) {
	for _, m := range s.pixels() {
		n := s.Copy(s.shift)
		s.FMA(n, some(s.Func, s.mask, m), s.scale)
		all = append(all, n)
	}
	return all, s.Max(s.zero, s.Max(s.Max(all[0], all[1]), s.Max(all[2], all[3])))
}

// next moves the address of a vector a square.
func (s square) next(p *emit.Reg) { s.I("ADDQ", s.wide, p) }

func nothing(_, _ *emit.Reg) {}

func normMax(f *emit.Func) {
	var y *emit.Reg
	squares(f, func(at, _ *emit.Reg) { y = behind(f, "y", at) }, func(s square) {
		_, largest := s.norms()
		put(f, largest, s.mask, emit.At(y, 0))
		s.next(y)
	}, nothing)
}

func normMaxSums(f *emit.Func) {
	var dy, mean, first, next *emit.Reg
	squares(f, func(at, _ *emit.Reg) {
		dy, mean, first, next = behind(f, "dy", at), behind(f, "mean", at), f.Zero(), f.Zero()
	}, func(s square) {
		norms, largest := s.norms()
		g := f.Select(f.Compare(emit.CmpGT, largest, s.zero), some(f, s.mask, emit.At(dy, 0)), s.zero)
		f.AddTo(first, g)
		pixels := s.pixels()
		x := some(f, s.mask, pixels[3])
		for i := 2; i >= 0; i-- {
			f.Replace(x, f.Compare(emit.CmpEQ, norms[i], largest), some(f, s.mask, pixels[i]))
		}
		f.FMA(next, g, f.Sub(x, emit.At(mean, 0)))
		s.next(dy)
	}, func(at, mask *emit.Reg) {
		add(f, "first", at, mask, first)
		add(f, "next", at, mask, next)
	})
}

// add adds a vector to a slice's.
func add(f *emit.Func, slice string, at, mask, v *emit.Reg) {
	p := behind(f, slice, at)
	f.AddTo(v, some(f, mask, emit.At(p, 0)))
	put(f, v, mask, emit.At(p, 0))
}

func normMaxGrad(f *emit.Func) {
	acc := f.Flag("acc")
	var dy, abc, delta *emit.Reg
	squares(f, func(at, _ *emit.Reg) {
		dy, abc, delta = behind(f, "dy", at), behind(f, "abc", at), f.Arg("dx_base")
		x := f.Arg("x_base")
		f.I("SUBQ", x, delta)
	}, func(s square) {
		norms, largest := s.norms()
		left := f.Select(f.Compare(emit.CmpGT, largest, s.zero), some(f, s.mask, emit.At(dy, 0)), s.zero)
		give := func(i int, p *emit.Reg) {
			is := f.Compare(emit.CmpEQ, norms[i], largest)
			g := f.Select(is, left, s.zero)
			f.Replace(left, is, s.zero)
			v := f.Copy(emit.AtIndex(abc, s.wide, 2))
			f.FMA(v, some(f, s.mask, emit.At(p, 0)), emit.AtIndex(abc, s.wide, 1))
			f.FMA(v, g, emit.At(abc, 0))
			f.When(acc, func() { f.AddTo(v, some(f, s.mask, emit.AtIndex(p, delta, 1))) })
			put(f, v, s.mask, emit.AtIndex(p, delta, 1))
		}
		give(0, s.upper)
		f.I("ADDQ", s.wide, s.upper)
		give(1, s.upper)
		f.I("SUBQ", s.wide, s.upper)
		give(2, s.lower)
		f.I("ADDQ", s.wide, s.lower)
		give(3, s.lower)
		f.I("SUBQ", s.wide, s.lower)
		s.next(dy)
	}, nothing)
}
