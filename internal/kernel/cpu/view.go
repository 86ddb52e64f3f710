package cpu

import "github.com/inkstone-ai/inkstone/internal/kernel"

type binaryTask struct {
	walk
	v   *vectors
	f   func(dst, a, b []float32)
	acc bool
}

// Binary combines two views, broadcasting.
func (d *device) Binary(op kernel.BinaryOp, dst, a, b view, acc bool) {
	kernel.CheckBinary(dst, a, b)
	d.tasks.binary = binaryTask{walkOf(dst, a, b), &d.vectors, d.vectors.binary[op], acc}
	d.parallel(d.tasks.binary.tiles(), &d.tasks.binary)
}

func (t *binaryTask) tile(w *worker, i int) {
	room := w.scratch(3 * grain)
	from, to := t.of(i)
	for c := t.start(from); from < to; from++ {
		at, n := c.at, c.n
		dst := t.result(at[0], n, t.acc, room)
		a, b := t.load(1, at[1], n, room[grain:]), t.load(2, at[2], n, room[2*grain:])
		t.f(dst, a, b)
		t.store(t.v, at[0], dst, t.acc)
		t.next(&c)
	}
}

type selectTask struct {
	walk
	v   *vectors
	acc bool
}

// Select takes each element from one of two views.
func (d *device) Select(dst, cond, a, b view, acc bool) {
	kernel.CheckSelect(dst, cond, a, b)
	d.choose = selectTask{walkOf(dst, cond, a, b), &d.vectors, acc}
	d.parallel(d.choose.tiles(), &d.choose)
}

func (t *selectTask) tile(w *worker, i int) {
	room := w.scratch(4 * grain)
	from, to := t.of(i)
	for c := t.start(from); from < to; from++ {
		at, n := c.at, c.n
		dst := t.result(at[0], n, t.acc, room)
		cond := t.load(1, at[1], n, room[grain:])
		a, b := t.load(2, at[2], n, room[2*grain:]), t.load(3, at[3], n, room[3*grain:])
		for j, c := range cond {
			if c != 0 {
				dst[j] = a[j]
			} else {
				dst[j] = b[j]
			}
		}
		t.store(t.v, at[0], dst, t.acc)
		t.next(&c)
	}
}

type permuteTask struct {
	walk
	v   *vectors
	acc bool
}

// Permute copies a view to one of other strides. Integers travel as the bits
// of floats, which copying does not change.
func (d *device) Permute(dst, src view, acc bool) {
	kernel.CheckPermute(dst, src, acc)
	w := walkOf(dst, src)
	if i, j, ok := w.plane(); ok && !acc {
		d.runTranspose(w, i, j)
		return
	}
	d.permute = permuteTask{w, &d.vectors, acc}
	d.parallel(d.permute.tiles(), &d.permute)
}

func (t *permuteTask) tile(w *worker, i int) {
	from, to := t.of(i)
	if t.short() {
		t.rows(from, to)
		return
	}
	room := w.scratch(grain)
	for c := t.start(from); from < to; from++ {
		at, n := c.at, c.n
		t.store(t.v, at[0], t.load(1, at[1], n, room), t.acc)
		t.next(&c)
	}
}

// short reports whether rows lie side by side on both sides, each a piece: where they are short, most
// of the time would go into stepping from one to the next.
func (t *permuteTask) short() bool {
	last := t.dims - 1
	return t.pieces == 1 && last > 0 && t.stride[0][last] == 1 && t.stride[1][last] == 1 && t.stride[0][last-1] >= 0 && t.stride[1][last-1] >= 0
}

// rows copies or adds rows from … to, those of a run of the last dimension but one in one go.
func (t *permuteTask) rows(from, to int) {
	dst, src := kernel.Elements[float32](t.buf[0]), kernel.Elements[float32](t.buf[1])
	d := t.dims - 2
	ld, step := t.stride[0][d], t.stride[1][d]
	for c := t.start(from); from < to; {
		some := min(to-from, t.shape[d]-c.index[d])
		if t.acc {
			for k := range some {
				addShort(t.v, dst[c.at[0]+k*ld:][:c.n], src[c.at[1]+k*step:][:c.n])
			}
		} else {
			copyRows(dst[c.at[0]:], ld, src[c.at[1]:], step, c.n, some)
		}
		from += some
		c.index[d] += some - 1
		for k := range c.at {
			c.at[k] += (some - 1) * t.stride[k][d]
		}
		t.next(&c)
	}
}
