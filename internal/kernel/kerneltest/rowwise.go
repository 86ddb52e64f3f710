package kerneltest

import (
	"math"

	"github.com/inkstone-ai/inkstone/internal/kernel"
)

// rowShapes are those of operations on whole rows: every tail, several
// chunks, many rows.
func rowShapes() (list [][2]int) {
	for n := 1; n <= maxTail; n++ {
		list = append(list, [2]int{3, n})
	}
	return append(list, [2]int{0, 8}, [2]int{40, 128}, [2]int{2, 3001}, [2]int{1, big}, [2]int{130, 384})
}

// forms calls f for every row shape, dense and strided, replacing and adding.
func forms(f func(rows, cols int, gaps, acc bool)) {
	for _, s := range rowShapes() {
		f(s[0], s[1], false, true)
		f(s[0], s[1], true, false)
	}
}

func softmaxes(g *gen) (list []call) {
	for _, log := range []bool{false, true} {
		add := func(x *arg, gaps bool) {
			args := []*arg{output(g.normal(x.rows, x.cols)), x}
			if gaps {
				strided(args...)
			}
			same := x.copy()
			list = append(list,
				call{name: named("Softmax %d×%d log %v", x.rows, x.cols, log), args: args, rtol: 3e-6, atol: 3e-7,
					do: func(d kernel.Device, m []kernel.Mat) { d.Softmax(m[0], m[1], log) }},
				call{name: named("Softmax in place %d×%d log %v", x.rows, x.cols, log), args: []*arg{same}, rtol: 3e-6, atol: 3e-7,
					do: func(d kernel.Device, m []kernel.Mat) { d.Softmax(m[0], m[0], log) }})
		}
		forms(func(rows, cols int, gaps, _ bool) { add(g.uniform(rows, cols, -20, 20), gaps) })
		add(extremeRows(), false)
		add(g.normal(3, 0), false)
	}
	return list
}

// extremeRows has a row each of: huge numbers, masked numbers, nothing but
// masked ones, an infinity, a NaN.
func extremeRows() *arg {
	inf, nan := float32(math.Inf(1)), float32(math.NaN())
	return from(kernel.F32, 5, 4, []float32{
		3e38, 3e38, -3e38, 0,
		-inf, 1, -inf, 2,
		-inf, -inf, -inf, -inf,
		inf, 1, 2, 3,
		nan, 1, 2, 3,
	})
}

func softmaxGrads(g *gen) (list []call) {
	for _, log := range []bool{false, true} {
		forms(func(rows, cols int, gaps, acc bool) {
			y := g.uniform(rows, cols, 0, 2/float32(cols))
			if log {
				y = g.uniform(rows, cols, -9, -1)
			}
			args := []*arg{output(g.normal(rows, cols)), y, g.normal(rows, cols)}
			if gaps {
				strided(args...)
			}
			list = append(list, call{name: named("SoftmaxGrad %d×%d log %v acc %v", rows, cols, log, acc), args: args,
				rtol: 1e-5, atol: 1e-5 * math.Sqrt(float64(cols)), do: func(d kernel.Device, m []kernel.Mat) { d.SoftmaxGrad(m[0], m[1], m[2], log, acc) }})
		})
	}
	return list
}

func crossEntropies(g *gen) (list []call) {
	const ignore = 0
	add := func(x *arg, gaps, weighted bool, smoothing float32) {
		args := []*arg{output(g.normal(x.rows, 1)), output(g.normal(x.rows, x.cols)), x, g.ids(x.rows, x.cols), nil}
		if weighted {
			args[4] = g.uniform(1, x.rows, 0, 2)
		}
		if gaps {
			strided(args...)
		}
		tag := named("CrossEntropy %d×%d weights %v smoothing %v", x.rows, x.cols, weighted, smoothing)
		in := x.copy()
		list = append(list,
			call{name: tag, args: args, rtol: 1e-5, atol: 3e-6, do: func(d kernel.Device, m []kernel.Mat) {
				d.CrossEntropy(m[0], m[1], m[2], m[3], m[4], ignore, smoothing)
			}},
			call{name: tag + " loss only", args: []*arg{args[0], x, args[3], args[4]}, rtol: 1e-5, atol: 3e-6, do: func(d kernel.Device, m []kernel.Mat) {
				d.CrossEntropy(m[0], kernel.Mat{}, m[1], m[2], m[3], -1, smoothing)
			}},
			call{name: tag + " in place", args: []*arg{args[0], in, args[3], args[4]}, rtol: 1e-5, atol: 3e-6, do: func(d kernel.Device, m []kernel.Mat) {
				d.CrossEntropy(m[0], m[1], m[1], m[2], m[3], ignore, smoothing)
			}})
	}
	forms(func(rows, cols int, gaps, weighted bool) {
		add(g.uniform(rows, cols, -10, 10), gaps, weighted, 0)
		add(g.uniform(rows, cols, -10, 10), gaps, weighted, 0.1)
	})
	return list
}

func norms(g *gen) (list []call) {
	for _, kind := range []kernel.NormKind{kernel.LayerNorm, kernel.RMSNorm} {
		forms(func(rows, cols int, gaps, full bool) {
			args := []*arg{output(g.normal(rows, cols)), output(g.normal(rows, 2)), g.uniform(rows, cols, 1, 5), nil, nil}
			if full {
				args[3], args[4] = g.normal(1, cols), g.normal(1, cols)
			}
			if gaps {
				strided(args...)
				args[1] = nil
			}
			list = append(list,
				call{name: named("Norm %d %d×%d full %v", kind, rows, cols, full), args: args, rtol: 1e-5, atol: 1e-5,
					do: func(d kernel.Device, m []kernel.Mat) { d.Norm(kind, m[0], m[1], m[2], m[3], m[4], 1e-3) }},
				call{name: named("Norm %d in place %d×%d", kind, rows, cols), rtol: 1e-5, atol: 1e-5,
					args: []*arg{output(g.uniform(rows, cols, 1, 5)), output(g.normal(rows, 2)), g.normal(1, cols)},
					do:   func(d kernel.Device, m []kernel.Mat) { d.Norm(kind, m[0], m[1], m[0], m[2], kernel.Mat{}, 1e-3) }})
		})
	}
	return list
}

func normGrads(g *gen) (list []call) {
	for _, kind := range []kernel.NormKind{kernel.LayerNorm, kernel.RMSNorm} {
		forms(func(rows, cols int, gaps, acc bool) {
			stats := g.uniform(rows, 2, 0.5, 1)
			if kind == kernel.RMSNorm {
				for r := range rows {
					floats(stats.data)[2*r] = 0
				}
			}
			args := []*arg{output(g.normal(rows, cols)), output(g.normal(1, cols)), output(g.normal(1, cols)),
				g.normal(rows, cols), g.normal(1, cols), g.normal(rows, cols), stats}
			if gaps {
				strided(args...)
			}
			tol := 2e-6 * math.Sqrt(float64(rows+cols)+10)
			bare := []*arg{args[0], nil, nil, args[3], nil, args[5], stats}
			for _, args := range [][]*arg{args, bare} {
				list = append(list, call{name: named("NormGrad %d %d×%d acc %v", kind, rows, cols, acc), args: args, rtol: 1e-5, atol: tol,
					do: func(d kernel.Device, m []kernel.Mat) { d.NormGrad(kind, m[0], m[1], m[2], m[3], m[4], m[5], m[6], acc) }})
			}
		})
	}
	return list
}

func gathers(g *gen) (list []call) {
	for _, typ := range []kernel.DType{kernel.F32, kernel.BF16, kernel.F16} {
		forms(func(rows, cols int, gaps, _ bool) {
			args := []*arg{output(g.normal(rows, cols)), g.of(typ, 7, cols), g.ids(rows, 7)}
			if gaps {
				strided(args...)
			}
			list = append(list, call{name: named("Gather %v %d×%d", typ, rows, cols), args: args,
				do: func(d kernel.Device, m []kernel.Mat) { d.Gather(m[0], m[1], m[2]) }})
		})
	}
	for _, typ := range quantisedTypes() {
		cols := 2 * typ.Block()
		args := []*arg{output(g.normal(5, cols)), g.quantised(typ, 7, cols), g.ids(5, 7)}
		strided(args...)
		list = append(list, call{name: named("Gather %v", typ), args: args,
			do: func(d kernel.Device, m []kernel.Mat) { d.Gather(m[0], m[1], m[2]) }})
	}
	return list
}

func scatters(g *gen) (list []call) {
	forms(func(rows, cols int, gaps, _ bool) {
		args := []*arg{output(g.normal(7, cols)), g.normal(rows, cols), g.ids(rows, 7)}
		if gaps {
			strided(args...)
		}
		list = append(list, call{name: named("ScatterAdd %d×%d", rows, cols), args: args, rtol: 1e-5, atol: 1e-5,
			do: func(d kernel.Device, m []kernel.Mat) { d.ScatterAdd(m[0], m[1], m[2]) }})
	})
	return list
}

func reduces(g *gen) (list []call) {
	shapes := [][3]int{{2, big, 1}, {1, 3000, 16}, {1, 300, 129}, {3, 5, big}, {500, 33, 1}, {7, 0, 3}, {0, 4, 2}, {3, 50000, 2}}
	for n := 1; n <= maxTail; n++ {
		shapes = append(shapes, [3]int{3, n, 1}, [3]int{2, 3, n}, [3]int{2, n, 5})
	}
	for op := kernel.Sum; op <= kernel.ArgMin; op++ {
		place := op == kernel.ArgMax || op == kernel.ArgMin
		for i, s := range shapes {
			outer, n, inner := s[0], s[1], s[2]
			if place && n == 0 {
				continue
			}
			acc := i%2 == 0 && !place
			dst := output(g.normal(outer, inner))
			if place {
				dst = output(from(kernel.I32, outer, inner, make([]int32, outer*inner)))
			}
			x := g.normal(1, outer*n*inner)
			tol := 1e-5 * math.Sqrt(float64(n))
			if op == kernel.Prod {
				x, tol = g.uniform(1, outer*n*inner, 0.999, 1.001), 1e-3
			}
			if op >= kernel.ArgMax { // equals must occur
				round(x)
			}
			list = append(list, reduceCall(op, dst, x, outer, n, inner, acc, tol))
		}
		if !place {
			dst := output(g.normal(3, 1))
			list = append(list, reduceCall(op, dst, g.special(), 3, len(specials), 1, false, 1e-5))
			continue
		}
		dst := output(from(kernel.I32, 3, 1, make([]int32, 3)))
		list = append(list, reduceCall(op, dst, g.special(), 3, len(specials), 1, false, 0))
	}
	return list
}

func reduceCall(op kernel.ReduceOp, dst, x *arg, outer, n, inner int, acc bool, tol float64) call {
	return call{name: named("Reduce %d (%d,%d,%d) acc %v", op, outer, n, inner, acc), args: []*arg{dst, x}, rtol: 1e-5, atol: tol,
		do: func(d kernel.Device, m []kernel.Mat) { d.Reduce(op, m[0], m[1], outer, n, inner, acc) }}
}
