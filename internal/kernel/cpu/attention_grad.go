package cpu

import "github.com/inkstone-ai/inkstone/internal/kernel"

type attentionGradTask struct {
	*device
	dq, dk, dv, q, k, v, y, lse, dy, segments mat
	p                                         kernel.AttentionParams
	acc                                       bool
}

// AttentionGrad takes a sequence and a key head, with all its query heads, as
// a tile: every sum then has one owner and one order. Key rows of different
// sequences must not overlap.
//
// With P = exp(S − lse): dV = Pᵀ·dY, dP = dY·Vᵀ, dS = P ⊙ (dP − rowsum(dY ⊙ Y)),
// dQ = dS·K and dK = dSᵀ·Q, tile by tile.
func (d *device) AttentionGrad(dq, dk, dv, q, k, v, y, lse, dy, segments mat, p kernel.AttentionParams, acc bool) {
	kernel.CheckAttentionGrad(dq, dk, dv, q, k, v, y, lse, dy, segments, p)
	d.attentionGrad = attentionGradTask{d, dq, dk, dv, q, k, v, y, lse, dy, segments, p, acc}
	d.parallel(segments.Rows*p.G, &d.attentionGrad)
}

// A gradHead is a head with the memory for its gradient.
type gradHead struct {
	head
	*lanes
	t   *attentionGradTask
	all int // lanes of the sequence
	ld  int // lanes of a tile, in whole panels

	sums                   []float32 // of dy·y, for each lane of the sequence
	weights, slopes, bent  []float32 // P, dS and the soft cap's slope, transposed (keys, ld)
	lanesQ, lanesY         []float32 // q and dy packed as lanes
	depthQ, depthY, depthK []float32 // q, dy and k packed for products over rows
	dq, dk, dv             []float32 // sums of a tile, (rows, wide)
	spare                  []float32
	rowsK, rowsV           []float32 // k and v as rows of words
	square                 []float32 // room for a tile of words
	keysK, keysV           left
}

func (t *attentionGradTask) tile(w *worker, i int) {
	h := gradHead{t: t, head: newHead(t.device, t.p, kernel.SegmentAt(t.segments, i/t.p.G), i%t.p.G)}
	h.lay(w)
	h.begin()
	for key := 0; key < h.s.Keys; key += tileKeys {
		h.keys(key, min(tileKeys, h.s.Keys-key))
	}
}

// lay cuts the worker's memory.
func (h *gradHead) lay(w *worker) {
	h.all = h.s.Queries * h.group
	h.ld = roundUp(max(1, min(tileLanes, h.all)), h.width)
	square, depth := tileKeys*h.ld, max(h.ld, tileKeys)*h.wide
	cut := carve(w.scratch(laneFloats + h.all + 4*square + 11*depth))
	h.lanes, h.sums = cut.lanes(), cut.floats(h.all)
	for _, m := range [...]*[]float32{&h.weights, &h.slopes, &h.bent, &h.square} {
		*m = cut.floats(square)
	}
	for _, m := range [...]*[]float32{&h.lanesQ, &h.lanesY, &h.depthQ, &h.depthY, &h.depthK, &h.dq, &h.dk, &h.dv, &h.spare, &h.rowsK, &h.rowsV} {
		*m = cut.floats(depth)
	}
}

// begin computes the rows' sums and clears dq.
func (h *gradHead) begin() {
	t := h.t
	y, dy, dq := kernel.Elements[float32](t.y.Buf), kernel.Elements[float32](t.dy.Buf), kernel.Elements[float32](t.dq.Buf)
	for l := range h.all {
		h.sums[l] = t.dot(dy[h.queryAt(t.dy, l):][:h.p.D], y[h.queryAt(t.y, l):][:h.p.D])
		if !t.acc {
			clear(dq[h.queryAt(t.dq, l):][:h.p.D])
		}
	}
}

// keys computes dk and dv of n keys from key on, and their part of dq.
func (h *gradHead) keys(key, n int) {
	t := h.t
	h.load(h.dk, t.dk, key, n)
	h.load(h.dv, t.dv, key, n)
	h.packDepth(h.depthK, h.keyAt(t.k, key), t.k.Stride, n)
	h.keysK = h.byRows(h.rowsK, h.keyAt(t.k, key), t.k.Stride, n, h.p.D)
	h.keysV = h.byRows(h.rowsV, h.keyAt(t.v, key), t.v.Stride, n, h.p.D)
	for first := 0; first < h.all; first += tileLanes {
		lanes := min(tileLanes, h.all-first)
		h.look(h.lanes, first, lanes)
		if h.seen(h.lanes, 0, lanes, key, n) > 0 {
			h.pack(first, lanes)
			h.pair(key, n, lanes)
			h.storeQueries(first, lanes)
		}
	}
	h.store(t.dk, h.dk, key, n)
	h.store(t.dv, h.dv, key, n)
}

// load is what n rows of keys have so far: nothing unless accumulating.
func (h *gradHead) load(tile []float32, m mat, key, n int) {
	clear(tile[:n*h.wide])
	if !h.t.acc {
		return
	}
	from := elements(h.keyAt(m, key), (n-1)*m.Stride+h.p.D)
	for j := range n {
		copy(tile[j*h.wide:][:h.p.D], from[j*m.Stride:])
	}
}

// store writes n rows of keys.
func (h *gradHead) store(m mat, tile []float32, key, n int) {
	to := elements(h.keyAt(m, key), (n-1)*m.Stride+h.p.D)
	for j := range n {
		copy(to[j*m.Stride:][:h.p.D], tile[j*h.wide:])
	}
}

// pack readies q and dy of n lanes, their state and what dq has so far.
func (h *gradHead) pack(first, n int) {
	t := h.t
	src, ld := h.rows(h.spare, t.q, first, n)
	h.packLanes(h.lanesQ, src, ld, n)
	h.packDepth(h.depthQ, src, ld, n)
	src, ld = h.rows(h.spare, t.dy, first, n)
	h.packLanes(h.lanesY, src, ld, n)
	h.packDepth(h.depthY, src, ld, n)
	copy(h.sum[:n], h.sums[first:])
	dq, lse := kernel.Elements[float32](t.dq.Buf), kernel.Elements[float32](t.lse.Buf)
	for l := range n {
		query, head := h.lane(first + l)
		h.top[l] = lse[t.lse.Index(h.s.Query+query, head)]
		row := h.dq[l*h.wide:][:h.wide]
		clear(row[copy(row, dq[h.queryAt(t.dq, first+l):][:h.p.D]):])
	}
}

// storeQueries writes dq of n lanes.
func (h *gradHead) storeQueries(first, n int) {
	dq := kernel.Elements[float32](h.t.dq.Buf)
	for l := range n {
		copy(dq[h.queryAt(h.t.dq, first+l):][:h.p.D], h.dq[l*h.wide:])
	}
}

// pair adds what the keys [key, key+keys) and the n packed lanes have to do
// with each other.
func (h *gradHead) pair(key, keys, n int) {
	t := h.t
	masked := h.masked(h.lanes, n, key, keys)
	for l, step := 0, h.step(h.ld, masked); l < n; l += step {
		count := min(step, n-l)
		seen := h.seen(h.lanes, l, count, key, keys)
		if seen == 0 {
			continue
		}
		h.scores(h.weights, h.ld, l, count, h.keysK, seen, h.lanesQ)
		h.scores(h.slopes, h.ld, l, count, h.keysV, seen, h.lanesY)
		scale := h.bend(h.weights[:seen*h.ld])
		h.bendSlope(seen * h.ld)
		t.slopes(&h.weights[0], &h.slopes[0], h.ld, seen, h.lanes, l, roundUp(count, h.width/2), key, masked, scale)
		h.unbend(seen * h.ld)
		// Lanes of a panel begin at an even one: word l/per of the depth.
		at := l / h.r.per * h.width
		h.add(h.dv, 0, h.byRows(h.square, &h.weights[l], h.ld, seen, count), h.depthY, at, n, seen, count)
		h.add(h.dk, 0, h.byRows(h.square, &h.slopes[l], h.ld, seen, count), h.depthQ, at, n, seen, count)
		h.add(h.dq, l, h.byColumns(h.square, &h.slopes[l], h.ld, count, seen), h.depthK, 0, keys, count, seen)
	}
}

// add adds to m rows of sums, from row on, the products of a with panels packed from
// depth rows; k of them from word at on.
func (h *gradHead) add(sums []float32, row int, a left, packed []float32, at, depth, m, k int) {
	words := h.r.words(depth)
	for c := 0; c < h.wide; c += h.width {
		h.r.strip(&sums[row*h.wide+c], h.wide, a.p, a.rs, a.cs, &packed[c*words+at], h.width, m, h.r.words(k), 1, &packed[c*words+at])
	}
}

// bendSlope keeps the soft cap's slope at n scores: d tanh = 1 − tanh². It
// makes up for the cap that slopes multiplies by instead of the scale.
func (h *gradHead) bendSlope(n int) {
	if h.p.SoftCap == 0 {
		return
	}
	for i, x := range h.weights[:n] {
		h.bent[i] = (1 - x*x) * (h.p.Scale / h.p.SoftCap)
	}
}

// unbend multiplies n slopes by the soft cap's.
func (h *gradHead) unbend(n int) {
	if h.p.SoftCap == 0 {
		return
	}
	for i, x := range h.bent[:n] {
		h.slopes[i] *= x
	}
}
