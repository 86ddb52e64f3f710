package cpu

import "github.com/inkstone-ai/inkstone/internal/kernel"

// grain is the number of elements in a tile of cheap work: some 5 µs of
// vector code, so that claiming a tile (50 ns) does not show, and 0.3 ms of
// the slowest scalar function, so that nobody waits long for one.
const grain = 16384

// lines cuts matrices of one shape into rows for a primitive and groups rows
// into tiles. Matrices without gaps count as one long row, cut every grain
// elements.
type lines struct {
	rows, cols int
	perTile    int // rows of a tile
	total      int // elements, when the rows are cuts of one long row; else 0
}

// linesOf cuts element-wise work on matrices of one shape.
func linesOf(ms ...mat) lines {
	n := ms[0].Len()
	for _, m := range ms {
		if !m.Dense() {
			return rowsOf(ms[0].Rows, ms[0].Cols)
		}
	}
	return lines{rows: (n + grain - 1) / grain, cols: grain, perTile: 1, total: n}
}

// rowsOf cuts work that needs whole rows.
func rowsOf(rows, cols int) lines {
	return lines{rows: rows, cols: cols, perTile: max(1, grain/max(1, cols))}
}

func (l lines) tiles() int { return (l.rows + l.perTile - 1) / l.perTile }

// of is the range of rows of tile i.
func (l lines) of(i int) (from, to int) {
	return i * l.perTile, min((i+1)*l.perTile, l.rows)
}

// row is row r of m.
func (l lines) row(m mat, r int) []float32 {
	if l.total == 0 {
		return kernel.Row[float32](m, r)
	}
	from, to := r*grain, min((r+1)*grain, l.total)
	return kernel.Elements[float32](m.Buf)[m.Off+from : m.Off+to : m.Off+to]
}

// rowOrNil is row r of an optional matrix of one row.
func rowOrNil(m mat, r int) []float32 {
	if m.Nil() {
		return nil
	}
	return kernel.Row[float32](m, r)
}

// f32At is element i of a vector.
func f32At(m mat, i int) float32 { return kernel.Elements[float32](m.Buf)[m.At(i)] }

// i32At is element i of a vector of ids.
func i32At(m mat, i int) int { return int(kernel.Elements[int32](m.Buf)[m.At(i)]) }
