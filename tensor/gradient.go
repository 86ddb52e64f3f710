package tensor

import "github.com/inkstone-ai/inkstone/internal/kernel"

// upstream is the gradient of a result, complete when its entry runs. The
// view has t's geometry.
func (t *Tensor) upstream() array {
	d := t.array
	d.buf = t.owner().dbuf
	d.dtype = F32
	return d
}

// gradient is where an operation's gradient with respect to t goes: the first
// one writes, acc is false; later ones add. A view's lies in its owner's, which
// is zeroed first where the view is a part.
func (s *Step) gradient(t *Tensor) (d array, acc bool) {
	o := t.owner()
	d = t.array
	d.dtype = F32
	switch {
	case o.grad != nil:
		d.buf = o.grad.buf
	case o.dbuf == nil:
		o.dbuf = s.arena.take(4 * o.len())
		fallthrough
	default:
		d.buf = o.dbuf
	}
	if part := t.len() != o.len(); part && !o.written {
		s.dev.k.Fill(kernel.Mat{Buf: d.buf, Rows: 1, Cols: o.len(), Stride: o.len()}, 0)
		o.written = true
	}
	acc = o.written
	o.written = true
	return d, acc
}

// gradientAdd is gradient for operations that can only add.
func (s *Step) gradientAdd(t *Tensor) array {
	d, acc := s.gradient(t)
	if !acc {
		s.dev.k.Fill(d.flat(), 0)
	}
	return d
}

// begin makes sure that the gradient of t, where it is tracked, holds numbers.
func (s *Step) begin(t *Tensor) {
	if t.tracked() {
		s.gradientAdd(t)
	}
}

// gradients is gradient for an operation that writes several at once, all
// alike: where one must add, the others are zeroed. Operands that are not
// tracked get memory that nobody reads.
func (s *Step) gradients(ts ...*Tensor) (d [3]array, acc bool) {
	var fresh [3]bool
	for i, t := range ts {
		if !t.tracked() {
			d[i] = s.like(t).array
			fresh[i] = true
			continue
		}
		var add bool
		d[i], add = s.gradient(t)
		fresh[i] = !add
		acc = acc || add
	}
	for i := range ts {
		if acc && fresh[i] {
			s.dev.k.Fill(d[i].rows(), 0)
		}
	}
	return d, acc
}

// Passing a gradient on rather than copying it saves a pass over memory for
// each residual connection and activation.

// inherit is gradient for element-wise operations that may write dx over dy:
// where x's gradient is not begun, it takes over the memory of y's.
func (s *Step) inherit(x, y *Tensor) (dx array, acc bool) {
	if s.canPass(x, y) {
		x.dbuf, y.dbuf = y.dbuf, nil
		x.written = true
		return x.upstream(), false
	}
	return s.gradient(x)
}

// canPass reports whether y's gradient can become x's: both own dense memory
// of one length, and nothing was written to x's.
func (s *Step) canPass(x, y *Tensor) bool {
	return x.base == nil && x.grad == nil && x.dbuf == nil && y.base == nil && y.dbuf != nil && x.len() == y.len()
}

// pass sends dy on unchanged.
func (s *Step) pass(x, y *Tensor) {
	if !x.tracked() {
		return
	}
	if s.canPass(x, y) {
		x.dbuf, y.dbuf = y.dbuf, nil
		x.written = true
		return
	}
	dy := y.upstream()
	dx, acc := s.gradient(x)
	s.dev.k.Copy(dx.rows(), dy.rows(), acc)
}

// slope is the gradient of y as a tensor, for gradients that are written with
// operations. Backward does not record them.
func (y *Tensor) slope(s *Step) *Tensor {
	d := s.header()
	d.array, d.base = y.upstream(), y.owner()
	return d
}

// sumTo adds d, a gradient of a stretched x, to x's own: it sums over the
// dimensions along which x repeated. d is dense.
func (s *Step) sumTo(x *Tensor, d array) {
	if !x.tracked() {
		return
	}
	for from, to := repeated(&x.array, &d); from < to; from, to = repeated(&x.array, &d) {
		d = s.fold(d, from, to)
	}
	dx, acc := s.gradient(x)
	d.dims, d.shape, d.stride = x.dims, x.shape, x.inner()
	s.dev.k.Copy(dx.rows(), d.rows(), acc)
}

// repeated finds the first run of dimensions of d along which x repeats.
func repeated(x, d *array) (from, to int) {
	repeats := func(i int) bool { return d.shape[i] != 1 && x.fromEnd(d.dims-1-i) == 1 }
	for from < d.dims && !repeats(from) {
		from++
	}
	for to = from; to < d.dims && repeats(to); {
		to++
	}
	return from, to
}

// fold sums d over dimensions from up to to, which keep length 1.
func (s *Step) fold(d array, from, to int) array {
	sum := d
	for i := from; i < to; i++ {
		sum.shape[i] = 1
	}
	y := s.result(sum)
	s.dev.k.Reduce(kernel.Sum, y.flat(), d.flat(), d.span(0, from), d.span(from, to), d.span(to, d.dims), false)
	return y.array
}

// setLeaf makes an input of the step trainable or stops that.
func (s *Step) setLeaf(t *Tensor, on bool) {
	if !on {
		s.arena.dropGrad(t)
		t.written, t.grad = false, nil
		return
	}
	t.dbuf = s.arena.take(4 * t.len())
	t.written = true
	t.grad = s.header()
	t.grad.array = shaped("SetTrainable", F32, t.shape[:t.dims])
	t.grad.buf = t.dbuf
	s.dev.k.Fill(t.grad.flat(), 0)
}
