package eval_test

import (
	"math"
	"testing"

	"github.com/inkstone-ai/inkstone/eval"
)

// TestWordErrors: counted by hand.
func TestWordErrors(t *testing.T) {
	for _, tt := range []struct {
		hypothesis, reference string
		want                  eval.ErrorRate
		rate                  float64
	}{
		{"the cat sat", "the cat sat", eval.ErrorRate{Length: 3}, 0},
		{"the hat sat", "the cat sat", eval.ErrorRate{Substitutions: 1, Length: 3}, 1. / 3},
		{"the sat", "the cat sat", eval.ErrorRate{Deletions: 1, Length: 3}, 1. / 3},
		{"the the cat  sat\n", "the cat sat", eval.ErrorRate{Insertions: 1, Length: 3}, 1. / 3},
		{"b c d", "a b c", eval.ErrorRate{Deletions: 1, Insertions: 1, Length: 3}, 2. / 3},
		{"x y z q", "a b", eval.ErrorRate{Substitutions: 2, Insertions: 2, Length: 2}, 2},
		{"", "a b", eval.ErrorRate{Deletions: 2, Length: 2}, 1},
		{"a", "", eval.ErrorRate{Insertions: 1}, math.Inf(1)},
		{"", "", eval.ErrorRate{}, 0},
	} {
		got := eval.WordErrors([]string{tt.hypothesis}, []string{tt.reference})
		if got != tt.want || got.Rate() != tt.rate {
			t.Errorf("%q for %q: %+v, rate %v, want %+v, %v", tt.hypothesis, tt.reference, got, got.Rate(), tt.want, tt.rate)
		}
	}
	all := eval.WordErrors([]string{"a b", "c"}, []string{"a x", "c d e"})
	if want := (eval.ErrorRate{Substitutions: 1, Deletions: 2, Length: 5}); all != want || all.Rate() != 0.6 {
		t.Errorf("over a corpus: %+v, rate %v, want %+v", all, all.Rate(), want)
	}
}

// TestLabelErrors: kitten and sitting differ by two substitutions and an insertion.
func TestLabelErrors(t *testing.T) {
	got := eval.LabelErrors([][]rune{[]rune("sitting")}, [][]rune{[]rune("kitten")})
	if want := (eval.ErrorRate{Substitutions: 2, Insertions: 1, Length: 6}); got != want || got.Edits() != 3 {
		t.Errorf("%+v, want %+v", got, want)
	}
	defer func() {
		if recover() == nil {
			t.Error("one hypothesis for no reference is compared")
		}
	}()
	eval.LabelErrors([][]int{{1}}, nil)
}
