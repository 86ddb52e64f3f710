package eval

import (
	"math"
	"testing"

	"github.com/inkstone-ai/inkstone/model/fusion"
)

// TestChance: by counting the ways to draw.
func TestChance(t *testing.T) {
	for _, tt := range []struct {
		n, right, k int
		want        float64
	}{
		{10, 1, 1, 0.1}, {10, 3, 1, 0.3}, {4, 2, 2, 5.0 / 6}, {5, 4, 2, 1}, {5, 0, 3, 0}, {3, 1, 9, 1},
	} {
		if got := chance(tt.n, tt.right, tt.k); math.Abs(got-tt.want) > 1e-12 {
			t.Errorf("%d right of %d, %d drawn: %g, want %g", tt.right, tt.n, tt.k, got, tt.want)
		}
	}
}

// TestRetrieve: who finds whom among four, by hand.
func TestRetrieve(t *testing.T) {
	a := [][]float32{{1, 0}, {0, 1}, {1, 0}, {0.6, 0.8}}
	b := [][]float32{{1, 0}, {0.8, 0.6}, {0, 1}, {-1, 0}}
	// Orders of b: 0 1 2 3 for the first and third; 2 1 0 3 for the second; 1 2 0 3 for the fourth.
	r := retrieve(a, b, []int32{0, 1, 1, 0}, []int{1, 2, 3})
	for i, want := range []int{2, 3, 4} { // right at place 0; at 0 (2 is of class 1); at 1; at 2 (0 is of class 0)
		if r.Found[i] != want {
			t.Errorf("found %v, want 2, 3, 4", r.Found)
			break
		}
	}
	for i, want := range []float64{0.5, 5.0 / 6, 1} {
		if math.Abs(r.Chance[i]-want) > 1e-12 {
			t.Errorf("chance %v", r.Chance)
			break
		}
	}
	if r.Of != 4 {
		t.Errorf("of %d", r.Of)
	}
}

// TestSets: every choice once, those of more modalities first.
func TestSets(t *testing.T) {
	all := Sets(fusion.All)
	if len(all) != 7 || all[0] != fusion.All || all[1].String() != "picture+sound" || all[6].String() != "name" {
		t.Errorf("%v", all)
	}
	if some := Sets(fusion.SetOf(fusion.Picture, fusion.Name)); len(some) != 3 || some[0].Has(fusion.Sound) {
		t.Errorf("%v", some)
	}
}
