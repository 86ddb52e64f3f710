package tensor

import "fmt"

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
	return s.brief(entry{
		forward: dropoutForward, back: dropoutBack, blind: true, in: [3]*Tensor{x}, f: [2]float32{rate}, key: s.draw(),
	})
}

func dropoutForward(s *Step, e entry) {
	s.dev.k.Dropout(e.out.rows(), e.in[0].rows(), e.f[0], e.key, false)
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
