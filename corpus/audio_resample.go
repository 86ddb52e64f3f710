package corpus

import (
	"fmt"
	"math"
)

// The low pass of Resample: its sinc is cut after so many zeros on each side, and the
// band that goes through ends at so much of the lower rate's half.
const (
	resampleZeros = 24
	resampleBand  = 0.94
)

// Resample returns a signal of from samples a second as one of to samples a second,
// ⌈n·to/from⌉ of them: sample m is the signal at time m/to, band-limited to what both rates
// hold by a sinc under a Hann window (Smith & Gossett 1984, "A flexible sampling-rate
// conversion method"; Oppenheim & Schafer, ch. 4.6):
//
//	y[m] = Σ_k x[k]·h(m·from/to − k), h(t) = c·sinc(c·t)·cos²(π·c·t/2Z), |c·t| < Z
//
// with c = 0.94·min(1, to/from) and Z = 24, scaled so that a constant stays what it is; tones
// up to 0.85 of the lower rate's half keep their height to 0.6 %. Beyond
// its ends the signal is 0. It panics where a rate is not positive.
func Resample(x []float32, from, to int) []float32 {
	if from <= 0 || to <= 0 {
		panic(fmt.Sprintf("corpus: Resample from %d to %d samples a second", from, to))
	}
	if from == to {
		return x
	}
	g := gcd(from, to)
	step, phases := from/g, to/g
	y := make([]float32, (len(x)*phases+step-1)/step)
	filters := map[int][]float64{}
	reach := resampleReach(step, phases)
	for m := range y {
		at, phase := m*step/phases, m*step%phases
		h := filters[phase]
		if h == nil {
			h = resampleFilter(phase, step, phases)
			filters[phase] = h
		}
		sum := 0.0
		for i := max(0, reach-at); i < len(h) && at+i-reach < len(x); i++ {
			sum += h[i] * float64(x[at+i-reach])
		}
		y[m] = float32(sum)
	}
	return y
}

// resampleCut is c.
func resampleCut(step, phases int) float64 {
	return resampleBand * min(1, float64(phases)/float64(step))
}

// resampleReach is the number of samples on each side that h sees.
func resampleReach(step, phases int) int {
	return int(math.Ceil(resampleZeros / resampleCut(step, phases)))
}

// resampleFilter is h at the distances of samples from a time phase/phases behind one of them.
func resampleFilter(phase, step, phases int) []float64 {
	c, reach := resampleCut(step, phases), resampleReach(step, phases)
	h, sum := make([]float64, 2*reach+2), 0.0
	for i := range h {
		t := c * (float64(phase)/float64(phases) - float64(i-reach))
		if math.Abs(t) >= resampleZeros {
			continue
		}
		window := math.Cos(math.Pi * t / (2 * resampleZeros))
		h[i] = window * window
		if t != 0 {
			h[i] *= math.Sin(math.Pi*t) / (math.Pi * t)
		}
		sum += h[i]
	}
	for i := range h {
		h[i] /= sum
	}
	return h
}

func gcd(a, b int) int {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}
