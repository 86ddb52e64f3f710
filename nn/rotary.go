package nn

import (
	"math"
	"sync"

	"github.com/inkstone-ai/inkstone/tensor"
)

// Rotary turns pairs of channels by angles that grow with the position, so that
// a score depends on the distance of its query and key (Su et al. 2021,
// arXiv:2104.09864, eq. 34). Channel i pairs with i+D/2, as in Hugging Face's
// files. The layers of a model share one.
type Rotary struct {
	freqs []float32 // radians per position of each pair

	mu     sync.Mutex
	tables map[*tensor.Device]*tensor.Tensor // freqs on each device that asked
}

// NewRotary returns the rotation with frequencies theta^(−2i/dim) for dim
// channels per head. scale, which may be nil, changes a frequency: see
// [ScaleLlama3] for one.
func NewRotary(dim int, theta float64, scale func(freq float64) float64) *Rotary {
	r := &Rotary{freqs: make([]float32, dim/2), tables: map[*tensor.Device]*tensor.Tensor{}}
	for i := range r.freqs {
		f := math.Pow(theta, -2*float64(i)/float64(dim))
		if scale != nil {
			f = scale(f)
		}
		r.freqs[i] = float32(f)
	}
	return r
}

// ScaleLlama3 returns Llama 3.1's change of frequencies (the rope_type "llama3"
// of config.json), which stretches the context: waves longer than context/low
// positions are slowed by factor, those shorter than context/high are kept, and
// in between it goes over smoothly.
func ScaleLlama3(factor, low, high float64, context int) func(freq float64) float64 {
	return func(f float64) float64 {
		turns := float64(context) * f / (2 * math.Pi)
		keep := min(max((turns-low)/(high-low), 0), 1)
		return f * (keep + (1-keep)/factor)
	}
}

// Rotate turns the heads of x (N, H, D) to positions pos (N).
func (r *Rotary) Rotate(x, pos *tensor.Tensor) *tensor.Tensor {
	return x.Rotary(pos, r.table(x.Device()), false)
}

// table is made at the first use: a constructor knows no device.
func (r *Rotary) table(d *tensor.Device) *tensor.Tensor {
	r.mu.Lock()
	defer r.mu.Unlock()
	t := r.tables[d]
	if t == nil {
		t = tensor.FromFloats(d, r.freqs, len(r.freqs))
		r.tables[d] = t
	}
	return t
}
