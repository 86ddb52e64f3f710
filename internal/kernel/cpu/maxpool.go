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
	dx, x, y, dy mat
	w            kernel.Window
	acc          bool
}

// MaxPoolGrad has a tile for each image: windows of one image may overlap.
func (d *device) MaxPoolGrad(dx, x, y, dy mat, w kernel.Window, acc bool) {
	images := kernel.CheckMaxPoolGrad(dx, x, y, dy, w)
	d.maxPoolGrad = maxPoolGradTask{dx, x, y, dy, w, acc}
	d.parallel(images, &d.maxPoolGrad)
}

func (t *maxPoolGradTask) tile(w *worker, image int) {
	pixels, positions := t.w.H*t.w.W, t.w.OutH()*t.w.OutW()
	if !t.acc {
		for p := range pixels {
			clear(kernel.Row[float32](t.dx, image*pixels+p))
		}
	}
	left := w.scratch(t.w.C)
	for p := range positions {
		r := image*positions + p
		copy(left, kernel.Row[float32](t.dy, r))
		y := kernel.Row[float32](t.y, r)
		under(&t.w, r, func(pixel int) {
			give(kernel.Row[float32](t.dx, pixel), left, kernel.Row[float32](t.x, pixel), y)
		})
	}
}

// give adds left to dx and takes it away where x is the largest, y: the pixels after it
// that are equal find nothing left. A NaN equals a NaN here.
func give(dx, left, x, y []float32) {
	dx, left, y = dx[:len(x)], left[:len(x)], y[:len(x)]
	for c, v := range x {
		if v == y[c] || v != v && y[c] != y[c] {
			dx[c] += left[c]
			left[c] = 0
		}
	}
}
