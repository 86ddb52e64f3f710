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

// TestMaskingWordsByHand: a word that is longer than the share is hidden whole, for one is
// hidden at least; a special token ends a word, though what follows looks like its piece.
func TestMaskingWordsByHand(t *testing.T) {
	m := masking()
	m.WholeWords = true
	if places, were := m.Hide([]int32{2, 6, 7, 9, 11, 3}, 1); !slices.Equal(places, []int32{1, 2, 3, 4}) || !slices.Equal(were, []int32{6, 7, 9, 11}) {
		t.Errorf("of one word of four pieces %v are hidden, which were %v", places, were)
	}
	hidden := map[int32]bool{}
	for i := range int64(40) {
		places, _ := m.Hide([]int32{6, 2, 7}, i)
		if len(places) != 1 || places[0] == 1 {
			t.Fatalf("batch %d: %v are hidden of two words and a special token between", i, places)
		}
		hidden[places[0]] = true
	}
	if len(hidden) != 2 {
		t.Errorf("only %v are ever hidden", hidden)
	}
}

// TestMaskingNumber: the nearest number to 15 % of the tokens that are not special, but one
// at least where there is any.
func TestMaskingNumber(t *testing.T) {
	for plain, want := range map[int]int{0: 0, 1: 1, 3: 1, 9: 1, 11: 2, 16: 2, 17: 3, 30: 5, 100: 15} {
		ids := append(slices.Repeat([]int32{3}, 40), row(plain+2)...)
		if places, were := masking().Hide(ids, 1); len(places) != want || len(were) != want {
			t.Errorf("of %d tokens %d are hidden, want %d", plain, len(places), want)
		}
	}
}

// TestMaskingDraws: the seed decides what is hidden, and a random token is any that is not
// special, one as often as another.
func TestMaskingDraws(t *testing.T) {
	m, other := masking(), masking()
	other.Seed++
	a, _ := m.Hide(row(300), 3)
	b, _ := other.Hide(row(300), 3)
	if !slices.IsSorted(a) {
		t.Errorf("places %v are not in their order", a)
	}
	if slices.Equal(a, b) {
		t.Error("two seeds, one masking")
	}
	m.Mask, m.Random = 0, 1
	var tenths [10]int
	seen, n := map[int32]bool{}, 0
	for i := range int64(100) {
		ids := row(500)
		places, _ := m.Hide(ids, i)
		for _, at := range places {
			tenths[ids[at]/100]++
			seen[ids[at]] = true
			n++
		}
	}
	for k, got := range tenths { // the first lacks the 5 special ones
		if want := float64(n) / 10; math.Abs(float64(got)-want) > 5*math.Sqrt(want) {
			t.Errorf("%d of %d random tokens have the ids from %d to %d, want about %.0f", got, n, 100*k, 100*k+99, want)
		}
	}
	if len(seen) < 990 { // of 995, each about 7 times
		t.Errorf("%d random tokens are only %d different ones", n, len(seen))
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
