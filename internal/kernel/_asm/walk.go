package main

import "github.com/inkstone-ai/inkstone/internal/kernel/_asm/emit"

// A walk goes over slices of one length side by side: several vectors at a
// time while there are as many elements, then one, then what is left under a
// mask, so that nothing outside of the slices is read or written. Every
// element meets the same instructions, wherever in the slice it is.
type walk struct {
	*emit.Func
	base map[string]*emit.Reg
	at   *emit.Reg // bytes behind
}

// A turn is one vector of a walk. Its methods are those of emit's expression
// layer, with the slices and numbers of the function by their names.
type turn struct {
	walk
	unit int // which of the vectors taken at a time: its accumulators
	disp int
	mask *emit.Reg // of the lanes that exist; nil: all
}

// each walks over all slices of f, as long as the first.
func each(f *emit.Func, vectors int, body func(t *turn)) {
	w := walk{Func: f, base: map[string]*emit.Reg{}, at: f.GP()}
	var left *emit.Reg
	for _, p := range f.Params {
		if p.Type != floatSlice {
			continue
		}
		w.base[p.Name] = f.Arg(p.Name + "_base")
		if left == nil {
			left = f.Arg(p.Name + "_len")
		}
	}
	f.I("MOVQ", 0, w.at)
	if vectors > 1 {
		w.loop("many", left, vectors, body)
	}
	w.loop("one", left, 1, body)
	f.When(left, func() { body(&turn{walk: w, mask: f.TailMask(left)}) })
}

func (w walk) loop(name string, left *emit.Reg, vectors int, body func(t *turn)) {
	w.While(name, left, vectors*w.ISA.Lanes, func() {
		for u := range vectors {
			body(&turn{walk: w, unit: u, disp: u * w.ISA.Bytes()})
		}
		w.I("ADDQ", vectors*w.ISA.Bytes(), w.at)
	})
}

// load reads this turn's elements of a slice; lanes that do not exist are 0.
func (t *turn) load(slice string) *emit.Reg {
	if t.mask != nil {
		return t.LoadMasked(t.mask, t.mem(slice))
	}
	return t.Load(t.mem(slice))
}

func (t *turn) store(slice string, v *emit.Reg) {
	if t.mask != nil {
		t.StoreMasked(v, t.mask, t.mem(slice))
		return
	}
	t.Store(v, t.mem(slice))
}

// put stores v, added to what the slice holds where flag is set; v is lost.
func (t *turn) put(slice string, v, flag *emit.Reg) {
	t.When(flag, func() { t.AddTo(v, t.load(slice)) })
	t.store(slice, v)
}

func (t *turn) mem(slice string) emit.Mem {
	return emit.Mem{Base: t.base[slice], Index: t.at, Scale: 1, Disp: t.disp}
}

// number is a float32 argument in every lane.
func (t *turn) number(name string) *emit.Reg { return t.Broadcast(t.ArgMem(name)) }

// constant is c in every lane of a register.
func (t *turn) constant(c float32) *emit.Reg { return t.Copy(t.Const(c)) }

// existing is v with 0 in lanes that do not exist.
func (t *turn) existing(v *emit.Reg) *emit.Reg {
	if t.mask == nil {
		return v
	}
	return t.Select(t.mask, v, t.Zero())
}

const floatSlice = "[]float32"

// params are slices, then numbers, then flags.
func params(slices, numbers, flags []string) (list []emit.Param) {
	for _, s := range slices {
		list = append(list, emit.Param{Name: s, Type: floatSlice})
	}
	for _, s := range numbers {
		list = append(list, emit.Param{Name: s, Type: "float32"})
	}
	for _, s := range flags {
		list = append(list, emit.Param{Name: s, Type: "bool"})
	}
	return list
}
