package main

import "github.com/inkstone-ai/inkstone/internal/kernel/_asm/emit"

// A gating is a function that opens a gated unit, with its derivative.
type gating struct {
	op, name string
	value    func(f *emit.Func, x *emit.Reg) *emit.Reg
	both     func(f *emit.Func, x *emit.Reg) (y, slope *emit.Reg)
}

var gatings = []gating{
	{"SiLU", "silu", siluGate.value, siluGate.both},
	{"GELU", "gelu", geluGate.value, geluGate.both},
	{"ReLU", "relu", relu, func(f *emit.Func, x *emit.Reg) (y, slope *emit.Reg) {
		up := f.Compare(emit.CmpGT, x, f.Zero())
		return relu(f, x), f.Select(up, f.Const(1), f.Zero())
	}},
	{"Sigmoid", "sigmoid", func(f *emit.Func, x *emit.Reg) *emit.Reg { return sigmoid(f, x).s },
		func(f *emit.Func, x *emit.Reg) (y, slope *emit.Reg) { s := sigmoid(f, x); return s.s, s.slope(f) }},
}

// gated writes gated units and their gradients, each one pass over memory.
func gated() *emit.File {
	file := &emit.File{Name: "gated"}
	for _, isa := range versions {
		values := &emit.Table{Name: "gated" + isa.Name, Type: "map[kernel.UnaryOp]func(y, gate, up []float32)"}
		grads := &emit.Table{Name: "gatedGrad" + isa.Name, Type: "map[kernel.UnaryOp]func(dgate, dup, gate, up, dy []float32, acc bool)"}
		for _, g := range gatings {
			file.Func(isa, g.name+"Gated", "sets y = f(gate)·up.", params([]string{"y", "gate", "up"}, nil, nil), g.forward)
			file.Func(isa, g.name+"GatedGrad", "sets dgate = dy·up·f'(gate) and dup = dy·f(gate), or adds them.",
				params([]string{"dgate", "dup", "gate", "up", "dy"}, nil, []string{"acc"}), g.gradient)
			values.Rows = append(values.Rows, emit.Row{Op: g.op, Func: g.name + "Gated" + isa.Name})
			grads.Rows = append(grads.Rows, emit.Row{Op: g.op, Func: g.name + "GatedGrad" + isa.Name})
		}
		file.Tables = append(file.Tables, values, grads)
	}
	return file
}

func (g gating) forward(f *emit.Func) {
	each(f, 1, func(t *turn) { t.store("y", t.Mul(g.value(f, t.load("gate")), t.load("up"))) })
	f.Ret()
}

func (g gating) gradient(f *emit.Func) {
	acc := f.Flag("acc")
	each(f, 1, func(t *turn) {
		y, slope := g.both(f, t.load("gate"))
		dy := t.load("dy")
		t.put("dup", t.Mul(y, dy), acc)
		t.put("dgate", t.Mul(t.Mul(slope, t.load("up")), dy), acc)
	})
	f.Ret()
}
