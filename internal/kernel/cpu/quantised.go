package cpu

import (
	"unsafe"

	"github.com/inkstone-ai/inkstone/internal/kernel"
)

// Products with quantised weights. A's rows are rounded to bytes first, each 32 or 256 neighbours with
// a scale of their own; then a kernel multiplies a piece of a few rows by a panel of 16 columns.
// An element is one chain over the blocks of k, whatever the pieces and tiles: its bits do not
// depend on how many rows there are.

// dots are one instruction set's kernels for quantised weights.
type dots struct {
	rows   int  // most rows of a piece, a power of two
	signed bool // bytes are multiplied as signed ones, not 128 above them
	// of are the kernels of each form for 1, 2, 4 and 8 rows: n blocks are added to rows of c, ldc
	// apart, or replace them when acc is 0.
	of [forms][4]dot
	// tiles take pieces of 16 rows; the zero value: there are none.
	tiles [forms]tiling
	// quad are those of one row by four panels, ps bytes apart in b and cs numbers in c; nil: none.
	quad [forms]quad
	// round writes n records of a row's blocks of 32, stride bytes apart.
	round func(dst *byte, stride int, src *float32, n, z int)
	// roundWide writes n wide records of a row's blocks of 256.
	roundWide func(dst *byte, stride int, src *float32, n int)
	// words8 is that of a [repack].
	words8 func(dst, src *byte, stride, n int, flip uint32)
}

// A tiling is how tile registers multiply 16 rows: a panel is unpacked, for all the rows at hand, and
// then multiplied by each piece of them. The bits are those of the other kernels.
type tiling struct {
	stage func(dst, b *byte, n int) // n blocks of the form
	bytes int                       // of an unpacked block of 32 k
	// run adds n blocks of 32 k, or wide ones of 256, to pieces of rows
	run func(c *float32, ldc int, a *byte, as int, b, room *byte, n, acc, pieces int, next *byte)
}

const (
	tiledRows  = 16
	tiledDepth = 1024 // of k that are unpacked at a time: the records of a tile stay in the second cache
	tiledWide  = 512  // of k of wide blocks: what is unpacked of them, two bytes a weight, stays in the first
	tiledRoom  = 2048 // bytes, of a tiling's own
)

type (
	dot  = func(c *float32, ldc int, a, b *byte, n, acc int)
	quad = func(c *float32, cs int, a, b *byte, ps, n, acc int)
)

// A record is a row's block of 32 k, rounded: bytes, their scale, −z times the sums of all, of
// the first and of the last half, and the scale times those.
type record struct {
	q     [32]int8
	scale float32
	z     [3]int32
	sum   [3]float32
	_     float32
}

const recordBytes = int(unsafe.Sizeof(record{}))

// A wideRecord is a row's block of 256 k, by halves: bytes, the scale of all, the sums of each 32, −32 times the
// sums of each 16.
type wideRecord [2]struct {
	q     [128]int8
	scale float32
	sums  [4]int16
	_     int32
	z     [8]int32
	_     [4]int32
}

const wideBytes = int(unsafe.Sizeof(wideRecord{}))

// How a quantised product is cut. None depends on the number of workers.
const (
	quantRows  = 160     // most rows of a tile: their records stay in the second cache
	quantDepth = 2048    // of k at a time: a panel of it stays in the first cache
	quantPart  = 1024    // rows that are rounded at once
	quantBytes = 1 << 16 // of weights: least in a tile of few rows, most in each of the four parts of one of a single row
	quantWork  = 1 << 25 // multiply-adds of a tile of many: 0.1 ms
	quantFew   = 32      // rows for which B comes from memory
	fewPanels  = 4       // that they go through side by side, at least
	fewDepth   = 128     // of k at a time there
)

// A quantProduct is what is in progress: the products of one A, whose rows are rounded once.
type quantProduct struct {
	*dots
	a       mat
	m, k    int
	first   int // row of c with which the part begins
	shift   int // of c, of the batch's product
	rows    int // of a tile
	acc     bool
	sides   []quantSide // by each B
	now     []quantSide // of them, neighbours that want the same of A
	wide    bool        // are the records of now
	records []float32   // of the part
}

// A quantSide is one of the products.
type quantSide struct {
	layout
	kernels     [4]dot
	four        quad
	tiling      tiling
	z           int // of A's records
	c, b        mat
	n           int
	panelsBytes int // of a panel
	cols        int // of a tile, in panels
	tiles       int
}

// quantised is MatMul with packed quantised B, of which there may be several.
func (d *device) quantised(c []mat, a mat, b []mat, m, k int, p kernel.Product) {
	t := &d.quant
	*t = quantProduct{dots: &d.dots, a: a, k: k, acc: p.Acc, records: t.records, sides: t.sides[:0]}
	for i := range b {
		t.sides = append(t.sides, t.side(c[i], b[i]))
	}
	for i := range p.Batch {
		t.shift, t.a.Off = i*p.StrideC, a.Off+i*p.StrideA
		for t.first = 0; t.first < m; t.first += quantPart {
			t.m = min(quantPart, m-t.first)
			t.compute(d)
		}
	}
}

func (t *quantProduct) side(c, b mat) quantSide {
	form, _ := formOf(b.Type)
	s := quantSide{layout: layouts[form], kernels: t.of[form], four: t.quad[form], tiling: t.dots.tiles[form], c: c, b: b, n: b.Cols}
	s.panelsBytes = t.k / s.block * s.bytes
	if s.z = -s.layout.z; t.signed && s.layout.z == 128 || s.wide { // wide records have one z
		s.z = 0
	}
	return s
}

// compute computes the part by sides that want the same records.
func (t *quantProduct) compute(d *device) {
	keep(&t.records, t.m*t.k/32*recordBytes/4)
	t.rows = even(t.m, quantRows, t.most())
	for left := t.sides; len(left) > 0; left = left[len(t.now):] {
		t.now = left[:1]
		t.wide = left[0].wide
		for len(t.now) < len(left) && left[len(t.now)].z == left[0].z && left[len(t.now)].wide == t.wide {
			t.now = left[:len(t.now)+1]
		}
		d.parallel(t.m, (*roundRows)(t))
		if t.m == 1 && left[0].four != nil {
			t.row(d)
		} else {
			d.parallel(t.cut(), t)
		}
	}
}

// cut divides the sides into tiles and returns how many there are.
func (t *quantProduct) cut() (all int) {
	for i := range t.now {
		s := &t.now[i]
		if t.few() {
			s.cols = max(fewPanels, quantBytes/s.panelsBytes)
		} else {
			s.cols = max(1, quantWork/(t.rows*t.k*panelCols))
		}
		s.tiles = groups(t.m, t.rows) * groups(groups(s.n, panelCols), s.cols)
		all += s.tiles
	}
	return all
}

// few reports whether B is read once: its panels come from memory, which gives more to several streams.
func (t *quantProduct) few() bool { return t.m <= quantFew }

// most is the number of rows of a piece: those of a tile where there are tiles and B is read often enough.
func (t *quantProduct) most() int {
	if t.tiled() && !t.few() {
		return tiledRows
	}
	return t.dots.rows
}

func (t *quantProduct) tiled() bool { return t.dots.tiles[0].run != nil }

// locate finds the side of tile i, and the tile's number in it.
func (t *quantProduct) locate(i int) (*quantSide, int) {
	at := 0
	for ; i >= t.now[at].tiles; at++ {
		i -= t.now[at].tiles
	}
	return &t.now[at], i
}

// row computes a single row: quarters side by side, then the panels that are left.
func (t *quantProduct) row(d *device) {
	all := 0
	for i := range t.now {
		s := &t.now[i]
		q := s.quarter()
		s.cols = even(max(1, q), quantBytes/s.panelsBytes, 1)
		s.tiles = groups(q, s.cols)
		all += s.tiles
	}
	d.parallel(all, (*quads)(t))
	for i := range t.now {
		s := &t.now[i]
		for j := 4 * s.quarter(); j < groups(s.n, panelCols); j++ {
			t.panel(&d.workers[0], s, 0, 1, j, 0, t.k)
		}
	}
}

// quarter is the number of panels in a quarter of B.
func (s *quantSide) quarter() int { return s.n / panelCols / 4 }

// piece is the row at which row i's piece begins, and its number of rows: pieces are as many
// rows as a kernel takes, and of those that are left powers of two.
func (t *quantProduct) piece(i int) (first, rows int) {
	rows = t.most()
	first = i / rows * rows
	for first+rows > t.m || i >= first+rows {
		if first+rows <= t.m {
			first += rows
		}
		rows /= 2
	}
	return first, rows
}

// at is where the records of a piece begin, from block k/32 on, or k/256.
func (t *quantProduct) at(first, rows, k int) *byte {
	block, size := t.record()
	return (*byte)(unsafe.Pointer(&t.records[(first*(t.k/block)+k/block*rows)*size/4]))
}

// record is a record's numbers and bytes.
func (t *quantProduct) record() (block, bytes int) {
	if t.wide {
		return 256, wideBytes
	}
	return 32, recordBytes
}

// roundRows rounds row i of the part.
type roundRows quantProduct

func (r *roundRows) tile(_ *worker, i int) {
	t := (*quantProduct)(r)
	first, rows := t.piece(i)
	_, size := t.record()
	dst := (*byte)(unsafe.Add(unsafe.Pointer(t.at(first, rows, 0)), (i-first)*size))
	src := &kernel.Elements[float32](t.a.Buf)[t.a.Index(t.first+i, 0)]
	if t.wide {
		t.roundWide(dst, rows*size, src, t.k/256)
	} else {
		t.round(dst, rows*size, src, t.k/32, t.now[0].z)
	}
}

// tile multiplies some rows by some panels; columns run fastest.
func (t *quantProduct) tile(w *worker, i int) {
	s, i := t.locate(i)
	panels := groups(s.n, panelCols)
	cols := groups(panels, s.cols)
	row, col := i/cols*t.rows, i%cols*s.cols
	lastRow, lastCol := min(t.m, row+t.rows), min(panels, col+s.cols)
	if t.most() == tiledRows && lastRow-row >= tiledRows {
		row = t.byTiles(w, s, row, lastRow, col, lastCol)
	}
	step := quantDepth
	if t.few() {
		step = max(fewDepth, s.block)
	}
	for k := 0; k < t.k && row < lastRow; k += step {
		depth := min(step, t.k-k)
		for j := col; j < lastCol; j++ {
			t.panel(w, s, row, lastRow, j, k, depth)
		}
	}
}

// byTiles multiplies the pieces of 16 rows by panels from col to last and returns the row behind them.
func (t *quantProduct) byTiles(w *worker, s *quantSide, row, lastRow, col, last int) int {
	pieces := (lastRow - row) / tiledRows
	step := tiledDepth
	if s.wide {
		step = tiledWide
	}
	block, bytes := t.record()
	size := min(step, t.k) / 32 * s.tiling.bytes / 4
	room := w.scratch(size + tiledRoom/4 + pieces*tiledRows*panelCols)
	panel, beside, tmp := &bytesOf(room)[0], &bytesOf(room[size:])[0], room[size+tiledRoom/4:]
	for k := 0; k < t.k; k += step {
		depth := min(step, t.k-k)
		for j := col; j < last; j++ {
			s.tiling.stage(panel, s.weights(j, k), depth/s.block)
			t.part(tmp, s, row, pieces*tiledRows, j, func(c *float32, ldc int) {
				s.tiling.run(c, ldc, t.at(row, tiledRows, k), tiledRows*t.k/block*bytes, panel, beside, depth/block, number(t.acc || k > 0), pieces, s.weights(min(j+1, groups(s.n, panelCols)-1), k))
			})
		}
	}
	return row + pieces*tiledRows
}

// weights is where block k of panel j begins.
func (s *quantSide) weights(j, k int) *byte {
	return &kernel.Elements[byte](s.b.Buf)[j*s.panelsBytes+k/s.block*s.bytes]
}

// quads multiplies a single row: tile i is some panels of each quarter of B, which are gone
// through side by side. A row is bound by memory, which gives more to several streams.
type quads quantProduct

func (q *quads) tile(_ *worker, i int) {
	t := (*quantProduct)(q)
	s, i := t.locate(i)
	for j := i * s.cols; j < min(s.quarter(), (i+1)*s.cols); j++ {
		c := &kernel.Elements[float32](s.c.Buf)[s.c.Index(t.first, j*panelCols)+t.shift]
		s.four(c, s.quarter()*panelCols, t.at(0, 1, 0), s.weights(j, 0), s.quarter()*s.panelsBytes, t.k/s.block, number(t.acc))
	}
}

// panel multiplies rows by panel j, over some of k.
func (t *quantProduct) panel(w *worker, s *quantSide, row, last, j, k, depth int) {
	b, acc := s.weights(j, k), number(t.acc || k > 0)
	for row < last {
		first, rows := t.piece(row)
		run, a := s.kernels[log2(rows)], t.at(first, rows, k)
		t.part(w.scratch(rows*panelCols), s, first, rows, j, func(c *float32, ldc int) { run(c, ldc, a, b, depth/s.block, acc) })
		row += rows
	}
}

// part runs a kernel on some rows of panel j of C, or beside C, in tmp, where C has fewer columns than a panel.
func (t *quantProduct) part(tmp []float32, s *quantSide, first, rows, j int, run func(c *float32, ldc int)) {
	c := kernel.Elements[float32](s.c.Buf)[s.c.Index(t.first+first, j*panelCols)+t.shift:]
	cols := s.n - j*panelCols
	if cols >= panelCols {
		run(&c[0], s.c.Stride)
		return
	}
	for i := range rows {
		copy(tmp[i*panelCols:][:cols], c[i*s.c.Stride:])
	}
	run(&tmp[0], panelCols)
	for i := range rows {
		copy(c[i*s.c.Stride:][:cols], tmp[i*panelCols:])
	}
}

// log2 is that of 1, 2, 4 or 8.
func log2(n int) int { return n/2 - n/8 }

func (t *quantProduct) free() { drop(&t.records) }
