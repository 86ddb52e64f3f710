package main

import "github.com/inkstone-ai/inkstone/internal/kernel/_asm/emit"

// wideLoop is how many vectors the simple loops take at a time: enough for
// several chains of additions, and few counters.
const wideLoop = 4

// A pairing is one of package kernel's functions of two elements.
type pairing struct {
	op, name, formula string
	f                 func(t *turn, a, b *emit.Reg) *emit.Reg
}

var pairings = []pairing{
	{"Add", "add", "a + b", func(t *turn, a, b *emit.Reg) *emit.Reg { return t.Add(a, b) }},
	{"Sub", "sub", "a − b", func(t *turn, a, b *emit.Reg) *emit.Reg { return t.Sub(a, b) }},
	{"Mul", "mul", "a · b", func(t *turn, a, b *emit.Reg) *emit.Reg { return t.Mul(a, b) }},
	{"Div", "div", "a / b", func(t *turn, a, b *emit.Reg) *emit.Reg { return t.Div(a, b) }},
	{"Max", "max", "the larger of a and b, NaN when one is", func(t *turn, a, b *emit.Reg) *emit.Reg {
		return t.Select(t.Compare(emit.CmpNaN, a, a), a, t.Max(a, b))
	}},
	{"Min", "min", "the smaller of a and b, NaN when one is", func(t *turn, a, b *emit.Reg) *emit.Reg {
		return t.Select(t.Compare(emit.CmpNaN, a, a), a, t.Min(a, b))
	}},
	{"Equal", "equal", "1 where a = b, else 0", truth(emit.CmpEQ)},
	{"Less", "less", "1 where a < b, else 0", truth(emit.CmpLT)},
	{"LessEqual", "lessEqual", "1 where a ≤ b, else 0", truth(emit.CmpLE)},
}

func truth(pred int) func(t *turn, a, b *emit.Reg) *emit.Reg {
	return func(t *turn, a, b *emit.Reg) *emit.Reg {
		return t.Select(t.Compare(pred, a, b), t.Const(1), t.Zero())
	}
}

// binary writes functions of two elements.
func binary() *emit.File {
	file := &emit.File{Name: "binary"}
	for _, isa := range versions {
		table := &emit.Table{Name: "binary" + isa.Name, Type: "map[kernel.BinaryOp]func(dst, a, b []float32)"}
		for _, p := range pairings {
			file.Func(isa, p.name, "sets dst to "+p.formula+".", params([]string{"dst", "a", "b"}, nil, nil), func(f *emit.Func) {
				each(f, wideLoop, func(t *turn) { t.store("dst", p.f(t, t.load("a"), t.load("b"))) })
				f.Ret()
			})
			table.Rows = append(table.Rows, emit.Row{Op: p.op, Func: p.name + isa.Name})
		}
		file.Tables = append(file.Tables, table)
		file.Func(isa, "mulAdd", "sets dst += a · b.", params([]string{"dst", "a", "b"}, nil, nil), mulAdd)
	}
	return file
}

func mulAdd(f *emit.Func) {
	each(f, wideLoop, func(t *turn) {
		d := t.load("dst")
		t.FMA(d, t.load("a"), t.load("b"))
		t.store("dst", d)
	})
	f.Ret()
}
