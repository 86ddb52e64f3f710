package tune

import (
	"math"
	"testing"
	"time"
)

func TestCorrelations(t *testing.T) {
	x, y := []float64{1, 2, 3, 4}, []float64{1, 4, 9, 16}
	if got := pearson(ranks(x), ranks(y)); math.Abs(got-1) > 1e-12 {
		t.Errorf("the rank correlation of squares is %g", got)
	}
	if got, want := pearson(x, y), 0.9843740386976972; math.Abs(got-want) > 1e-12 { // numpy.corrcoef
		t.Errorf("the correlation of squares is %g, want %g", got, want)
	}
	if got := pearson(x, []float64{2, 2, 2, 2}); got != 0 {
		t.Errorf("the correlation with a constant is %g", got)
	}
	if got := ranks([]float64{5, 1, 5}); got[0] != 1.5 || got[1] != 0 || got[2] != 1.5 {
		t.Errorf("ranks %v, want equal ones to share", got)
	}
}

// TestRanksOfNaN: a model that says no number is measured too.
func TestRanksOfNaN(t *testing.T) {
	done := make(chan float64)
	go func() { done <- pearson([]float64{1, math.NaN()}, ranks([]float64{1, math.NaN()})) }()
	select {
	case r := <-done:
		if !math.IsNaN(r) {
			t.Errorf("the correlation with what is no number is %g", r)
		}
	case <-time.After(10 * time.Second):
		t.Fatal("ranks of what is no number take forever")
	}
}

func TestWordF1(t *testing.T) {
	for _, tt := range []struct {
		said, truth string
		want        float64
	}{
		{"The Panthers!", "panthers", 1}, {"a b c", "b c d", 0.8}, {"", "x", 0}, {"李白诗", "李白", 0.8},
	} {
		if got := wordF1(tt.said, tt.truth); math.Abs(got-tt.want) > 1e-9 {
			t.Errorf("%q for %q: %g, want %g", tt.said, tt.truth, got, tt.want)
		}
	}
}
