package cpu

import (
	"math"
	"unsafe"

	"github.com/inkstone-ai/inkstone/internal/kernel"
)

// A query of one lane or a few would leave most of a vector empty. Their scores lie the other way
// round, a row for each lane and keys side by side: the keys are turned while they are widened.
// Each number is formed by the same operations in the same order as in a full tile of lanes.

// turnedF16 and turnedLanes are the most lanes for which turning keys pays, of F16 and of other types.
const turnedF16, turnedLanes = 4, 1

// turns says whether x's lanes go that way.
func (t *attentionTask) turns(h *head, x *queryTile) bool {
	most := turnedLanes
	if t.k.Type == kernel.F16 {
		most = turnedF16
	}
	return x.n <= most && t.turnF16 != nil && h.wide == t.p.D && !h.pairs()
}

// turnedKeys is keys for a few lanes.
func (t *attentionTask) turnedKeys(h *head, x *queryTile, key, n int) {
	turned, s, D := x.spare[:tileKeys*t.p.D], x.spare[tileKeys*t.p.D:][:x.n*tileKeys], t.p.D
	h.turn(turned, x.wide, t.k, key, n)
	for l := range x.n {
		scores := s[l*tileKeys:][:n]
		h.row(&scores[0], &x.packed[l], h.width, &turned[0], h.width, h.width*D, groups(n, h.width), D, 0)
		t.weighRow(x.lanes, l, key, scores, h.bend(scores))
	}
	t.scaleRows(&x.out[0], h.wide, &x.fade[0], x.n, h.wide)
	if t.v.Type == kernel.F16 {
		v, next, ld := h.halves(t.v, key)
		for l := range x.n {
			h.addF16(&x.out[l*D], &s[l*tileKeys], v, next, ld, n, D)
			next = v // once is enough
		}
		return
	}
	v, ld := h.keyRows(x.wide, t.v, key, n)
	for l := range x.n {
		h.row(&x.out[l*D], &s[l*tileKeys], 1, v, ld, h.width, D/h.width, n, 1)
	}
}

// turn makes panels of n keys: number d of key j is at (j/width·D + d)·width + j%width. What lies behind
// the last key is undefined.
func (h *head) turn(dst, wide []float32, m mat, key, n int) {
	D, width := h.p.D, h.width
	place := func(j int) []float32 { return dst[j/width*width*D+j%width:] }
	if m.Type != kernel.F16 {
		rows, ld := h.keyRows(wide, m, key, n)
		from := elements(rows, (n-1)*ld+D)
		for j := 0; j < n; j += width {
			h.packTransposed(h.r, place(j), &from[j*ld], ld, min(width, n-j), D)
		}
		return
	}
	rows, next, ld := h.halves(m, key)
	if all := roundUp(n, 16); h.p.KeyRow(h.s, key)+all <= m.Rows { // as in a page, which has whole tiles
		n = all
	}
	j := 0
	for ; j+16 <= n; j += 16 {
		h.turnF16(&place(j)[0], width, rows, next, ld, D)
		rows, next = (*byte)(unsafe.Add(unsafe.Pointer(rows), 16*ld)), (*byte)(unsafe.Add(unsafe.Pointer(next), 16*ld))
	}
	for ; j < n; j++ {
		to := place(j)
		for d, x := range unsafe.Slice((*uint16)(unsafe.Pointer(rows)), D) {
			to[d*width] = kernel.FromF16(x)
		}
		rows = (*byte)(unsafe.Add(unsafe.Pointer(rows), ld))
	}
}

// halves is where the part of m's rows begins that belongs to the keys from key on, in F16, where the next
// tile's begins, or the same where there is none, and how many bytes they are apart.
func (h *head) halves(m mat, key int) (rows, next *byte, ld int) {
	at := func(key int) *byte {
		return &kernel.Elements[byte](m.Buf)[m.Type.Bytes(m.Index(h.p.KeyRow(h.s, key), h.g*h.p.D))]
	}
	rows, ld = at(key), m.Type.Bytes(m.Stride)
	if key+tileKeys < h.s.Keys {
		return rows, at(key + tileKeys), ld
	}
	return rows, rows, ld
}

// weighRow is weigh for one lane whose scores lie side by side.
func (t *attentionTask) weighRow(q *lanes, l, first int, s []float32, scale float32) {
	t.vectors.unary[kernel.MulScalar](s, s, scale, 0)
	from, to := min(max(0, int(q.from[l])-first), len(s)), min(max(0, int(q.to[l])-first), len(s))
	for _, hidden := range [][]float32{s[:from], s[to:]} {
		for j := range hidden {
			hidden[j] = float32(math.Inf(-1))
		}
	}
	old, fade := q.top[l], q.fade[l:][:1]
	top := max(old, t.maxOf(s))
	q.top[l] = top
	if math.IsInf(float64(top), -1) { // as nothing was seen yet: −∞ − 0, not −∞ − (−∞)
		top = 0
	}
	fade[0] = old
	t.expSum(fade, fade, top)
	t.expSum(s, s, top)
	sum := q.sum[l] * fade[0]
	for _, w := range s { // in order, as down a lane
		sum += w
	}
	q.sum[l] = sum
}
