package cpu

import "github.com/inkstone-ai/inkstone/internal/kernel"

// Products. C is cut into tiles of rows × columns, which workers claim. A tile
// walks K in blocks and, within a block, over panels of columns: a panel's
// block of B stays in the first cache while the strip kernel runs down the
// rows of A. B is packed into panels first (unless few rows would pay for
// it), A only where it is transposed or half as wide. Nothing of this changes
// a bit of the result: an element is one chain of multiply-adds over rising k.

// products are one instruction set's kernels of products and of attention.
// Strides count elements.
type products struct {
	width  int // columns of a panel
	height int // rows that the strip kernel holds in registers

	// strip sets c[i·ldc+j] = Σ a[i·ars+p·acs]·b[p·bs+j] for m rows of one
	// panel, starting from c when acc is 1.
	strip func(c *float32, ldc int, a *float32, ars, acs int, b *float32, bs, m, k, acc int)
	// half is strip for the first half of the columns; it may do more.
	half func(c *float32, ldc int, a *float32, ars, acs int, b *float32, bs, m, k, acc int)
	// row sets one row of several panels, ps apart in b and side by side in c.
	row func(c, a *float32, acs int, b *float32, bs, ps, panels, k, acc int)
	// panels copies k rows of several panels, ld apart in src, to dst, where
	// panels begin ps apart.
	panels func(dst *float32, ps int, src *float32, ld, count, k int)
	// transpose8 sets dst[j·ds+i] = src[i·ld+j] for 8 rows of k elements.
	transpose8 func(dst *float32, ds int, src *float32, ld, k int)
	// widen turns n BF16 or F16 numbers, a multiple of 8, into float32.
	widenBF16, widenF16 func(dst *float32, src *uint16, n int)

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

// How a product is cut. None depends on the number of workers.
const (
	tileRows  = 96       // rows of a tile: a block of them, 96 × depth, fits the second cache
	tileCols  = 64       // fewest columns of a tile
	tileWork  = 3 << 19  // multiply-adds of a tile that may still grow: 30 µs
	tileMost  = 20 << 20 // multiply-adds after which a tile has fewer rows: 0.4 ms
	panelSize = 4096     // floats of a panel's block of K: half of the first cache
	packBytes = 8 << 20  // of a packed operand at a time, to stay in the last cache
	fewRows   = 8        // up to here B is read where it lies
	ownRows   = 256      // up to here a tile has all rows and packs its own B
	ownCols   = 512      // if there are so many columns that this makes enough tiles
)

// A matmul is the product in progress; the device keeps one and refills it.
type matmul struct {
	*products
	c, a, b                          mat
	ta, tb, acc                      bool
	m, n, k                          int
	batch, strideC, strideA, strideB int

	rows, cols, depth int       // of a tile, and the block of K
	direct            bool      // B is read where it lies
	own               bool      // a tile packs its block of B just before use
	packA             bool      // A is turned into plain rows first
	part              part      // what is being computed
	packedB, packedA  []float32 // operands of part
}

// A part is as much of a product as is packed at once.
type part struct {
	batch, batches int
	row, rows      int
	col, cols      int
}

// MatMul sets C (+)= A·B.
func (d *device) MatMul(c, a, b mat, ta, tb, acc bool, batch, strideC, strideA, strideB int) {
	m, n, k := kernel.CheckMatMul(c, a, b, ta, tb, batch, strideC, strideA, strideB)
	if m == 0 || n == 0 || batch == 0 {
		return
	}
	if strideB == 0 && batch > 1 && !ta && strideA == m*a.Stride && strideC == m*c.Stride {
		m, batch = m*batch, 1 // the batch is more rows
	}
	t := &d.matmul
	packedB, packedA := t.packedB, t.packedA
	*t = matmul{
		products: &d.products, c: c, a: a, b: b, ta: ta, tb: tb && !b.Packed, acc: acc,
		m: m, n: n, k: k, batch: batch, strideC: strideC, strideA: strideA, strideB: strideB,
		packedB: packedB, packedA: packedA,
	}
	if k == 0 {
		t.zero()
		return
	}
	t.cut()
	t.run(d)
}

// zero is the product over nothing.
func (t *matmul) zero() {
	if t.acc {
		return
	}
	data := kernel.Elements[float32](t.c.Buf)
	for e := range t.batch {
		for r := range t.m {
			at := t.c.Index(r, 0) + e*t.strideC
			clear(data[at : at+t.n])
		}
	}
}

// cut chooses the shape of tiles.
func (t *matmul) cut() {
	plain := !t.b.Packed && t.b.Type == kernel.F32
	t.packA = t.ta || t.a.Type != kernel.F32
	t.direct = plain && !t.tb && t.m <= fewRows
	t.own = plain && !t.direct && t.m <= ownRows && t.n >= ownCols && t.m*tileCols*t.k <= tileMost
	rows := tileRows
	for rows > t.height && rows*tileCols*t.k > tileMost {
		rows /= 2
	}
	if t.own {
		rows = ownRows
	}
	t.rows = even(t.m, rows, t.height)
	t.cols = roundUp(max(tileCols, tileWork/(t.rows*t.k)), t.width)
	t.depth = even(t.k, panelSize/t.width, 8)
}

// even is the size of the pieces, a multiple of step, when n is cut into as
// few pieces of about most as possible, all alike.
func even(n, most, step int) int {
	pieces := groups(n, max(most, step))
	return roundUp(groups(n, pieces), step)
}

// run computes part after part.
func (t *matmul) run(d *device) {
	cols, rows, entries := t.n, t.m, t.batch
	room := packBytes / 4 / t.k
	if t.packsB() {
		cols = even(t.n, room, t.cols)
		entries = max(1, min(entries, room/cols))
	}
	if t.packA {
		rows = even(t.m, room, t.rows)
		entries = max(1, min(entries, room/rows))
	}
	for e := 0; e < t.batch; e += entries {
		for j := 0; j < t.n; j += cols {
			for i := 0; i < t.m; i += rows {
				t.part = part{e, min(entries, t.batch-e), i, min(rows, t.m-i), j, min(cols, t.n-j)}
				t.compute(d)
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
		t.packedB = keep(t.packedB, t.rightCopies()*t.k*roundUp(p.cols, t.width))
		d.parallel(t.rightCopies()*cols, (*packRight)(t))
	}
	if t.packA {
		t.packedA = keep(t.packedA, p.batches*t.k*rows*t.rows)
		d.parallel(p.batches*rows, (*packLeft)(t))
	}
	d.parallel(p.batches*rows*cols, t)
}

// groups is the number of pieces of a size that n needs.
func groups(n, size int) int { return (n + size - 1) / size }

func roundUp(n, step int) int { return groups(n, step) * step }

// keep is memory for n floats that stays from product to product.
func keep(have []float32, n int) []float32 {
	if len(have) >= n {
		return have
	}
	if have != nil {
		release(bytesOf(have))
	}
	return floatsOf(reserve(4 * n))
}

// free gives the packed operands' memory back.
func (t *matmul) free() {
	for _, m := range []*[]float32{&t.packedA, &t.packedB} {
		if *m != nil {
			release(bytesOf(*m))
			*m = nil
		}
	}
}

// rightCopies is the number of different B in the part.
func (t *matmul) rightCopies() int {
	if t.strideB == 0 {
		return 1
	}
	return t.part.batches
}
