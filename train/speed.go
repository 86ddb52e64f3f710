package train

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/inkstone-ai/inkstone/tensor"
)

// A Measurement is what a few real steps on this machine showed.
type Measurement struct {
	Steps           int
	TokensPerSecond float64 // the median of the steps but the first
	JoulesPerToken  float64 // of the processor's packages; 0 where no counter can be read
	Activations     int64   // bytes that the step's arena holds
}

// Speed trains s for at least two steps, and more while budget lasts, with products
// in the given precision. It changes the weights: give it a model to throw away.
func Speed(ctx context.Context, d *tensor.Device, p tensor.DType, s *Stepper, budget time.Duration) (Measurement, error) {
	if s.Tokens <= 0 {
		return Measurement{}, fmt.Errorf("train: speed: Stepper.Tokens is %d", s.Tokens)
	}
	c := Config{Device: d, Precision: p, Steps: 1}
	if err := c.check([]*Stepper{s}); err != nil {
		return Measurement{}, err
	}
	r := &run{config: c, steppers: []*Stepper{s}, saved: -1}
	defer r.free()
	if err := r.begin(); err != nil {
		return Measurement{}, err
	}
	rates, joules, err := r.sample(ctx, s, budget)
	if err != nil {
		return Measurement{}, err
	}
	slices.Sort(rates)
	return Measurement{len(rates) + 1, rates[len(rates)/2], joules / float64(len(rates)*s.Tokens), int64(r.step.Held())}, nil
}

// sample returns the tokens per second of each step but the first, which
// allocates, and the energy of them together.
func (r *run) sample(ctx context.Context, s *Stepper, budget time.Duration) (rates []float64, joules float64, err error) {
	began, energy := time.Now(), (*energyMeter)(nil)
	for i := 0; i < 2 || time.Since(began) < budget; i++ {
		if err := ctx.Err(); err != nil {
			return nil, 0, fmt.Errorf("train: speed: %w", err)
		}
		if i == 1 {
			energy = startEnergy()
		}
		start := time.Now()
		if _, err := r.update(0, s, 0.5); err != nil {
			return nil, 0, err
		}
		r.state.Step++
		if i > 0 {
			rates = append(rates, float64(s.Tokens)/time.Since(start).Seconds())
		}
	}
	return rates, energy.joules(), nil
}
