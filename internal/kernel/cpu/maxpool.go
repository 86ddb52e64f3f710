package cpu

import "github.com/inkstone-ai/inkstone/internal/kernel"

type maxPoolTask struct {
	lines
	imageWindow
	v    *vectors
	y, x mat
}

// MaxPool goes over the pixels under each position, all channels at once.
func (d *device) MaxPool(y, x mat, w kernel.Window) {
	kernel.CheckMaxPool(y, x, w)
	d.maxPool = maxPoolTask{rowsOf(y.Rows, w.Taps()), d.imageWindow(w), &d.vectors, y, x}
	d.parallel(d.maxPool.tiles(), &d.maxPool)
}

func (t *maxPoolTask) tile(_ *worker, i int) {
	largest, C := t.v.binary[kernel.Max], t.w.C
	pixels := kernel.Elements[float32](t.x.Buf)
	from, to := t.of(i)
	for r := from; r < to; r++ {
		y, first := kernel.Row[float32](t.y, r), true
		for i := range t.w.KH {
			line, s := t.under(r, i)
			for j := s.from; j < s.to; j++ {
				at := t.x.Off + (line+j*t.w.DilationW)*t.x.Stride
				if x := pixels[at : at+C]; first {
					copy(y, x)
				} else {
					largest(y, y, x)
				}
				first = false
			}
		}
	}
}

// under is the pixel of tap (i, 0) of a position, and which taps of row i are pixels.
func (v *imageWindow) under(position, i int) (pixel int, s reach) {
	w, width := &v.w, len(v.reaches)
	row, x := position/width, position%width
	y := row%v.outH*w.StrideH - w.Top + i*w.DilationH
	if y < 0 || y >= w.H {
		return 0, reach{}
	}
	s = v.reaches[x]
	return (row/v.outH*w.H+y)*w.W + s.left, s
}

type maxPoolGradTask struct {
	imageWindow
	v            *vectors
	dx, x, y, dy mat
	acc          bool
}

// MaxPoolGrad has a tile for each image: windows of one image may overlap.
func (d *device) MaxPoolGrad(dx, x, y, dy mat, w kernel.Window, acc bool) {
	images := kernel.CheckMaxPoolGrad(dx, x, y, dy, w)
	d.maxPoolGrad = maxPoolGradTask{d.imageWindow(w), &d.vectors, dx, x, y, dy, acc}
	d.parallel(images, &d.maxPoolGrad)
}

func (t *maxPoolGradTask) tile(w *worker, image int) {
	pixels, positions := t.w.H*t.w.W, t.outH*len(t.reaches)
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
		for i := range t.w.KH {
			line, s := t.under(r, i)
			for j := s.from; j < s.to; j++ {
				pixel := line + j*t.w.DilationW
				t.give(kernel.Row[float32](t.dx, pixel), left, given, kernel.Row[float32](t.x, pixel), y)
			}
		}
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
