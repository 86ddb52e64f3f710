package cpu

import (
	"math"

	"github.com/inkstone-ai/inkstone/internal/kernel"
)

type copyTask struct {
	lines
	v        *vectors
	dst, src mat
	acc      bool
}

// Copy moves and converts rows.
func (d *device) Copy(dst, src mat, acc bool) {
	kernel.CheckCopy(dst, src, acc)
	d.tasks.copy = copyTask{rowsOf(dst.Rows, dst.Cols), &d.vectors, dst, src, acc}
	if dst.Dense() && src.Dense() && !dst.Type.Quantised() && !src.Type.Quantised() {
		d.tasks.copy.flatten()
	}
	d.parallel(d.tasks.copy.tiles(), &d.tasks.copy)
}

// flatten turns dense matrices into rows of grain elements, as linesOf does,
// for elements of any type.
func (t *copyTask) flatten() {
	n := t.dst.Len()
	t.lines = lines{rows: (n + grain - 1) / grain, cols: grain, perTile: 1, total: n}
}

func (t *copyTask) tile(w *worker, i int) {
	from, to := t.of(i)
	for r := from; r < to; r++ {
		t.line(w, r)
	}
}

// span is row r of m as elements of its type.
func span[T any](l lines, m mat, r int) []T {
	if l.total == 0 {
		return kernel.Row[T](m, r)
	}
	from, to := r*grain, min((r+1)*grain, l.total)
	return kernel.Elements[T](m.Buf)[m.Off+from : m.Off+to : m.Off+to]
}

func (t *copyTask) line(w *worker, r int) {
	switch {
	case t.dst.Type.Quantised() && t.dst.Type == t.src.Type:
		copy(blocks(t.dst, r), blocks(t.src, r))
	case t.dst.Type == kernel.Q8_0:
		kernel.ToQ8(blocks(t.dst, r), kernel.Row[float32](t.src, r))
	case t.src.Type == kernel.Q8_0:
		if dst := kernel.Row[float32](t.dst, r); len(dst) > 0 {
			t.v.fromQ8(dst, blocks(t.src, r))
		}
	case t.dst.Type != kernel.F32 && t.src.Type == kernel.F32:
		t.narrow(span[uint16](t.lines, t.dst, r), span[float32](t.lines, t.src, r))
	case t.dst.Type == kernel.F32:
		t.widen(w, span[float32](t.lines, t.dst, r), r)
	case t.dst.Type != t.src.Type: // one half to the other
		wide := w.scratch(max(grain, t.cols))[:len(span[uint16](t.lines, t.src, r))]
		t.widenTo(wide, r)
		t.narrow(span[uint16](t.lines, t.dst, r), wide)
	default:
		t.same(r)
	}
}

// blocks is row r of a quantised m as bytes.
func blocks(m mat, r int) []byte {
	at := m.Type.Bytes(m.Index(r, 0))
	return kernel.Elements[byte](m.Buf)[at : at+m.Type.Bytes(m.Cols)]
}

// same copies without conversion.
func (t *copyTask) same(r int) {
	switch t.dst.Type.Size() {
	case 1:
		copy(span[uint8](t.lines, t.dst, r), span[uint8](t.lines, t.src, r))
	case 2:
		copy(span[uint16](t.lines, t.dst, r), span[uint16](t.lines, t.src, r))
	default:
		copy(span[uint32](t.lines, t.dst, r), span[uint32](t.lines, t.src, r))
	}
}

func (t *copyTask) narrow(dst []uint16, src []float32) {
	if t.dst.Type == kernel.BF16 {
		t.v.toBF16(dst, src)
	} else {
		t.v.toF16(dst, src)
	}
}

// widen writes row r to dst as float32, or adds it.
func (t *copyTask) widen(w *worker, dst []float32, r int) {
	switch {
	case t.src.Type == kernel.F32 && t.acc:
		t.v.binary[kernel.Add](dst, dst, span[float32](t.lines, t.src, r))
	case t.src.Type == kernel.F32:
		copy(dst, span[float32](t.lines, t.src, r))
	case t.acc:
		wide := w.scratch(len(dst))
		t.widenTo(wide, r)
		t.v.binary[kernel.Add](dst, dst, wide)
	default:
		t.widenTo(dst, r)
	}
}

func (t *copyTask) widenTo(dst []float32, r int) {
	if t.src.Type == kernel.BF16 {
		t.v.fromBF16(dst, span[uint16](t.lines, t.src, r))
	} else {
		t.v.fromF16(dst, span[uint16](t.lines, t.src, r))
	}
}

type fillTask struct {
	lines
	dst   mat
	value float32
}

// Fill sets every element to value.
func (d *device) Fill(dst mat, value float32) {
	kernel.CheckFill(dst)
	d.fill = fillTask{linesOf(dst), dst, value}
	d.parallel(d.fill.tiles(), &d.fill)
}

func (t *fillTask) tile(_ *worker, i int) {
	from, to := t.of(i)
	for r := from; r < to; r++ {
		row := t.row(t.dst, r)
		fill(row, t.value)
	}
}

// fill sets every element: one, then copies of what there is, at the speed of memory.
func fill(row []float32, value float32) {
	if math.Float32bits(value) == 0 || len(row) == 0 {
		clear(row)
		return
	}
	row[0] = value
	for n := 1; n < len(row); n *= 2 {
		copy(row[n:], row[:n])
	}
}
