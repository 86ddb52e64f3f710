package kerneltest

import "github.com/inkstone-ai/inkstone/internal/kernel"

// cellForms calls f for each cell at every tail of its width, and at rows enough
// for several tiles; gaps says whether operands are to be strided.
func cellForms(f func(kind kernel.CellKind, rows, width int, gaps bool)) {
	for kind := kernel.ElmanCell; kind <= kernel.GRUCell; kind++ {
		for width := 1; width <= maxTail; width++ {
			f(kind, 3, width, width%2 == 0)
		}
		f(kind, 0, 8, false)
		f(kind, 1, 512, true)
		f(kind, 70, 200, false)
	}
}

func cells(g *gen) (list []call) {
	cellForms(func(kind kernel.CellKind, rows, width int, gaps bool) {
		G, S, K := kind.Gates()*width, kind.States()*width, kind.Kept()*width
		args := []*arg{output(g.normal(rows, S)), output(g.normal(rows, K)), g.uniform(rows, G, -6, 6), g.normal(rows, G),
			g.normal(1, G), g.uniform(rows, S, -1, 1)}
		if gaps {
			args[4] = nil
			strided(args...)
		}
		if K == 0 || width%3 == 0 {
			args[1] = nil
		}
		if kind != kernel.GRUCell && rows%2 == 1 {
			args[3] = nil
		}
		list = append(list, call{name: named("Cell %d %d×%d", kind, rows, width), args: args, rtol: 4 * functionR, atol: 6 * functionA,
			do: func(d kernel.Device, m []kernel.Mat) { d.Cell(kind, m[0], m[1], m[2], m[3], m[4], m[5]) }})
	})
	return list
}

func cellGrads(g *gen) (list []call) {
	cellForms(func(kind kernel.CellKind, rows, width int, gaps bool) {
		G, S, K := kind.Gates()*width, kind.States()*width, kind.Kept()*width
		args := []*arg{output(g.normal(rows, G)), output(g.normal(rows, G)), output(g.normal(rows, S)), g.normal(rows, S),
			g.uniform(rows, K, 0, 1), g.uniform(rows, S, -1, 1), g.uniform(rows, S, -1, 1)}
		if kind != kernel.GRUCell {
			args[1] = nil
		}
		if K == 0 {
			args[4] = nil
		}
		if gaps {
			strided(args...)
		}
		if width%3 == 0 {
			args[2] = nil
		}
		list = append(list, call{name: named("CellGrad %d %d×%d", kind, rows, width), args: args, rtol: 1e-5, atol: 1e-5,
			do: func(d kernel.Device, m []kernel.Mat) { d.CellGrad(kind, m[0], m[1], m[2], m[3], m[4], m[5], m[6]) }})
	})
	return list
}
