package tokenizer_test

import (
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/inkstone-ai/inkstone/tokenizer"
)

// small trains a tokenizer on a few lines.
func small(t testing.TB, split tokenizer.Split, special ...string) *tokenizer.BPE {
	t.Helper()
	b, err := tokenizer.TrainBPE(slices.Values(samples), tokenizer.TrainOptions{Vocab: 400, Split: split, Special: special, MinCount: 1})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// all returns tokenizers of every kind that keep all bytes.
func all(t testing.TB) map[string]tokenizer.Tokenizer {
	bytes, err := tokenizer.NewByte("<|endoftext|>")
	if err != nil {
		t.Fatal(err)
	}
	return map[string]tokenizer.Tokenizer{
		"bytes": bytes, "gpt2": small(t, tokenizer.GPT2, "<|endoftext|>"), "cl100k": small(t, tokenizer.CL100K, "<|endoftext|>", "<|im_end|>"),
		"o200k": small(t, tokenizer.O200K), "whole": small(t, tokenizer.Whole),
	}
}

func FuzzRoundTrip(f *testing.F) {
	tokenizers := all(f)
	for _, s := range samples {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		for name, tok := range tokenizers {
			if got := tok.Decode(tok.Encode(s)); got != s {
				t.Fatalf("%s: decoded %q, want %q", name, got, s)
			}
			if got := tok.Decode(tok.EncodeSpecial(s)); got != s {
				t.Fatalf("%s: decoded %q from special ids, want %q", name, got, s)
			}
		}
	})
}

// TestMergeDefinition compares the quick ways of merging with the plain one:
// again and again, the leftmost pair of the lowest rank.
func TestMergeDefinition(t *testing.T) {
	b := small(t, tokenizer.Whole)
	rng := rand.New(rand.NewPCG(3, 4))
	for n := range 400 {
		var s strings.Builder
		for range n {
			s.WriteString([]string{"a", "b", " ", "the", "中", "x"}[rng.IntN(6)])
		}
		if diff := cmp.Diff(plainMerge(b, s.String()), b.Encode(s.String()), cmp.Comparer(slices.Equal[[]int32])); diff != "" {
			t.Fatalf("%q: %s", s.String(), diff)
		}
	}
}

// TestMergeForeignRanks is the same for vocabularies that no training here makes:
// ranks in any order, and several merges that give one token.
func TestMergeForeignRanks(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	for range 300 {
		tokens := []string{"a", "b"}
		var merges [][2]string
		for len(tokens) < 14 {
			pair := [2]string{tokens[rng.IntN(len(tokens))], tokens[rng.IntN(len(tokens))]}
			if token := pair[0] + pair[1]; !slices.Contains(tokens, token) {
				tokens = append(tokens, token)
			} else if slices.Contains(merges, pair) {
				continue
			}
			merges = append(merges, pair)
		}
		rng.Shuffle(len(merges), func(i, j int) { merges[i], merges[j] = merges[j], merges[i] })
		vocab := map[string]int{}
		for id, token := range tokens {
			vocab[token] = id
		}
		b, err := tokenizer.Parse(file(map[string]string{
			"model": string(mustJSON(t, map[string]any{"type": "BPE", "vocab": vocab, "merges": merges})),
			"pre":   `{"type": "ByteLevel", "add_prefix_space": false, "use_regex": false}`,
		}))
		if err != nil {
			t.Fatal(err)
		}
		var text []string
		for range 300 {
			text = append(text, tokens[rng.IntN(2)])
		}
		want := rankedMerge(slices.Clone(text), merges)
		var got []string
		for _, id := range b.Encode(strings.Join(text, "")) {
			got = append(got, tokens[id])
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("merges %v: (-want +got)\n%s", merges, diff)
		}
	}
}

// rankedMerge joins the leftmost pair of the lowest rank, again and again.
func rankedMerge(symbols []string, merges [][2]string) []string {
	for {
		best, at := len(merges), 0
		for i := 0; i+1 < len(symbols); i++ {
			if rank := slices.Index(merges, [2]string{symbols[i], symbols[i+1]}); rank >= 0 && rank < best {
				best, at = rank, i
			}
		}
		if best == len(merges) {
			return symbols
		}
		symbols = slices.Replace(symbols, at, at+2, symbols[at]+symbols[at+1])
	}
}

// plainMerge knows a merge's rank by its token's id, as in trained tokenizers.
func plainMerge(b *tokenizer.BPE, s string) []int32 {
	var ids []int32
	for i := range len(s) {
		ids = append(ids, int32(s[i]))
	}
	for {
		best, at := int32(-1), 0
		for i := 0; i+1 < len(ids); i++ {
			left, _ := b.Token(ids[i])
			right, _ := b.Token(ids[i+1])
			if id, ok := b.ID(string(left) + string(right)); ok && (best < 0 || id < best) {
				best, at = id, i
			}
		}
		if best < 0 {
			return ids
		}
		ids = slices.Replace(ids, at, at+2, best)
	}
}

func TestSpecialTokens(t *testing.T) {
	b := small(t, tokenizer.GPT2, "<|end|>", "<|end|>>", "[x]")
	end, _ := b.ID("<|end|>")
	longer, _ := b.ID("<|end|>>")
	x, _ := b.ID("[x]")
	tests := []struct {
		text string
		want []int32 // special ids alone
	}{
		{"<|end|>", []int32{end}},
		{"a<|end|>b[x]", []int32{end, x}},
		{"<|end|>>", []int32{longer}},
		{"<|end|<|end|>", []int32{end}},
		{"none", nil},
	}
	for _, tt := range tests {
		var got []int32
		for _, id := range b.EncodeSpecial(tt.text) {
			if b.IsSpecial(id) {
				got = append(got, id)
			}
		}
		if !slices.Equal(got, tt.want) {
			t.Errorf("%q: special ids %v, want %v", tt.text, got, tt.want)
		}
		for _, id := range b.Encode(tt.text) {
			if b.IsSpecial(id) {
				t.Errorf("%q: ordinary encoding has the special id %d", tt.text, id)
			}
		}
	}
}

func TestDecodeUnknownID(t *testing.T) {
	b := small(t, tokenizer.GPT2)
	if got, want := b.Decode([]int32{'a', 1 << 30, -1, 'b'}), "a\uFFFD\uFFFDb"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestSaveAndLoad(t *testing.T) {
	custom, err := tokenizer.Regexp(`厨房|花园|\p{L}+|[^\p{L}]+`)
	if err != nil {
		t.Fatal(err)
	}
	tokenizers := all(t)
	tokenizers["custom"] = small(t, custom)
	tokenizers["sequence"] = small(t, tokenizer.Sequence(tokenizer.Digits(true), custom, tokenizer.GPT2))
	tokenizers["chars"] = must(tokenizer.NewChars(slices.Values(samples), "<|endoftext|>"))
	tokenizers["words"] = must(tokenizer.NewWords(slices.Values(samples), 1))
	for name, tok := range tokenizers {
		dir := t.TempDir()
		if err := tokenizer.Save(tok, dir); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		back, err := tokenizer.Load(dir)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		same(t, name, tok, back)
		again := filepath.Join(dir, "again.json")
		if err := tokenizer.Save(back, again); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if a, b := read(t, filepath.Join(dir, "tokenizer.json")), read(t, again); a != b {
			t.Errorf("%s: written again, the file differs", name)
		}
	}
}

// same fails unless two tokenizers agree in all that can be asked.
func same(t *testing.T, name string, a, b tokenizer.Tokenizer) {
	t.Helper()
	if a.Size() != b.Size() {
		t.Fatalf("%s: sizes %d and %d", name, a.Size(), b.Size())
	}
	for id := range int32(a.Size()) {
		x, _ := a.Token(id)
		y, _ := b.Token(id)
		if string(x) != string(y) || a.IsSpecial(id) != b.IsSpecial(id) {
			t.Fatalf("%s: id %d is %q and %q", name, id, x, y)
		}
	}
	for _, s := range samples {
		if x, y := a.EncodeSpecial(s), b.EncodeSpecial(s); !slices.Equal(x, y) {
			t.Errorf("%s: %q has ids %v and %v", name, s, x, y)
		}
	}
}

// TestLongPiece: what no short piece reaches, the queue of ranks, with memory
// that is used again.
func TestLongPiece(t *testing.T) {
	b := small(t, tokenizer.GPT2)
	for _, n := range []int{1 << 18, 100, 1<<18 + 1} {
		s := strings.Repeat("a", n)
		if got := b.Decode(b.Encode(s)); got != s {
			t.Errorf("a run of %d letters does not survive", n)
		}
	}
}

// TestConcurrently encodes from many goroutines that share a cache.
func TestConcurrently(t *testing.T) {
	b := small(t, tokenizer.GPT2)
	want := map[string][]int32{}
	for _, s := range samples {
		want[s] = small(t, tokenizer.GPT2).Encode(s)
	}
	var wait sync.WaitGroup
	for range 8 {
		wait.Go(func() {
			for range 20 {
				for _, s := range samples {
					if got := b.Encode(s); !slices.Equal(got, want[s]) {
						t.Errorf("%q: ids %v, want %v", s, got, want[s])
					}
				}
			}
		})
	}
	wait.Wait()
}

// TestFunc: a hand-written scanner is saved as its pattern, and cuts the same
// when it is read back.
func TestFunc(t *testing.T) {
	split := tokenizer.Func(`[a-z]+|[^a-z]`, func(s string) int {
		n := len(s) - len(strings.TrimLeft(s, "abcdefghijklmnopqrstuvwxyz"))
		_, w := utf8.DecodeRuneInString(s)
		return max(n, w)
	})
	b := small(t, split, "<|end|>")
	path := filepath.Join(t.TempDir(), "t.json")
	if err := tokenizer.Save(b, path); err != nil {
		t.Fatal(err)
	}
	same(t, "func", b, must(tokenizer.Load(path)))
}
