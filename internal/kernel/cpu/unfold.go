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

// reaches are the reaches of all output columns, from memory that d keeps.
func (d *device) reaches(w *kernel.Window) []reach {
	d.columns = d.columns[:0]
	for x := range w.OutW() {
		d.columns = append(d.columns, columns(w, x))
	}
	return d.columns
}

// An imageWindow lays out what lies under a window.
type imageWindow struct {
	w       kernel.Window
	reaches []reach // of output columns
	outH    int
}

func (d *device) imageWindow(w kernel.Window) imageWindow {
	return imageWindow{w, d.reaches(&w), w.OutH()}
}

type unfoldTask struct {
	lines
	imageWindow
	patches, x mat
	first      int
	value      float32
}

// Unfold copies a row of taps at a time: pixels of a row of the image lie side by side.
func (d *device) Unfold(patches, x mat, w kernel.Window, first int, value float32) {
	kernel.CheckUnfold("Unfold", patches, x, w, first)
	d.unfold = unfoldTask{rowsOf(patches.Rows, patches.Cols), d.imageWindow(w), patches, x, first, value}
	d.parallel(d.unfold.tiles(), &d.unfold)
}

func (t *unfoldTask) tile(_ *worker, i int) {
	from, to := t.of(i)
	dst := kernel.Elements[float32](t.patches.Buf)[t.patches.Index(from, 0):]
	t.layOut(dst, t.patches.Stride, t.x, t.first+from, to-from, t.value)
}

// layOut sets rows of dst, ld apart, to what lies under n positions from the one given on.
func (v *imageWindow) layOut(dst []float32, ld int, x mat, position, n int, value float32) {
	width := len(v.reaches)
	for r := 0; r < n; {
		at := (position + r) % width
		some := min(width-at, n-r)
		v.along(dst[r*ld:], ld, x, (position+r)/width, at, some, value)
		r += some
	}
}

// along lays out n positions of a row of them, from column at on.
func (v *imageWindow) along(dst []float32, ld int, x mat, row, at, n int, value float32) {
	w := &v.w
	image, top := row/v.outH, row%v.outH*w.StrideH-w.Top
	size, pixels := w.KW*w.C, kernel.Elements[float32](x.Buf)
	beside := w.DilationW == 1 && x.Stride == w.C
	for i := range w.KH {
		y := top + i*w.DilationH
		inside, line := y >= 0 && y < w.H, (image*w.H+y)*w.W
		for k := range n {
			s := v.reaches[at+k]
			to := dst[k*ld+i*size:][:size]
			if inside && beside && s.to-s.from == w.KW {
				from := x.Off + (line+s.left)*w.C
				copyShort(to, pixels[from:from+size])
			} else {
				v.edge(to, x, line, inside, s, value)
			}
		}
	}
}

// fewWords is up to where a loop copies faster than a call does.
const fewWords = 8

func copyShort(dst, src []float32) {
	if len(src) > fewWords {
		copy(dst, src)
		return
	}
	for i, v := range src {
		dst[i] = v
	}
}

// edge is a row of taps of which some lie in padding, or lie apart in the image's row
// that begins at pixel line.
func (v *imageWindow) edge(dst []float32, x mat, line int, inside bool, s reach, value float32) {
	w := &v.w
	if !inside {
		s.from, s.to = w.KW, w.KW
	}
	fillRow(dst[:s.from*w.C], value)
	for j := s.from; j < s.to; {
		src, taps := s.pixels(x, w, line, j)
		copy(dst[j*w.C:], src)
		j += taps
	}
	fillRow(dst[s.to*w.C:], value)
}

func fillRow(dst []float32, value float32) {
	for i := range dst {
		dst[i] = value
	}
}

type foldTask struct {
	lines
	imageWindow
	v          *vectors
	x, patches mat
	first      int
}

// Fold gathers: each row of an image adds what the rows of positions above it have for
// it, so that no two tiles write one pixel.
func (d *device) Fold(x, patches mat, w kernel.Window, first int) {
	images := kernel.CheckUnfold("Fold", patches, x, w, first)
	d.refold = foldTask{rowsOf(images*w.H, w.W*w.C*w.KH), d.imageWindow(w), &d.vectors, x, patches, first}
	d.parallel(d.refold.tiles(), &d.refold)
}

func (t *foldTask) tile(_ *worker, i int) {
	w := &t.w
	from, to := t.of(i)
	for r := from; r < to; r++ {
		image, y := r/w.H, r%w.H
		for i := range w.KH {
			at := y + w.Top - i*w.DilationH
			if at < 0 || at%w.StrideH != 0 || at/w.StrideH >= t.outH {
				continue
			}
			position := (image*t.outH+at/w.StrideH)*len(t.reaches) - t.first
			if position >= 0 && position < t.patches.Rows {
				src := kernel.Elements[float32](t.patches.Buf)[t.patches.Index(position, i*w.KW*w.C):]
				t.addBack(t.v, t.x, r*w.W, src, t.patches.Stride)
			}
		}
	}
}

// addBack adds a row of taps of each position of a row of them, ld apart in src, to the
// image's row that begins at pixel line.
func (v *imageWindow) addBack(f *vectors, x mat, line int, src []float32, ld int) {
	w := &v.w
	for k, s := range v.reaches {
		from := src[k*ld:][:w.KW*w.C]
		for j := s.from; j < s.to; {
			dst, taps := s.pixels(x, w, line, j)
			addShort(f, dst, from[j*w.C:][:len(dst)])
			j += taps
		}
	}
}

func addShort(v *vectors, dst, src []float32) {
	if len(src) > fewWords {
		v.add(dst, dst, src)
		return
	}
	for i, x := range src {
		dst[i] += x
	}
}
