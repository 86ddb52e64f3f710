package corpus_test

import (
	"math"
	"strings"
	"testing"

	"github.com/inkstone-ai/inkstone/corpus"
)

func TestParsePerturbation(t *testing.T) {
	p, err := corpus.ParsePerturbation("words:0.25", 7)
	if want := (corpus.Perturbation{Kind: "words", Rate: 0.25, Seed: 7}); err != nil || p != want {
		t.Errorf("got %+v, %v", p, err)
	}
	for _, s := range []string{"", "words", "chars:", "chars:x", "chars:-0.1", "chars:1.1", "chars:NaN", "lines:0.1"} {
		if _, err := corpus.ParsePerturbation(s, 0); err == nil {
			t.Errorf("%q passed", s)
		}
	}
}

func TestPerturb(t *testing.T) {
	const text = "The old man, who knew 12 songs,\n walked home. 春眠不觉晓，处处闻啼鸟。"
	for _, kind := range []string{"chars", "words"} {
		at := func(rate float64, number int) string {
			return corpus.Perturbation{Kind: kind, Rate: rate, Seed: 3}.Text(text, number)
		}
		if got := at(0, 1); got != text {
			t.Errorf("%s at rate 0: %q", kind, got)
		}
		if first, again := at(0.3, 1), at(0.3, 1); first != again || first == at(0.3, 2) {
			t.Errorf("%s: harm is not a function of seed and number alone", kind)
		}
		if got := at(0.3, 1); got == text {
			t.Errorf("%s at rate 0.3 does no harm", kind)
		}
		if got := at(1, 4); kind == "words" && len(strings.Fields(got)) != 1 {
			t.Errorf("words at rate 1 leave %q, want one word", got)
		}
	}
}

// TestPerturbRates counts what is left of many words and letters.
func TestPerturbRates(t *testing.T) {
	const n = 20000
	text := strings.Repeat("ab ", n)
	words := len(strings.Fields(corpus.Perturbation{Kind: "words", Rate: 0.2}.Text(text, 0)))
	if share := float64(words) / n; math.Abs(share-0.8) > 0.01 {
		t.Errorf("%.3f of the words are left, want 0.8", share)
	}
	han := strings.Repeat("春", n)
	left := []rune(corpus.Perturbation{Kind: "words", Rate: 0.2}.Text(han, 0))
	if share := float64(len(left)) / n; math.Abs(share-0.8) > 0.01 {
		t.Errorf("%.3f of the characters are left, want 0.8", share)
	}
	// At rate 0.4 a tenth of the letters is left out, and as many are doubled.
	letters := strings.Count(corpus.Perturbation{Kind: "chars", Rate: 0.4}.Text(text, 0), "a")
	if share := float64(letters) / n; math.Abs(share-1) > 0.03 {
		t.Errorf("%.3f of the a's are there, want 1", share)
	}
}
