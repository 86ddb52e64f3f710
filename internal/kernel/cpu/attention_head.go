package cpu

import (
	"unsafe"

	"github.com/inkstone-ai/inkstone/internal/kernel"
)

const (
	tileLanes = 64 // queries, times the heads of a group, in a tile
	tileKeys  = kernel.KeyTile
)

// lanes is the state of a tile's queries. In the gradient top holds the
// log-sum-exp and sum the row's Σ dy·y. The kernels know its layout.
type lanes struct {
	top, sum, fade [tileLanes]float32
	from, to       [tileLanes]int32 // keys that the lane sees
}

const laneFloats = int(unsafe.Sizeof(lanes{}) / 4)

// A head is a sequence and one of its key heads.
type head struct {
	*device
	p     kernel.AttentionParams
	s     kernel.Segment
	g     int // key head
	group int // query heads that share it
	wide  int // D in whole panels
	r     *arithmetic
	deep  int // D in words
}

func newHead(d *device, p kernel.AttentionParams, s kernel.Segment, g int) head {
	h := head{device: d, p: p, s: s, g: g, group: p.H / p.G, wide: roundUp(p.D, d.width), r: &d.f32}
	if p.Precision == kernel.BF16 && d.bf16.strip != nil {
		h.r = &d.bf16
	}
	h.deep = h.r.words(p.D)
	return h
}

// pairs reports whether words are pairs of BF16, which never lie ready in memory.
func (h *head) pairs() bool { return h.r.per > 1 }

// A left is the left operand of a product: words in memory.
type left struct {
	p      *float32
	rs, cs int // strides of rows and of k
}

// byRows is n rows of k elements, ld apart: in place, or packed in spare.
func (h *head) byRows(spare []float32, src *float32, ld, n, k int) left {
	if !h.pairs() {
		return left{src, ld, 1}
	}
	words := h.r.words(k)
	h.r.packLines(spare, words, src, ld, k, n)
	return left{&spare[0], words, 1}
}

// byColumns is the transpose of k rows of n elements, ld apart: in place, or
// packed in spare.
func (h *head) byColumns(spare []float32, src *float32, ld, n, k int) left {
	if !h.pairs() {
		return left{src, 1, ld}
	}
	h.r.columns(&spare[0], n, src, ld, n, k)
	return left{&spare[0], 1, n}
}

// lane says which query of the sequence and which head lane l is.
func (h *head) lane(l int) (query, head int) {
	if h.group == 1 {
		return l, h.g
	}
	return l / h.group, h.g*h.group + l%h.group
}

// queryAt is where the part of m's rows begins that belongs to lane l.
func (h *head) queryAt(m mat, l int) int {
	query, head := h.lane(l)
	return m.Index(h.s.Query+query, head*h.p.D)
}

// keyAt is where the part of m's rows begins that belongs to key j.
func (h *head) keyAt(m mat, j int) *float32 {
	return &kernel.Elements[float32](m.Buf)[m.Index(h.s.Key+j, h.g*h.p.D)]
}

// keyRows is where the part of m's rows lies that belongs to n keys from key on, which are
// of one tile, and their stride: in place, or widened in spare.
func (h *head) keyRows(spare []float32, m mat, key, n int) (*float32, int) {
	at, d := m.Index(h.p.KeyRow(h.s, key), h.g*h.p.D), h.p.D
	if m.Type == kernel.F32 {
		return &kernel.Elements[float32](m.Buf)[at], m.Stride
	}
	src, ld := &kernel.Elements[byte](m.Buf)[m.Type.Bytes(at)], m.Type.Bytes(m.Stride)
	if m.Type == kernel.F16 {
		h.rowsF16(spare[:n*d], src, ld, n, d)
	} else {
		h.rowsQ8(spare[:n*d], src, ld, n, d)
	}
	return &spare[0], d
}

// near asks for the part of m's rows that belongs to n keys from key on. touch counts in
// floats; rows of Q8_0 that are no whole number of them are left alone.
func (h *head) near(m mat, key, n int) {
	stride := m.Type.Bytes(m.Stride)
	if stride%4 != 0 {
		return
	}
	at := m.Type.Bytes(m.Index(h.p.KeyRow(h.s, key), h.g*h.p.D))
	p := (*float32)(unsafe.Pointer(&kernel.Elements[byte](m.Buf)[at]))
	h.touch(p, stride/4, n, (m.Type.Bytes(h.p.D)+3)/4)
}

// visible is the range of keys that a query at position pos sees.
func visible(p kernel.AttentionParams, pos, keys int) (from, to int) {
	to = keys
	if p.Window > 0 {
		from, to = max(0, pos-p.Window+1), min(keys, pos+p.Window)
	}
	if p.Causal {
		to = min(to, pos+1)
	}
	return from, to
}

// look fills the ranges of n lanes from lane first on; lanes beyond see nothing.
func (h *head) look(q *lanes, first, n int) {
	for i := range n {
		query, _ := h.lane(first + i)
		from, to := visible(h.p, h.s.Keys-h.s.Queries+query, h.s.Keys)
		q.from[i], q.to[i] = int32(from), int32(to)
	}
	clear(q.from[n:])
	clear(q.to[n:])
}

// masked is 1 when some of n lanes do not see all the keys [key, key+keys).
// Ranges never begin or end earlier for a later lane.
func (h *head) masked(q *lanes, n, key, keys int) int {
	return number(int(q.from[n-1]) > key || int(q.to[0]) < key+keys)
}

// step is the number of lanes that go through a tile of keys together. Where
// some keys are hidden a panel of lanes goes alone, and only as far as it sees:
// on the diagonal that saves three products of eight.
func (h *head) step(all, masked int) int {
	if masked == 0 || h.p.SoftCap > 0 {
		return all
	}
	return h.width
}

// seen is how many of the keys from key on some of count lanes from lane l on may see.
func (h *head) seen(q *lanes, l, count, key, keys int) int {
	if int(q.from[l]) >= key+keys {
		return 0
	}
	return max(0, min(keys, int(q.to[l+count-1])-key))
}

// rows is where the parts of m's rows lie that belong to n lanes, and their
// stride: in place, or gathered in spare where heads share keys.
func (h *head) rows(spare []float32, m mat, first, n int) (*float32, int) {
	from := kernel.Elements[float32](m.Buf)
	if h.group == 1 {
		return &from[h.queryAt(m, first)], m.Stride
	}
	for i := range n {
		copy(spare[i*h.p.D:][:h.p.D], from[h.queryAt(m, first+i):])
	}
	return &spare[0], h.p.D
}

// packLanes packs n rows of D elements as lanes: panels of rows, D in order.
// Lanes that the last panel lacks are zeros.
func (h *head) packLanes(dst []float32, src *float32, ld, n int) {
	from := elements(src, (n-1)*ld+h.p.D)
	for l := 0; l < n; l += h.width {
		h.packTransposed(h.r, dst[l*h.deep:], &from[l*ld], ld, min(h.width, n-l), h.p.D)
	}
}

// packDepth packs n rows of D elements as panels of D, for products over rows.
func (h *head) packDepth(dst []float32, src *float32, ld, n int) {
	h.packRows(h.r, dst, h.r.words(n)*h.width, src, ld, h.p.D, n)
}

// scores sets lanes [lane, lane+count) of s, (n, ld), to the products of n rows
// of keys with packed lanes.
func (h *head) scores(s []float32, ld, lane, count int, keys left, n int, packed []float32) {
	for l := lane; l < lane+count; l += h.width {
		product := h.r.strip
		if lane+count-l <= h.width/2 {
			product = h.r.half
		}
		product(&s[l], ld, keys.p, keys.rs, keys.cs, &packed[l*h.deep], h.width, n, h.deep, 0, &packed[l*h.deep])
	}
}

// bend applies the soft cap to a tile of scores, leaving tanh(scale·s/cap);
// it returns what these are to be multiplied by.
func (h *head) bend(s []float32) (scale float32) {
	if h.p.SoftCap == 0 {
		return h.p.Scale
	}
	h.vectors.unary[kernel.MulScalar](s, s, h.p.Scale/h.p.SoftCap, 0)
	h.vectors.unary[kernel.Tanh](s, s, 0, 0)
	return h.p.SoftCap
}

// A carve is memory that is cut into pieces.
type carve []float32

func (c *carve) floats(n int) []float32 {
	piece := (*c)[:n:n]
	*c = (*c)[n:]
	return piece
}

func (c *carve) lanes() *lanes { return (*lanes)(unsafe.Pointer(&c.floats(laneFloats)[0])) }
