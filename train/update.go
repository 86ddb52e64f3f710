package train

import (
	"fmt"
	"math"

	"github.com/inkstone-ai/inkstone/tensor"
)

// allocate gives every parameter the state its rule keeps, zeroed.
func (r *run) allocate() {
	r.slots = map[*Stepper][][][]*tensor.Tensor{}
	for _, s := range r.steppers {
		groups := make([][][]*tensor.Tensor, len(s.Groups))
		for i, g := range s.Groups {
			groups[i] = make([][]*tensor.Tensor, len(g.Params))
			for j, p := range g.Params {
				for range g.Rule.Slots() {
					groups[i][j] = append(groups[i][j], tensor.New(r.config.Device, p.Tensor.Shape()...))
				}
				if p.Rows != nil {
					p.Rows.bind(p.Tensor, len(groups[i][j]))
				}
			}
		}
		r.slots[s] = groups
	}
}

// free returns what begin allocated to the device: it is not the Go heap's.
func (r *run) free() {
	for _, groups := range r.slots {
		for _, params := range groups {
			for _, slots := range params {
				for _, t := range slots {
					t.Free()
				}
			}
		}
	}
	for _, s := range r.steppers {
		s.params(func(p Param) {
			if p.Rows != nil {
				p.Rows.free()
			}
		})
	}
	if r.step != nil {
		r.step.Close()
	}
}

// update makes one step of stepper number i: gradients of all micro batches, the
// check that they are finite, clipping, the optimizers.
func (r *run) update(i int, s *Stepper, done float64) (Metrics, error) {
	rate := s.Schedule.At(done)
	m := Metrics{Step: r.state.Step + 1, Stepper: s.Name, LR: s.Groups[0].LR * rate}
	s.params(func(p Param) { p.trained().ZeroGrad() })
	for micro := range s.micro() {
		loss, err := r.backward(i, s, micro)
		if err != nil {
			return m, err
		}
		m.Loss += loss
	}
	var err error
	if m.Norm, err = r.norm(s); err != nil {
		return m, err
	}
	scale := 1.0
	if s.Clip > 0 && m.Norm > s.Clip {
		scale = s.Clip / m.Norm
	}
	r.apply(s, Hyper{Step: r.state.Step + 1, Scale: scale}, rate)
	return m, nil
}

// backward adds one micro batch's gradients and returns its loss.
func (r *run) backward(i int, s *Stepper, micro int) (float64, error) {
	r.step.Begin(key(r.state.Step, i, micro))
	loss, err := s.Loss(r.step, r.state.Step, micro)
	if err != nil {
		return 0, fmt.Errorf("train: step %d: %w", r.state.Step+1, err)
	}
	value := float64(loss.Item())
	if math.IsNaN(value) || math.IsInf(value, 0) {
		return 0, r.explain(s, value)
	}
	r.step.Backward(loss)
	return value, nil
}

// norm is the global gradient norm: the root of the sum of squares of all
// gradients, the tensors added in their order in float64.
func (r *run) norm(s *Stepper) (float64, error) {
	sum, err := 0.0, error(nil)
	s.params(func(p Param) {
		if err == nil {
			squares := p.trained().Grad().SumSquares()
			if math.IsNaN(squares) || math.IsInf(squares, 0) {
				err = &NonFiniteError{Step: r.state.Step + 1, What: "gradient of " + p.Name, Value: squares}
			}
			sum += squares
		}
	})
	return math.Sqrt(sum), err
}

// apply runs each group's rule on its parameters.
func (r *run) apply(s *Stepper, h Hyper, rate float64) {
	for i, g := range s.Groups {
		h.LR, h.Decay = g.LR*rate, g.Decay
		for j, p := range g.Params {
			if p.Rows != nil {
				p.Rows.update(g.Rule, r.step, r.slots[s][i][j], h)
				continue
			}
			g.Rule.Update(r.step, p.Tensor, r.slots[s][i][j], h)
		}
	}
}

// A NonFiniteError is a NaN or an infinity that stopped a run before it reached
// the weights.
type NonFiniteError struct {
	Step  int    // the step, from 1, that met it
	What  string // the tensor: "loss", "gradient of NAME", "weights/NAME"
	Value float64
}

// Error says the step, the tensor and the number.
func (e *NonFiniteError) Error() string {
	return fmt.Sprintf("train: step %d: %s is %g", e.Step, e.What, e.Value)
}

// explain returns the error of a loss that is not finite. A tensor that is not
// finite itself is named first, since it is the cause.
func (r *run) explain(s *Stepper, loss float64) error {
	var err error
	s.params(func(p Param) {
		if err == nil {
			err = r.finite(p.Name, p.Tensor)
		}
	})
	bad := &NonFiniteError{Step: r.state.Step + 1, What: "loss", Value: loss}
	if err != nil {
		return fmt.Errorf("%w, because %w", bad, err)
	}
	return fmt.Errorf("%w, though every weight is finite", bad)
}

// finite returns an error when a tensor holds a NaN or an infinity. The sum of
// squares decides; where only the sum overflows, each element is asked.
func (r *run) finite(name string, t *tensor.Tensor) error {
	if squares := t.SumSquares(); !math.IsNaN(squares) && !math.IsInf(squares, 0) {
		return nil
	}
	for _, x := range t.Floats() {
		if x := float64(x); math.IsNaN(x) || math.IsInf(x, 0) {
			return &NonFiniteError{Step: r.state.Step, What: name, Value: x}
		}
	}
	return nil
}
