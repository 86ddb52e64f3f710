package tensor

import (
	"fmt"
	"math"
	"slices"

	"github.com/inkstone-ai/inkstone/internal/kernel"
)

// AttentionOptions says which keys a query sees and how scores are formed. The
// zero value is causal attention with Scale 1/√D.
type AttentionOptions struct {
	Scale         float32 // of q·k; 0 means 1/√D (Vaswani 2017, arXiv:1706.03762, eq. 1)
	SoftCap       float32 // s → SoftCap·tanh(s/SoftCap); 0 means none (Gemma 2)
	Window        int     // keys at this distance and further are not seen; 0 means all are
	Bidirectional bool    // every key of the sequence is seen; else those up to the query's position
}

// Attention returns softmax(q·kᵀ·scale)·v for each head, within each sequence,
// (N, H, D): queries q (N, H, D), keys and values (rows, G, D). Each of the G
// heads of k and v serves H/G heads of q (Ainslie 2023, arXiv:2305.13245).
// Scores are never stored whole (Dao 2022, arXiv:2205.14135).
//
// segments (S, 4) i32 has a row for each sequence: its first row in q, its
// number of queries, its first row in k and v, its number of keys. The last
// query stands at the position of the last key. nil is one sequence of all
// rows. Every row of q belongs to a sequence. See [Step.Segments].
func (q *Tensor) Attention(k, v, segments *Tensor, o AttentionOptions) *Tensor {
	s := stepOf("Attention", q, k, v, segments)
	floats("Attention", q, k, v)
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
	s.dev.k.Attention(y.rows(), e.saved.optional(), q.rows(), k.rows(), v.rows(), segments.rows(), o.params(q, k))
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
		e.out.rows(), e.saved.rows(), dy.rows(), e.aside.rows(), e.attn.params(q, k), acc)
}

// params is o for the heads of q and k.
func (o AttentionOptions) params(q, k *Tensor) kernel.AttentionParams {
	if o.Scale == 0 {
		o.Scale = float32(1 / math.Sqrt(float64(q.shape[2])))
	}
	return kernel.AttentionParams{
		H: q.shape[1], G: k.shape[1], D: q.shape[2],
		Scale: o.Scale, SoftCap: o.SoftCap, Window: o.Window, Causal: !o.Bidirectional,
	}
}

// Segments returns the segments (S, 4) of S sequences that lie end to end, as
// queries and keys alike: sequence i is rows starts[i] … starts[i+1]−1, and the
// last of starts is their number.
func (s *Step) Segments(starts []int32) *Tensor {
	if len(starts) == 0 || starts[0] != 0 {
		panic(fmt.Sprintf("tensor: Segments: starts %v do not begin with 0", slices.Clone(starts)))
	}
	s.words = s.words[:0]
	for i, from := range starts[:len(starts)-1] {
		n := starts[i+1] - from
		if n < 0 {
			panic(fmt.Sprintf("tensor: Segments: starts %v fall", slices.Clone(starts)))
		}
		s.words = append(s.words, from, n, from, n)
	}
	return s.Ints(s.words, len(starts)-1, 4)
}

// whole is the segments of one sequence.
func (s *Step) whole(queries, keys int) *Tensor {
	s.words = append(s.words[:0], 0, int32(queries), 0, int32(keys))
	return s.Ints(s.words, 1, 4)
}

// Rotary turns pairs of channels of each head of x (N, H, D) by the angle
// pos·freqs (Su 2021, arXiv:2104.09864): pos (N) i32, freqs (P) f32, P ≤ D/2.
// The pairs are channels (i, i+P), as Hugging Face orders them, or (2i, 2i+1)
// where interleaved; channels from 2P on stay.
func (x *Tensor) Rotary(pos, freqs *Tensor, interleaved bool) *Tensor {
	s := stepOf("Rotary", x, pos, freqs)
	floats("Rotary", x, freqs)
	if x.dims != 3 || pos.dtype != I32 || pos.len() != x.shape[0] || 2*freqs.len() > x.shape[2] || !pos.dense() || !freqs.dense() {
		panic(fmt.Sprintf("tensor: Rotary: x %v, positions %v and frequencies %v do not fit", x, pos, freqs))
	}
	y := s.like(x)
	s.dev.k.Rotary(y.rows(), x.rows(), pos.flat(), freqs.flat(), x.shape[1], interleaved, false, false)
	s.record(entry{back: rotaryBack, out: y, in: [3]*Tensor{x}, aside: pos, also: freqs, flag: [2]bool{interleaved}})
	return y
}

// rotaryBack turns dy back.
func rotaryBack(s *Step, e entry) {
	x, dy := e.in[0], e.out.upstream()
	dx, acc := s.inherit(x, e.out)
	s.dev.k.Rotary(dx.rows(), dy.rows(), e.aside.flat(), e.also.flat(), x.shape[1], e.flag[0], true, acc)
}
