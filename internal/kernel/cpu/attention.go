package cpu

import (
	"math"
	"unsafe"

	"github.com/inkstone-ai/inkstone/internal/kernel"
)

// Attention goes in tiles of keys with the online softmax of Milakov &
// Gimelshein 2018 (arXiv:1805.02867), as Dao 2022 (arXiv:2205.14135) arranges
// it: scores are never stored whole. A tile of scores lies transposed, a row
// for each key and a lane for each query (times its heads that share the
// key's): the products are the strip kernel's with keys as plain rows of A,
// and the softmax runs down the lanes. Tiles of keys count from position 0 of
// the sequence and lanes do not mix, so a query's result has the same bits in
// a batch, in a chunk and alone.

const (
	tileLanes = 64 // queries, times the heads of a group, in a tile
	tileKeys  = 64
)

// lanes is the state of a tile's queries. In the gradient top holds the
// log-sum-exp and sum the row's Σ dy·y.
type lanes struct {
	top, sum, fade [tileLanes]float32
	from, to       [tileLanes]int32 // keys that the lane sees
}

const laneFloats = int(unsafe.Sizeof(lanes{}) / 4)

type attentionTask struct {
	*device
	y, lse, q, k, v, segments mat
	p                         kernel.AttentionParams
}

// Attention takes a tile of queries of a sequence, for a key head, as a tile.
func (d *device) Attention(y, lse, q, k, v, segments mat, p kernel.AttentionParams) {
	kernel.CheckAttention(y, lse, q, k, v, segments, p)
	d.attention = attentionTask{d, y, lse, q, k, v, segments, p}
	blocks := 0
	for s := range segments.Rows {
		blocks += queryBlocks(kernel.SegmentAt(segments, s), p)
	}
	d.parallel(blocks*p.G, &d.attention)
}

// queryBlocks is the number of tiles of queries of a sequence, for one key head.
func queryBlocks(s kernel.Segment, p kernel.AttentionParams) int {
	return groups(s.Queries*(p.H/p.G), tileLanes)
}

// A head is a sequence and one of its key heads, and the memory to work in.
type head struct {
	*device
	p     kernel.AttentionParams
	s     kernel.Segment
	g     int // key head
	group int // query heads that share it
	wide  int // D in whole panels
}

// lane says which query of the sequence and which head lane l of the tile is.
func (h *head) lane(l int) (query, head int) { return l / h.group, h.g*h.group + l%h.group }

// queryRow is the part of m's row that belongs to lane l.
func (h *head) queryRow(m mat, l int) []float32 {
	query, head := h.lane(l)
	return kernel.Row[float32](m, h.s.Query+query)[head*h.p.D:][:h.p.D]
}

// keyAt is where the part of m's rows begins that belongs to key j.
func (h *head) keyAt(m mat, j int) *float32 {
	return &kernel.Elements[float32](m.Buf)[m.Index(h.s.Key+j, h.g*h.p.D)]
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

// look fills the ranges of lanes first … first+n; lanes beyond see nothing.
func (h *head) look(q *lanes, first, n int) {
	for i := range tileLanes {
		from, to := 0, 0
		if i < n {
			query, _ := h.lane(first + i)
			from, to = visible(h.p, h.s.Keys-h.s.Queries+query, h.s.Keys)
		}
		q.from[i], q.to[i] = int32(from), int32(to)
	}
}

// masked is 1 when some of the n lanes do not see all the keys
// [first, first+keys). Ranges never begin or end earlier for a later lane.
func (q *lanes) masked(n, first, keys int) int {
	return number(int(q.from[n-1]) > first || int(q.to[0]) < first+keys)
}

// rows is where the parts of m's rows lie that belong to n lanes, and their
// stride: in place, or gathered in spare where heads share keys.
func (h *head) rows(spare []float32, m mat, first, n int) (*float32, int) {
	if h.group == 1 {
		return &h.queryRow(m, first)[0], m.Stride
	}
	for i := range n {
		copy(spare[i*h.p.D:], h.queryRow(m, first+i))
	}
	return &spare[0], h.p.D
}

// packLanes packs n rows of D elements as lanes: panels of rows, D in order.
// Lanes that the last panel lacks are zeros.
func (h *head) packLanes(dst []float32, src *float32, ld, n int) {
	from := elements(src, (n-1)*ld+h.p.D)
	for l := 0; l < n; l += h.width {
		h.packTransposed(dst[l*h.p.D:], &from[l*ld], ld, min(h.width, n-l), h.p.D)
	}
}

// packDepth packs n rows of D elements as panels of D, for products over rows.
func (h *head) packDepth(dst []float32, src *float32, ld, n int) {
	from := elements(src, (n-1)*ld+h.p.D)
	for c := 0; c < h.p.D; c += h.width {
		h.packRows(dst[c*n:], &from[c], ld, min(h.width, h.p.D-c), n)
	}
}

// scores sets s (keys, ld) to the products of n rows of m with packed lanes.
func (h *head) scores(s []float32, ld int, m mat, key, n int, lanes []float32) {
	a := h.keyAt(m, key)
	for l := 0; l < ld; l += h.width {
		h.strip(&s[l], ld, a, m.Stride, 1, &lanes[l*h.p.D], h.width, n, h.p.D, 0)
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

func (t *attentionTask) tile(w *worker, i int) {
	h := head{device: t.device, p: t.p, g: i % t.p.G, group: t.p.H / t.p.G, wide: roundUp(t.p.D, t.width)}
	block := i / t.p.G
	for s := 0; ; s++ {
		h.s = kernel.SegmentAt(t.segments, s)
		n := queryBlocks(h.s, t.p)
		if block < n {
			break
		}
		block -= n
	}
	first := block * tileLanes
	t.queries(w, &h, first, min(tileLanes, h.s.Queries*h.group-first))
}

// queries computes n lanes from lane first on.
func (t *attentionTask) queries(w *worker, h *head, first, n int) {
	ld := roundUp(n, t.width)
	cut := carve(w.scratch(laneFloats + ld*t.p.D + tileLanes*h.wide + tileKeys*(ld+h.wide)))
	q, packed, out := cut.lanes(), cut.floats(ld*t.p.D), cut.floats(tileLanes*h.wide)
	s, values := cut.floats(tileKeys*ld), cut.floats(tileKeys*h.wide)
	q.begin()
	h.look(q, first, n)
	src, stride := h.rows(out, t.q, first, n)
	h.packLanes(packed, src, stride, n)
	start := int(q.from[0]) / tileKeys * tileKeys
	for key := start; key < int(q.to[n-1]); key += tileKeys {
		keys := min(tileKeys, h.s.Keys-key)
		h.scores(s, ld, t.k, key, keys, packed)
		scale := h.bend(s[:keys*ld])
		t.weigh(&s[0], ld, keys, ld, q, key, q.masked(n, key, keys), scale)
		h.packDepth(values, h.keyAt(t.v, key), t.v.Stride, keys)
		if key > start {
			t.scaleRows(&out[0], h.wide, &q.fade[0], n, h.wide)
		}
		for c := 0; c < h.wide; c += t.width {
			t.strip(&out[c], h.wide, &s[0], 1, ld, &values[c*keys], t.width, n, keys, number(key > start))
		}
	}
	t.finish(h, q, out, first, n)
}

// begin is the state before the first key.
func (q *lanes) begin() {
	for l := range q.top {
		q.top[l], q.sum[l] = float32(math.Inf(-1)), 0
	}
}

// finish divides by the sums and writes outputs and log-sum-exps.
func (t *attentionTask) finish(h *head, q *lanes, out []float32, first, n int) {
	for l := range n {
		q.fade[l] = 1 / q.sum[l]
	}
	t.scaleRows(&out[0], h.wide, &q.fade[0], n, h.wide)
	for l := range n {
		copy(h.queryRow(t.y, first+l), out[l*h.wide:])
	}
	if t.lse.Nil() {
		return
	}
	t.vectors.unary[kernel.Log](q.sum[:n], q.sum[:n], 0, 0)
	for l := range n {
		query, head := h.lane(first + l)
		kernel.Row[float32](t.lse, h.s.Query+query)[head] = q.top[l] + q.sum[l]
	}
}

// A carve is memory that is cut into pieces.
type carve []float32

func (c *carve) floats(n int) []float32 {
	piece := (*c)[:n:n]
	*c = (*c)[n:]
	return piece
}

func (c *carve) lanes() *lanes { return (*lanes)(unsafe.Pointer(&c.floats(laneFloats)[0])) }
