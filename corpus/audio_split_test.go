package corpus_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/inkstone-ai/inkstone/corpus"
)

// echoes are n recordings of each of two words by each of two speakers, all different but the last
// two of each.
func echoes(n int) *corpus.Sounds {
	s := &corpus.Sounds{Rate: 100, Classes: []string{"a", "b"}}
	for g := range 4 {
		for i := range n {
			s.Samples = append(s.Samples, []float32{float32(g), float32(min(i, n-2))})
			s.Labels, s.Speakers = append(s.Labels, int32(g%2)), append(s.Speakers, []string{"ann", "bob"}[g/2])
			s.Numbers, s.Names = append(s.Numbers, i), append(s.Names, fmt.Sprintf("%d-%d", g, i))
		}
	}
	return s
}

// TestSoundsSplit: a share of every speaker's every word, equal recordings on one side, by the seed and
// not by names.
func TestSoundsSplit(t *testing.T) {
	s := echoes(20)
	train, held, err := s.Split(0.25, 1)
	if err != nil {
		t.Fatal(err)
	}
	if train.Len()+held.Len() != s.Len() {
		t.Fatalf("%d and %d recordings of %d", train.Len(), held.Len(), s.Len())
	}
	counts := map[string]int{}
	for i := range held.Samples {
		counts[fmt.Sprint(held.Labels[i], held.Speakers[i])]++
		for j, x := range train.Samples {
			if slices.Equal(x, held.Samples[i]) {
				t.Errorf("%s is learned from and equals %s", train.Names[j], held.Names[i])
			}
		}
	}
	for name, n := range counts {
		if n != 5 && n != 6 {
			t.Errorf("%d of 20 recordings of %s are held out, want 5, or 6 with an equal one", n, name)
		}
	}
	if len(counts) != 4 {
		t.Errorf("held out: %v, want all four", counts)
	}
	other := echoes(20)
	for i := range other.Names {
		other.Names[i] = "x" + other.Names[i]
	}
	if _, again, _ := other.Split(0.25, 1); !slices.Equal(again.Numbers, held.Numbers) {
		t.Error("other names make another split")
	}
	if _, again, _ := s.Split(0.25, 2); slices.Equal(again.Names, held.Names) {
		t.Error("another seed makes the same split")
	}
	one := s.Where(func(i int) bool { return s.Numbers[i] == 0 })
	if _, _, err := one.Split(0.5, 1); err == nil || !strings.Contains(err.Error(), "4 recordings of 2 words are too few") {
		t.Errorf("one of each: %v", err)
	}
}

// TestSoundsDigest: what is learned from changes it, names do not.
func TestSoundsDigest(t *testing.T) {
	first := echoes(3).Digest()
	for name, change := range map[string]func(s *corpus.Sounds){
		"rate":    func(s *corpus.Sounds) { s.Rate++ },
		"sample":  func(s *corpus.Sounds) { s.Samples[4][1]++ },
		"label":   func(s *corpus.Sounds) { s.Labels[0] = 1 },
		"speaker": func(s *corpus.Sounds) { s.Speakers[0] = "bob" },
		"class":   func(s *corpus.Sounds) { s.Classes[0] = "c" },
	} {
		s := echoes(3)
		change(s)
		if s.Digest() == first {
			t.Errorf("another %s is not seen", name)
		}
	}
	s := echoes(3)
	s.Names[0] = "elsewhere"
	if s.Digest() != first {
		t.Error("a name is seen")
	}
	if got := s.Voices(); !slices.Equal(got, []string{"ann", "bob"}) {
		t.Errorf("voices %q", got)
	}
}
