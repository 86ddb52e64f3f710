package cpu

import "github.com/inkstone-ai/inkstone/internal/kernel"

type gatedTask struct {
	lines
	f           func(y, gate, up []float32)
	y, gate, up mat
}

// Gated multiplies up by a function of gate.
func (d *device) Gated(op kernel.UnaryOp, y, gate, up mat) {
	kernel.CheckGated(op, y, gate, up)
	d.gated = gatedTask{linesOf(y, gate, up), d.vectors.gated[op], y, gate, up}
	d.parallel(d.gated.tiles(), &d.gated)
}

func (t *gatedTask) tile(_ *worker, i int) {
	from, to := t.of(i)
	for r := from; r < to; r++ {
		t.f(t.row(t.y, r), t.row(t.gate, r), t.row(t.up, r))
	}
}

type gatedGradTask struct {
	lines
	f                        func(dgate, dup, gate, up, dy []float32, acc bool)
	dgate, dup, gate, up, dy mat
	acc                      bool
}

// GatedGrad computes the function of gate again: it is cheaper than keeping it.
func (d *device) GatedGrad(op kernel.UnaryOp, dgate, dup, gate, up, dy mat, acc bool) {
	kernel.CheckGatedGrad(op, dgate, dup, gate, up, dy)
	d.gatedGrad = gatedGradTask{linesOf(dgate, dup, gate, up, dy), d.vectors.gatedGrad[op], dgate, dup, gate, up, dy, acc}
	d.parallel(d.gatedGrad.tiles(), &d.gatedGrad)
}

func (t *gatedGradTask) tile(_ *worker, i int) {
	from, to := t.of(i)
	for r := from; r < to; r++ {
		t.f(t.row(t.dgate, r), t.row(t.dup, r), t.row(t.gate, r), t.row(t.up, r), t.row(t.dy, r), t.acc)
	}
}
