package cpu

import (
	"math"

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

func (t *attentionTask) tile(w *worker, i int) {
	block := i / t.p.G
	for s := 0; ; s++ {
		segment := kernel.SegmentAt(t.segments, s)
		n := queryBlocks(segment, t.p)
		if block < n {
			h := newHead(t.device, t.p, segment, i%t.p.G)
			first := block * tileLanes
			t.queries(w, &h, first, min(tileLanes, segment.Queries*h.group-first))
			return
		}
		block -= n
	}
}

// A queryTile is the memory of a tile of queries.
type queryTile struct {
	*lanes
	n, ld  int       // lanes, and in whole panels
	packed []float32 // q as panels of lanes
	s      []float32 // scores, then weights, (tileKeys, ld)
	values []float32 // v as panels of D, where that pays
	spare  []float32 // keys, and behind them weights, as words
	out    []float32 // sums of weighted values, (n, wide)
}

// queries computes n lanes from lane first on.
func (t *attentionTask) queries(w *worker, h *head, first, n int) {
	x := t.lay(w, h, n)
	h.look(x.lanes, first, n)
	src, stride := h.rows(x.out, t.q, first, n)
	h.packLanes(x.packed, src, stride, n)
	clear(x.out)
	for key := int(x.from[0]) / tileKeys * tileKeys; key < int(x.to[n-1]); key += tileKeys {
		if next := key + tileKeys; n <= fewRows && next < h.s.Keys { // too little work to hide memory behind
			rows := min(tileKeys, h.s.Keys-next)
			t.touch(h.keyAt(t.k, next), t.k.Stride, rows, t.p.D)
			t.touch(h.keyAt(t.v, next), t.v.Stride, rows, t.p.D)
		}
		t.keys(h, &x, key, min(tileKeys, h.s.Keys-key))
	}
	t.finish(h, &x, first)
}

func (t *attentionTask) lay(w *worker, h *head, n int) queryTile {
	ld := roundUp(n, t.width)
	cut := carve(w.scratch(laneFloats + ld*t.p.D + tileKeys*(ld+h.wide) + n*h.wide + tileKeys*(ld+t.p.D)))
	x := queryTile{
		lanes: cut.lanes(), n: n, ld: ld, packed: cut.floats(ld * t.p.D),
		s: cut.floats(tileKeys * ld), values: cut.floats(tileKeys * h.wide), out: cut.floats(n * h.wide),
		spare: cut.floats(tileKeys * (ld + t.p.D)),
	}
	for l := range x.top {
		x.top[l], x.sum[l] = float32(math.Inf(-1)), 0
	}
	return x
}

// keys adds the n keys from key on.
func (t *attentionTask) keys(h *head, x *queryTile, key, n int) {
	v, stride, panel := h.keyAt(t.v, key), t.v.Stride, t.width
	if x.n > fewRows || h.wide > t.p.D || h.pairs() {
		h.packDepth(x.values, v, stride, n)
		v, stride, panel = &x.values[0], t.width, h.r.words(n)*t.width
	}
	rows := h.byRows(x.spare, h.keyAt(t.k, key), t.k.Stride, n, t.p.D)
	masked := h.masked(x.lanes, x.n, key, n)
	for l, step := 0, h.step(x.ld, masked); l < x.n; l += step {
		count := min(step, x.n-l)
		seen := h.seen(x.lanes, l, count, key, n)
		if seen == 0 {
			continue
		}
		h.scores(x.s, x.ld, l, count, rows, seen, x.packed)
		scale := h.bend(x.s[:seen*x.ld])
		t.weigh(&x.s[0], x.ld, seen, x.lanes, l, roundUp(count, t.width/2), key, masked, scale)
		out := x.out[l*h.wide:]
		t.scaleRows(&out[0], h.wide, &x.fade[l], count, h.wide)
		if count == 1 && !h.pairs() {
			t.row(&out[0], &x.s[l], x.ld, v, stride, panel, h.wide/t.width, seen, 1)
			continue
		}
		weights := h.byColumns(x.spare[tileKeys*t.p.D:], &x.s[l], x.ld, count, seen)
		from := elements(v, (h.wide/t.width-1)*panel+1)
		for c := range h.wide / t.width {
			h.r.strip(&out[c*t.width], h.wide, weights.p, weights.rs, weights.cs, &from[c*panel], stride, count, h.r.words(seen), 1, &from[c*panel])
		}
	}
}

// finish divides by the sums and writes outputs and log-sum-exps.
func (t *attentionTask) finish(h *head, x *queryTile, first int) {
	for l := range x.n {
		x.fade[l] = 1 / x.sum[l]
	}
	t.scaleRows(&x.out[0], h.wide, &x.fade[0], x.n, h.wide)
	y := kernel.Elements[float32](t.y.Buf)
	for l := range x.n {
		copy(y[h.queryAt(t.y, first+l):][:t.p.D], x.out[l*h.wide:])
	}
	if t.lse.Nil() {
		return
	}
	t.vectors.unary[kernel.Log](x.sum[:x.n], x.sum[:x.n], 0, 0)
	for l := range x.n {
		query, head := h.lane(first + l)
		kernel.Row[float32](t.lse, h.s.Query+query)[head] = x.top[l] + x.sum[l]
	}
}
