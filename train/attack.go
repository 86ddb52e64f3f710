package train

import (
	"fmt"
	"math"
	"math/rand/v2"

	"github.com/inkstone-ai/inkstone/tensor"
)

// An Attack moves inputs, numbers from 0 to 1, to where a loss is larger, no further than
// Epsilon from where they were. The zero value moves nothing.
//
//   - "fgsm": one step of ε along the gradient (Goodfellow et al. 2015, arXiv:1412.6572);
//   - "pgd": Steps steps of Rate, from a random place, each followed by the projection onto
//     what is allowed (Madry et al. 2018, arXiv:1706.06083).
//
// In the norm "linf" no number moves by more than ε, and steps go along the gradient's
// signs; in "l2" the whole input moves by no more than ε, and steps go along the gradient.
type Attack struct {
	Method  string  `json:"method,omitempty"`  // "fgsm" or "pgd"; "": none
	Norm    string  `json:"norm,omitempty"`    // "linf" or "l2"; "": linf
	Epsilon float64 `json:"epsilon,omitempty"` // ε
	Steps   int     `json:"steps,omitempty"`   // of pgd. 0: 10
	Rate    float64 `json:"rate,omitempty"`    // of a step of pgd. 0: 2.5·ε/steps, which reaches any place that is allowed
}

// Check refuses what is no attack.
func (a Attack) Check() error {
	switch {
	case a == Attack{}:
	case a.Method != "fgsm" && a.Method != "pgd":
		return fmt.Errorf("attack %q is neither fgsm nor pgd", a.Method)
	case a.Norm != "" && a.Norm != "linf" && a.Norm != "l2":
		return fmt.Errorf("norm %q of an attack is neither linf nor l2", a.Norm)
	case !(a.Epsilon > 0) || math.IsInf(a.Epsilon, 0):
		return fmt.Errorf("epsilon %g of an attack is to be a number above 0: how far an input is moved", a.Epsilon)
	case a.Steps < 0 || a.Rate < 0 || math.IsInf(a.Rate, 0) || math.IsNaN(a.Rate):
		return fmt.Errorf("%d steps of %g of an attack must not be negative", a.Steps, a.Rate)
	case a.Method == "fgsm" && (a.Steps > 1 || a.Rate != 0):
		return fmt.Errorf("steps and rate of an attack are of pgd: fgsm makes one step of epsilon")
	}
	return nil
}

// steps is the number of them, and rate the size of each.
func (a Attack) steps() int {
	switch {
	case a.Method == "":
		return 0
	case a.Method == "fgsm":
		return 1
	case a.Steps == 0:
		return 10
	}
	return a.Steps
}

func (a Attack) rate() float64 {
	switch {
	case a.Method == "fgsm":
		return a.Epsilon
	case a.Rate == 0:
		return 2.5 * a.Epsilon / float64(a.steps())
	}
	return a.Rate
}

// Perturb moves x (B, …), persistent and trainable, which holds the clean inputs, B of
// them. loss returns the sum of the losses of what x is then, computed on s; the weights
// it passes should be frozen, see [tensor.Tensor.Freeze]. key decides the random place
// that pgd starts from.
func (a Attack) Perturb(s *tensor.Step, x *tensor.Tensor, key uint64, loss func() (*tensor.Tensor, error)) error {
	clean := x.Floats()
	now := make([]float32, len(clean))
	copy(now, clean)
	one := len(clean) / max(1, x.Dim(0)) // elements of an input
	if a.Method == "pgd" {
		a.scatter(now, one, key)
		a.project(now, clean, one)
		x.WriteFloats(now)
	}
	for i := range a.steps() {
		x.ZeroGrad()
		s.Begin(key + uint64(i))
		l, err := loss()
		if err != nil {
			return err
		}
		s.Backward(l)
		a.climb(now, x.Grad().Floats(), one)
		a.project(now, clean, one)
		x.WriteFloats(now)
	}
	return nil
}

// scatter moves each input to a place drawn from all that is allowed.
func (a Attack) scatter(x []float32, one int, key uint64) {
	r := rand.New(rand.NewPCG(key, 0x41747461636b))
	for from := 0; from < len(x); from += one {
		part := x[from : from+one]
		if a.Norm != "l2" {
			for i := range part {
				part[i] += float32(a.Epsilon * (2*r.Float64() - 1))
			}
			continue
		}
		d := make([]float32, one)
		for i := range d {
			d[i] = float32(r.NormFloat64())
		}
		stretch(d, a.Epsilon*math.Pow(r.Float64(), 1/float64(one))) // even over the ball
		for i := range part {
			part[i] += d[i]
		}
	}
}

// climb makes a step along the gradient g.
func (a Attack) climb(x, g []float32, one int) {
	rate := a.rate()
	for from := 0; from < len(x); from += one {
		part, slope := x[from:from+one], g[from:from+one]
		if a.Norm == "l2" {
			if length := norm(slope); length > 0 {
				for i, v := range slope {
					part[i] += float32(rate * float64(v) / length)
				}
			}
			continue
		}
		for i, v := range slope {
			switch {
			case v > 0:
				part[i] += float32(rate)
			case v < 0:
				part[i] -= float32(rate)
			}
		}
	}
}

// project puts x back to where it may be: near enough to clean, and from 0 to 1.
func (a Attack) project(x, clean []float32, one int) {
	for from := 0; from < len(x); from += one {
		part, at := x[from:from+one], clean[from:from+one]
		if a.Norm == "l2" {
			d := make([]float32, one)
			for i := range d {
				d[i] = part[i] - at[i]
			}
			if norm(d) > a.Epsilon {
				stretch(d, a.Epsilon)
			}
			for i := range d {
				part[i] = at[i] + d[i]
			}
		}
		for i, c := range at {
			if a.Norm != "l2" {
				part[i] = min(max(part[i], c-float32(a.Epsilon)), c+float32(a.Epsilon))
			}
			part[i] = min(max(part[i], 0), 1)
		}
	}
}
