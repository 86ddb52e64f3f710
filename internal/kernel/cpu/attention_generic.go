package cpu

import (
	"math"

	"github.com/inkstone-ai/inkstone/internal/kernel"
)

type attentionTask struct {
	d                         *device
	y, lse, q, k, v, segments mat
	p                         kernel.AttentionParams
}

// Attention takes a sequence and a head as a tile.
func (d *device) Attention(y, lse, q, k, v, segments mat, p kernel.AttentionParams) {
	kernel.CheckAttention(y, lse, q, k, v, segments, p)
	d.attention = attentionTask{d, y, lse, q, k, v, segments, p}
	d.parallel(segments.Rows*p.H, &d.attention)
}

func (t *attentionTask) tile(w *worker, i int) {
	p := t.p
	g, h := kernel.SegmentAt(t.segments, i/p.H), i%p.H
	kv := h / (p.H / p.G) * p.D
	scores := w.scratch(g.Keys)
	for i := range g.Queries {
		row, pos := g.Query+i, g.Keys-g.Queries+i
		from, to := visible(p, pos, g.Keys)
		q := kernel.Row[float32](t.q, row)[h*p.D:][:p.D]
		top := float32(math.Inf(-1))
		for j := from; j < to; j++ {
			scores[j] = score(p, q, kernel.Row[float32](t.k, g.Key+j)[kv:][:p.D])
			top = max(top, scores[j])
		}
		sum := t.d.expSum(scores[from:to], scores[from:to], top)
		y := kernel.Row[float32](t.y, row)[h*p.D:][:p.D]
		clear(y)
		for j := from; j < to; j++ {
			t.d.axpy(y, scores[j]/sum, kernel.Row[float32](t.v, g.Key+j)[kv:][:p.D])
		}
		if !t.lse.Nil() {
			kernel.Row[float32](t.lse, row)[h] = top + float32(math.Log(float64(sum)))
		}
	}
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

func score(p kernel.AttentionParams, q, k []float32) float32 {
	s := float32(0)
	for i, x := range q {
		s += x * k[i]
	}
	s *= p.Scale
	if p.SoftCap > 0 {
		s = p.SoftCap * float32(math.Tanh(float64(s/p.SoftCap)))
	}
	return s
}

type attentionGradTask struct {
	d                                         *device
	dq, dk, dv, q, k, v, y, lse, dy, segments mat
	p                                         kernel.AttentionParams
	acc                                       bool
}

// AttentionGrad takes a sequence and a key head, with all its query heads, as a tile.
func (d *device) AttentionGrad(dq, dk, dv, q, k, v, y, lse, dy, segments mat, p kernel.AttentionParams, acc bool) {
	kernel.CheckAttentionGrad(dq, dk, dv, q, k, v, y, lse, dy, segments, p)
	d.attentionGrad = attentionGradTask{d, dq, dk, dv, q, k, v, y, lse, dy, segments, p, acc}
	d.parallel(segments.Rows*p.G, &d.attentionGrad)
}

func (t *attentionGradTask) tile(_ *worker, i int) {
	p := t.p
	s, g := kernel.SegmentAt(t.segments, i/p.G), i%p.G
	group := p.H / p.G
	head := func(m mat, row, h int) []float32 { return kernel.Row[float32](m, row)[h*p.D:][:p.D] }
	if !t.acc {
		for j := range s.Keys {
			clear(head(t.dk, s.Key+j, g))
			clear(head(t.dv, s.Key+j, g))
		}
	}
	for h := g * group; h < (g+1)*group; h++ {
		for i := range s.Queries {
			row, pos := s.Query+i, s.Keys-s.Queries+i
			q, dq, dy := head(t.q, row, h), head(t.dq, row, h), head(t.dy, row, h)
			if !t.acc {
				clear(dq)
			}
			rowsum, lse := t.d.dot(dy, head(t.y, row, h)), kernel.Row[float32](t.lse, row)[h]
			for j, to := visible(p, pos, s.Keys); j < to; j++ {
				k, key := head(t.k, s.Key+j, g), s.Key+j
				z := score(p, q, k)
				prob := float32(math.Exp(float64(z - lse)))
				t.d.axpy(head(t.dv, key, g), prob, dy)
				ds := prob * (t.d.dot(dy, head(t.v, key, g)) - rowsum) * p.Scale
				if p.SoftCap > 0 {
					ds *= 1 - z/p.SoftCap*(z/p.SoftCap)
				}
				t.d.axpy(dq, ds, k)
				t.d.axpy(head(t.dk, key, g), ds, q)
			}
		}
	}
}
