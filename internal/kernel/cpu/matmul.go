package cpu

import "github.com/inkstone-ai/inkstone/internal/kernel"

// Products. K is walked in slabs; of a slab, B is packed into panels of columns
// (unless few rows would pay for it) and A into compact rows (unless its own are
// as good), and C is cut into tiles of rows × columns, which workers claim. A tile
// walks its slab in blocks and, within a block, over panels: the strip kernel runs
// down the rows of A, which stay in the second cache, for each. Nothing of this
// changes a bit of the result: an element is one chain of multiply-adds over rising k, or,
// by tiles, of the sums of each 32 of it.

// products are one instruction set's kernels of products and of attention.
// Strides count words.
type products struct {
	width int // columns of a panel

	f32   arithmetic
	bf16  arithmetic // without strip where the processor does not multiply BF16
	tiled arithmetic // of BF16 by tiles, for products alone; likewise

	// row sets one row of several panels, ps apart in b and side by side in c.
	row func(c, a *float32, acs int, b *float32, bs, ps, panels, k, acc int)
	// transpose8 sets dst[j·ds+i] = src[i·ld+j] for 8 rows of any k elements.
	transpose8 func(dst *float32, ds int, src *float32, ld, k int)
	// widen turns n BF16 or F16 numbers, a multiple of 8, into float32.
	widenBF16, widenF16 func(dst *float32, src *uint16, n int)

	// turnF16 sets dst[j·ds+i] = src[i·ld+j] for 16 rows of k F16 numbers, k a multiple of 16 and ld in
	// bytes, and asks for as many from next on; nil: there is none.
	turnF16 func(dst *float32, ds int, src, next *byte, ld, k int)
	// addF16 adds rows of n F16 numbers, n a multiple of 16, ld bytes apart, to y, row i times w[i], and asks
	// for as many from next on; nil with turnF16.
	addF16 func(y, w *float32, src, next *byte, ld, rows, n int)
	// touch brings rows of n floats, ld apart, near the processor.
	touch func(p *float32, ld, rows, n int)

	// weigh turns a tile of scores, keys rows of the count lanes from lane on,
	// into weights exp(scale·s − top) and moves each lane's top and sum on; fade
	// is what its earlier sums and outputs are to be multiplied by. With masked
	// 1 a lane sees the keys of its range only; the first key has number first.
	weigh func(s *float32, ld, keys int, q *lanes, lane, count, first, masked int, scale float32)
	// slopes turns scores into weights exp(scale·s − top), and dp, the weights'
	// gradient, into that of the scores, scale·p·(dp − sum).
	slopes func(s, dp *float32, ld, keys int, q *lanes, lane, count, first, masked int, scale float32)
	// scaleRows multiplies row i by by[i]; cols is a multiple of width.
	scaleRows func(x *float32, ld int, by *float32, rows, cols int)
}

// How a product is cut. None depends on the number of workers. The numbers are the
// best of alternating runs on Zen 5 and no worse with AVX2; see LOG.md.
const (
	slabWords = 1536    // of K at a time: what is packed is used soon
	tileRows  = 144     // most rows of a tile: a block of them fits the second cache
	tileCols  = 64      // fewest columns of a tile
	tileWork  = 3 << 19 // multiply-adds of a tile that may still grow: 10 to 30 µs
	packBytes = 8 << 20 // of a packed operand at a time, to stay in the last cache
	pageWords = 1024    // rows whole pages apart share a set of the first cache: many columns pay for packing them
	fewRows   = 8       // up to here B is read where it lies
	fewBytes  = 1 << 17 // of a packed B, least in a tile of so few rows: they wait for memory
	nearWords = 128     // and where its rows are so close: a panel of it stays in the second cache
	ownRows   = 256     // up to here a tile has all rows and packs its own B
	ownCols   = 512     // if there are so many columns that this makes enough tiles
)

// A matmul is the product in progress; the device keeps one and refills it.
type matmul struct {
	*products
	*arithmetic
	kernel.Product
	c, a, b mat
	m, n, k int

	steps             int       // words of K
	rows, cols, depth int       // of a tile, and the block of K in words
	direct            bool      // B is read where it lies
	own               bool      // a tile packs its block of B just before use
	packA             bool      // A is packed first
	part              part      // what is being computed
	packedB, packedA  []float32 // operands of part
}

// A part is as much of a product as is packed at once.
type part struct {
	batch, batches int
	row, rows      int
	col, cols      int
	step, steps    int // words of K
}

// MatMul sets C (+)= A·B.
func (d *device) MatMul(c, a, b mat, p kernel.Product) {
	m, n, k := kernel.CheckMatMul(c, a, b, p)
	p.Batch = p.Count()
	if m == 0 || n == 0 || p.Batch < 0 {
		return
	}
	if p.StrideB == 0 && p.Batch > 1 && !p.TA && p.StrideA == m*a.Stride && p.StrideC == m*c.Stride {
		m, p.Batch = m*p.Batch, 1 // the batch is more rows
	}
	p.TB = p.TB && !b.Packed
	if b.Type.Quantised() && k > 0 {
		d.alone = [2]mat{c, b}
		d.quantised(d.alone[:1], a, d.alone[1:], m, k, p)
		return
	}
	t := &d.matmul
	packedB, packedA := t.packedB, t.packedA
	*t = matmul{
		products: &d.products, arithmetic: &d.products.f32, Product: p, c: c, a: a, b: b, m: m, n: n, k: k,
		packedB: packedB, packedA: packedA,
	}
	if k == 0 {
		t.zero()
		return
	}
	if b.Packed && d.pairs(b) || p.Precision == kernel.BF16 && !b.Packed && d.bf16.strip != nil {
		t.arithmetic = d.rounded()
	}
	t.cut()
	t.run(d)
}

// MatMulEach rounds A once for quantised B, and divides them all at once.
func (d *device) MatMulEach(c []mat, a mat, b []mat, p kernel.Product) {
	kernel.CheckMatMulEach(c, b)
	m, k, together := 0, 0, p.Count() == 1
	for i := range b {
		m, _, k = kernel.CheckMatMul(c[i], a, b[i], p)
		together = together && b[i].Type.Quantised() && b[i].Cols > 0
	}
	if p.Batch = p.Count(); together && m > 0 && k > 0 {
		d.quantised(c, a, b, m, k, p)
		return
	}
	for i := range b {
		d.MatMul(c[i], a, b[i], p)
	}
}

// Precision is BF16 where the version multiplies it.
func (d *device) Precision(want kernel.DType) kernel.DType {
	if want == kernel.BF16 && d.bf16.strip != nil {
		return kernel.BF16
	}
	return kernel.F32
}

// zero is the product over nothing.
func (t *matmul) zero() {
	if t.Acc {
		return
	}
	data := kernel.Elements[float32](t.c.Buf)
	for e := range t.Batch {
		for r := range t.m {
			at := t.c.Index(r, 0) + e*t.StrideC
			clear(data[at : at+t.n])
		}
	}
}

// cut chooses the shape of tiles.
func (t *matmul) cut() {
	t.steps = t.words(t.k)
	plain := !t.b.Packed && t.b.Type == kernel.F32
	t.direct = plain && !t.TB && t.per == 1 && (t.m <= fewRows || t.b.Stride <= nearWords)
	t.own = plain && !t.direct && t.m <= ownRows && t.n >= ownCols
	t.packA = t.a.Type != kernel.F32 || t.per > 1 || t.crowded()
	rows := tileRows
	if t.own {
		rows = ownRows
	}
	t.rows = even(t.m, rows, t.height)
	slab := min(t.steps, slabWords)
	t.cols = roundUp(max(tileCols, tileWork/(t.rows*slab)), t.width)
	if t.b.Packed && t.m <= fewRows {
		t.cols = roundUp(max(tileCols, fewBytes/(t.k*t.b.Type.Size())), t.width)
	}
	span := t.span
	if t.m <= fewRows && t.b.Packed && t.per == 2 {
		span = slab // C is small, and B is read from memory in one go
	}
	t.depth = even(slab, span, max(8, t.whole))
}

// crowded reports whether what is read of A shares few sets of a cache. Down the
// columns of a transposed A that is so at half pages already.
func (t *matmul) crowded() bool {
	if t.TA {
		return t.a.Stride >= pageWords && t.a.Stride%(pageWords/2) == 0
	}
	return t.a.Stride%pageWords == 0 && t.m > fewRows && t.n >= ownCols
}

// even is the size of the pieces, a multiple of step, when n is cut into as
// few pieces of about most as possible, all alike.
func even(n, most, step int) int {
	pieces := groups(n, max(most, step))
	return roundUp(groups(n, pieces), step)
}

// run computes part after part.
func (t *matmul) run(d *device) {
	cols, rows, entries, steps := t.n, t.m, t.Batch, t.steps
	if t.packA || !t.direct && !t.b.Packed {
		steps = roundUp(even(t.steps, slabWords, t.depth), t.depth)
	}
	room := packBytes / 4 / steps
	if t.packsB() {
		cols = even(t.n, room, t.cols)
		entries = max(1, min(entries, room/cols))
	}
	if t.packA {
		rows = even(t.m, room, t.rows)
		entries = max(1, min(entries, room/rows))
	}
	for e := 0; e < t.Batch; e += entries {
		for j := 0; j < t.n; j += cols {
			for k := 0; k < t.steps; k += steps {
				for i := 0; i < t.m; i += rows {
					t.part = part{e, min(entries, t.Batch-e), i, min(rows, t.m-i), j, min(cols, t.n-j), k, min(steps, t.steps-k)}
					t.compute(d)
				}
			}
		}
	}
}

// packsB reports whether B is packed ahead of the tiles.
func (t *matmul) packsB() bool { return !t.direct && !t.own && !t.b.Packed }

// compute packs the part's operands, B once for all its rows, and multiplies.
func (t *matmul) compute(d *device) {
	p := &t.part
	rows, cols := groups(p.rows, t.rows), groups(p.cols, t.cols)
	if t.packsB() && p.row == 0 {
		keep(&t.packedB, t.rightCopies()*p.steps*roundUp(p.cols, t.width))
		d.parallel(t.rightCopies()*cols, (*packRight)(t))
	}
	if t.packA {
		keep(&t.packedA, p.batches*p.steps*rows*t.rows)
		d.parallel(p.batches*rows*groups(p.steps, t.depth)*leftPieces, (*packLeft)(t))
	}
	d.parallel(p.batches*rows*cols, t)
}

// groups is the number of pieces of a size that n needs.
func groups(n, size int) int { return (n + size - 1) / size }

func roundUp(n, step int) int { return groups(n, step) * step }

// free gives the packed operands' memory back.
func (t *matmul) free() {
	drop(&t.packedA)
	drop(&t.packedB)
}

// rightCopies is the number of different B in the part.
func (t *matmul) rightCopies() int {
	if t.StrideB == 0 {
		return 1
	}
	return t.part.batches
}
