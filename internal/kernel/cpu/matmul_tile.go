package cpu

import "github.com/inkstone-ai/inkstone/internal/kernel"

// tile computes tile i of the part: columns run fastest, then rows, then the batch.
func (t *matmul) tile(w *worker, i int) {
	p := &t.part
	cols := groups(p.cols, t.cols)
	rows := groups(p.rows, t.rows)
	entry, block, group := i/cols/rows, i/cols%rows, i%cols
	first, last := p.row+block*t.rows, p.row+min(p.rows, (block+1)*t.rows)
	left, right := p.col+group*t.cols, p.col+min(p.cols, (group+1)*t.cols)
	for k := p.step; k < p.step+p.steps; k += t.depth {
		s := strip{t: t, w: w, entry: entry, block: block, row: first, m: last - first, left: left, right: right, k: k, depth: min(t.depth, p.step+p.steps-k)}
		s.acc = t.Acc || k > 0
		s.leftRows()
		s.run()
	}
}

// A strip is the rows of a tile over one block of K.
type strip struct {
	t            *matmul
	w            *worker
	entry, block int // in the part
	row, m       int // rows
	left, right  int // columns
	k, depth     int // words
	acc          bool
	a            *float32
	ars, acs     int // strides of a's rows and words
}

// leftRows finds the strip's rows of A.
func (s *strip) leftRows() {
	t := s.t
	switch {
	case !t.packA && t.TA:
		s.a, s.ars, s.acs = s.source(s.k, s.row), 1, t.a.Stride
	case !t.packA:
		s.a, s.ars, s.acs = s.source(s.row, s.k), t.a.Stride, 1
	case t.TA && t.turn == nil:
		s.a, s.ars, s.acs = t.leftBlock(s.entry, s.block, s.m, s.k), 1, s.m
	default:
		s.a, s.ars, s.acs = t.leftBlock(s.entry, s.block, s.m, s.k), s.depth, 1
	}
}

// source is where element (r, c) of A lies.
func (s *strip) source(r, c int) *float32 {
	t := s.t
	return &kernel.Elements[float32](t.a.Buf)[t.a.Index(r, c)+(t.part.batch+s.entry)*t.StrideA]
}

// leftBlock is where the block of K from word k on begins in packedA, of the m rows
// of a block of rows. Within it lie compact rows, or compact columns of a transposed A.
func (t *matmul) leftBlock(entry, block, m, k int) *float32 {
	p := &t.part
	return &t.packedA[(entry*groups(p.rows, t.rows)+block)*t.rows*p.steps+m*(k-p.step)]
}

// run computes the strip's columns.
func (s *strip) run() {
	t, left, right := s.t, s.left, s.right
	full := left + (right-left)/t.width*t.width
	if s.m == 1 && t.per == 1 && !t.own {
		left = s.rowOf(left, full)
	}
	for ; left < right; left += t.width {
		b, bs := s.panel(left, right)
		if left < full {
			t.strip(s.dst(left), t.c.Stride, s.a, s.ars, s.acs, b, bs, s.m, s.depth, number(s.acc), s.following(b, left+t.width))
		} else {
			s.partial(left, right-left, b, bs)
		}
	}
}

// dst is where column j of the strip's first row of C lies.
func (s *strip) dst(j int) *float32 {
	at := s.t.c.Index(s.row, j) + (s.t.part.batch+s.entry)*s.t.StrideC
	return &kernel.Elements[float32](s.t.c.Buf)[at]
}

// rowOf computes a single row over the whole panels of [left, full), several at
// a time: the chains of one panel alone would wait for each other. It returns
// full.
func (s *strip) rowOf(left, full int) int {
	t := s.t
	wide := t.b.Packed && t.b.Type != kernel.F32
	step := max(full-left, 1) // in place, all at once
	if wide {
		step = widePanels * t.width
	}
	for ; left < full; left += step {
		n, ps := min(step, full-left)/t.width, t.k*t.width
		b, bs := s.panel(left, full)
		switch {
		case t.direct:
			ps = t.width
		case wide:
			b, ps = s.widened(left, n), s.depth*t.width
		case !t.b.Packed:
			ps = t.part.steps * t.width
		}
		t.row(s.dst(left), s.a, s.acs, b, bs, ps, n, s.depth, number(s.acc))
	}
	return full
}

// widePanels is the number of packed BF16 or F16 panels that are widened
// together for a single row.
const widePanels = 4

// panel is where the strip's block of B begins for the panel at column j, and
// the stride of its rows. Columns from right on do not exist.
func (s *strip) panel(j, right int) (*float32, int) {
	t, p := s.t, &s.t.part
	switch {
	case t.direct && j+t.width <= right:
		return s.plain(j), t.b.Stride
	case t.direct:
		dst, _ := s.memory()
		t.packRows(t.arithmetic, dst, 0, s.plain(j), t.b.Stride, right-j, s.depth)
		return &dst[0], t.width
	case t.own:
		return s.packed(j, right), t.width
	case t.b.Packed && t.per == 2:
		return &kernel.Elements[float32](t.b.Buf)[j*t.steps+s.k*t.width], t.width
	case t.b.Packed && t.b.Type != kernel.F32:
		return s.widened(j, 1), t.width
	case t.b.Packed:
		return &kernel.Elements[float32](t.b.Buf)[t.b.Off+j*t.k+s.k*t.width], t.width
	}
	entry := s.entry
	if t.StrideB == 0 {
		entry = 0
	}
	at := entry*p.steps*roundUp(p.cols, t.width) + (j-p.col)*p.steps + (s.k-p.step)*t.width
	return &t.packedB[at], t.width
}

// following is what the kernel brings near while it multiplies with panel b: the
// panel at column j, or what it will be packed from, if it lies in one piece.
func (s *strip) following(b *float32, j int) *float32 {
	t := s.t
	switch {
	case j >= s.right:
	case t.own && t.TB && s.depth*t.per >= t.b.Stride:
		return s.plain(j)
	case t.packsB():
		next, _ := s.panel(j, s.right)
		return next
	}
	return b
}

// packed packs the block of the panel at column j for a tile that packs its
// own. Where rows of B lie side by side, all the tile's panels are packed with
// the first.
func (s *strip) packed(j, right int) *float32 {
	t := s.t
	dst, _ := s.memory()
	n := min(s.depth*t.per, t.k-s.k*t.per)
	if t.TB {
		t.packTransposed(t.arithmetic, dst, s.plain(j), t.b.Stride, min(t.width, right-j), n)
		return &dst[0]
	}
	if j == s.left {
		t.packRows(t.arithmetic, dst, s.depth*t.width, s.plain(j), t.b.Stride, right-j, n)
	}
	return &dst[(j-s.left)*s.depth]
}

// plain is the first element of word (k, j) of an unpacked B.
func (s *strip) plain(j int) *float32 {
	r, c := s.k*s.t.per, j
	if s.t.TB {
		r, c = c, r
	}
	at := s.t.b.Index(r, c) + (s.t.part.batch+s.entry)*s.t.StrideB
	return &kernel.Elements[float32](s.t.b.Buf)[at]
}

// widened is a block of n packed panels of BF16 or F16, as float32.
func (s *strip) widened(j, n int) *float32 {
	t, size := s.t, s.depth*s.t.width
	dst, _ := s.memory()
	src := kernel.Elements[uint16](t.b.Buf)[t.b.Off+j*t.k+s.k*t.width:]
	for p := range n {
		t.widen(t.b.Type)(&dst[p*size], &src[p*t.k*t.width], size)
	}
	return &dst[0]
}

func (v *products) widen(t kernel.DType) func(dst *float32, src *uint16, n int) {
	if t == kernel.BF16 {
		return v.widenBF16
	}
	return v.widenF16
}

// blocks is the room for blocks of B that a tile widens or packs.
func (t *matmul) blocks() int {
	if t.own && !t.TB {
		return t.depth * t.cols
	}
	return t.depth * t.width * widePanels
}

// memory is the worker's room for blocks of B, and behind it for a panel of C.
func (s *strip) memory() (b, c []float32) {
	n := s.t.blocks()
	m := s.w.scratch(n + s.t.rows*s.t.width)
	return m[:n], m[n:]
}

// partial computes the last n columns, fewer than a panel, beside C.
func (s *strip) partial(j, n int, b *float32, bs int) {
	t := s.t
	_, tmp := s.memory()
	c := kernel.Elements[float32](t.c.Buf)[t.c.Index(s.row, j)+(t.part.batch+s.entry)*t.StrideC:]
	if s.acc {
		for i := range s.m {
			copy(tmp[i*t.width:][:n], c[i*t.c.Stride:])
		}
	}
	product := t.strip
	if n <= t.width/2 {
		product = t.half
	}
	product(&tmp[0], t.width, s.a, s.ars, s.acs, b, bs, s.m, s.depth, number(s.acc), b)
	for i := range s.m {
		copy(c[i*t.c.Stride:][:n], tmp[i*t.width:])
	}
}

func number(b bool) int {
	if b {
		return 1
	}
	return 0
}
