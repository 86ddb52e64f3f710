package cpu

import "github.com/inkstone-ai/inkstone/internal/kernel"

// A packed operand B is a row of panels: panel t holds columns t·width up to
// (t+1)·width for every word of k in order, k·width+lane, absent columns as zeros.

// packRight packs the part's B.
type packRight matmul

func (r *packRight) tile(w *worker, i int) {
	t := (*matmul)(r)
	p := &t.part
	cols := groups(p.cols, t.cols)
	entry, group := i/cols, i%cols
	left, right := group*t.cols, min(p.cols, (group+1)*t.cols)
	dst := t.packedB[entry*p.steps*roundUp(p.cols, t.width)+left*p.steps:]
	b := t.b
	b.Off += (p.batch + entry) * t.StrideB
	from := p.step * t.per
	t.packColumns(t.arithmetic, w, dst, b, t.TB, p.col+left, p.col+right, from, min(t.k, from+p.steps*t.per))
}

// packBlock is the number of k that are packed at a time.
const packBlock = 128

// packColumns packs columns [left, right) of B, (K,N), or (N,K) with tb, over the k
// of [from, to).
func (v *products) packColumns(r *arithmetic, w *worker, dst []float32, b mat, tb bool, left, right, from, to int) {
	words := r.words(to - from)
	for k := from; k < to; k += packBlock {
		n, at := min(packBlock, to-k), (k-from)/r.per*v.width
		if !tb {
			src, ld := v.block(w, b, k, n, left, right-left)
			v.packRows(r, dst[at:], words*v.width, src, ld, right-left, n)
			continue
		}
		for j := left; j < right; j += v.width {
			cols := min(v.width, right-j)
			src, ld := v.block(w, b, j, cols, k, n)
			v.packTransposed(r, dst[(j-left)*words+at:], src, ld, cols, n)
		}
	}
}

// block is a window of m as float32: where it lies, or widened to scratch.
func (v *products) block(w *worker, m mat, row, rows, col, cols int) (*float32, int) {
	at := m.Index(row, col)
	if m.Type == kernel.F32 {
		return &kernel.Elements[float32](m.Buf)[at], m.Stride
	}
	ld := roundUp(cols, 8)
	dst := w.scratch(rows * ld)
	for r := range rows {
		v.widenRow(dst[r*ld:][:cols], kernel.Elements[uint16](m.Buf)[at+r*m.Stride:][:cols], m.Type)
	}
	return &dst[0], ld
}

// widenRow is widen for any length.
func (v *products) widenRow(dst []float32, src []uint16, t kernel.DType) {
	n := len(dst) &^ 7
	if n > 0 {
		v.widen(t)(&dst[0], &src[0], n)
	}
	for i := n; i < len(dst); i++ {
		if t == kernel.BF16 {
			dst[i] = kernel.FromBF16(src[i])
		} else {
			dst[i] = kernel.FromF16(src[i])
		}
	}
}

// packLeft packs the part's A: tile i is a piece of a block of rows over a block of K.
type packLeft matmul

// leftPieces is in how many pieces a block of A is packed, so that a single block
// is work for all: of its rows, or of its K where A is transposed.
const leftPieces = 4

func (l *packLeft) tile(w *worker, i int) {
	t := (*matmul)(l)
	p := &t.part
	rows, blocks := groups(p.rows, t.rows), groups(p.steps, t.depth)
	i, piece := i/leftPieces, i%leftPieces
	entry, block, k := i/blocks/rows, i/blocks%rows, p.step+i%blocks*t.depth
	first := block * t.rows
	m, depth := min(t.rows, p.rows-first), min(t.depth, p.step+p.steps-k)
	a := t.a
	a.Off += (p.batch + entry) * t.StrideA
	dst := elements(t.leftBlock(entry, block, m, k), m*depth)
	from := k * t.per
	n := min(depth*t.per, t.k-from)
	if t.TA {
		at, end := share(n, piece, max(t.per, t.turned))
		if at < end {
			src, ld := t.block(w, a, from+at, end-at, p.row+first, m)
			if t.turn != nil {
				t.packTurned(dst[at/t.per:], depth, src, ld, end-at, m)
				return
			}
			t.columns(&dst[at/t.per*m], m, src, ld, m, end-at)
		}
		return
	}
	at, end := share(m, piece, 1)
	if at < end {
		src, ld := t.block(w, a, p.row+first+at, end-at, from, n)
		t.packLines(dst[at*depth:], depth, src, ld, n, end-at)
	}
}

// share is the part of n, in whole steps, that is packed as a piece.
func share(n, piece, step int) (from, to int) {
	size := roundUp(groups(n, leftPieces), step)
	return min(n, piece*size), min(n, (piece+1)*size)
}

// Pack copies B into panels, in its own type; quantised weights as quantised_layout.go says. Where BF16
// is multiplied, panels of it have words of two neighbours in k. Columns that the last panel lacks are zeros.
func (d *device) Pack(b mat, tb bool) mat {
	kernel.CheckPack(b, tb)
	if b.Type.Quantised() {
		return d.packQuantised(b)
	}
	p := mat{Rows: b.Rows, Cols: b.Cols, Type: b.Type, Packed: true}
	if tb {
		p.Rows, p.Cols = b.Cols, b.Rows
	}
	p.Stride = p.Cols
	rows := p.Rows
	if d.pairs(p) {
		rows = 2 * d.rounded().words(rows)
	}
	p.Buf = d.allocPacked(rows * roundUp(p.Cols, d.products.width) * p.Type.Size())
	if p.Rows > 0 && p.Cols > 0 {
		d.tasks.pack = packTask{&d.products, p, b, tb, d.pairs(p)}
		d.parallel(groups(p.Cols, packCols), &d.tasks.pack)
	}
	return p
}

// pairs reports whether a packed B has words of two BF16.
func (v *products) pairs(b mat) bool { return b.Type == kernel.BF16 && v.bf16.strip != nil }

// rounded is the arithmetic of BF16 in products: of tiles, where the processor has them.
func (v *products) rounded() *arithmetic {
	if v.tiled.strip != nil {
		return &v.tiled
	}
	return &v.bf16
}

// packCols is the number of columns of a tile of Pack, whole panels.
const packCols = 64

// packTask packs a whole B.
type packTask struct {
	*products
	dst, b mat
	tb     bool
	pairs  bool
}

func (t *packTask) tile(w *worker, i int) {
	left, right := i*packCols, min(t.dst.Cols, (i+1)*packCols)
	if t.b.Type == kernel.F32 {
		t.packColumns(&t.f32, w, kernel.Elements[float32](t.dst.Buf)[left*t.dst.Rows:], t.b, t.tb, left, right, 0, t.dst.Rows)
		return
	}
	if t.pairs {
		r := t.rounded()
		t.packColumns(r, w, kernel.Elements[float32](t.dst.Buf)[left*r.words(t.dst.Rows):], t.b, t.tb, left, right, 0, t.dst.Rows)
		return
	}
	dst, src := kernel.Elements[uint16](t.dst.Buf), kernel.Elements[uint16](t.b.Buf)
	for j := left; j < right; j++ {
		for k := range t.dst.Rows {
			from := t.b.Index(k, j)
			if t.tb {
				from = t.b.Index(j, k)
			}
			dst[(j/t.width*t.dst.Rows+k)*t.width+j%t.width] = src[from]
		}
	}
}
