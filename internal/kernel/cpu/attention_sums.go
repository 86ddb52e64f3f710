package cpu

import (
	"math"

	"github.com/inkstone-ai/inkstone/internal/kernel"
)

// sums are what n lanes have added up over some keys: the largest score, and relative to
// its power of e the sum of the weights and the sums of the weighted values.
type sums struct {
	top, sum []float32 // (n)
	out      []float32 // (n, wide)
}

func (s sums) copy(from sums) {
	copy(s.top, from.top)
	copy(s.sum, from.sum)
	copy(s.out, from.out)
}

// merge adds the sums over the keys that follow. A lane that sees none of them stays as it
// is, to the bit: in another batch it would not have been here.
func (s sums) merge(v *vectors, next sums) {
	wide := len(s.out) / len(s.top)
	for l, top := range next.top {
		if math.IsInf(float64(top), -1) && next.sum[l] == 0 {
			continue
		}
		before, out, more := s.top[l], s.out[l*wide:][:wide], next.out[l*wide:][:wide]
		if math.IsInf(float64(before), -1) && s.sum[l] == 0 {
			s.top[l], s.sum[l] = top, next.sum[l]
			copy(out, more)
			continue
		}
		s.top[l] = max(before, top)
		a, b := exp32(before-s.top[l]), exp32(top-s.top[l])
		s.sum[l] = float32(s.sum[l]*a) + float32(next.sum[l]*b)
		v.unary[kernel.MulScalar](out, out, a, 0)
		v.unary[kernel.MulScalar](more, more, b, 0)
		v.binary[kernel.Add](out, out, more)
	}
}

func exp32(x float32) float32 { return float32(math.Exp(float64(x))) }
