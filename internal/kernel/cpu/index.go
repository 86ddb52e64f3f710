package cpu

import "github.com/inkstone-ai/inkstone/internal/kernel"

type gatherTask struct {
	lines
	v               *vectors
	dst, table, ids mat
}

// Gather copies rows of the table.
func (d *device) Gather(dst, table, ids mat) {
	kernel.CheckGather(dst, table, ids)
	d.gather = gatherTask{rowsOf(dst.Rows, dst.Cols), &d.vectors, dst, table, ids}
	d.parallel(d.gather.tiles(), &d.gather)
}

func (t *gatherTask) tile(_ *worker, i int) {
	from, to := t.of(i)
	for r := from; r < to; r++ {
		dst, id := t.row(t.dst, r), i32At(t.ids, r)
		switch t.table.Type {
		case kernel.BF16:
			t.v.fromBF16(dst, kernel.Row[uint16](t.table, id))
		case kernel.F16:
			t.v.fromF16(dst, kernel.Row[uint16](t.table, id))
		case kernel.F32:
			copy(dst, kernel.Row[float32](t.table, id))
		default:
			kernel.Dequantise(t.table.Type, dst, kernel.Blocks(t.table, id))
		}
	}
}

// Ids repeat, so rows of the source can not be shared out among workers:
// columns are. A strip is 64 columns, four cache lines; scatterRows source
// rows at a time keep a tile short.
const (
	scatterCols = 64
	scatterRows = 4096
)

type scatterTask struct {
	v               *vectors
	table, src, ids mat
	from, to        int
}

// ScatterAdd adds rows to the table in the order of ids.
func (d *device) ScatterAdd(table, src, ids mat) {
	kernel.CheckScatterAdd(table, src, ids)
	for from := 0; from < src.Rows; from += scatterRows {
		d.scatter = scatterTask{&d.vectors, table, src, ids, from, min(from+scatterRows, src.Rows)}
		d.parallel((src.Cols+scatterCols-1)/scatterCols, &d.scatter)
	}
}

func (t *scatterTask) tile(_ *worker, i int) {
	from, to := i*scatterCols, min((i+1)*scatterCols, t.src.Cols)
	for r := t.from; r < t.to; r++ {
		dst := kernel.Row[float32](t.table, i32At(t.ids, r))[from:to]
		t.v.binary[kernel.Add](dst, dst, kernel.Row[float32](t.src, r)[from:to])
	}
}
