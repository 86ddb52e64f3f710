package cpu

import "github.com/inkstone-ai/inkstone/internal/kernel"

// convRows is the number of positions in a tile of a causal convolution.
const convRows = 32

// blocksOf is the number of tiles of the sequences, cut by their queries or keys.
func blocksOf(segments mat, keys bool) (n int) {
	for s := range segments.Rows {
		n += (extent(kernel.SegmentAt(segments, s), keys) + convRows - 1) / convRows
	}
	return n
}

func extent(g kernel.Segment, keys bool) int {
	if keys {
		return g.Keys
	}
	return g.Queries
}

// blockAt finds tile i of them: its sequence, and its range of queries or keys.
func blockAt(segments mat, keys bool, i int) (g kernel.Segment, from, to int) {
	for s := 0; ; s++ {
		g = kernel.SegmentAt(segments, s)
		n := extent(g, keys)
		blocks := (n + convRows - 1) / convRows
		if i < blocks {
			return g, i * convRows, min((i+1)*convRows, n)
		}
		i -= blocks
	}
}

type convTask struct {
	v        *vectors
	y, x, w  mat
	segments mat
}

// CausalConv sums weighted copies of the rows at and before each position.
func (d *device) CausalConv(y, x, w, segments mat) {
	kernel.CheckCausalConv(y, x, w, segments)
	d.conv = convTask{&d.vectors, y, x, w, segments}
	d.parallel(blocksOf(segments, false), &d.conv)
}

func (t *convTask) tile(_ *worker, i int) {
	g, from, to := blockAt(t.segments, false, i)
	for q := from; q < to; q++ {
		pos := g.Keys - g.Queries + q
		y := kernel.Row[float32](t.y, g.Query+q)
		clear(y)
		for k := range min(t.w.Rows, pos+1) {
			t.v.mulAdd(y, kernel.Row[float32](t.w, k), kernel.Row[float32](t.x, g.Key+pos-k))
		}
	}
}

type convGradTask struct {
	v            *vectors
	dx, x, w, dy mat
	segments     mat
	acc          bool
	partial      []float32 // of each tile: dw
}

// CausalConvGrad gathers dx from the positions at and after each key; dw is
// summed per tile of keys, then over the tiles.
func (d *device) CausalConvGrad(dx, dw, x, w, dy, segments mat, acc bool) {
	kernel.CheckCausalConvGrad(dx, dw, x, w, dy, segments)
	tiles := blocksOf(segments, true)
	d.convGrad = convGradTask{&d.vectors, dx, x, w, dy, segments, acc, d.partial(tiles * w.Len())}
	d.parallel(tiles, &d.convGrad)
	for k := range w.Rows {
		row := dw
		row.Off, row.Rows = dw.Index(k, 0), 1
		d.gatherSums(row, tiles, k, w.Rows)
	}
}

func (t *convGradTask) tile(_ *worker, i int) {
	g, from, to := blockAt(t.segments, true, i)
	dw := t.partial[i*t.w.Len():][:t.w.Len()]
	clear(dw)
	for key := from; key < to; key++ {
		dx, x := kernel.Row[float32](t.dx, g.Key+key), kernel.Row[float32](t.x, g.Key+key)
		if !t.acc {
			clear(dx)
		}
		for k := range min(t.w.Rows, g.Keys-key) {
			q := key + k - (g.Keys - g.Queries)
			if q < 0 { // a position of the past, which is no output here
				continue
			}
			dy := kernel.Row[float32](t.dy, g.Query+q)
			t.v.mulAdd(dx, kernel.Row[float32](t.w, k), dy)
			t.v.mulAdd(dw[k*t.w.Cols:(k+1)*t.w.Cols], x, dy)
		}
	}
}
