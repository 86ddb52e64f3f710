package cpu

import "github.com/inkstone-ai/inkstone/internal/kernel"

// A packed operand B is a row of panels: panel t holds columns t·width up to
// (t+1)·width for every k in order, k·width+lane, absent columns as zeros.

// packRight packs the part's B.
type packRight matmul

func (r *packRight) tile(w *worker, i int) {
	t := (*matmul)(r)
	cols := groups(t.part.cols, t.cols)
	entry, group := i/cols, i%cols
	left, right := group*t.cols, min(t.part.cols, (group+1)*t.cols)
	dst := t.packedB[entry*t.k*roundUp(t.part.cols, t.width)+left*t.k:]
	b := t.b
	b.Off += (t.part.batch + entry) * t.strideB
	t.packColumns(w, dst, b, t.tb, t.part.col+left, t.part.col+right)
}

// packBlock is the number of k that are packed at a time.
const packBlock = 64

// packColumns packs columns [left, right) of B, (K,N), or (N,K) with tb.
func (v *products) packColumns(w *worker, dst []float32, b mat, tb bool, left, right int) {
	depth := b.Rows
	if tb {
		depth = b.Cols
	}
	for k := 0; k < depth; k += packBlock {
		n := min(packBlock, depth-k)
		if !tb {
			src, ld := v.block(w, b, k, n, left, right-left)
			v.packRows(dst[k*v.width:], depth*v.width, src, ld, right-left, n)
			continue
		}
		for j := left; j < right; j += v.width {
			cols := min(v.width, right-j)
			src, ld := v.block(w, b, j, cols, k, n)
			v.packTransposed(dst[(j-left)*depth+k*v.width:], src, ld, cols, n)
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

// packRows packs k rows of cols elements, panels ps apart.
func (v *products) packRows(dst []float32, ps int, src *float32, ld, cols, k int) {
	full := cols / v.width
	if full > 0 {
		v.panels(&dst[0], ps, src, ld, full, k)
	}
	if cols %= v.width; cols == 0 {
		return
	}
	from := elements(src, (k-1)*ld+full*v.width+cols)[full*v.width:]
	for p := range k {
		row := dst[full*ps+p*v.width:][:v.width]
		clear(row[copy(row, from[p*ld:][:cols]):])
	}
}

// packTransposed packs cols ≤ width rows of k elements as columns.
func (v *products) packTransposed(dst []float32, src *float32, ld, cols, k int) {
	from := elements(src, (cols-1)*ld+k)
	j := 0
	for ; j+8 <= cols; j += 8 {
		v.transpose8(&dst[j], v.width, &from[j*ld], ld, k)
	}
	for ; j < cols; j++ {
		for p, x := range from[j*ld:][:k] {
			dst[p*v.width+j] = x
		}
	}
	for ; j < v.width; j++ {
		for p := range k {
			dst[p*v.width+j] = 0
		}
	}
}

// packLeft turns the part's A into plain rows of float32.
type packLeft matmul

func (l *packLeft) tile(w *worker, i int) {
	t := (*matmul)(l)
	rows := groups(t.part.rows, t.rows)
	entry, block := i/rows, i%rows
	first := block * t.rows
	m := min(t.rows, t.part.rows-first)
	dst := t.packedA[t.leftBlock(entry, block):]
	a := t.a
	a.Off += (t.part.batch + entry) * t.strideA
	for k := 0; k < t.k; k += t.depth {
		t.packLeftBlock(w, dst[k*m:], a, t.part.row+first, m, k, min(t.depth, t.k-k))
	}
}

// packLeftBlock writes m rows of depth elements.
func (t *matmul) packLeftBlock(w *worker, dst []float32, a mat, row, m, k, depth int) {
	if !t.ta {
		for i := range m {
			src := kernel.Elements[uint16](a.Buf)[a.Index(row+i, k):][:depth]
			t.widenRow(dst[i*depth:][:depth], src, a.Type)
		}
		return
	}
	for p := 0; p < depth; p += 8 {
		n := min(8, depth-p)
		src, ld := t.block(w, a, k+p, n, row, m)
		if n == 8 {
			t.transpose8(&dst[p], depth, src, ld, m)
			continue
		}
		from := elements(src, (n-1)*ld+m)
		for q := range n {
			for i, x := range from[q*ld:][:m] {
				dst[i*depth+p+q] = x
			}
		}
	}
}

// Pack copies B into panels, in its own type. Columns that the last panel lacks are zeros.
func (d *device) Pack(b mat, tb bool) mat {
	kernel.CheckPack(b)
	p := mat{Rows: b.Rows, Cols: b.Cols, Type: b.Type, Packed: true}
	if tb {
		p.Rows, p.Cols = b.Cols, b.Rows
	}
	p.Stride = p.Cols
	p.Buf = d.Alloc(p.Rows * roundUp(p.Cols, d.products.width) * p.Type.Size())
	if p.Rows > 0 && p.Cols > 0 {
		d.tasks.pack = packTask{&d.products, p, b, tb}
		d.parallel(groups(p.Cols, packCols), &d.tasks.pack)
	}
	return p
}

// packCols is the number of columns of a tile of Pack, whole panels.
const packCols = 64

// packTask packs a whole B.
type packTask struct {
	*products
	dst, b mat
	tb     bool
}

func (t *packTask) tile(w *worker, i int) {
	left, right := i*packCols, min(t.dst.Cols, (i+1)*packCols)
	if t.b.Type == kernel.F32 {
		t.packColumns(w, kernel.Elements[float32](t.dst.Buf)[left*t.dst.Rows:], t.b, t.tb, left, right)
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
