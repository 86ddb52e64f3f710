package mel

import (
	"math"
	"math/rand/v2"
)

// Masks hide parts of a recording from a model in training, so that it does not rely on any
// of them: bands of filters and spans of frames become 0 (SpecAugment: Park et al. 2019,
// arXiv:1904.08779, section 2, without its warping of time). The zero value hides nothing.
type Masks struct {
	Bands   int     `json:"bands"`   // bands of filters
	Filters int     `json:"filters"` // most filters of a band
	Spans   int     `json:"spans"`   // spans of frames
	Frames  int     `json:"frames"`  // most frames of a span
	Share   float64 `json:"share"`   // and at most this share of the recording, 0: no such bound
}

// Apply hides parts of energies (T, M) that have 0 as their mean. Widths, 0 too, and places are
// drawn evenly from r.
func (k Masks) Apply(r *rand.Rand, x []float32, M int) {
	T := len(x) / M
	for range k.Bands {
		from, to := place(r, k.Filters, M)
		for t := range T {
			clear(x[t*M+from : t*M+to])
		}
	}
	most := k.Frames
	if k.Share > 0 {
		most = min(most, int(k.Share*float64(T)))
	}
	for range k.Spans {
		from, to := place(r, most, T)
		clear(x[from*M : to*M])
	}
}

// place draws a width of at most most and a place for it among n.
func place(r *rand.Rand, most, n int) (from, to int) {
	width := r.IntN(min(most, n) + 1)
	from = r.IntN(n - width + 1)
	return from, from + width
}

// Colour adds a smooth curve over the filters to energies (T, M), the same to each frame, as another
// microphone, room or voice would: Σ_k a_k·cos(π·k·m/(M−1)) with k from 1 to 4 and a_k normal, of the
// deviation given in nats. A deviation of 0 draws nothing and changes nothing.
func Colour(r *rand.Rand, x []float32, M int, deviation float64) {
	if deviation == 0 {
		return
	}
	curve := make([]float64, M)
	for k := range 4 {
		a := deviation * r.NormFloat64()
		for m := range curve {
			curve[m] += float64(a * math.Cos(math.Pi*float64(k+1)*float64(m)/float64(max(1, M-1))))
		}
	}
	for i := range x {
		x[i] += float32(curve[i%M])
	}
}
