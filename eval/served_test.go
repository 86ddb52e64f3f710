package eval_test

import (
	"math"
	"testing"

	"github.com/inkstone-ai/inkstone/eval"
)

// TestAddServed: of all log-probabilities it is what Add is; of a few the divergence is a
// lower bound, by hand.
func TestAddServed(t *testing.T) {
	logs := func(p ...float64) (x []float32, choices []eval.Choice) {
		for i, v := range p {
			x = append(x, float32(math.Log(v)))
			choices = append(choices, eval.Choice{ID: int32(i), LogProb: math.Log(v)})
		}
		return x, choices
	}
	a, _ := logs(0.5, 0.25, 0.125, 0.125)
	b, told := logs(0.25, 0.5, 0.125, 0.125)
	var whole, all, few eval.ParitySum
	whole.Add(a, b, 1)
	all.AddServed(a, eval.Draw{Choice: told[1], Top: told})
	few.AddServed(a, eval.Draw{Choice: told[1]})
	x, y, z := whole.Parity(), all.Parity(), few.Parity()
	near := func(a, b float64) bool { return math.Abs(a-b) < 1e-6 }
	if !near(x.KL, y.KL) || !near(x.MaxDiff, y.MaxDiff) || !near(x.MeanDiff, y.MeanDiff) || !near(x.LossA, y.LossA) || !near(x.LossB, y.LossB) || x.Agree != y.Agree {
		t.Errorf("all told: %+v, want %+v", y, x)
	}
	// 0.25 beside 0.5, and the others 0.75 beside 0.5.
	if want := 0.25*math.Log(0.5) + 0.75*math.Log(1.5); !near(z.KL, want) || z.KL > x.KL || z.Agree != 0 || !near(z.MaxDiff, math.Ln2) {
		t.Errorf("one told: %+v, want a divergence of %g", z, want)
	}
}

// TestAddServedRounded: probabilities that add up to more than one, as rounding leaves
// them, give no infinity; a logit that is none shows.
func TestAddServedRounded(t *testing.T) {
	a := []float32{0, -20, -21}
	d := eval.Draw{Choice: eval.Choice{LogProb: 1e-7}, Top: []eval.Choice{{LogProb: 1e-7}, {ID: 1, LogProb: -20}}}
	var sum eval.ParitySum
	sum.AddServed(a, d)
	if p := sum.Parity(); p.KL > 1e-6 || p.Agree != 1 || p.MaxDiff > 1e-6 {
		t.Errorf("%+v", p)
	}
	a[1] = float32(math.NaN())
	sum.AddServed(a, d)
	if p := sum.Parity(); !math.IsNaN(p.MaxDiff) || p.Agree != 1 {
		t.Errorf("a NaN: %+v", p)
	}
}

// TestBoundServed: another program's own likeliest tokens are not measured by perplexity.
func TestBoundServed(t *testing.T) {
	b := eval.BoundOf([]string{"F32", "Q4_K"}).Served()
	other := eval.Parity{Positions: 100, Agree: 100, LossA: 5, LossB: 4, KL: 0.02}
	if failed := b.Failures(other); len(failed) > 0 || b.Type != "Q4_K" {
		t.Errorf("%+v: %q", b, failed)
	}
	other.KL, other.Agree = 0.04, 70
	if failed := b.Failures(other); len(failed) != 2 {
		t.Errorf("%+v: %q", b, failed)
	}
	for _, kind := range []string{"F32", "Q8_0", "Q4_0"} {
		if b := eval.BoundOf([]string{kind}); b.Served() != b {
			t.Errorf("%+v", b.Served())
		}
	}
}
