package fusion

import (
	"fmt"
	"math"

	"github.com/inkstone-ai/inkstone/corpus/mel"
)

// An EarConfig says how a sound becomes a picture (T, F) of a fixed size.
type EarConfig struct {
	Rate   int `json:"sampling_rate"` // samples a second
	Frames int `json:"num_frames"`    // T
	Mels   int `json:"num_mel_bins"`  // F
}

func (c EarConfig) check() error {
	if c.Rate < 1 || c.Rate > 1<<24 || c.Frames < 2 || c.Frames > mostSide || c.Mels < 1 || c.Mels > mostSide {
		return fmt.Errorf("sampling_rate %d, num_frames %d, num_mel_bins %d: want 1 to %d, 2 to %d, 1 to %d", c.Rate, c.Frames, c.Mels, 1<<24, mostSide, mostSide)
	}
	_, err := c.frontend()
	return err
}

// frontend has frames of 32 ms, one each 10 ms.
func (c EarConfig) frontend() (*mel.Frontend, error) {
	return mel.New(mel.Options{Rate: c.Rate, Window: c.Rate * 32 / 1000, Hop: c.Rate / 100, Mels: c.Mels, Floor: 1e-7})
}

// An Ear turns sounds to pictures. One goroutine uses it at a time.
type Ear struct {
	front  *mel.Frontend
	frames int
}

// NewEar returns an Ear. Errors: numbers that are absent or absurd, filters so narrow that no
// frequency lies under them.
func NewEar(c EarConfig) (*Ear, error) {
	if err := c.check(); err != nil {
		return nil, fmt.Errorf("fusion: %w", err)
	}
	front, err := c.frontend()
	if err != nil {
		return nil, fmt.Errorf("fusion: %w", err)
	}
	return &Ear{front, c.Frames}, nil
}

// Ear returns that of the model, nil where it hears nothing. One goroutine uses it at a time.
func (e *Encoders) Ear() *Ear {
	if e.heard == nil && e.present.Has(Sound) {
		e.heard, _ = NewEar(e.ear) // the config was checked
	}
	return e.heard
}

// Listen appends a sound's log-mel energies to dst, (T, F): whatever its length, its frames are
// stretched or shrunk to T of them, linearly, so that neither what is said fast nor what is said slowly
// is cut. They are moved and scaled to mean 0 and variance 1. Of no samples all are 0.
func (e *Ear) Listen(dst, samples []float32) []float32 {
	F, from := e.front.Mels(), len(dst)
	y := e.front.LogMel(samples)
	n := len(y) / F
	if n == 0 {
		return append(dst, make([]float32, e.frames*F)...)
	}
	for t := range e.frames {
		at := float64(t) * float64(n-1) / float64(e.frames-1)
		low := int(at)
		high, w := min(low+1, n-1), float32(at-float64(low))
		for f := range F {
			a, b := y[low*F+f], y[high*F+f]
			dst = append(dst, a+float32(w*(b-a)))
		}
	}
	standardise(dst[from:])
	return dst
}

// standardise moves x to mean 0 and scales it to variance 1; what has none becomes 0.
func standardise(x []float32) {
	sum, squares := 0.0, 0.0
	for _, v := range x {
		sum += float64(v)
	}
	mean := sum / float64(len(x))
	for _, v := range x {
		squares += float64((float64(v) - mean) * (float64(v) - mean))
	}
	scale := 0.0
	if squares > 0 {
		scale = 1 / math.Sqrt(squares/float64(len(x)))
	}
	for i, v := range x {
		x[i] = float32((float64(v) - mean) * scale)
	}
}
