package main

import "github.com/inkstone-ai/inkstone/internal/kernel/_asm/emit"

// rotary writes the rotation of pairs of channels (Su 2021, arXiv:2104.09864).
func rotary() *emit.File {
	file := &emit.File{Name: "rotary"}
	for _, isa := range versions {
		file.Func(isa, "rotate", `turns the pairs (i, i+pairs) of every head of the row x, heads stride apart, by
angles: the cosines of all pairs, then their sines, with the signs flipped by
flip. It sets y or adds to it; other channels are left alone.`, []emit.Param{
			{Name: "y", Type: floatSlice}, {Name: "x", Type: floatSlice}, {Name: "angles", Type: floatSlice},
			{Name: "heads", Type: "int"}, {Name: "stride", Type: "int"}, {Name: "flip", Type: "uint32"}, {Name: "acc", Type: "bool"},
		}, rotate)
	}
	return file
}

func rotate(f *emit.Func) {
	x, y, heads, stride, acc := f.Arg("x_base"), f.Arg("y_base"), f.Arg("heads"), f.Arg("stride"), f.Flag("acc")
	half := f.Arg("angles_len") // bytes from a pair's first channel to its second
	f.I("SHLQ", 1, half)
	f.I("SHLQ", 2, stride)
	flip := f.Broadcast(f.ArgMem("flip"))
	f.Repeat("head", heads, func() {
		from, to, angle, left := f.GP(), f.GP(), f.Arg("angles_base"), f.Arg("angles_len")
		f.I("MOVQ", x, from)
		f.I("MOVQ", y, to)
		f.I("SHRQ", 1, left)
		turn := func(load func(emit.Mem) *emit.Reg, store func(*emit.Reg, emit.Mem)) {
			second := func(p *emit.Reg) emit.Mem { return emit.AtIndex(p, half, 1) }
			a, b := load(emit.At(from, 0)), load(second(from))
			cos, sin := load(emit.At(angle, 0)), f.Xor(load(second(angle)), flip)
			y0, y1 := f.Mul(a, cos), f.Mul(a, sin)
			f.FNMA(y0, b, sin)
			f.FMA(y1, b, cos)
			f.When(acc, func() {
				f.AddTo(y0, load(emit.At(to, 0)))
				f.AddTo(y1, load(second(to)))
			})
			store(y0, emit.At(to, 0))
			store(y1, second(to))
		}
		f.While("pairs", left, f.ISA.Lanes, func() {
			turn(f.Load, f.Store)
			for _, p := range []*emit.Reg{from, to, angle} {
				f.I("ADDQ", f.ISA.Bytes(), p)
			}
		})
		f.When(left, func() {
			mask := f.TailMask(left)
			turn(func(m emit.Mem) *emit.Reg { return f.LoadMasked(mask, m) }, func(v *emit.Reg, m emit.Mem) { f.StoreMasked(v, mask, m) })
		})
		f.I("ADDQ", stride, x)
		f.I("ADDQ", stride, y)
	})
	f.Ret()
}
