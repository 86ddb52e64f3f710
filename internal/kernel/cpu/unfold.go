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
func (s reach) pixels(x plane, w *kernel.Window, row, j int) (data []float32, taps int) {
	taps = 1
	if w.DilationW == 1 && x.stride == w.C {
		taps = s.to - j
	}
	return x.from(row + s.left + j*w.DilationW)[:taps*w.C], taps
}

// A plane is where pixels lie: pixel 0 at off, which may be in front of what there is, the others
// stride apart.
type plane struct {
	data        []float32
	off, stride int
}

func planeOf(m mat) plane { return plane{kernel.Elements[float32](m.Buf), m.Off, m.Stride} }

// from are the numbers from a pixel on.
func (x plane) from(pixel int) []float32 { return x.data[x.off+pixel*x.stride:] }

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
	t.layOut(dst, t.patches.Stride, planeOf(t.x), t.first+from, to-from, t.value)
}

// layOut sets rows of dst, ld apart, to what lies under n positions from the one given on.
func (v *imageWindow) layOut(dst []float32, ld int, x plane, position, n int, value float32) {
	width := len(v.reaches)
	for r := 0; r < n; {
		at := (position + r) % width
		some := min(width-at, n-r)
		v.along(dst[r*ld:], ld, x, (position+r)/width, at, some, value)
		r += some
	}
}

// along lays out n positions of a row of them, from column at on.
func (v *imageWindow) along(dst []float32, ld int, x plane, row, at, n int, value float32) {
	w := &v.w
	image, top := row/v.outH, row%v.outH*w.StrideH-w.Top
	size := w.KW * w.C
	from, to := at, at // columns whose taps lie side by side in the image's row
	if w.DilationW == 1 && x.stride == w.C {
		from, to = v.whole(at, n)
	}
	for i := range w.KH {
		y := top + i*w.DilationH
		inside, line, row := y >= 0 && y < w.H, (image*w.H+y)*w.W, dst[i*size:]
		first, last := from, to
		if !inside {
			first, last = at, at
		}
		for k := at; k < first; k++ {
			v.edge(row[(k-at)*ld:][:size], x, line, inside, v.reaches[k], value)
		}
		if first < last {
			copyRows(row[(first-at)*ld:], ld, x.from(line+v.reaches[first].left), w.StrideW*w.C, size, last-first)
		}
		for k := last; k < at+n; k++ {
			v.edge(row[(k-at)*ld:][:size], x, line, inside, v.reaches[k], value)
		}
	}
}

// whole are the columns of n from at on whose taps are all in the image.
func (v *imageWindow) whole(at, n int) (from, to int) {
	from, to = at, at+n
	for from < to && v.reaches[from].to-v.reaches[from].from < v.w.KW {
		from++
	}
	for to > from && v.reaches[to-1].to-v.reaches[to-1].from < v.w.KW {
		to--
	}
	return from, to
}

// fewWords is up to where a loop copies faster than a call does.
const fewWords = 8

// copyRows copies n rows of size numbers: ld apart in dst, step apart in src.
func copyRows(dst []float32, ld int, src []float32, step, size, n int) {
	switch {
	case size == 3: // the first layer's, of grey images
		for k := range n {
			*(*[3]float32)(dst[k*ld:]) = *(*[3]float32)(src[k*step:])
		}
	case size == 4:
		for k := range n {
			*(*[4]float32)(dst[k*ld:]) = *(*[4]float32)(src[k*step:])
		}
	case size > fewWords:
		for k := range n {
			copy(dst[k*ld:][:size], src[k*step:])
		}
	default:
		for k := range n {
			to := dst[k*ld:][:size]
			//lint:ignore S1001 the call costs more than so few words
			for i, v := range src[k*step:][:size] {
				to[i] = v
			}
		}
	}
}

// edge is a row of taps of which some lie in padding, or lie apart in the image's row
// that begins at pixel line.
func (v *imageWindow) edge(dst []float32, x plane, line int, inside bool, s reach, value float32) {
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
	if value == 0 {
		clear(dst)
		return
	}
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
				t.addBack(t.v, planeOf(t.x), r*w.W, src, t.patches.Stride)
			}
		}
	}
}

// addBack adds a row of taps of each position of a row of them, ld apart in src, to the
// image's row that begins at pixel line.
func (v *imageWindow) addBack(f *vectors, x plane, line int, src []float32, ld int) {
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
