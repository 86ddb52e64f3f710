package cpu

import "github.com/inkstone-ai/inkstone/internal/kernel"

type unaryTask struct {
	lines
	f    func(y, x []float32, a, b float32)
	y, x mat
	a, b float32
}

// Unary applies a function to every element.
func (d *device) Unary(op kernel.UnaryOp, y, x mat, a, b float32) {
	kernel.CheckUnary(y, x)
	d.tasks.unary = unaryTask{linesOf(y, x), d.vectors.unary[op], y, x, a, b}
	d.parallel(d.tasks.unary.tiles(), &d.tasks.unary)
}

func (t *unaryTask) tile(_ *worker, i int) {
	from, to := t.of(i)
	for r := from; r < to; r++ {
		t.f(t.row(t.y, r), t.row(t.x, r), t.a, t.b)
	}
}

type slopeTask struct {
	lines
	f            func(dx, x, y, dy []float32, a, b float32, acc bool)
	dx, x, y, dy mat
	a, b         float32
	acc          bool
}

// UnaryGrad multiplies dy by the derivative.
func (d *device) UnaryGrad(op kernel.UnaryOp, dx, x, y, dy mat, a, b float32, acc bool) {
	kernel.CheckUnaryGrad(dx, x, y, dy)
	d.tasks.slope = slopeTask{linesOf(dx, x, y, dy), d.vectors.slope[op], dx, x, y, dy, a, b, acc}
	d.parallel(d.tasks.slope.tiles(), &d.tasks.slope)
}

func (t *slopeTask) tile(_ *worker, i int) {
	from, to := t.of(i)
	for r := from; r < to; r++ {
		t.f(t.row(t.dx, r), t.row(t.x, r), t.row(t.y, r), t.row(t.dy, r), t.a, t.b, t.acc)
	}
}

// product sets dst = a·b or adds it.
func (v *vectors) product(dst, a, b []float32, acc bool) {
	if acc {
		v.mulAdd(dst, a, b)
	} else {
		v.binary[kernel.Mul](dst, a, b)
	}
}
