package ref

import (
	"math"

	"github.com/inkstone-ai/inkstone/internal/kernel"
)

// seen reports whether the query at position p sees the key at position j.
func seen(p kernel.AttentionParams, pos, j int) bool {
	distance := pos - j
	if p.Causal && distance < 0 {
		return false
	}
	return p.Window == 0 || max(distance, -distance) < p.Window
}

// score is the scaled and capped product of a query row and a key row, and
// the derivative of the cap.
func score(p kernel.AttentionParams, q, k mat, row, key, h int) (s, slope float64) {
	g := h / (p.H / p.G)
	for d := range p.D {
		s += at(q, row, h*p.D+d) * at(k, key, g*p.D+d)
	}
	s *= float64(p.Scale)
	if p.SoftCap == 0 {
		return s, 1
	}
	t := math.Tanh(s / float64(p.SoftCap))
	return t * float64(p.SoftCap), 1 - t*t
}

// eachQuery calls f for every query row of every sequence, with its segment and position.
func eachQuery(segments mat, f func(g kernel.Segment, row, pos int)) {
	for s := range segments.Rows {
		g := kernel.SegmentAt(segments, s)
		for i := range g.Queries {
			f(g, g.Query+i, g.Keys-g.Queries+i)
		}
	}
}

func (device) Attention(y, lse, q, k, v, segments mat, p kernel.AttentionParams) {
	kernel.CheckAttention(y, lse, q, k, v, segments, p)
	eachQuery(segments, func(g kernel.Segment, row, pos int) {
		for h := range p.H {
			top, sum := math.Inf(-1), 0.0
			scores := make([]float64, g.Keys)
			for j := range scores {
				scores[j] = math.Inf(-1)
				if seen(p, pos, j) {
					scores[j], _ = score(p, q, k, row, p.KeyRow(g, j), h)
				}
				top = max(top, scores[j])
			}
			for _, s := range scores {
				sum += math.Exp(s - top)
			}
			for d := range p.D {
				out := 0.0
				for j, s := range scores {
					if seen(p, pos, j) {
						out += math.Exp(s-top) / sum * at(v, p.KeyRow(g, j), h/(p.H/p.G)*p.D+d)
					}
				}
				set(y, row, h*p.D+d, out, false)
			}
			if !lse.Nil() {
				set(lse, row, h, top+math.Log(sum), false)
			}
		}
	})
}

// AttentionGrad, with P = exp(S − lse): dV = Pᵀ·dY, dP = dY·Vᵀ and
// dS = P ⊙ (dP − rowsum(dY ⊙ Y)).
func (device) AttentionGrad(dq, dk, dv, q, k, v, y, lse, dy, segments mat, p kernel.AttentionParams, acc bool) {
	kernel.CheckAttentionGrad(dq, dk, dv, q, k, v, y, lse, dy, segments, p)
	// Sums over queries and keys stay in float64 until the end.
	sq, sk, sv := make([]float64, dq.Len()), make([]float64, dk.Len()), make([]float64, dv.Len())
	eachQuery(segments, func(g kernel.Segment, row, pos int) {
		for h := range p.H {
			kv := h / (p.H / p.G) * p.D
			rowsum := 0.0
			for d := range p.D {
				rowsum += at(dy, row, h*p.D+d) * at(y, row, h*p.D+d)
			}
			for j := range g.Keys {
				if !seen(p, pos, j) {
					continue
				}
				key := g.Key + j
				s, slope := score(p, q, k, row, key, h)
				prob, dp := math.Exp(s-at(lse, row, h)), 0.0
				for d := range p.D {
					dp += at(dy, row, h*p.D+d) * at(v, key, kv+d)
					sv[key*dv.Cols+kv+d] += prob * at(dy, row, h*p.D+d)
				}
				ds := prob * (dp - rowsum) * slope * float64(p.Scale)
				for d := range p.D {
					sq[row*dq.Cols+h*p.D+d] += ds * at(k, key, kv+d)
					sk[key*dk.Cols+kv+d] += ds * at(q, row, h*p.D+d)
				}
			}
		}
	})
	for s := range segments.Rows {
		g := kernel.SegmentAt(segments, s)
		store(dq, sq, g.Query, g.Queries, acc)
		store(dk, sk, g.Key, g.Keys, acc)
		store(dv, sv, g.Key, g.Keys, acc)
	}
}

// store writes rows [from, from+n) of the dense sums to m.
func store(m mat, sums []float64, from, n int, acc bool) {
	for r := from; r < from+n; r++ {
		for c := range m.Cols {
			set(m, r, c, sums[r*m.Cols+c], acc)
		}
	}
}

func (device) Rotary(y, x, pos, freqs mat, heads int, interleaved, inverse, acc bool) {
	pairs := kernel.CheckRotary(y, x, pos, freqs, heads)
	d := x.Cols / heads
	each(x, func(r, c int) { // channels that do not turn
		if c%d >= 2*pairs {
			set(y, r, c, at(x, r, c), acc)
		}
	})
	for r := range x.Rows {
		for h := range heads {
			for i := range pairs {
				first, second := h*d+i, h*d+i+pairs
				if interleaved {
					first, second = h*d+2*i, h*d+2*i+1
				}
				sin, cos := math.Sincos(float64(integer(pos, r)) * number(freqs, i))
				if inverse {
					sin = -sin
				}
				a, b := at(x, r, first), at(x, r, second)
				set(y, r, first, a*cos-b*sin, acc)
				set(y, r, second, a*sin+b*cos, acc)
			}
		}
	}
}
