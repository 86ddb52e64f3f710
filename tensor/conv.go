package tensor

import (
	"fmt"
)

// CausalConv returns y[t] = Σ_k w[k]·x[t−k], channel by channel and within each
// sequence: x (N, C), w (width, C). segments (S, 4) i32 is as for
// [Tensor.Attention], nil one sequence of all rows; each row of x belongs to a
// sequence as a query.
func (x *Tensor) CausalConv(w, segments *Tensor) *Tensor {
	return x.CausalConvRows(w, segments, x.shape[0])
}

// CausalConvRows is CausalConv for n queries whose sequences have earlier rows:
// the keys of segments are rows of x, the queries the n rows of the result.
func (x *Tensor) CausalConvRows(w, segments *Tensor, n int) *Tensor {
	s := stepOf("CausalConv", x, w, segments)
	floats("CausalConv", x, w)
	if x.dims != 2 || w.dims != 2 || w.shape[1] != x.shape[1] {
		mismatch("CausalConv", &x.array, &w.array)
	}
	if segments == nil {
		segments = s.whole(n, x.shape[0])
	}
	y := s.sized(n, x.shape[1])
	s.dev.k.CausalConv(y.rows(), x.rows(), w.rows(), segments.rows())
	s.record(entry{back: convBack, out: y, in: [3]*Tensor{x, w}, aside: segments})
	return y
}

func convBack(s *Step, e entry) {
	x, w, dy := e.in[0], e.in[1], e.out.upstream()
	if x.shape[0] != dy.shape[0] { // rows of no sequence get no gradient from the kernel
		s.begin(x)
	}
	var dw array
	if w.tracked() {
		dw = s.gradientAdd(w)
	} else {
		dw = s.like(w).array // the kernel wants a place; nobody reads it
		s.dev.k.Fill(dw.rows(), 0)
	}
	dx, acc := s.gradients(x)
	s.dev.k.CausalConvGrad(dx[0].rows(), dw.rows(), x.rows(), w.rows(), dy.rows(), e.aside.rows(), acc)
}

// begin makes sure that the gradient of t, where it is tracked, holds numbers.
func (s *Step) begin(t *Tensor) {
	if !t.tracked() {
		return
	}
	if d, acc := s.gradient(t); !acc {
		s.dev.k.Fill(d.rows(), 0)
	}
}

// Dropout sets each element to 0 with probability rate and divides the others
// by 1−rate (Srivastava 2014), in a step made for training; else it returns x.
// Which ones is a function of the step's seed, its index and the place of the
// operation among those that draw numbers.
func (x *Tensor) Dropout(rate float32) *Tensor {
	s := floats("Dropout", x)
	if rate < 0 || rate >= 1 {
		panic(fmt.Sprintf("tensor: Dropout: rate %v is not in [0, 1)", rate))
	}
	if !s.o.Grad || rate == 0 {
		return x
	}
	y, key := s.like(x), s.draw()
	s.dev.k.Dropout(y.rows(), x.rows(), rate, key, false)
	s.record(entry{back: dropoutBack, out: y, in: [3]*Tensor{x}, f: [2]float32{rate}, key: key})
	return y
}

func dropoutBack(s *Step, e entry) {
	dy := e.out.upstream()
	dx, acc := s.inherit(e.in[0], e.out)
	s.dev.k.Dropout(dx.rows(), dy.rows(), e.f[0], e.key, acc)
}

// draw returns the key of the next operation that draws random numbers.
func (s *Step) draw() uint64 {
	s.ops++
	return mix(mix(mix(s.o.Seed)^s.index) ^ s.ops)
}

// mix is the finalizer of SplitMix64 (Steele, Lea & Flood 2014) after its
// increment: neighbouring numbers give unrelated keys.
func mix(x uint64) uint64 {
	x += 0x9E3779B97F4A7C15
	x = (x ^ x>>30) * 0xBF58476D1CE4E5B9
	x = (x ^ x>>27) * 0x94D049BB133111EB
	return x ^ x>>31
}
