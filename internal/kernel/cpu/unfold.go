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

type unfoldTask struct {
	lines
	patches, x mat
	w          kernel.Window
	columns    []reach
	outH       int
	first      int
	value      float32
}

// Unfold copies a row of taps at a time: pixels of a row of the image lie side by side.
func (d *device) Unfold(patches, x mat, w kernel.Window, first int, value float32) {
	kernel.CheckUnfold("Unfold", patches, x, w, first)
	d.unfold = unfoldTask{rowsOf(patches.Rows, patches.Cols), patches, x, w, d.reaches(&w), w.OutH(), first, value}
	d.parallel(d.unfold.tiles(), &d.unfold)
}

func (t *unfoldTask) tile(_ *worker, i int) {
	from, to := t.of(i)
	width := len(t.columns)
	for r := from; r < to; {
		position := t.first + r
		x := position % width
		n := min(width-x, to-r)
		t.along(r, position/width, x, n)
		r += n
	}
}

// along lays out n positions of a row of them, from column x on, as rows r and on.
func (t *unfoldTask) along(r, row, x, n int) {
	w := &t.w
	image, top := row/t.outH, row%t.outH*w.StrideH-w.Top
	size := w.KW * w.C
	beside := w.DilationW == 1 && t.x.Stride == w.C
	for i := range w.KH {
		y := top + i*w.DilationH
		inside, line := y >= 0 && y < w.H, (image*w.H+y)*w.W
		for k := range n {
			s := t.columns[x+k]
			at := t.patches.Index(r+k, i*size)
			dst := kernel.Elements[float32](t.patches.Buf)[at : at+size]
			if inside && beside && s.to-s.from == w.KW {
				from := t.x.Off + (line+s.left)*w.C
				copyShort(dst, kernel.Elements[float32](t.x.Buf)[from:from+size])
			} else {
				t.edge(dst, line, inside, s)
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
func (t *unfoldTask) edge(dst []float32, line int, inside bool, s reach) {
	w := &t.w
	if !inside {
		s.from, s.to = w.KW, w.KW
	}
	fillRow(dst[:s.from*w.C], t.value)
	for j := s.from; j < s.to; {
		src, taps := s.pixels(t.x, w, line, j)
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
	columns    []reach
	outH       int
	first      int
}

// Fold gathers: each row of an image adds what the rows of positions above it have for
// it, so that no two tiles write one pixel.
func (d *device) Fold(x, patches mat, w kernel.Window, first int) {
	images := kernel.CheckUnfold("Fold", patches, x, w, first)
	d.refold = foldTask{rowsOf(images*w.H, w.W*w.C*w.KH), &d.vectors, x, patches, w, d.reaches(&w), w.OutH(), first}
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
			position := (image*t.outH+at/w.StrideH)*len(t.columns) - t.first
			if position >= 0 && position < t.patches.Rows {
				t.row(r*w.W, position, i*w.KW*w.C)
			}
		}
	}
}

// row adds a row of taps of each position from the one given on, their elements from at
// on, to the image's row that begins at pixel line.
func (t *foldTask) row(line, position, at int) {
	w := &t.w
	for x, s := range t.columns {
		from := t.patches.Index(position+x, at)
		src := kernel.Elements[float32](t.patches.Buf)[from : from+w.KW*w.C]
		for j := s.from; j < s.to; {
			dst, taps := s.pixels(t.x, w, line, j)
			addShort(t.v, dst, src[j*w.C:][:len(dst)])
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
