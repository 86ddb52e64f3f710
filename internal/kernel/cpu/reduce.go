package cpu

import (
	"fmt"
	"math"

	"github.com/inkstone-ai/inkstone/internal/kernel"
)

// reduceTask folds (outer, n, inner) along n. n is cut into blocks of about
// grain elements; an item is one block of one outer index, over all of inner,
// and a tile folds some items. Where there are several blocks, combineTask
// folds their results in rising order.
type reduceTask struct {
	v              *vectors
	op             kernel.ReduceOp
	x              mat
	n, inner       int
	block, blocks  int
	items, perTile int
	out            []float32 // (outer, blocks, inner): dst itself or partial results
	places         []int32   // dst of ArgMax and ArgMin, which are not cut
	acc            bool
}

// Reduce folds the middle dimension.
func (d *device) Reduce(op kernel.ReduceOp, dst, x mat, outer, n, inner int, acc bool) {
	kernel.CheckReduce(op, dst, x, outer, n, inner, acc)
	t := reduceTask{v: &d.vectors, op: op, x: x, n: n, inner: inner, block: max(1, n), blocks: 1, acc: acc}
	if op == kernel.ArgMax || op == kernel.ArgMin {
		t.places = kernel.Elements[int32](dst.Buf)[dst.Off : dst.Off+outer*inner]
		d.startReduce(t, outer)
		return
	}
	t.out = kernel.Elements[float32](dst.Buf)[dst.Off : dst.Off+outer*inner]
	if cut := max(1, grain/max(1, inner)); cut < n {
		t.block, t.blocks, t.acc = cut, (n+cut-1)/cut, false
		t.out = d.partial(outer * t.blocks * inner)
	}
	d.startReduce(t, outer)
	if t.blocks > 1 {
		d.fold(op, dst, outer, t.blocks, inner, acc)
	}
}

func (d *device) startReduce(t reduceTask, outer int) {
	t.items, t.perTile = outer*t.blocks, max(1, grain/max(1, t.block*t.inner))
	d.tasks.reduce = t
	d.parallel((t.items+t.perTile-1)/t.perTile, &d.tasks.reduce)
}

// partial is room for n partial results, valid until the next call.
func (d *device) partial(n int) []float32 {
	keep(&d.sums, n)
	return d.sums[:n]
}

func (t *reduceTask) tile(w *worker, i int) {
	for item := i * t.perTile; item < min((i+1)*t.perTile, t.items); item++ {
		t.item(w, item)
	}
}

func (t *reduceTask) item(w *worker, i int) {
	o, b := i/t.blocks, i%t.blocks
	from, to := b*t.block, min((b+1)*t.block, t.n)
	start := t.x.Off + o*t.n*t.inner
	x := kernel.Elements[float32](t.x.Buf)[start+from*t.inner : start+to*t.inner]
	switch {
	case t.places != nil:
		findPlaces(t.op, t.places[o*t.inner:][:t.inner], x)
	case t.inner == 1:
		y := t.v.fold(t.op, x)
		if t.acc {
			y += t.out[i]
		}
		t.out[i] = y
	case t.inner < fewColumns:
		t.few(w, t.out[i*t.inner:][:t.inner], x)
	default:
		t.columns(w, t.out[i*t.inner:][:t.inner], x)
	}
}

// neutral is the result of folding nothing.
func neutral(op kernel.ReduceOp) float32 {
	switch op {
	case kernel.MaxOf:
		return float32(math.Inf(-1))
	case kernel.MinOf:
		return float32(math.Inf(1))
	case kernel.Prod:
		return 1
	}
	return 0
}

// fold is the reduction of one row.
func (v *vectors) fold(op kernel.ReduceOp, x []float32) float32 {
	switch op {
	case kernel.Sum:
		return float32(total(v.sum, x))
	case kernel.SumSquares:
		return float32(totalFrom(v.spread, x, 0))
	case kernel.SumAbs:
		return float32(total(v.sumAbs, x))
	case kernel.MaxOf:
		return v.maxOf(x)
	case kernel.MinOf:
		return v.minOf(x)
	case kernel.Prod:
		y := 1.0
		for _, e := range x {
			y *= float64(e)
		}
		return float32(y)
	}
	panic(fmt.Sprintf("cpu: no reduction %d", op))
}

// fewColumns is the number of columns below which columns are collected: a call
// for each row costs more.
const fewColumns = 16

// few folds each column of x, (n, inner), as a row.
func (t *reduceTask) few(w *worker, out, x []float32) {
	column := w.scratch(len(x) / t.inner)
	for c := range out {
		for j := range column {
			column[j] = x[j*t.inner+c]
		}
		y := t.v.fold(t.op, column)
		if t.acc {
			y += out[c]
		}
		out[c] = y
	}
}

// columns folds the rows of x, (n, inner), into out, row after row.
func (t *reduceTask) columns(w *worker, out, x []float32) {
	y := w.scratch(t.inner)
	for i := range y {
		y[i] = neutral(t.op)
	}
	for ; len(x) > 0; x = x[t.inner:] {
		t.v.into(t.op, y, x[:t.inner])
	}
	if t.acc {
		t.v.binary[kernel.Add](out, out, y)
	} else {
		copy(out, y)
	}
}

// into folds one row into y.
func (v *vectors) into(op kernel.ReduceOp, y, x []float32) {
	switch op {
	case kernel.Sum:
		v.binary[kernel.Add](y, y, x)
	case kernel.SumSquares:
		v.mulAdd(y, x, x)
	case kernel.SumAbs:
		for i, e := range x {
			y[i] += float32(math.Abs(float64(e)))
		}
	case kernel.MaxOf:
		v.binary[kernel.Max](y, y, x)
	case kernel.MinOf:
		v.binary[kernel.Min](y, y, x)
	case kernel.Prod:
		v.binary[kernel.Mul](y, y, x)
	default:
		panic(fmt.Sprintf("cpu: no reduction %d", op))
	}
}

// findPlaces writes the index of the first largest (smallest) element of each
// column of x, (n, inner); a NaN is both.
func findPlaces(op kernel.ReduceOp, places []int32, x []float32) {
	inner := len(places)
	for c := range places {
		best := x[c]
		places[c] = 0
		for j := 1; j*inner < len(x) && best == best; j++ {
			e := x[j*inner+c]
			if e != e || op == kernel.ArgMax && e > best || op == kernel.ArgMin && e < best {
				best, places[c] = e, int32(j)
			}
		}
	}
}

// combineTask folds partial results (outer, blocks, inner) into dst, an outer
// index and a span of columns a tile.
type combineTask struct {
	v             *vectors
	op            kernel.ReduceOp
	dst, partial  []float32
	blocks, inner int
	spans         int
	acc           bool
}

// fold combines the partial results of the last region into dst.
func (d *device) fold(op kernel.ReduceOp, dst mat, outer, blocks, inner int, acc bool) {
	switch op {
	case kernel.SumSquares, kernel.SumAbs:
		op = kernel.Sum
	}
	d.combine = combineTask{
		v: &d.vectors, op: op, blocks: blocks, inner: inner, acc: acc,
		dst:     kernel.Elements[float32](dst.Buf)[dst.Off : dst.Off+outer*inner],
		partial: d.sums, spans: (inner + chunk - 1) / chunk,
	}
	d.parallel(outer*d.combine.spans, &d.combine)
}

func (t *combineTask) tile(w *worker, i int) {
	o, from := i/t.spans, i%t.spans*chunk
	to := min(from+chunk, t.inner)
	if t.inner == 1 {
		t.one(o)
		return
	}
	y := w.scratch(to - from)
	for j := range y {
		y[j] = neutral(t.op)
	}
	for b := range t.blocks {
		at := (o*t.blocks + b) * t.inner
		t.v.into(t.op, y, t.partial[at+from:at+to])
	}
	dst := t.dst[o*t.inner+from : o*t.inner+to]
	if t.acc {
		t.v.binary[kernel.Add](dst, dst, y)
	} else {
		copy(dst, y)
	}
}

func (t *combineTask) one(o int) {
	y := t.v.fold(t.op, t.partial[o*t.blocks:][:t.blocks])
	if t.acc {
		y += t.dst[o]
	}
	t.dst[o] = y
}
