package main

import (
	"math"

	"github.com/inkstone-ai/inkstone/internal/kernel/_asm/emit"
)

// A function is one of package kernel's of an element: f(x), and its
// derivative from the slices x and y = f(x), whichever it needs.
type function struct {
	op, name string
	formula  string // what the declarations say
	f        func(t *turn, x *emit.Reg) *emit.Reg
	slope    func(t *turn) *emit.Reg
}

// of is a function of emit alone as f.
func of(g func(f *emit.Func, x *emit.Reg) *emit.Reg) func(*turn, *emit.Reg) *emit.Reg {
	return func(t *turn, x *emit.Reg) *emit.Reg { return g(t.Func, x) }
}

// first and second are the parts of a value with its derivative.
func first(g func(*emit.Func, *emit.Reg) (y, slope *emit.Reg)) func(*turn, *emit.Reg) *emit.Reg {
	return func(t *turn, x *emit.Reg) *emit.Reg { y, _ := g(t.Func, x); return y }
}

func second(g func(*emit.Func, *emit.Reg) (y, slope *emit.Reg)) func(*turn) *emit.Reg {
	return func(t *turn) *emit.Reg { _, slope := g(t.Func, t.load("x")); return slope }
}

// constantly is the derivative of a straight line.
func constantly(c float32) func(*turn) *emit.Reg {
	return func(t *turn) *emit.Reg { return t.constant(c) }
}

// where is yes where the slice x pred c, no elsewhere.
func where(pred int, c float32, yes, no func(t *turn) *emit.Reg) func(*turn) *emit.Reg {
	return func(t *turn) *emit.Reg {
		y, n := yes(t), no(t)
		return t.Select(t.Compare(pred, t.load("x"), t.Const(c)), y, n)
	}
}

func parameter(name string) func(*turn) *emit.Reg {
	return func(t *turn) *emit.Reg { return t.number(name) }
}

// relu is max(x, 0), NaN of NaN.
func relu(f *emit.Func, x *emit.Reg) *emit.Reg { return f.Max(f.Zero(), x) }

// functions are those written in assembly; the rest is plain Go.
var functions = []function{
	{"Neg", "neg", "−x", func(t *turn, x *emit.Reg) *emit.Reg { return t.Xor(x, t.Bits(signBit)) }, constantly(-1)},
	{"Abs", "abs", "|x|", of(magnitude), func(t *turn) *emit.Reg { return sign(t.Func, t.load("x")) }},
	{"Sign", "sign", "−1, 0 or 1", of(sign), constantly(0)},
	{"Exp", "exp", "eˣ", of(exp), func(t *turn) *emit.Reg { return t.load("y") }},
	{"Log", "log", "log x", of(logarithm), func(t *turn) *emit.Reg { return t.Div(t.constant(1), t.load("x")) }},
	{"Sqrt", "sqrt", "√x", func(t *turn, x *emit.Reg) *emit.Reg { return t.Sqrt(x) },
		func(t *turn) *emit.Reg { return t.Div(t.constant(0.5), t.load("y")) }},
	{"Rsqrt", "rsqrt", "1/√x", func(t *turn, x *emit.Reg) *emit.Reg { return t.Div(t.constant(1), t.Sqrt(x)) },
		func(t *turn) *emit.Reg { return t.Div(t.Mul(t.load("y"), t.Const(-0.5)), t.load("x")) }},
	{"Reciprocal", "reciprocal", "1/x", func(t *turn, x *emit.Reg) *emit.Reg { return t.Div(t.constant(1), x) },
		func(t *turn) *emit.Reg { y := t.load("y"); return t.Mul(t.Xor(y, t.Bits(signBit)), y) }},
	{"Square", "square", "x²", func(t *turn, x *emit.Reg) *emit.Reg { return t.Mul(x, x) },
		func(t *turn) *emit.Reg { x := t.load("x"); return t.Add(x, x) }},
	{"Tanh", "tanh", "tanh x", of(tanh), func(t *turn) *emit.Reg {
		y, d := t.load("y"), t.constant(1)
		t.FNMA(d, y, y)
		return d
	}},
	{"Sigmoid", "sigmoid", "1/(1+e⁻ˣ)", func(t *turn, x *emit.Reg) *emit.Reg { return sigmoid(t.Func, x).s },
		func(t *turn) *emit.Reg { y := t.load("y"); return t.Mul(t.Sub(t.constant(1), y), y) }},
	{"Softplus", "softplus", "log(1+eˣ)", of(softplus), func(t *turn) *emit.Reg { return sigmoid(t.Func, t.load("x")).s }},
	{"Erf", "erf", "the error function", of(erf), func(t *turn) *emit.Reg {
		x := t.load("x")
		return t.Mul(expWeight(t.Func, t.Mul(t.Xor(x, t.Bits(signBit)), x)), t.Const(2/math.SqrtPi))
	}},
	{"ReLU", "relu", "max(x, 0)", of(relu), where(emit.CmpGT, 0, constantly(1), constantly(0))},
	{"LeakyReLU", "leaky", "a·x below 0, x above", func(t *turn, x *emit.Reg) *emit.Reg {
		return t.Select(t.Compare(emit.CmpLT, x, t.Zero()), t.Mul(x, t.number("a")), x)
	}, where(emit.CmpLT, 0, parameter("a"), constantly(1))},
	{"ELU", "elu", "a·(eˣ−1) below 0, x above", func(t *turn, x *emit.Reg) *emit.Reg {
		return t.Select(t.Compare(emit.CmpLT, x, t.Zero()), t.Mul(expm1(t.Func, x), t.number("a")), x)
	}, where(emit.CmpLT, 0, func(t *turn) *emit.Reg { return t.Add(t.load("y"), t.number("a")) }, constantly(1))},
	{"GELU", "gelu", "½x·(1+tanh(√(2/π)·(x+0.044715x³)))", of(geluGate.value), second(geluGate.both)},
	{"GELUErf", "geluErf", "x·Φ(x)", first(geluErf), second(geluErf)},
	{"SiLU", "silu", "x·σ(x)", of(siluGate.value), second(siluGate.both)},
	{"Floor", "floor", "⌊x⌋", func(t *turn, x *emit.Reg) *emit.Reg { return t.Floor(x) }, constantly(0)},
	{"Ceil", "ceil", "⌈x⌉", func(t *turn, x *emit.Reg) *emit.Reg { return t.Ceil(x) }, constantly(0)},
	{"Round", "round", "x rounded, half to even", func(t *turn, x *emit.Reg) *emit.Reg { return t.Round(x) }, constantly(0)},
	{"AddScalar", "addScalar", "x+a", func(t *turn, x *emit.Reg) *emit.Reg { return t.Add(x, t.number("a")) }, constantly(1)},
	{"MulScalar", "mulScalar", "x·a", func(t *turn, x *emit.Reg) *emit.Reg { return t.Mul(x, t.number("a")) }, parameter("a")},
	{"Clip", "clip", "x within [a, b]", func(t *turn, x *emit.Reg) *emit.Reg {
		return t.Min(t.number("b"), t.Max(t.number("a"), x))
	}, clipSlope},
}

// sign is ±1, and x itself where that is 0 or NaN.
func sign(f *emit.Func, x *emit.Reg) *emit.Reg {
	one := f.Or(f.And(x, f.Bits(signBit)), f.Const(1))
	zero := f.Zero()
	one = f.Select(f.Compare(emit.CmpEQ, x, zero), x, one)
	return f.Select(f.Compare(emit.CmpNaN, x, x), x, one)
}

// tanh is −m/(m+2) with m = exp(−2|x|) − 1, and x's sign.
func tanh(f *emit.Func, x *emit.Reg) *emit.Reg {
	m := expm1(f, f.Mul(magnitude(f, x), f.Const(-2)))
	y := f.Div(m, f.Add(m, f.Const(2)))
	return f.Or(magnitude(f, y), f.And(x, f.Bits(signBit)))
}

// clipSlope is 1 within [a, b].
func clipSlope(t *turn) *emit.Reg {
	x, zero := t.load("x"), t.Zero()
	low := t.Select(t.Compare(emit.CmpGE, x, t.number("a")), t.Const(1), zero)
	return t.Select(t.Compare(emit.CmpLE, x, t.number("b")), low, zero)
}

// unary writes functions of one element and their gradients.
func unary() *emit.File {
	file := &emit.File{Name: "unary"}
	for _, isa := range versions {
		rows := &emit.Table{Name: "unary" + isa.Name, Type: "map[kernel.UnaryOp]func(y, x []float32, a, b float32)"}
		slopes := &emit.Table{Name: "slope" + isa.Name, Type: "map[kernel.UnaryOp]func(dx, x, y, dy []float32, a, b float32, acc bool)"}
		for _, fn := range functions {
			file.Func(isa, fn.name, "sets y to "+fn.formula+".", params([]string{"y", "x"}, []string{"a", "b"}, nil), fn.row)
			file.Func(isa, fn.name+"Slope", "sets dx, or adds to it, dy times the derivative of "+fn.formula+".",
				params([]string{"dx", "x", "y", "dy"}, []string{"a", "b"}, []string{"acc"}), fn.gradient)
			rows.Rows = append(rows.Rows, emit.Row{Op: fn.op, Func: fn.name + isa.Name})
			slopes.Rows = append(slopes.Rows, emit.Row{Op: fn.op, Func: fn.name + "Slope" + isa.Name})
		}
		file.Tables = append(file.Tables, rows, slopes)
	}
	return file
}

// vectors is how many the loop takes at a time: more where there is little to do.
func (fn function) vectors() int {
	switch fn.op {
	case "Neg", "Abs", "Square", "ReLU", "Floor", "Ceil", "Round", "AddScalar", "MulScalar", "Clip":
		return wideLoop
	}
	return 1
}

func (fn function) row(f *emit.Func) {
	each(f, fn.vectors(), func(t *turn) { t.store("y", fn.f(t, t.load("x"))) })
	f.Ret()
}

func (fn function) gradient(f *emit.Func) {
	acc := f.Flag("acc")
	each(f, 1, func(t *turn) { t.put("dx", t.Mul(fn.slope(t), t.load("dy")), acc) })
	f.Ret()
}
