package tensor

import "fmt"

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
