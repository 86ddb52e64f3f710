package tokenizer_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/inkstone-ai/inkstone/tokenizer"
)

// naive learns as the definition says: it counts all pairs anew for each merge.
func naive(texts []string, split tokenizer.Split, want, minCount int) (tokens []string) {
	var words [][]string
	for _, text := range texts {
		split.Pieces(text, func(p string) {
			words = append(words, strings.Split(hex(p), " "))
		})
	}
	for b := range 256 {
		tokens = append(tokens, fmt.Sprintf("%02x", b))
	}
	for len(tokens) < 256+want {
		counts := map[[2]string]int{}
		for _, w := range words {
			for i := 0; i+1 < len(w); i++ {
				counts[[2]string{w[i], w[i+1]}]++
			}
		}
		best, most := [2]int{}, 0
		for pair, n := range counts {
			ids := [2]int{slices.Index(tokens, pair[0]), slices.Index(tokens, pair[1])}
			if slices.Contains(tokens, pair[0]+pair[1]) || n < most {
				continue
			}
			if n > most || slices.Compare(ids[:], best[:]) < 0 {
				best, most = ids, n
			}
		}
		if most < minCount {
			break
		}
		left, right := tokens[best[0]], tokens[best[1]]
		tokens = append(tokens, left+right)
		for i, w := range words {
			words[i] = join(w, left, right)
		}
	}
	return tokens
}

// join merges a pair in a word, from left to right.
func join(w []string, left, right string) (out []string) {
	for i := 0; i < len(w); i++ {
		if i+1 < len(w) && w[i] == left && w[i+1] == right {
			out = append(out, left+right)
			i++
		} else {
			out = append(out, w[i])
		}
	}
	return out
}

func hex(s string) string { return fmt.Sprintf("% x", s) }

// vocabulary lists a tokenizer's tokens in hexadecimal.
func vocabulary(t tokenizer.Tokenizer) (tokens []string) {
	for id := range int32(t.Size()) {
		b, _ := t.Token(id)
		tokens = append(tokens, fmt.Sprintf("%x", b))
	}
	return tokens
}

var lessons = []struct {
	name  string
	texts []string
	split tokenizer.Split
}{
	{"words", []string{"low low low lower lowest newer newer wider wider", "the lowest, the newest: the low."}, tokenizer.GPT2},
	{"runs", []string{"aaaaaaa aaaa aaaaaaaaaaaaaaaa a aa aaa", "bbbaaabbbaaa"}, tokenizer.Whole},
	{"three ways to one token", []string{"abc abc abc bcbc bcbc abab abab abcabc cabcab"}, tokenizer.Whole},
	{"ties", []string{"ab cd ef gh ab cd ef gh"}, tokenizer.CL100K},
	{"Chinese", []string{"小明在厨房里。小红在花园里。小明有一个红苹果。", "小红去了厨房。"}, tokenizer.O200K},
	{"samples", samples, tokenizer.GPT2},
}

func TestTrainBPEFollowsTheDefinition(t *testing.T) {
	for _, tt := range lessons {
		for _, minCount := range []int{1, 2, 3} {
			got, err := tokenizer.TrainBPE(slices.Values(tt.texts), tokenizer.TrainOptions{Vocab: 256 + 60, Split: tt.split, MinCount: minCount})
			if err != nil {
				t.Fatalf("%s: %v", tt.name, err)
			}
			if diff := cmp.Diff(naive(tt.texts, tt.split, 60, minCount), vocabulary(got)); diff != "" {
				t.Errorf("%s, at least %d: (-want +got) %s", tt.name, minCount, diff)
			}
		}
	}
}

// TestTrainBPEThreads: neither threads nor the order of texts change a merge.
func TestTrainBPEThreads(t *testing.T) {
	texts := strings.SplitAfter(text(t, "lm-tinyshakespeare/input.txt")[:200_000], "\n\n")
	train := func(threads int) []string {
		b, err := tokenizer.TrainBPE(slices.Values(texts), tokenizer.TrainOptions{Vocab: 1000, Threads: threads})
		if err != nil {
			t.Fatal(err)
		}
		return vocabulary(b)
	}
	want := train(1)
	for _, threads := range []int{2, 7} {
		slices.Reverse(texts)
		if diff := cmp.Diff(want, train(threads)); diff != "" {
			t.Fatalf("%d threads: %s", threads, diff)
		}
	}
}

func TestTrainBPERefuses(t *testing.T) {
	tests := []struct {
		name string
		text string
		o    tokenizer.TrainOptions
		want string
	}{
		{"no room", "abc", tokenizer.TrainOptions{Vocab: 256, Special: []string{"<s>"}}, "has no room for 256 bytes and 1 special tokens"},
		{"no text", "", tokenizer.TrainOptions{Vocab: 300}, "the texts are empty"},
		{"a byte as special", "abc", tokenizer.TrainOptions{Vocab: 300, Special: []string{"a"}}, `special token "a" is a token already`},
		{"an empty special", "abc", tokenizer.TrainOptions{Vocab: 300, Special: []string{""}}, "is empty"},
		{"a special twice", "abc", tokenizer.TrainOptions{Vocab: 300, Special: []string{"<s>", "<s>"}}, "two ids"},
	}
	for _, tt := range tests {
		_, err := tokenizer.TrainBPE(slices.Values([]string{tt.text}), tt.o)
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: error %v, want one with %q", tt.name, err, tt.want)
		}
	}
}

func TestTrainBPEProgress(t *testing.T) {
	calls, last := 0, 0
	b, err := tokenizer.TrainBPE(slices.Values([]string{strings.Repeat("the quick brown fox jumps over the lazy dog ", 3)}),
		tokenizer.TrainOptions{Vocab: 276, Progress: func(done, total int) {
			if total != 20 || done <= last {
				t.Errorf("progress %d of %d after %d", done, total, last)
			}
			calls, last = calls+1, done
		}})
	if err != nil {
		t.Fatal(err)
	}
	if last != 20 || b.Merges() != 20 {
		t.Errorf("progress ended at %d, %d merges, want 20", last, b.Merges())
	}
}

// TestTrainBPEEndsEarly: a short text has few pairs, and Size says so.
func TestTrainBPEEndsEarly(t *testing.T) {
	b, err := tokenizer.TrainBPE(slices.Values([]string{"ab ab"}), tokenizer.TrainOptions{Vocab: 1000, Special: []string{"<|end|>"}})
	if err != nil {
		t.Fatal(err)
	}
	if id, ok := b.ID("<|end|>"); !ok || int(id) != b.Size()-1 || b.Size() != 256+1+1 {
		t.Errorf("size %d and the special token at %d, want 258 and 257", b.Size(), id)
	}
}
