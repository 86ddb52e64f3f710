package eval_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/inkstone-ai/inkstone/eval"
)

func TestTranslationMemory(t *testing.T) {
	m := eval.NewTranslationMemory([]string{"the dog runs", "a cat sleeps", "the dog sleeps"}, []string{"狗跑", "猫睡", "狗睡"})
	for source, want := range map[string]string{"the dog runs": "狗跑", "a dog runs": "狗跑", "cats sleep": "猫睡", "the dog sleeps now": "狗睡"} {
		if got := m.Translate(source); got != want {
			t.Errorf("%q: %q, want %q", source, got, want)
		}
	}
}

// TestIBM1: the example of Knight's tutorial (1999): of three pairs, in each of
// which every word could be every other, expectation–maximisation finds which.
func TestIBM1(t *testing.T) {
	words := func(texts ...string) (all [][]string) {
		for _, s := range texts {
			all = append(all, strings.Fields(s))
		}
		return all
	}
	m, err := eval.TrainIBM1(words("the house", "the book", "a book"), words("das Haus", "das Buch", "ein Buch"))
	if err != nil {
		t.Fatal(err)
	}
	for source, want := range map[string]string{"the house": "das Haus", "a book": "ein Buch", "a house": "ein Haus", "a Kilogramm": "ein Kilogramm"} {
		if got := m.Translate(strings.Fields(source)); !slices.Equal(got, strings.Fields(want)) {
			t.Errorf("%q: %q, want %q", source, got, want)
		}
	}
}

func TestJoined(t *testing.T) {
	if got, want := eval.Joined([]string{"我", "用", "Go", "1.25", "写", "。"}), "我用Go 1.25写。"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}
