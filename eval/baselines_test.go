package eval_test

import (
	"fmt"
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

// TestTranslationMemoryWeighs: runs of characters count and not characters alone, rare ones
// more than frequent ones, and a long source is not near for its length.
func TestTranslationMemoryWeighs(t *testing.T) {
	for _, tt := range []struct {
		sources      []string
		source, want string
	}{
		{[]string{"ba", "ab"}, "ab", "1"},
		{[]string{"abcdefghijklm ab zq", "ab", "zz"}, "abx", "1"},
		{[]string{"eeee", "exxx", "eeez", "eeey"}, "eeex", "1"},
	} {
		m := eval.NewTranslationMemory(tt.sources, []string{"0", "1", "2", "3"}[:len(tt.sources)])
		if got := m.Translate(tt.source); got != tt.want {
			t.Errorf("%q among %q is nearest to %s, want %s", tt.source, tt.sources, got, tt.want)
		}
	}
}

// TestIBM1Chooses: a source word becomes as many words as it has had, and of its words the
// one that the bigrams know behind the word before.
func TestIBM1Chooses(t *testing.T) {
	words := strings.Fields
	var sources, targets [][]string
	for _, pair := range [][2]string{
		{"river bank", "Fluss Ufer"}, {"money bank", "Geld Institut"}, {"river", "Fluss"}, {"money", "Geld"},
	} {
		sources, targets = append(sources, words(pair[0])), append(targets, words(pair[1]))
	}
	for i := range 40 {
		sources, targets = append(sources, []string{fmt.Sprint("s", i)}), append(targets, []string{fmt.Sprint("t", i), fmt.Sprint("u", i)})
	}
	m, err := eval.TrainIBM1(sources, targets)
	if err != nil {
		t.Fatal(err)
	}
	for source, want := range map[string]string{"river bank": "Fluss Ufer", "money bank": "Geld Institut", "s7": "t7 u7"} {
		if got := strings.Join(m.Translate(words(source)), " "); got != want {
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
