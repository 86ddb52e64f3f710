package cpu

import "github.com/inkstone-ai/inkstone/internal/kernel"

// A reach is the part of a row of taps that lies in the image: taps from … to of a
// position whose first one is column left of the image.
type reach struct{ from, to, left int }

// columns is the reach of the taps of output column x.
func columns(w *kernel.Window, x int) (s reach) {
	s.left = x*w.StrideW - w.Left
	if s.left < 0 {
		s.from = min(groups(-s.left, w.DilationW), w.KW)
	}
	if last := w.W - 1 - s.left; last >= 0 {
		s.to = min(last/w.DilationW+1, w.KW)
	}
	s.to = max(s.to, s.from)
	return s
}

// pixels are elements of the taps of s from the image's row that begins at pixel row, as
// many as lie side by side from tap j on: all of them, or one where taps lie apart.
func (s reach) pixels(x mat, w *kernel.Window, row, j int) (data []float32, taps int) {
	taps = 1
	if w.DilationW == 1 && x.Stride == w.C {
		taps = s.to - j
	}
	at := x.Index(row+s.left+j*w.DilationW, 0)
	return kernel.Elements[float32](x.Buf)[at : at+taps*w.C], taps
}

type unfoldTask struct {
	lines
	patches, x mat
	w          kernel.Window
	first      int
	value      float32
}

// Unfold copies a row of taps at a time: pixels of a row of the image lie side by side.
func (d *device) Unfold(patches, x mat, w kernel.Window, first int, value float32) {
	kernel.CheckUnfold("Unfold", patches, x, w, first)
	d.unfold = unfoldTask{rowsOf(patches.Rows, patches.Cols), patches, x, w, first, value}
	d.parallel(d.unfold.tiles(), &d.unfold)
}

func (t *unfoldTask) tile(_ *worker, i int) {
	w, width := &t.w, t.w.OutW()
	from, to := t.of(i)
	for r := from; r < to; r++ {
		position := t.first + r
		y, x := position/width, position%width
		s := columns(w, x)
		image, top := y/w.OutH(), y%w.OutH()*w.StrideH-w.Top
		dst := kernel.Row[float32](t.patches, r)
		for i := range w.KH {
			t.row(dst[i*w.KW*w.C:(i+1)*w.KW*w.C], image, top+i*w.DilationH, s)
		}
	}
}

// row copies the taps of one row of the window, of row y of the image.
func (t *unfoldTask) row(dst []float32, image, y int, s reach) {
	w := &t.w
	if y < 0 || y >= w.H {
		s.from, s.to = w.KW, w.KW
	}
	fillRow(dst[:s.from*w.C], t.value)
	for j := s.from; j < s.to; {
		src, taps := s.pixels(t.x, w, (image*w.H+y)*w.W, j)
		copy(dst[j*w.C:], src)
		j += taps
	}
	fillRow(dst[s.to*w.C:], t.value)
}

func fillRow(dst []float32, value float32) {
	for i := range dst {
		dst[i] = value
	}
}

type foldTask struct {
	lines
	v          *vectors
	x, patches mat
	w          kernel.Window
	first      int
}

// Fold gathers: each row of an image adds what the rows of positions above it have for
// it, so that no two tiles write one pixel.
func (d *device) Fold(x, patches mat, w kernel.Window, first int) {
	images := kernel.CheckUnfold("Fold", patches, x, w, first)
	d.refold = foldTask{rowsOf(images*w.H, w.W*w.C*w.KH), &d.vectors, x, patches, w, first}
	d.parallel(d.refold.tiles(), &d.refold)
}

func (t *foldTask) tile(_ *worker, i int) {
	w := &t.w
	from, to := t.of(i)
	for r := from; r < to; r++ {
		image, y := r/w.H, r%w.H
		for i := range w.KH {
			at := y + w.Top - i*w.DilationH
			if at < 0 || at%w.StrideH != 0 || at/w.StrideH >= w.OutH() {
				continue
			}
			position := (image*w.OutH()+at/w.StrideH)*w.OutW() - t.first
			if position >= 0 && position < t.patches.Rows {
				t.row(r*w.W, position, i*w.KW*w.C)
			}
		}
	}
}

// row adds a row of taps of each position from the one given on, their elements from at
// on, to the image's row that begins at pixel row.
func (t *foldTask) row(row, position, at int) {
	w := &t.w
	for x := range w.OutW() {
		s, src := columns(w, x), kernel.Row[float32](t.patches, position+x)[at:at+w.KW*w.C]
		for j := s.from; j < s.to; {
			dst, taps := s.pixels(t.x, w, row, j)
			t.v.add(dst, dst, src[j*w.C:][:len(dst)])
			j += taps
		}
	}
}
