package tensor

import (
	"fmt"
	"math"

	"github.com/inkstone-ai/inkstone/internal/kernel"
)

// AttentionOptions says which keys a query sees and how scores are formed. The
// zero value is causal attention with Scale 1/√D.
type AttentionOptions struct {
	Scale         float32 // of q·k; 0 means 1/√D (Vaswani 2017, arXiv:1706.03762, eq. 1)
	SoftCap       float32 // s → SoftCap·tanh(s/SoftCap); 0 means none (Gemma 2)
	Window        int     // keys at this distance and further are not seen; 0 means all are
	Bidirectional bool    // every key of the sequence is seen; else those up to the query's position

	// Pages, where present, is a table (P) i32 of pages of Page rows of k and v, as a cache
	// keeps them; Page is a multiple of [AttentionTile]. Segments then count key rows
	// through the table, each sequence from the beginning of a page on: row r is row
	// Pages[r/Page]·Page + r%Page. There is no gradient through pages.
	Pages *Tensor
	Page  int
}

// AttentionTile is the number of keys that attention takes at once: pages hold whole tiles, so
// that results are the same bits wherever the pages lie.
const AttentionTile = kernel.KeyTile

// Attention returns softmax(q·kᵀ·scale)·v for each head, within each sequence,
// (N, H, D): queries q (N, H, D), keys and values (rows, G, D). Each of the G
// heads of k and v serves H/G heads of q (Ainslie 2023, arXiv:2305.13245).
// Scores are never stored whole (Dao 2022, arXiv:2205.14135).
//
// segments (S, 4) i32 has a row for each sequence: its first row in q, its
// number of queries, its first row in k and v, its number of keys. The last
// query stands at the position of the last key, so that no sequence has more
// queries than keys; but where o is Bidirectional and has no Window, positions do
// not matter, and the keys may be another sequence's. nil is one sequence of all
// rows. Every row of q belongs to a sequence. See [Step.Segments].
//
// k and v are f32; where no gradient is wanted also both f16, or q8_0 where D is a multiple of 32.
func (q *Tensor) Attention(k, v, segments *Tensor, o AttentionOptions) *Tensor {
	s := stepOf("Attention", q, k, v, segments)
	floats("Attention", q)
	if s.wanted(q, k, v) {
		floats("Attention", q, k, v)
		if o.Pages != nil {
			panic("tensor: Attention: there is no gradient through pages")
		}
	}
	if q.dims != 3 || k.dims != 3 || !k.same(&v.array) || q.shape[2] != k.shape[2] || k.shape[1] == 0 || q.shape[1]%k.shape[1] != 0 {
		panic(fmt.Sprintf("tensor: Attention: q %v, k %v and v %v do not fit", q, k, v))
	}
	if segments == nil {
		segments = s.whole(q.shape[0], k.shape[0])
	}
	y := s.like(q)
	e := entry{back: attentionBack, out: y, in: [3]*Tensor{q, k, v}, aside: segments, attn: o}
	if s.wanted(q, k, v) {
		e.saved = s.sized(q.shape[0], q.shape[1])
	}
	s.dev.k.Attention(y.rows(), e.saved.optional(), q.rows(), k.rows(), v.rows(), segments.rows(), s.attention(o, q, k))
	s.record(e)
	return y
}

func attentionBack(s *Step, e entry) {
	q, k, v := e.in[0], e.in[1], e.in[2]
	if k.shape[0] != q.shape[0] { // rows that no query saw get no gradient from the kernel
		s.begin(k)
		s.begin(v)
	}
	dy := e.out.upstream()
	d, acc := s.gradients(q, k, v)
	s.dev.k.AttentionGrad(d[0].rows(), d[1].rows(), d[2].rows(), q.rows(), k.rows(), v.rows(),
		e.out.rows(), e.saved.rows(), dy.rows(), e.aside.rows(), s.attention(e.attn, q, k), acc)
}

// attention is o for the heads of q and k, in the step's precision.
func (s *Step) attention(o AttentionOptions, q, k *Tensor) kernel.AttentionParams {
	if o.Scale == 0 {
		o.Scale = float32(1 / math.Sqrt(float64(q.shape[2])))
	}
	return kernel.AttentionParams{
		H: q.shape[1], G: k.shape[1], D: q.shape[2],
		Scale: o.Scale, SoftCap: o.SoftCap, Window: o.Window, Causal: !o.Bidirectional, Precision: kernel.DType(s.o.Precision),
		Pages: o.Pages.optional(), Page: o.Page,
	}
}
