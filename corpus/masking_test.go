package corpus_test

import (
	"math"
	"slices"
	"testing"

	"github.com/inkstone-ai/inkstone/corpus"
)

// Ids 0 … 4 are special, 4 is the mask; odd ids continue a word.
func masking() *corpus.Masking {
	m := corpus.BERTMasking(7, 4, 1000, func(id int32) bool { return id < 5 })
	m.Continues = func(id int32) bool { return id%2 == 1 }
	return m
}

func row(n int) []int32 {
	ids := make([]int32, n)
	for i := range ids {
		ids[i] = int32(5 + (i*40503>>5)%900)
	}
	ids[0], ids[n-1] = 2, 3
	return ids
}

// TestMaskingShares: of many tokens 15 % are chosen, of them 80 % masked, 10 %
// random and 10 % as they were, and none is special.
func TestMaskingShares(t *testing.T) {
	m, n, chosen := masking(), 0, 0
	kinds := map[string]int{}
	for i := range int64(200) {
		ids := row(500)
		was := slices.Clone(ids)
		places, were := m.Hide(ids, i)
		n, chosen = n+498, chosen+len(places)
		for k, at := range places {
			switch {
			case was[at] != were[k]:
				t.Fatalf("place %d held %d, Hide says %d", at, was[at], were[k])
			case was[at] < 5:
				t.Fatalf("the special token %d is chosen", was[at])
			case ids[at] == 4:
				kinds["mask"]++
			case ids[at] == was[at]:
				kinds["same"]++
			case ids[at] < 5:
				t.Fatalf("a random token is the special one %d", ids[at])
			default:
				kinds["random"]++
			}
			was[at] = ids[at]
		}
		if !slices.Equal(was, ids) {
			t.Fatal("a token changed that was not chosen")
		}
	}
	for kind, want := range map[string]float64{"mask": 0.8, "random": 0.1, "same": 0.1} {
		if got := float64(kinds[kind]) / float64(chosen); math.Abs(got-want) > 0.01 {
			t.Errorf("%s: %.3f of the chosen, want %.2f", kind, got, want)
		}
	}
	if got := float64(chosen) / float64(n); math.Abs(got-0.15) > 0.001 {
		t.Errorf("%.4f chosen, want 0.15", got)
	}
}

// TestMaskingIsAFunctionOfTheNumber: no state, and other numbers hide others.
func TestMaskingIsAFunctionOfTheNumber(t *testing.T) {
	m := masking()
	a, b, c := row(300), row(300), row(300)
	pa, _ := m.Hide(a, 3)
	m.Hide(row(300), 9)
	pb, _ := m.Hide(b, 3)
	pc, _ := m.Hide(c, 4)
	if !slices.Equal(a, b) || !slices.Equal(pa, pb) {
		t.Error("one number, two maskings")
	}
	if slices.Equal(pa, pc) {
		t.Error("two numbers, one masking")
	}
}

// TestMaskingWholeWords: the pieces of a word are hidden together.
func TestMaskingWholeWords(t *testing.T) {
	m := masking()
	m.WholeWords = true
	for i := range int64(50) {
		ids := row(400)
		was := slices.Clone(ids)
		places, _ := m.Hide(ids, i)
		hidden := map[int]bool{}
		for _, at := range places {
			hidden[int(at)] = true
		}
		for at := 2; at < 399; at++ {
			if was[at]%2 == 1 && hidden[at] != hidden[at-1] {
				t.Fatalf("batch %d: the word at %d is hidden in part", i, at)
			}
		}
		if n := len(places); n < 50 || n > 60 {
			t.Errorf("%d of 398 tokens chosen, want nearly 60", n)
		}
	}
}

func TestMaskingCheck(t *testing.T) {
	for _, change := range []func(*corpus.Masking){
		func(m *corpus.Masking) { m.Share = 0 }, func(m *corpus.Masking) { m.Share = 1 },
		func(m *corpus.Masking) { m.Mask = 0.95 }, func(m *corpus.Masking) { m.Random = -1 },
		func(m *corpus.Masking) { m.Share = math.NaN() },
	} {
		m := masking()
		change(m)
		if m.Check() == nil {
			t.Errorf("%+v passes", m)
		}
	}
	if err := masking().Check(); err != nil {
		t.Error(err)
	}
}
