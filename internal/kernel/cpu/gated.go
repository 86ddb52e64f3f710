package cpu

import "github.com/inkstone-ai/inkstone/internal/kernel"

type gatedTask struct {
	lines
	v           *vectors
	op          kernel.UnaryOp
	y, gate, up mat
}

// Gated multiplies up by a function of gate.
func (d *device) Gated(op kernel.UnaryOp, y, gate, up mat) {
	kernel.CheckGated(op, y, gate, up)
	d.gated = gatedTask{linesOf(y, gate, up), &d.vectors, op, y, gate, up}
	d.parallel(d.gated.tiles(), &d.gated)
}

func (t *gatedTask) tile(_ *worker, i int) {
	from, to := t.of(i)
	for r := from; r < to; r++ {
		y := t.row(t.y, r)
		t.v.unary[t.op](y, t.row(t.gate, r), 0, 0)
		t.v.binary[kernel.Mul](y, y, t.row(t.up, r))
	}
}

type gatedGradTask struct {
	lines
	v                        *vectors
	op                       kernel.UnaryOp
	dgate, dup, gate, up, dy mat
	acc                      bool
}

// GatedGrad computes the function of gate again: it is cheaper than keeping it.
func (d *device) GatedGrad(op kernel.UnaryOp, dgate, dup, gate, up, dy mat, acc bool) {
	kernel.CheckGatedGrad(op, dgate, dup, gate, up, dy)
	d.gatedGrad = gatedGradTask{linesOf(dgate, dup, gate, up, dy), &d.vectors, op, dgate, dup, gate, up, dy, acc}
	d.parallel(d.gatedGrad.tiles(), &d.gatedGrad)
}

func (t *gatedGradTask) tile(w *worker, i int) {
	from, to := t.of(i)
	for r := from; r < to; r++ {
		gate, dy := t.row(t.gate, r), t.row(t.dy, r)
		n := len(gate)
		room := w.scratch(2 * n)
		f, slope := room[:n], room[n:]
		t.v.unary[t.op](f, gate, 0, 0)
		t.v.slope[t.op](slope, gate, f, 0, 0)
		t.v.binary[kernel.Mul](slope, slope, t.row(t.up, r))
		t.v.product(t.row(t.dgate, r), dy, slope, t.acc)
		t.v.product(t.row(t.dup, r), dy, f, t.acc)
	}
}
