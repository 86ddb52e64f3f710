package train

import (
	"fmt"
	"math"
)

// A Shape is the form of a [Schedule] between its warm-up and its end.
type Shape string

// Shapes of schedules.
const (
	// Constant stays at 1.
	Constant Shape = "constant"
	// Cosine falls along half a cosine from 1 to the floor (Loshchilov & Hutter
	// 2016, arXiv:1608.03983, eq. 5, without restarts).
	Cosine Shape = "cosine"
	// WSD is warm-up, stable, decay: constant, then linear to the floor (Hu et al.
	// 2024, arXiv:2404.06395; the linear decay of Hägele et al. 2024, arXiv:2405.18392).
	WSD Shape = "wsd"
	// Noam falls with the inverse root of the time since the start, and is 1 at the
	// end of its warm-up (Vaswani et al. 2017, arXiv:1706.03762, eq. 3; there the
	// peak is (C·warm-up steps)^−½).
	Noam Shape = "noam"
)

// A Schedule is the share of the peak learning rate at each moment of a run.
// Moments are fractions of the run done, from 0 to 1, so that a run whose end is a
// time and not a step has a schedule too. The zero value is constant at 1.
type Schedule struct {
	Shape  Shape   `json:"shape"`  // "" means Constant
	Warmup float64 `json:"warmup"` // fraction of the run with a linear rise from 0
	Decay  float64 `json:"decay"`  // fraction of the run with WSD's linear fall at its end
	Floor  float64 `json:"floor"`  // the share that is left at the end, of Cosine and WSD
}

// At returns the multiple of the peak learning rate when the fraction done of the
// run lies behind; done is clamped into [0, 1].
func (s Schedule) At(done float64) float64 {
	done = min(max(done, 0), 1)
	if done < s.Warmup {
		return done / s.Warmup
	}
	switch s.Shape {
	case Noam:
		return math.Sqrt(s.Warmup / done)
	case Cosine:
		fallen := (1 - math.Cos(math.Pi*(done-s.Warmup)/(1-s.Warmup))) / 2
		return 1 - (1-s.Floor)*fallen
	case WSD:
		if left := 1 - done; left < s.Decay {
			return s.Floor + (1-s.Floor)*left/s.Decay
		}
	}
	return 1
}

// Check returns an error for a shape that is unknown and for fractions that do not
// fit into a run, as [Run] does.
func (s Schedule) Check() error {
	switch s.Shape {
	case "", Constant, Cosine, WSD, Noam:
	default:
		return fmt.Errorf("schedule %q is unknown; there are %s, %s, %s and %s", s.Shape, Constant, Cosine, WSD, Noam)
	}
	inside := func(x float64) bool { return x >= 0 && x <= 1 }
	if !inside(s.Warmup) || !inside(s.Decay) || !inside(s.Floor) {
		return fmt.Errorf("schedule %s: warmup %g, decay %g and floor %g must each lie in [0, 1]", s.Shape, s.Warmup, s.Decay, s.Floor)
	}
	if s.Shape == WSD && s.Warmup+s.Decay > 1 {
		return fmt.Errorf("schedule wsd: warmup %g and decay %g exceed the run", s.Warmup, s.Decay)
	}
	if s.Shape == Cosine && s.Warmup == 1 {
		return fmt.Errorf("schedule cosine: a warmup of 1 leaves nothing to fall")
	}
	if s.Shape == Noam && s.Warmup == 0 {
		return fmt.Errorf("schedule noam: a warmup of 0 has no peak to fall from")
	}
	return nil
}
