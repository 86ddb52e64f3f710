package corpus_test

import (
	"regexp"
	"testing"

	"github.com/inkstone-ai/inkstone/corpus"
)

func TestNumberWords(t *testing.T) {
	for x, want := range map[int]string{
		0: "zero", 7: "seven", 13: "thirteen", 20: "twenty", 85: "eighty five", 100: "one hundred", 812: "eight hundred twelve",
		1000: "one thousand", 20407: "twenty thousand four hundred seven", 999_999: "nine hundred ninety nine thousand nine hundred ninety nine",
	} {
		if got := corpus.NumberWords(x); got != want {
			t.Errorf("%d: %q, want %q", x, got, want)
		}
	}
}

// TestLessons: pairs are functions of the seed, and no source stands twice.
func TestLessons(t *testing.T) {
	iso := regexp.MustCompile(`^(19|20)\d\d-\d\d-\d\d$`)
	for name, write := range map[string]func(int, uint64) []corpus.Pair{"numbers": corpus.NumberPairs, "dates": corpus.DatePairs} {
		pairs, again, other := write(3000, 1), write(3000, 1), write(3000, 2)
		seen := map[string]bool{}
		for i, p := range pairs {
			if p != again[i] || seen[p.Source] || name == "dates" && !iso.MatchString(p.Target) {
				t.Fatalf("%s: pair %d is %+v", name, i, p)
			}
			seen[p.Source] = true
		}
		if pairs[0] == other[0] && pairs[1] == other[1] {
			t.Errorf("%s: two seeds, one list", name)
		}
	}
}
