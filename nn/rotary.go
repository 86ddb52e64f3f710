package nn

import (
	"fmt"
	"math"
	"slices"
	"sync"

	"github.com/inkstone-ai/inkstone/tensor"
)

// Rotary turns pairs of channels by angles that grow with the position, so that
// a score depends on the distance of its query and key (Su et al. 2021,
// arXiv:2104.09864, eq. 34). Channel i pairs with i+D/2, as in Hugging Face's
// files. The layers of a model share one; nil turns nothing.
type Rotary struct {
	freqs []float32 // radians per position of each pair

	// Gain multiplies the channels that turn, of queries and keys; 0 means 1. It sharpens
	// attention over stretched contexts (Peng et al. 2023, YaRN, arXiv:2309.00071, eq. 21).
	Gain float32

	// Beyond is the rotation of sequences of length positions, where that is more than Reach;
	// nil: r itself. Some models stretch the context as it is needed, and only then.
	Beyond func(length int) *Rotary
	Reach  int

	mu     sync.Mutex
	tables map[*tensor.Device]*tensor.Tensor // freqs on each device that asked
}

// A FreqScale changes the frequency of a pair of channels, to stretch the context.
type FreqScale func(pair int, freq float64) float64

// NewRotary returns the rotation with frequencies theta^(−2i/dim) for dim
// channels per head, those behind them staying as they are. scale may be nil.
func NewRotary(dim int, theta float64, scale FreqScale) *Rotary {
	r := &Rotary{freqs: make([]float32, dim/2), tables: map[*tensor.Device]*tensor.Tensor{}}
	for i := range r.freqs {
		f := math.Pow(theta, -2*float64(i)/float64(dim))
		if scale != nil {
			f = scale(i, f)
		}
		r.freqs[i] = float32(f)
	}
	return r
}

// ScaleLinear divides all frequencies: positions shrink by the factor (Chen et al.
// 2023, arXiv:2306.15595, eq. 4).
func ScaleLinear(factor float64) FreqScale {
	return func(_ int, f float64) float64 { return f / factor }
}

// ScaleEach divides each frequency by a factor of its own (Ding et al. 2024, LongRoPE,
// arXiv:2402.13753, eq. 2).
func ScaleEach(factors []float64) FreqScale {
	return func(pair int, f float64) float64 { return f / factors[pair] }
}

// ScaleLlama3 returns Llama 3.1's change of frequencies (the rope_type "llama3"
// of config.json), which stretches the context: waves longer than context/low
// positions are slowed by factor, those shorter than context/high are kept, and
// in between it goes over smoothly.
func ScaleLlama3(factor, low, high float64, context int) FreqScale {
	return func(_ int, f float64) float64 {
		turns := float64(context) * f / (2 * math.Pi)
		keep := min(max((turns-low)/(high-low), 0), 1)
		return f * (keep + (1-keep)/factor)
	}
}

// A YaRN is the change of frequencies of Peng et al. 2023, arXiv:2309.00071, section
// 3.2: pairs that turn more than Fast times in the Context are kept, those that turn
// less than Slow times are slowed by Factor, with a ramp over the pairs in between.
type YaRN struct {
	Factor     float64
	Context    int // for which the frequencies were trained
	Fast, Slow float64
	Exact      bool // the ramp's ends are not moved to whole pairs
}

// Scale is the change for dim channels with frequencies theta^(−2i/dim).
func (y YaRN) Scale(dim int, theta float64) FreqScale {
	pair := func(turns float64) float64 { // that turns so often in the context
		return float64(dim) * math.Log(float64(y.Context)/(turns*2*math.Pi)) / (2 * math.Log(theta))
	}
	low, high := pair(y.Fast), pair(y.Slow)
	if !y.Exact {
		low, high = math.Floor(low), math.Ceil(high)
	}
	low, high = max(low, 0), min(high, float64(dim-1))
	if low == high {
		high += 0.001 // as transformers has it: a step is a steep ramp
	}
	return func(pair int, f float64) float64 {
		slow := min(max((float64(pair)-low)/(high-low), 0), 1)
		return f * (1 - slow + slow/y.Factor)
	}
}

// Turn turns the heads of x (N, H, D) to the positions of p's tokens. It panics where a
// sequence goes beyond Reach in more than one pass: what a cache holds of it was turned
// otherwise. A caller that keeps to the context of model.Shape does not get there.
func (r *Rotary) Turn(p *Pass, x *tensor.Tensor) *tensor.Tensor {
	if r == nil {
		return x
	}
	reaches := func(s Span) bool { return s.Past+s.Rows <= r.Reach }
	if r.Beyond == nil || !slices.ContainsFunc(p.Spans, func(s Span) bool { return !reaches(s) }) {
		return r.Rotate(x, p.Pos)
	}
	var parts []*tensor.Tensor // of each sequence
	row := 0
	for _, s := range p.Spans {
		own := x.Slice(0, row, row+s.Rows)
		pos := p.Ints(p.pos[row : row+s.Rows])
		if row += s.Rows; reaches(s) {
			parts = append(parts, r.Rotate(own, pos))
			continue
		}
		if s.Past > 0 {
			panic(fmt.Sprintf("nn: a sequence of %d positions with %d in a cache: frequencies change at %d, read it in one pass", s.Past+s.Rows, s.Past, r.Reach))
		}
		b := r.Beyond(s.Rows)
		parts = append(parts, b.rotate(own, pos, p.Floats(b.freqs, len(b.freqs))))
	}
	return parts[0].Concat(0, parts[1:]...) // (N, H, D)
}

// Rotate turns the heads of x (N, H, D) to positions pos (N), within Reach.
func (r *Rotary) Rotate(x, pos *tensor.Tensor) *tensor.Tensor {
	if r == nil {
		return x
	}
	return r.rotate(x, pos, r.table(x.Device()))
}

func (r *Rotary) rotate(x, pos, freqs *tensor.Tensor) *tensor.Tensor {
	y := x.Rotary(pos, freqs, false)
	turned, D := 2*len(r.freqs), x.Dim(2)
	switch {
	case r.Gain == 0 || r.Gain == 1:
		return y
	case turned == D:
		return y.Scale(r.Gain)
	}
	return y.Slice(2, 0, turned).Scale(r.Gain).Concat(2, y.Slice(2, turned, D)) // (N, H, D)
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
