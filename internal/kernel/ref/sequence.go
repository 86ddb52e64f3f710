package ref

import "github.com/inkstone-ai/inkstone/internal/kernel"

func (device) Gated(op kernel.UnaryOp, y, gate, up mat) {
	kernel.CheckGated(op, y, gate, up)
	each(y, func(r, c int) { set(y, r, c, unary(op, at(gate, r, c), 0, 0)*at(up, r, c), false) })
}

func (device) GatedGrad(op kernel.UnaryOp, dgate, dup, gate, up, dy mat, acc bool) {
	kernel.CheckGatedGrad(op, dgate, dup, gate, up, dy)
	each(dy, func(r, c int) {
		x := at(gate, r, c)
		f := unary(op, x, 0, 0)
		set(dgate, r, c, at(dy, r, c)*at(up, r, c)*derivative(op, x, f, 0, 0), acc)
		set(dup, r, c, at(dy, r, c)*f, acc)
	})
}

func (device) CausalConv(y, x, w, segments mat) {
	kernel.CheckCausalConv(y, x, w, segments)
	eachQuery(segments, func(g kernel.Segment, row, pos int) {
		for c := range x.Cols {
			sum := 0.0
			for k := range min(w.Rows, pos+1) {
				sum += at(w, k, c) * at(x, g.Key+pos-k, c)
			}
			set(y, row, c, sum, false)
		}
	})
}

func (device) CausalConvGrad(dx, dw, x, w, dy, segments mat, acc bool) {
	kernel.CheckCausalConvGrad(dx, dw, x, w, dy, segments)
	sx, sw := make([]float64, dx.Len()), make([]float64, dw.Len())
	eachQuery(segments, func(g kernel.Segment, row, pos int) {
		for c := range x.Cols {
			for k := range min(w.Rows, pos+1) {
				from := g.Key + pos - k
				sx[from*dx.Cols+c] += at(w, k, c) * at(dy, row, c)
				sw[k*dw.Cols+c] += at(x, from, c) * at(dy, row, c)
			}
		}
	})
	for s := range segments.Rows {
		g := kernel.SegmentAt(segments, s)
		store(dx, sx, g.Key, g.Keys, acc)
	}
	store(dw, sw, 0, dw.Rows, true)
}
