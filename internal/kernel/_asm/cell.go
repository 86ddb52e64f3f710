package main

import "github.com/inkstone-ai/inkstone/internal/kernel/_asm/emit"

// cell writes what an LSTM does to a sequence's row and its gradient, each one pass.
func cell() *emit.File {
	file := &emit.File{Name: "cell"}
	for _, isa := range versions {
		file.Func(isa, "lstm", `turns the sums of i, f, g and o side by side in gates into σ, σ, tanh and σ of them,
and sets c = f·before + i·g and h = o·tanh c.`, params([]string{"h", "c", "gates", "before"}, nil, nil), lstm)
		file.Func(isa, "lstmGrad", `sets dgates, those of the sums, from dstate, dh and dc side by side, and adds to
dbefore, where present, the gradient of before.`, params([]string{"c", "dgates", "dbefore", "dstate", "gates", "before"}, nil, nil), lstmGrad)
	}
	return file
}

// parts are slices of the same length that lie side by side from a slice's start, at this
// vector of a walk: the first three by one address, the fourth by its own.
type parts struct {
	*emit.Func
	wide          *emit.Reg // bytes of a part
	first, fourth *emit.Reg
}

// newParts are those of a slice; wide stays the caller's.
func newParts(f *emit.Func, slice string, wide *emit.Reg) parts {
	p := parts{f, wide, f.Arg(slice + "_base"), f.GP()}
	f.I("MOVQ", p.first, p.fourth)
	for range 3 {
		f.I("ADDQ", wide, p.fourth)
	}
	return p
}

func (p parts) at(i int) emit.Mem {
	switch i {
	case 0:
		return emit.At(p.first, 0)
	case 3:
		return emit.At(p.fourth, 0)
	}
	return emit.AtIndex(p.first, p.wide, i)
}

// next moves on by a vector.
func (p parts) next() {
	p.I("ADDQ", p.ISA.Bytes(), p.first)
	p.I("ADDQ", p.ISA.Bytes(), p.fourth)
}

// width is the bytes of a slice.
func width(f *emit.Func, slice string) *emit.Reg {
	wide := f.Arg(slice + "_len")
	f.I("SHLQ", 2, wide)
	return wide
}

func lstm(f *emit.Func) {
	gates := newParts(f, "gates", width(f, "h"))
	h, c, before := f.Arg("h_base"), f.Arg("c_base"), f.Arg("before_base")
	channels(f, "h", func(at, mask *emit.Reg) {
		var g [4]*emit.Reg
		for i := range g {
			x := some(f, mask, gates.at(i))
			if i == 2 {
				g[i] = tanh(f, x)
			} else {
				g[i] = sigmoid(f, x).s
			}
			put(f, g[i], mask, gates.at(i))
		}
		state := f.Mul(g[1], some(f, mask, emit.AtIndex(before, at, 1)))
		f.FMA(state, g[0], g[2])
		put(f, state, mask, emit.AtIndex(c, at, 1))
		put(f, f.Mul(tanh(f, state), g[3]), mask, emit.AtIndex(h, at, 1))
		if mask == nil {
			gates.next()
		}
	})
	f.Ret()
}

func lstmGrad(f *emit.Func) {
	wide := width(f, "c")
	gates, to := newParts(f, "gates", wide), newParts(f, "dgates", wide)
	c, dstate := f.Arg("c_base"), f.Arg("dstate_base")
	before, dbefore := f.Arg("before_base"), f.Arg("dbefore_base")
	one := f.Const(1)
	channels(f, "c", func(at, mask *emit.Reg) {
		load := func(m emit.Mem) *emit.Reg { return some(f, mask, m) }
		// The slope of tanh is 1−y², that of σ y·(1−y).
		tanhSlope := func(d, y *emit.Reg) *emit.Reg {
			slope := f.Copy(one)
			f.FNMA(slope, y, y)
			return f.Mul(d, slope)
		}
		sigmoidSlope := func(d, y *emit.Reg) *emit.Reg { return f.Mul(d, f.Mul(y, f.Sub(f.Copy(one), y))) }
		dh, t := load(emit.At(dstate, 0)), tanh(f, load(emit.AtIndex(c, at, 1)))
		o := load(gates.at(3))
		put(f, sigmoidSlope(f.Mul(dh, t), o), mask, to.at(3))
		dc := load(emit.AtIndex(dstate, wide, 1))
		f.AddTo(dc, tanhSlope(f.Mul(dh, o), t))
		i, g := load(gates.at(0)), load(gates.at(2))
		put(f, sigmoidSlope(f.Mul(dc, g), i), mask, to.at(0))
		put(f, tanhSlope(f.Mul(dc, i), g), mask, to.at(2))
		forget := load(gates.at(1))
		put(f, sigmoidSlope(f.Mul(dc, load(emit.AtIndex(before, at, 1))), forget), mask, to.at(1))
		f.When(dbefore, func() {
			d := load(emit.AtIndex(dbefore, at, 1))
			f.FMA(d, dc, forget)
			put(f, d, mask, emit.AtIndex(dbefore, at, 1))
		})
		if mask == nil {
			gates.next()
			to.next()
			f.I("ADDQ", f.ISA.Bytes(), dstate)
		}
	})
	f.Ret()
}
