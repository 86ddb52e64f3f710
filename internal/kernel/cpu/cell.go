package cpu

import "github.com/inkstone-ai/inkstone/internal/kernel"

type cellTask struct {
	lines
	v                               *vectors
	kind                            kernel.CellKind
	state, kept, x, p, bias, before mat
}

// Cell goes once over each sequence's row, which stays in the first cache from
// function to function.
func (d *device) Cell(kind kernel.CellKind, state, kept, x, p, bias, before mat) {
	kernel.CheckCell(kind, state, kept, x, p, bias, before)
	d.cell = cellTask{rowsOf(x.Rows, x.Cols), &d.vectors, kind, state, kept, x, p, bias, before}
	d.parallel(d.cell.tiles(), &d.cell)
}

func (t *cellTask) tile(w *worker, i int) {
	room := w.scratch(2 * t.cols)
	gates, p := room[:t.cols], room[t.cols:]
	from, to := t.of(i)
	for r := from; r < to; r++ {
		state, before, x := t.row(t.state, r), t.row(t.before, r), t.row(t.x, r)
		t.products(p, r)
		switch t.kind {
		case kernel.ElmanCell:
			t.v.add(state, x, p)
			t.v.unary[kernel.Tanh](state, state, 0, 0)
		case kernel.LSTMCell:
			t.v.add(gates, x, p)
			s := parts(state, 2)
			t.v.lstm(s[0], s[1], gates, parts(before, 2)[1])
			if !t.kept.Nil() {
				copy(t.row(t.kept, r), gates)
			}
		case kernel.GRUCell:
			t.v.gru(state, gates, x, p, before)
			if !t.kept.Nil() {
				kept := t.row(t.kept, r)
				copy(kept, gates)
				copy(kept[t.cols:], p[t.cols/3*2:])
			}
		}
	}
}

// products sets p to those of row r, with the bias.
func (t *cellTask) products(p []float32, r int) {
	if t.p.Nil() {
		clear(p)
	} else {
		copy(p, t.row(t.p, r))
	}
	if !t.bias.Nil() {
		t.v.add(p, p, t.row(t.bias, 0))
	}
}

func (v *vectors) add(y, a, b []float32)      { v.binary[kernel.Add](y, a, b) }
func (v *vectors) subtract(y, a, b []float32) { v.binary[kernel.Sub](y, a, b) }
func (v *vectors) multiply(y, a, b []float32) { v.binary[kernel.Mul](y, a, b) }

// parts cuts a row into n.
func parts(row []float32, n int) (p [4][]float32) {
	H := len(row) / n
	for i := range n {
		p[i] = row[i*H : (i+1)*H : (i+1)*H]
	}
	return p
}

// lstmRow and lstmGradRow are the functions of vectors in plain Go.

func lstmRow(h, c, gates, before []float32) {
	sigmoid, tanh := functions[kernel.Sigmoid].f, functions[kernel.Tanh].f
	g := parts(gates, 4)
	for j := range h {
		g[0][j], g[1][j], g[2][j], g[3][j] = sigmoid(g[0][j], 0, 0), sigmoid(g[1][j], 0, 0), tanh(g[2][j], 0, 0), sigmoid(g[3][j], 0, 0)
		c[j] = g[1][j]*before[j] + g[0][j]*g[2][j]
		h[j] = tanh(c[j], 0, 0) * g[3][j]
	}
}

func lstmGradRow(c, dgates, dbefore, dstate, gates, before []float32) {
	tanh := functions[kernel.Tanh].f
	d, g, ds := parts(dgates, 4), parts(gates, 4), parts(dstate, 2)
	for j := range c {
		i, f, n, o, dh := g[0][j], g[1][j], g[2][j], g[3][j], ds[0][j]
		t := tanh(c[j], 0, 0)
		dc := ds[1][j] + dh*o*(1-t*t)
		d[0][j], d[1][j] = dc*n*(i*(1-i)), dc*before[j]*(f*(1-f))
		d[2][j], d[3][j] = dc*i*(1-n*n), dh*t*(o*(1-o))
		if dbefore != nil {
			dbefore[j] += dc * f
		}
	}
}

// gru sets gates to r, z and n and makes the step.
func (v *vectors) gru(state, gates, x, p, before []float32) {
	H := len(gates) / 3
	g, pn := parts(gates, 3), p[2*H:]
	v.add(gates[:2*H], x[:2*H], p[:2*H])
	v.unary[kernel.Sigmoid](gates[:2*H], gates[:2*H], 0, 0)
	copy(g[2], x[2*H:])
	v.mulAdd(g[2], g[0], pn)
	v.unary[kernel.Tanh](g[2], g[2], 0, 0)
	p = p[:H] // (1−z)·n + z·h = n + z·(h − n); the sums of p's first part are in gates
	v.subtract(p, before, g[2])
	copy(state, g[2])
	v.mulAdd(state, g[1], p)
}

type cellGradTask struct {
	lines
	v                                            *vectors
	kind                                         kernel.CellKind
	dx, dp, dbefore, dstate, kept, state, before mat
}

// CellGrad goes once over each sequence's row.
func (d *device) CellGrad(kind kernel.CellKind, dx, dp, dbefore, dstate, kept, state, before mat) {
	kernel.CheckCellGrad(kind, dx, dp, dbefore, dstate, kept, state, before)
	d.cellGrad = cellGradTask{rowsOf(dx.Rows, dx.Cols), &d.vectors, kind, dx, dp, dbefore, dstate, kept, state, before}
	d.parallel(d.cellGrad.tiles(), &d.cellGrad)
}

func (t *cellGradTask) tile(w *worker, i int) {
	H := t.cols / t.kind.Gates()
	room := parts(w.scratch(3*H), 3)
	from, to := t.of(i)
	for r := from; r < to; r++ {
		dx, dstate, state, before := t.row(t.dx, r), t.row(t.dstate, r), t.row(t.state, r), t.row(t.before, r)
		dbefore := rowOrNil(t.dbefore, r)
		switch t.kind {
		case kernel.ElmanCell:
			t.v.through(kernel.Tanh, dx, state, dstate, false)
		case kernel.LSTMCell:
			if dbefore != nil {
				dbefore = parts(dbefore, 2)[1]
			}
			t.v.lstmGrad(parts(state, 2)[1], dx, dbefore, dstate, t.row(t.kept, r), parts(before, 2)[1])
		case kernel.GRUCell:
			t.v.gruGrad(dx, t.row(t.dp, r), dbefore, dstate, t.row(t.kept, r), before, room)
		}
	}
}

// through sets dx = dy·f'(x), or adds it, for Tanh and Sigmoid, whose derivatives
// follow from y = f(x).
func (v *vectors) through(f kernel.UnaryOp, dx, y, dy []float32, acc bool) {
	v.slope[f](dx, y, y, dy, 0, 0, acc)
}

// gruGrad is the gradient of gru.
func (v *vectors) gruGrad(dx, dp, dbefore, dh, kept, before []float32, room [4][]float32) {
	d, k := parts(dx, 3), parts(kept, 4) // k: r, z, n, p's part of n
	product, held := room[0], room[1]
	v.multiply(held, dh, k[1])
	v.subtract(product, dh, held) // dh·(1−z)
	v.through(kernel.Tanh, d[2], k[2], product, false)
	v.multiply(product, d[2], k[3])
	v.through(kernel.Sigmoid, d[0], k[0], product, false)
	v.subtract(product, before, k[2])
	v.multiply(product, product, dh)
	v.through(kernel.Sigmoid, d[1], k[1], product, false)
	copy(dp, dx)
	p := parts(dp, 3)
	v.multiply(p[2], d[2], k[0])
	if dbefore != nil {
		v.add(dbefore, dbefore, held)
	}
}
