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
// and the softmax runs down the lanes.
//
// Every splitKeys keys, counted from position 0 of the sequence, have sums of
// their own, which are merged in order; so the keys of few queries can be shared
// out among workers (Dao et al. 2023, Flash-Decoding). Chunks and tiles depend on
// positions alone and lanes do not mix, so a query's result has the same bits in a
// batch, in a chunk and alone, for any number of threads.

// splitKeys is long against a merge, short enough that 4,000 keys of one head are work
// for eight workers.
const splitKeys = 8 * tileKeys

type attentionTask struct {
	*device
	y, lse, q, k, v, segments mat
	p                         kernel.AttentionParams
	parts                     []float32 // sums of sequences whose keys are shared out
}

// Attention takes a tile of queries of a sequence, for a key head, as a tile; where
// there is but one of them, and many keys, a chunk of its keys.
func (d *device) Attention(y, lse, q, k, v, segments mat, p kernel.AttentionParams) {
	kernel.CheckAttention(y, lse, q, k, v, segments, p)
	d.attention = attentionTask{d, y, lse, q, k, v, segments, p, nil}
	t, units, room := &d.attention, 0, 0
	for s := range segments.Rows {
		u := t.unit(s)
		units += u.blocks * u.chunks
		room += p.G * u.room()
	}
	t.parts = d.partial(room)
	d.parallel(units*p.G, t)
	if room > 0 {
		d.joins = joinTask{t}
		d.parallel(segments.Rows*p.G, &d.joins)
	}
}

// A unit is how a sequence is shared out, for each key head: in blocks of lanes, or one
// block in chunks of keys.
type unit struct {
	s              kernel.Segment
	blocks, chunks int
	first          int // chunk that is the first to be seen
	part           int // floats of a chunk's sums
}

func (t *attentionTask) unit(s int) unit {
	u := unit{s: kernel.SegmentAt(t.segments, s), chunks: 1}
	lanes := u.s.Queries * (t.p.H / t.p.G)
	u.blocks = groups(lanes, tileLanes)
	if u.blocks != 1 || len(t.workers) == 1 {
		return u
	}
	from, _ := visible(t.p, u.s.Keys-u.s.Queries, u.s.Keys)
	_, to := visible(t.p, u.s.Keys-1, u.s.Keys)
	u.first = from / splitKeys
	if n := groups(to, splitKeys) - u.first; n > 1 {
		u.chunks, u.part = n, lanes*(2+roundUp(t.p.D, t.width))
	}
	return u
}

// room is the number of floats of the sums of one key head.
func (u *unit) room() int { return u.chunks * u.part }

func (t *attentionTask) tile(w *worker, i int) {
	g, i, at := i%t.p.G, i/t.p.G, 0
	for s := 0; ; s++ {
		u := t.unit(s)
		if n := u.blocks * u.chunks; i >= n {
			i -= n
			at += t.p.G * u.room()
			continue
		}
		h := newHead(t.device, t.p, u.s, g)
		if u.chunks == 1 {
			first := i * tileLanes
			t.queries(w, &h, first, min(tileLanes, u.s.Queries*h.group-first))
		} else {
			t.part(w, &h, u.first+i, t.sums(&h, at+(g*u.chunks+i)*u.part))
		}
		return
	}
}

// sums is what lies at a place of parts.
func (t *attentionTask) sums(h *head, at int) sums {
	n, cut := h.s.Queries*h.group, carve(t.parts[at:])
	return sums{cut.floats(n), cut.floats(n), cut.floats(n * h.wide)}
}

// A joinTask merges the chunks of each sequence and key head.
type joinTask struct{ t *attentionTask }

func (j *joinTask) tile(_ *worker, i int) {
	t, g, at := j.t, i%j.t.p.G, 0
	for s := range i / t.p.G {
		u := t.unit(s)
		at += t.p.G * u.room()
	}
	u := t.unit(i / t.p.G)
	if u.chunks == 1 {
		return
	}
	h := newHead(t.device, t.p, u.s, g)
	total := t.sums(&h, at+g*u.chunks*u.part)
	for c := 1; c < u.chunks; c++ {
		total.merge(&t.vectors, t.sums(&h, at+(g*u.chunks+c)*u.part))
	}
	t.finish(&h, total, 0)
}

// A queryTile is the memory of a tile of queries.
type queryTile struct {
	*lanes
	n, ld  int       // lanes, and in whole panels
	packed []float32 // q as panels of lanes
	s      []float32 // scores, then weights, (tileKeys, ld)
	values []float32 // v as panels of D, where that pays
	spare  []float32 // keys, and behind them weights, as words
	wide   []float32 // keys, and behind them values, widened
	out    []float32 // sums of weighted values, (n, wide)
}

// sums is what the lanes have added up so far.
func (x *queryTile) sums() sums { return sums{x.top[:x.n], x.sum[:x.n], x.out} }

// queries computes n lanes from lane first on.
func (t *attentionTask) queries(w *worker, h *head, first, n int) {
	x, total := t.lay(w, h, n)
	t.load(h, &x, first)
	chunk, last := int(x.from[0])/splitKeys, groups(int(x.to[n-1]), splitKeys)-1
	t.chunk(h, &x, chunk)
	if chunk >= last {
		t.finish(h, x.sums(), first)
		return
	}
	total.copy(x.sums())
	for chunk < last {
		chunk++
		t.chunk(h, &x, chunk)
		total.merge(&t.vectors, x.sums())
	}
	t.finish(h, total, first)
}

// part leaves the sums of all lanes over one chunk in dst.
func (t *attentionTask) part(w *worker, h *head, chunk int, dst sums) {
	x, _ := t.lay(w, h, h.s.Queries*h.group)
	t.load(h, &x, 0)
	t.chunk(h, &x, chunk)
	dst.copy(x.sums())
}

func (t *attentionTask) lay(w *worker, h *head, n int) (x queryTile, total sums) {
	ld, widened := roundUp(n, t.width), 0
	if t.k.Type != kernel.F32 {
		widened = 2 * tileKeys * t.p.D
	}
	cut := carve(w.scratch(laneFloats + ld*t.p.D + tileKeys*(ld+h.wide) + n*h.wide + tileKeys*(ld+t.p.D) + widened + n*(2+h.wide)))
	x = queryTile{
		lanes: cut.lanes(), n: n, ld: ld, packed: cut.floats(ld * t.p.D),
		s: cut.floats(tileKeys * ld), values: cut.floats(tileKeys * h.wide), out: cut.floats(n * h.wide),
		spare: cut.floats(tileKeys * (ld + t.p.D)), wide: cut.floats(widened),
	}
	return x, sums{cut.floats(n), cut.floats(n), cut.floats(n * h.wide)}
}

// load packs the queries of the lanes from lane first on and finds out what they see.
func (t *attentionTask) load(h *head, x *queryTile, first int) {
	h.look(x.lanes, first, x.n)
	src, stride := h.rows(x.out, t.q, first, x.n)
	h.packLanes(x.packed, src, stride, x.n)
}

// chunk forms the sums over the keys of a chunk.
func (t *attentionTask) chunk(h *head, x *queryTile, chunk int) {
	for l := range x.top {
		x.top[l], x.sum[l] = float32(math.Inf(-1)), 0
	}
	clear(x.out)
	end := min(int(x.to[x.n-1]), (chunk+1)*splitKeys)
	for key := max(int(x.from[0])/tileKeys*tileKeys, chunk*splitKeys); key < end; key += tileKeys {
		if next := key + tileKeys; x.n <= fewRows && next < h.s.Keys && !(t.turns(h, x) && t.k.Type == kernel.F16) { // too little work to hide memory behind
			rows := min(tileKeys, h.s.Keys-next)
			h.near(t.k, next, rows)
			h.near(t.v, next, rows)
		}
		if n := min(tileKeys, h.s.Keys-key); t.turns(h, x) {
			t.turnedKeys(h, x, key, n)
		} else {
			t.keys(h, x, key, n)
		}
	}
}

// keys adds the n keys from key on.
func (t *attentionTask) keys(h *head, x *queryTile, key, n int) {
	v, stride := h.keyRows(x.wide[len(x.wide)/2:], t.v, key, n)
	panel := t.width
	if x.n > fewRows || h.wide > t.p.D || h.pairs() {
		h.packDepth(x.values, v, stride, n)
		v, stride, panel = &x.values[0], t.width, h.r.words(n)*t.width
	}
	k, ld := h.keyRows(x.wide, t.k, key, n)
	rows := h.byRows(x.spare, k, ld, n, t.p.D)
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

// finish divides by the sums and writes outputs and log-sum-exps of the lanes from lane first on.
func (t *attentionTask) finish(h *head, x sums, first int) {
	y := kernel.Elements[float32](t.y.Buf)
	for l := range x.top {
		out := y[h.queryAt(t.y, first+l):][:t.p.D]
		t.vectors.unary[kernel.MulScalar](out, x.out[l*h.wide:][:t.p.D], 1/x.sum[l], 0)
	}
	if t.lse.Nil() {
		return
	}
	t.vectors.unary[kernel.Log](x.sum, x.sum, 0, 0)
	for l := range x.top {
		query, head := h.lane(first + l)
		kernel.Row[float32](t.lse, h.s.Query+query)[head] = x.top[l] + x.sum[l]
	}
}
