package cpu

import "github.com/inkstone-ai/inkstone/internal/kernel"

type dropoutTask struct {
	lines
	v           *vectors
	y, x        mat
	rate, scale float32
	key         uint64
	acc         bool
}

// Dropout drops elements by their index.
func (d *device) Dropout(y, x mat, rate float32, key uint64, acc bool) {
	kernel.CheckDropout(y, x, rate)
	scale := float32(1 / (1 - float64(rate)))
	d.tasks.dropout = dropoutTask{linesOf(y, x), &d.vectors, y, x, rate, scale, key, acc}
	d.parallel(d.tasks.dropout.tiles(), &d.tasks.dropout)
}

func (t *dropoutTask) tile(w *worker, i int) {
	from, to := t.of(i)
	for r := from; r < to; r++ {
		y, x := t.row(t.y, r), t.row(t.x, r)
		out := y
		if t.acc {
			out = w.scratch(len(y))
		}
		// A row is a line of the matrix or a cut of it at a multiple of cols:
		// either way its first element has this index.
		t.v.dropout(out, x, t.key, uint64(r*t.cols), t.rate, t.scale)
		if t.acc {
			t.v.binary[kernel.Add](y, y, out)
		}
	}
}
