package cpu

import (
	"math"

	"github.com/inkstone-ai/inkstone/internal/kernel"
)

type normTask struct {
	lines
	v                 *vectors
	kind              kernel.NormKind
	y, stats, x, w, b mat
	eps               float32
}

// Norm takes the mean first and the spread around it second: one pass with
// the mean of squares loses a small spread around a large mean.
func (d *device) Norm(kind kernel.NormKind, y, stats, x, w, b mat, eps float32) {
	kernel.CheckNorm(y, stats, x, w, b)
	d.norm = normTask{rowsOf(x.Rows, x.Cols), &d.vectors, kind, y, stats, x, w, b, eps}
	d.parallel(d.norm.tiles(), &d.norm)
}

func (t *normTask) tile(_ *worker, i int) {
	weight, bias := rowOrNil(t.w, 0), rowOrNil(t.b, 0)
	from, to := t.of(i)
	for r := from; r < to; r++ {
		x, n, mean := t.row(t.x, r), float64(t.cols), float32(0)
		if t.kind == kernel.LayerNorm {
			mean = float32(total(t.v.sum, x) / n)
		}
		variance := totalFrom(t.v.spread, x, mean) / n
		rstd := float32(1 / math.Sqrt(variance+float64(t.eps)))
		t.v.normalize(t.row(t.y, r), x, weight, bias, mean, rstd)
		if !t.stats.Nil() {
			s := kernel.Row[float32](t.stats, r)
			s[0], s[1] = mean, rstd
		}
	}
}

// normRows is the least number of rows of a tile of NormGrad: each tile has
// its own sums for dw and db, which must stay few.
const normRows = 16

type normGradTask struct {
	lines
	v                           *vectors
	kind                        kernel.NormKind
	dx, dw, db, x, w, dy, stats mat
	acc                         bool
	partial                     []float32 // of each tile: dw, db
}

// NormGrad walks the rows once; dw and db are summed per tile, then over the tiles.
func (d *device) NormGrad(kind kernel.NormKind, dx, dw, db, x, w, dy, stats mat, acc bool) {
	kernel.CheckNormGrad(dx, dw, db, x, w, dy, stats)
	l := rowsOf(x.Rows, x.Cols)
	l.perTile = max(l.perTile, normRows)
	d.normGrad = normGradTask{l, &d.vectors, kind, dx, dw, db, x, w, dy, stats, acc, nil}
	if !dw.Nil() || !db.Nil() {
		d.normGrad.partial = d.partial(l.tiles() * 2 * x.Cols)
	}
	d.parallel(l.tiles(), &d.normGrad)
	if !dw.Nil() {
		d.gatherSums(dw, l.tiles(), 0, 2)
	}
	if !db.Nil() {
		d.gatherSums(db, l.tiles(), 1, 2)
	}
}

func (t *normGradTask) tile(_ *worker, i int) {
	var dw, db []float32
	if t.partial != nil {
		sums := t.partial[i*2*t.cols : (i+1)*2*t.cols]
		clear(sums)
		dw, db = sums[:t.cols], sums[t.cols:]
	}
	from, to := t.of(i)
	for r := from; r < to; r++ {
		t.line(r, dw, db)
	}
}

// line computes dx of row r and adds its part of dw and db.
func (t *normGradTask) line(r int, dw, db []float32) {
	x, dy, weight := t.row(t.x, r), t.row(t.dy, r), rowOrNil(t.w, 0)
	stats := kernel.Row[float32](t.stats, r)
	meanG, meanGX := t.means(x, weight, dy, stats[0], stats[1])
	t.v.normGrad(t.row(t.dx, r), dw, db, x, weight, dy, stats[0], stats[1], meanG, meanGX, t.acc)
}

// means is the mean of g and of g·x̂ over a row; RMSNorm has no use for the first.
func (t *normGradTask) means(x, weight, dy []float32, mean, rstd float32) (float32, float32) {
	var sumG, sumGX float64
	for from := 0; from < len(x); from += chunk {
		to, part := min(from+chunk, len(x)), weight
		if weight != nil {
			part = weight[from:to]
		}
		g, gx := t.v.normSums(x[from:to], part, dy[from:to], mean, rstd)
		sumG += float64(g)
		sumGX += float64(gx)
	}
	n := float64(len(x))
	if t.kind == kernel.RMSNorm {
		sumG = 0
	}
	return float32(sumG / n), float32(sumGX / n)
}

// gatherSums adds to the row dst the k-th of every kinds partial rows in
// rising order of tiles.
func (d *device) gatherSums(dst mat, tiles, k, kinds int) {
	to := kernel.Row[float32](dst, 0)
	for i := range tiles {
		at := (i*kinds + k) * len(to)
		d.binaryRow(kernel.Add, to, d.sums[at:at+len(to)])
	}
}

// binaryRow sets dst = dst op x.
func (d *device) binaryRow(op kernel.BinaryOp, dst, x []float32) {
	d.vectors.binary[op](dst, dst, x)
}
