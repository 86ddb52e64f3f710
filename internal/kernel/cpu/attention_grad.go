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
	t    *attentionGradTask
	q    *lanes
	ld   int       // lanes of a tile, in whole panels
	sums []float32 // of dy·y, for each lane of the sequence

	weights, slopes, bent  []float32 // P, dS and the soft cap's slope, transposed (keys, lanes)
	lanesQ, lanesY         []float32 // q and dy packed as lanes
	depthQ, depthY, depthK []float32 // q, dy and k packed for products over rows
	dq, dk, dv             []float32 // sums of a tile, (rows, wide)
	spare                  []float32
}

func (t *attentionGradTask) tile(w *worker, i int) {
	h := gradHead{t: t, head: head{
		device: t.device, p: t.p, s: kernel.SegmentAt(t.segments, i/t.p.G), g: i % t.p.G,
		group: t.p.H / t.p.G, wide: roundUp(t.p.D, t.width),
	}}
	all := h.s.Queries * h.group
	h.lay(w, all)
	for l := range all {
		h.sums[l] = t.dot(h.queryRow(t.dy, l), h.queryRow(t.y, l))
		if !t.acc {
			clear(h.queryRow(t.dq, l))
		}
	}
	for key := 0; key < h.s.Keys; key += tileKeys {
		h.keys(key, min(tileKeys, h.s.Keys-key), all)
	}
}

// lay cuts the worker's memory.
func (h *gradHead) lay(w *worker, all int) {
	h.ld = roundUp(max(1, min(tileLanes, all)), h.width)
	square, depth := tileKeys*h.ld, max(h.ld, tileKeys)*h.wide
	cut := carve(w.scratch(laneFloats + all + 3*square + 9*depth))
	h.q, h.sums = cut.lanes(), cut.floats(all)
	for _, m := range []*[]float32{&h.weights, &h.slopes, &h.bent} {
		*m = cut.floats(square)
	}
	for _, m := range []*[]float32{&h.lanesQ, &h.lanesY, &h.depthQ, &h.depthY, &h.depthK, &h.dq, &h.dk, &h.dv, &h.spare} {
		*m = cut.floats(depth)
	}
}

// keys computes dk and dv of n keys from key on, and their part of dq.
func (h *gradHead) keys(key, n, all int) {
	t := h.t
	for j := range n {
		for _, m := range [2]struct {
			tile []float32
			from mat
		}{{h.dk, t.dk}, {h.dv, t.dv}} {
			row := m.tile[j*h.wide:][:h.wide]
			clear(row)
			if t.acc {
				copy(row, h.keyRow(m.from, key+j))
			}
		}
	}
	h.packDepth(h.depthK, h.keyAt(t.k, key), t.k.Stride, n)
	for first := 0; first < all; first += tileLanes {
		lanes := min(tileLanes, all-first)
		h.look(h.q, first, lanes)
		if int(h.q.from[0]) < key+n && int(h.q.to[lanes-1]) > key {
			h.pair(key, n, first, lanes)
		}
	}
	for j := range n {
		copy(h.keyRow(t.dk, key+j), h.dk[j*h.wide:])
		copy(h.keyRow(t.dv, key+j), h.dv[j*h.wide:])
	}
}

// keyRow is the part of m's row that belongs to key j.
func (h *head) keyRow(m mat, j int) []float32 {
	return kernel.Row[float32](m, h.s.Key+j)[h.g*h.p.D:][:h.p.D]
}

// pair adds what keys [key, key+keys) and n lanes from first on have to do
// with each other.
func (h *gradHead) pair(key, keys, first, n int) {
	t := h.t
	h.pack(first, n)
	h.scores(h.weights, h.ld, t.k, key, keys, h.lanesQ)
	h.scores(h.slopes, h.ld, t.v, key, keys, h.lanesY)
	tile := h.weights[:keys*h.ld]
	scale := h.bend(tile)
	if h.p.SoftCap > 0 { // d tanh = 1 − tanh²
		for i, x := range tile {
			h.bent[i] = (1 - x*x) * (h.p.Scale / h.p.SoftCap)
		}
	}
	t.slopes(&h.weights[0], &h.slopes[0], h.ld, keys, h.ld, h.q, key, h.q.masked(n, key, keys), scale)
	if h.p.SoftCap > 0 {
		for i := range tile {
			h.slopes[i] *= h.bent[i]
		}
	}
	for c := 0; c < h.wide; c += h.width {
		t.strip(&h.dv[c], h.wide, &h.weights[0], h.ld, 1, &h.depthY[c*n], h.width, keys, n, 1)
		t.strip(&h.dk[c], h.wide, &h.slopes[0], h.ld, 1, &h.depthQ[c*n], h.width, keys, n, 1)
		t.strip(&h.dq[c], h.wide, &h.slopes[0], 1, h.ld, &h.depthK[c*keys], h.width, n, keys, 1)
	}
	for l := range n {
		copy(h.queryRow(t.dq, first+l), h.dq[l*h.wide:])
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
	copy(h.q.sum[:n], h.sums[first:])
	for l := range n {
		query, head := h.lane(first + l)
		h.q.top[l] = kernel.Row[float32](t.lse, h.s.Query+query)[head]
		row := h.dq[l*h.wide:][:h.wide]
		clear(row[copy(row, h.queryRow(t.dq, first+l)):])
	}
}
