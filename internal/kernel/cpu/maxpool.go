package cpu

import "github.com/inkstone-ai/inkstone/internal/kernel"

type maxPoolTask struct {
	lines
	v    *vectors
	y, x mat
	w    kernel.Window
}

// MaxPool goes over the pixels under each position, all channels at once.
func (d *device) MaxPool(y, x mat, w kernel.Window) {
	kernel.CheckMaxPool(y, x, w)
	d.maxPool = maxPoolTask{rowsOf(y.Rows, w.Taps()), &d.vectors, y, x, w}
	d.parallel(d.maxPool.tiles(), &d.maxPool)
}

func (t *maxPoolTask) tile(_ *worker, i int) {
	from, to := t.of(i)
	for r := from; r < to; r++ {
		y, first := kernel.Row[float32](t.y, r), true
		under(&t.w, r, func(pixel int) {
			x := kernel.Row[float32](t.x, pixel)
			if first {
				copy(y, x)
			} else {
				t.v.binary[kernel.Max](y, y, x)
			}
			first = false
		})
	}
}

// under calls f for each pixel under an output position, as the taps are numbered.
func under(w *kernel.Window, position int, f func(pixel int)) {
	y, x := position/w.OutW(), position%w.OutW()
	s, image, top := columns(w, x), y/w.OutH(), y%w.OutH()*w.StrideH-w.Top
	for i := range w.KH {
		row := top + i*w.DilationH
		if row < 0 || row >= w.H {
			continue
		}
		for j := s.from; j < s.to; j++ {
			f((image*w.H+row)*w.W + s.left + j*w.DilationW)
		}
	}
}

type maxPoolGradTask struct {
	v            *vectors
	dx, x, y, dy mat
	w            kernel.Window
	acc          bool
}

// MaxPoolGrad has a tile for each image: windows of one image may overlap.
func (d *device) MaxPoolGrad(dx, x, y, dy mat, w kernel.Window, acc bool) {
	images := kernel.CheckMaxPoolGrad(dx, x, y, dy, w)
	d.maxPoolGrad = maxPoolGradTask{&d.vectors, dx, x, y, dy, w, acc}
	d.parallel(images, &d.maxPoolGrad)
}

func (t *maxPoolGradTask) tile(w *worker, image int) {
	pixels, positions := t.w.H*t.w.W, t.w.OutH()*t.w.OutW()
	if !t.acc {
		for p := range pixels {
			clear(kernel.Row[float32](t.dx, image*pixels+p))
		}
	}
	room := w.scratch(2 * t.w.C)
	left, given := room[:t.w.C], room[t.w.C:]
	for p := range positions {
		r := image*positions + p
		copy(left, kernel.Row[float32](t.dy, r))
		y := kernel.Row[float32](t.y, r)
		under(&t.w, r, func(pixel int) {
			dx := kernel.Row[float32](t.dx, pixel)
			t.give(dx, left, given, kernel.Row[float32](t.x, pixel), y)
		})
	}
}

// give adds left to dx and takes it away where x is the largest, y: the pixels after it
// that are equal find nothing left.
func (t *maxPoolGradTask) give(dx, left, given, x, y []float32) {
	t.v.binary[kernel.Equal](given, x, y)
	t.v.multiply(given, given, left)
	t.v.add(dx, dx, given)
	t.v.subtract(left, left, given)
}
