package cpu

import "github.com/inkstone-ai/inkstone/internal/kernel"

// The largest of squares of 2 × 2 pixels, of a norm and ReLU, in one pass over the pixels: the norm
// is never in memory. A tile is a line of squares. Sets are whole images.

// wholeVectors is what lies behind numbers that are read by whole vectors.
const wholeVectors = 16

// squareLines is the number of lines of squares in so many pixels.
func squareLines(w *kernel.Window, pixels int) int { return pixels / (w.H * w.W) * w.OutH() }

// A normMaxTask is a forward pass, or a backward one, where dx is present.
type normMaxTask struct {
	v            *vectors
	w            kernel.Window
	y, x, dx     mat       // y is dy of a backward pass
	scale, shift []float32 // (sets, C)
	abc          []float32 // (sets, 3, C) and whole vectors behind it
	rows         int       // pixels of a set
	acc          bool
}

// normMax sets y to the largest of x·scale + shift, or 0, in each square.
func (d *device) normMax(y, x mat, scale, shift []float32, w kernel.Window, rows int) {
	d.squares = normMaxTask{v: &d.vectors, w: w, y: y, x: x, scale: scale, shift: shift, rows: rows}
	d.parallel(squareLines(&w, x.Rows), &d.squares)
}

// normMaxGrad sets dx (+)= g·scale + x·along + shift, where g is the gradient of the norm.
func (d *device) normMaxGrad(t *momentsTask, dx mat, scale, along, shift []float32, acc bool) {
	C := t.x.Cols
	sets := t.x.Rows / t.rows
	if n := 3*sets*C + wholeVectors; len(d.abc) < n {
		d.abc = make([]float32, n)
	}
	for s := range sets {
		for i, row := range [][]float32{scale, along, shift} {
			copy(d.abc[(3*s+i)*C:], row[s*C:(s+1)*C])
		}
	}
	d.squares = normMaxTask{v: t.v, w: t.squares, y: t.dy, x: t.x, dx: dx, scale: t.gate.scale, shift: t.gate.shift, abc: d.abc, rows: t.rows, acc: acc}
	d.parallel(squareLines(&t.squares, t.x.Rows), &d.squares)
}

// A squareLine is where a line of squares lies.
type squareLine struct {
	pixel, position int // its first ones
	line            int // elements of a line of pixels
}

func lineOfSquares(w *kernel.Window, i int) squareLine {
	image, y := i/w.OutH(), i%w.OutH()
	return squareLine{(image*w.H + 2*y) * w.W, i * w.OutW(), w.W * w.C}
}

func (t *normMaxTask) tile(_ *worker, i int) {
	C, at := t.w.C, lineOfSquares(&t.w, i)
	set := at.pixel / t.rows
	scale, shift := t.scale[set*C:(set+1)*C], t.shift[set*C:(set+1)*C]
	x, y := rowsFrom(t.x, at.pixel), rowsFrom(t.y, at.position)
	if t.dx.Nil() {
		t.v.normMax(y, x, scale, shift, at.line, t.w.OutW())
		return
	}
	dx, abc := rowsFrom(t.dx, at.pixel), t.abc[3*set*C:]
	t.v.normMaxGrad(scale, shift, dx, y, x, abc, at.line, t.w.OutW(), t.acc)
	t.outside(i, at, abc)
}

// outside is dx of pixels in no square, of which a line of them has a column where the width is odd,
// and the last one of an image a line where the height is.
func (t *normMaxTask) outside(i int, at squareLine, abc []float32) {
	w := &t.w
	if w.W%2 == 1 {
		for k := range 2 {
			t.alone(at.pixel+(k+1)*w.W-1, abc)
		}
	}
	if w.H%2 == 1 && i%w.OutH() == w.OutH()-1 {
		for k := range w.W {
			t.alone(at.pixel+2*w.W+k, abc)
		}
	}
}

// alone sets dx (+)= x·along + shift of a pixel.
func (t *normMaxTask) alone(pixel int, abc []float32) {
	C := t.w.C
	dx, x := kernel.Row[float32](t.dx, pixel), kernel.Row[float32](t.x, pixel)
	if t.acc {
		t.v.add(dx, dx, abc[2*C:3*C])
	} else {
		copy(dx, abc[2*C:3*C])
	}
	t.v.mulAdd(dx, x, abc[C:2*C])
}

// rowsFrom are the elements of a dense matrix from a row on.
func rowsFrom(m mat, row int) []float32 { return kernel.Elements[float32](m.Buf)[m.Index(row, 0):] }

// squareSums are the sums of a gradient over the lines of squares of a chunk.
func (t *momentsTask) squareSums(first, next []float32, set, from int) {
	w, C := &t.squares, t.x.Cols
	of := squareLines(w, t.rows)
	clear(first)
	clear(next)
	scale, shift := t.gate.scale[set*C:(set+1)*C], t.gate.shift[set*C:(set+1)*C]
	for i := from; i < min(of, from+t.chunk); i++ {
		at := lineOfSquares(w, set*of+i)
		t.v.normMaxSums(first, next, rowsFrom(t.dy, at.position), rowsFrom(t.x, at.pixel), scale, shift, t.means[set*C:], at.line, w.OutW())
	}
}
