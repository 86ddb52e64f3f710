package tensor

import "github.com/inkstone-ai/inkstone/internal/kernel"

// Rows returns the rows ids (…) of dimension 0 of the table (V, …), shape
// ids' and then the row's: the look-up of an embedding. The table may be bf16,
// f16 or quantised; the result is f32. A row asked for twice gets both gradients.
func (table *Tensor) Rows(ids *Tensor) *Tensor {
	s := stepOf("Rows", table, ids)
	if table.dims == 0 || ids.dtype != I32 || ids.dims+table.dims-1 > maxDims || !table.dtype.isFloat() && !table.dtype.Quantised() {
		panic("tensor: Rows: " + ids.String() + " are no ids for " + table.String())
	}
	a := ids.array
	a.dtype, a.dims = F32, ids.dims+table.dims-1
	copy(a.shape[ids.dims:], table.shape[1:table.dims])
	y := s.result(a)
	ids = s.denseOf(ids)
	s.dev.k.Gather(y.gathered(ids), table.table(), ids.flat())
	s.record(entry{back: rowsBack, out: y, in: [3]*Tensor{table}, aside: ids})
	return y
}

func rowsBack(s *Step, e entry) {
	dy, dtable := e.out.upstream(), s.gradientAdd(e.in[0])
	s.dev.k.ScatterAdd(dtable.table(), dy.gathered(e.aside), e.aside.flat())
}

// table is a with a row for each index of dimension 0, a vector's of one element.
func (a *array) table() kernel.Mat { return a.band(0, a.shape[0]) }

// gathered is a as a row for each of ids.
func (a *array) gathered(ids *Tensor) kernel.Mat {
	n := a.span(ids.dims, a.dims)
	return a.window(ids.len(), n, n)
}
