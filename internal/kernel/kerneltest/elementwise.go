package kerneltest

import (
	"github.com/inkstone-ai/inkstone/internal/kernel"
)

// maxTail is the largest size that every kernel is tried at, one by one: four
// vectors of sixteen and three more.
const maxTail = 67

// big is more than a tile of any operation, and odd.
const big = 20011

// shapes are those of element-wise operands: every tail, a single long row, many rows.
func shapes() (list [][2]int) {
	for n := range maxTail + 1 {
		list = append(list, [2]int{3, n})
	}
	return append(list, [2]int{1, 5}, [2]int{5, 1}, [2]int{0, 4}, [2]int{1, big}, [2]int{150, 129})
}

// each calls f for every shape, dense and strided.
func each(f func(rows, cols int, strided bool)) {
	for _, s := range shapes() {
		f(s[0], s[1], false)
		f(s[0], s[1], true)
	}
}

func copies(g *gen) (list []call) {
	types := []kernel.DType{kernel.F32, kernel.BF16, kernel.F16}
	each(func(rows, cols int, gaps bool) {
		for _, to := range types {
			for _, from := range types {
				for _, acc := range []bool{false, true} {
					if acc && to != kernel.F32 {
						continue
					}
					list = append(list, copyCall(output(g.of(to, rows, cols)), g.of(from, rows, cols), acc, gaps))
				}
			}
		}
	})
	for _, to := range types {
		list = append(list, copyCall(output(g.of(to, 3, len(specials))), g.special(), false, true))
	}
	for _, rows := range []int{0, 1, 5, 300} {
		for _, cols := range []int{0, 32, 96} {
			for _, to := range []kernel.DType{kernel.F32, kernel.Q8_0} {
				for _, from := range []kernel.DType{kernel.F32, kernel.Q8_0} {
					list = append(list, copyCall(output(g.of(to, rows, cols)), g.of(from, rows, cols), false, rows%2 == 1))
				}
			}
		}
	}
	eights := g.normal(len(specials), 32) // each special among normal numbers, and a block of each
	for i, x := range specials {
		floats(eights.data)[33*i%(32*len(specials))] = x
	}
	list = append(list, copyCall(output(g.of(kernel.Q8_0, len(specials), 32)), eights, false, true))
	list = append(list, copyCall(output(g.ids(7, 100)), g.ids(7, 100), false, true))
	u8 := func(b []byte) *arg { return &arg{typ: kernel.U8, rows: 2, cols: 4, data: b} }
	return append(list, copyCall(output(u8(make([]byte, 8))), u8([]byte("inkstone")), false, true))
}

func copyCall(dst, src *arg, acc, gaps bool) call {
	args := []*arg{dst, src}
	if gaps {
		strided(args...)
	}
	return call{
		name: named("Copy %v to %v %d×%d acc %v", src.typ, dst.typ, src.rows, src.cols, acc), args: args, rtol: 1e-7,
		do: func(d kernel.Device, m []kernel.Mat) { d.Copy(m[0], m[1], acc) },
	}
}

func fills(g *gen) (list []call) {
	each(func(rows, cols int, gaps bool) {
		for _, value := range []float32{0, -1.5} {
			args := []*arg{output(g.normal(rows, cols))}
			if gaps {
				strided(args...)
			}
			list = append(list, call{name: named("Fill %d×%d", rows, cols), args: args,
				do: func(d kernel.Device, m []kernel.Mat) { d.Fill(m[0], value) }})
		}
	})
	return list
}

// unaryParams has parameters for the functions that take some.
var unaryParams = map[kernel.UnaryOp][2]float32{
	kernel.LeakyReLU: {0.1, 0}, kernel.ELU: {1.3, 0}, kernel.AddScalar: {-2.5, 0},
	kernel.MulScalar: {1.7, 0}, kernel.PowScalar: {2.5, 0}, kernel.Clip: {-0.5, 0.75},
}

// Tolerances of functions: a few units in the last place of float32 (6e-8), and below 1e-7 nothing matters.
const (
	functionR = 8e-7
	functionA = 2e-7
)

// unaryInput keeps the logarithm's and the roots' operands where they are numbers.
func (g *gen) unaryInput(op kernel.UnaryOp, rows, cols int) *arg {
	switch op {
	case kernel.Log, kernel.Sqrt, kernel.Rsqrt, kernel.PowScalar:
		return g.uniform(rows, cols, 0.01, 9)
	}
	return g.uniform(rows, cols, -9, 9)
}

func unaries(g *gen) (list []call) {
	for op := kernel.UnaryOp(0); op <= kernel.Clip; op++ {
		p := unaryParams[op]
		add := func(x *arg, gaps bool) {
			args := []*arg{output(g.normal(x.rows, x.cols)), x}
			if gaps {
				strided(args...)
			}
			list = append(list, call{name: named("Unary %d %d×%d", op, x.rows, x.cols), args: args, rtol: functionR, atol: functionA,
				do: func(d kernel.Device, m []kernel.Mat) { d.Unary(op, m[0], m[1], p[0], p[1]) }})
			if !gaps {
				list = append(list, call{name: named("Unary %d in place %d×%d", op, x.rows, x.cols), args: []*arg{x.copy()}, rtol: functionR, atol: functionA,
					do: func(d kernel.Device, m []kernel.Mat) { d.Unary(op, m[0], m[0], p[0], p[1]) }})
			}
		}
		each(func(rows, cols int, gaps bool) { add(g.unaryInput(op, rows, cols), gaps) })
		add(g.special(), true)
	}
	return list
}

func unaryGrads(g *gen) (list []call) {
	for op := kernel.UnaryOp(0); op <= kernel.Clip; op++ {
		p := unaryParams[op]
		add := func(x *arg, acc, gaps bool) {
			y := g.normal(x.rows, x.cols)
			args := []*arg{output(g.normal(x.rows, x.cols)), x, y, g.normal(x.rows, x.cols)}
			if gaps {
				strided(args...)
			}
			// The oracle computes y = f(x): the gradient needs a y that belongs to x.
			y.data = apply(op, x, p)
			list = append(list, call{name: named("UnaryGrad %d %d×%d acc %v", op, x.rows, x.cols, acc), args: args,
				rtol: 2 * functionR, atol: 2 * functionA,
				do: func(d kernel.Device, m []kernel.Mat) { d.UnaryGrad(op, m[0], m[1], m[2], m[3], p[0], p[1], acc) }})
			if !acc {
				list = append(list, call{name: named("UnaryGrad %d in place %d×%d", op, x.rows, x.cols),
					args: []*arg{x, y, output(g.normal(x.rows, x.cols))}, rtol: 2 * functionR, atol: 2 * functionA,
					do: func(d kernel.Device, m []kernel.Mat) { d.UnaryGrad(op, m[2], m[0], m[1], m[2], p[0], p[1], false) }})
			}
		}
		each(func(rows, cols int, gaps bool) { add(g.unaryInput(op, rows, cols), gaps, gaps) })
		if op != kernel.Reciprocal { // 1/x² leaves float32 before dy can bring it back
			add(g.mild(), false, true)
		}
	}
	return list
}

func gates(g *gen) (list []call) {
	for _, op := range []kernel.UnaryOp{kernel.SiLU, kernel.GELU, kernel.ReLU, kernel.Sigmoid} {
		each(func(rows, cols int, gaps bool) {
			args := []*arg{output(g.normal(rows, cols)), g.uniform(rows, cols, -9, 9), g.normal(rows, cols)}
			if gaps {
				strided(args...)
			}
			list = append(list, call{name: named("Gated %d %d×%d", op, rows, cols), args: args,
				rtol: 2 * functionR, atol: 2 * functionA,
				do: func(d kernel.Device, m []kernel.Mat) { d.Gated(op, m[0], m[1], m[2]) }})
		})
	}
	return list
}

func gateGrads(g *gen) (list []call) {
	for _, op := range []kernel.UnaryOp{kernel.SiLU, kernel.GELU, kernel.ReLU, kernel.Sigmoid} {
		each(func(rows, cols int, gaps bool) {
			args := []*arg{output(g.normal(rows, cols)), output(g.normal(rows, cols)),
				g.uniform(rows, cols, -9, 9), g.normal(rows, cols), g.normal(rows, cols)}
			if gaps {
				strided(args...)
			}
			for _, acc := range []bool{false, true} {
				list = append(list, call{name: named("GatedGrad %d %d×%d acc %v", op, rows, cols, acc), args: args,
					rtol: 4 * functionR, atol: 6 * functionA,
					do: func(d kernel.Device, m []kernel.Mat) { d.GatedGrad(op, m[0], m[1], m[2], m[3], m[4], acc) }})
			}
		})
	}
	return list
}

func dropouts(g *gen) (list []call) {
	each(func(rows, cols int, gaps bool) {
		for _, acc := range []bool{false, true} {
			args := []*arg{output(g.normal(rows, cols)), g.normal(rows, cols)}
			if gaps {
				strided(args...)
			}
			list = append(list, call{name: named("Dropout %d×%d acc %v", rows, cols, acc), args: args, rtol: 2e-7, atol: 5e-7,
				do: func(d kernel.Device, m []kernel.Mat) { d.Dropout(m[0], m[1], 0.3, 1<<40+7, acc) }})
		}
		list = append(list, call{name: named("Dropout in place %d×%d", rows, cols), args: []*arg{output(g.normal(rows, cols))}, rtol: 2e-7,
			do: func(d kernel.Device, m []kernel.Mat) { d.Dropout(m[0], m[0], 0.1, 5, false) }})
	})
	return list
}

func updates(g *gen) (list []call) {
	type setting struct {
		rule kernel.UpdateRule
		m, v bool
		p    kernel.UpdateParams
	}
	base := kernel.UpdateParams{LR: 0.01, B1: 0.9, B2: 0.99, Eps: 1e-6, Decay: 0.1, Correct1: 0.271, Correct2: 0.0297, GradScale: 0.5}
	with := func(change func(*kernel.UpdateParams)) kernel.UpdateParams { p := base; change(&p); return p }
	settings := []setting{
		{kernel.SGD, false, false, base},
		{kernel.SGD, true, false, base},
		{kernel.SGD, true, false, with(func(p *kernel.UpdateParams) { p.First = true })},
		{kernel.SGD, true, false, with(func(p *kernel.UpdateParams) { p.Nesterov = true })},
		{kernel.Adam, true, true, base},
		{kernel.AdamW, true, true, base},
		{kernel.AdaGrad, false, true, base},
		{kernel.RMSProp, true, true, base},
		{kernel.RMSProp, false, true, with(func(p *kernel.UpdateParams) { p.B1 = 0 })},
	}
	for i, s := range settings {
		for _, n := range append(tails(), big) {
			args := []*arg{output(g.normal(1, n)), g.normal(1, n), nil, nil}
			if s.m {
				args[2] = output(g.normal(1, n))
			}
			if s.v {
				args[3] = output(g.uniform(1, n, 0, 1))
			}
			list = append(list, call{name: named("Update setting %d of %d", i, n), args: args, rtol: 2e-6, atol: 1e-6,
				do: func(d kernel.Device, m []kernel.Mat) { d.Update(s.rule, m[0], m[1], m[2], m[3], s.p) }})
		}
	}
	return list
}

// tails are the sizes 0…67.
func tails() (list []int) {
	for n := range maxTail + 1 {
		list = append(list, n)
	}
	return list
}
