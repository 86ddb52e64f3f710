package seq2seq

import (
	"math"
	"sync"

	"github.com/inkstone-ai/inkstone/tensor"
)

// sinusoids are the positions of Vaswani et al. 2017, section 3.5:
//
//	PE(pos, 2i) = sin(pos/10000^(2i/C))   PE(pos, 2i+1) = cos(pos/10000^(2i/C))
//
// They are no weights: nothing of them is learned or saved.
type sinusoids struct {
	context, width int

	mu     *sync.Mutex
	tables map[*tensor.Device]*tensor.Tensor // (context, C) on each device that asked
}

func newSinusoids(context, width int) sinusoids {
	return sinusoids{context, width, &sync.Mutex{}, map[*tensor.Device]*tensor.Tensor{}}
}

// at returns the rows of positions pos (N), (N, C).
func (s *sinusoids) at(pos *tensor.Tensor) *tensor.Tensor { return s.table(pos.Device()).Rows(pos) }

// table is made at the first use: a constructor knows no device.
func (s *sinusoids) table(d *tensor.Device) *tensor.Tensor {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.tables[d]
	if t == nil {
		t = tensor.FromFloats(d, s.values(), s.context, s.width)
		s.tables[d] = t
	}
	return t
}

func (s *sinusoids) values() []float32 {
	x := make([]float32, s.context*s.width)
	for i := 0; i < s.width; i += 2 {
		freq := math.Pow(10000, -float64(i)/float64(s.width))
		for pos := range s.context {
			sin, cos := math.Sincos(float64(pos) * freq)
			x[pos*s.width+i], x[pos*s.width+i+1] = float32(sin), float32(cos)
		}
	}
	return x
}
