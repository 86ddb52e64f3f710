package main

import (
	"math"

	"github.com/inkstone-ai/inkstone/internal/kernel/_asm/emit"
)

// Reductions of a row: each vector that the loop takes at a time has its own
// accumulator, what is left goes to the first; then the accumulators are
// added in pairs and the lanes in halves. The order depends on the length alone.

// reduce writes reductions.
func reduce() *emit.File {
	file := &emit.File{Name: "reduce"}
	for _, isa := range versions {
		add := func(name, doc string, slices, numbers []string, build func(f *emit.Func)) {
			list := append(params(slices, numbers, nil), emit.Param{Name: "y", Type: "float32", Result: true})
			file.Func(isa, name, doc, list, build)
		}
		x := []string{"x"}
		add("sum", "is Σ x.", x, nil, summing(wideLoop, func(t *turn, acc *emit.Reg) { t.AddTo(acc, t.load("x")) }))
		add("sumAbs", "is Σ |x|.", x, nil, summing(wideLoop, func(t *turn, acc *emit.Reg) { t.AddTo(acc, magnitude(t.Func, t.load("x"))) }))
		add("dot", "is Σ a·b.", []string{"a", "b"}, nil, summing(wideLoop, func(t *turn, acc *emit.Reg) { t.FMA(acc, t.load("a"), t.load("b")) }))
		add("spread", "is Σ (x−mean)².", x, []string{"mean"}, summing(wideLoop, func(t *turn, acc *emit.Reg) {
			d := t.existing(t.Sub(t.load("x"), t.number("mean")))
			t.FMA(acc, d, d)
		}))
		add("maxOf", "is the largest of x, NaN when one is NaN, −∞ of none.", x, nil, extreme("VMAXPS", math.Inf(-1)))
		add("minOf", "is the smallest of x, NaN when one is NaN, ∞ of none.", x, nil, extreme("VMINPS", math.Inf(1)))
		file.Func(isa, "expSum", "sets e = exp(x−top), x ≤ top, and returns Σ e.", []emit.Param{
			{Name: "e", Type: floatSlice}, {Name: "x", Type: floatSlice}, {Name: "top", Type: "float32"}, {Name: "y", Type: "float32", Result: true},
		}, summing(1, func(t *turn, acc *emit.Reg) {
			e := expWeight(t.Func, t.Sub(t.load("x"), t.number("top")))
			t.store("e", e)
			t.AddTo(acc, t.existing(e))
		}))
	}
	return file
}

// summing adds what body adds to its accumulator.
func summing(vectors int, body func(t *turn, acc *emit.Reg)) func(f *emit.Func) {
	return func(f *emit.Func) {
		acc := zeros(f, vectors)
		each(f, vectors, func(t *turn) { body(t, acc[t.unit]) })
		f.Return(f.Across("VADDPS", joined(f, "VADDPS", acc)), "y")
		f.Ret()
	}
}

// zeros are n accumulators.
func zeros(f *emit.Func, n int) (acc []*emit.Reg) {
	for range n {
		acc = append(acc, f.Zero())
	}
	return acc
}

// joined folds accumulators, a power of two, in pairs into the first.
func joined(f *emit.Func, op string, acc []*emit.Reg) *emit.Reg {
	for n := len(acc) / 2; n > 0; n /= 2 {
		for i := range n {
			f.I(op, acc[i+n], acc[i], acc[i])
		}
	}
	return acc[0]
}

// extreme is the largest or smallest. The instruction has its last operand
// where one is NaN, so a NaN would be lost: they are collected on the side.
func extreme(op string, none float64) func(f *emit.Func) {
	return func(f *emit.Func) {
		start := f.Const(float32(none))
		var acc []*emit.Reg
		for range wideLoop {
			acc = append(acc, f.Copy(start))
		}
		nan := f.Zero()
		each(f, wideLoop, func(t *turn) {
			v := t.load("x")
			t.Replace(nan, t.Compare(emit.CmpNaN, v, v), v)
			if t.mask != nil {
				v = t.Select(t.mask, v, t.Copy(start))
			}
			t.I(op, acc[t.unit], v, acc[t.unit])
		})
		y := f.Across(op, joined(f, op, acc))
		f.AddTo(y, f.Across("VADDPS", nan)) // 0 or NaN
		f.Return(y, "y")
		f.Ret()
	}
}
