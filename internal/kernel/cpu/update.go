package cpu

import "github.com/inkstone-ai/inkstone/internal/kernel"

type updateTask struct {
	lines
	f          func(w, g, m, v []float32, p *kernel.UpdateParams)
	w, g, m, v mat
	p          kernel.UpdateParams
}

// Update makes one optimizer step in one pass over the memory.
func (d *device) Update(rule kernel.UpdateRule, w, g, m, v mat, p kernel.UpdateParams) {
	kernel.CheckUpdate(rule, w, g, m, v, p)
	n := w.Len()
	l := lines{rows: (n + grain - 1) / grain, cols: grain, perTile: 1, total: n}
	d.tasks.update = updateTask{l, d.vectors.update[rule], w, g, m, v, p}
	d.parallel(l.tiles(), &d.tasks.update)
}

func (t *updateTask) tile(_ *worker, i int) {
	var m, v []float32
	if !t.m.Nil() {
		m = t.row(t.m, i)
	}
	if !t.v.Nil() {
		v = t.row(t.v, i)
	}
	t.f(t.row(t.w, i), t.row(t.g, i), m, v, &t.p)
}
