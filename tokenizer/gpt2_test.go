package tokenizer_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/inkstone-ai/inkstone/internal/testkit"
	"github.com/inkstone-ai/inkstone/tokenizer"
)

// TestPublishedIDs encodes the 47 texts that come with the GPT-2 vocabulary of
// GGUF and compares with the published ids.
func TestPublishedIDs(t *testing.T) {
	base := "tok-gguf-vocab/ggml-vocab-gpt-2.gguf"
	meta := ggufStrings(testkit.ReadFile(t, testkit.Data(t, base+".gz")))
	names, merges := meta["tokenizer.ggml.tokens"], meta["tokenizer.ggml.merges"]
	g := fromLists(t, names, merges)
	inputs := strings.Split(text(t, base+".inp"), "\n__ggml_vocab_test__\n")
	outputs := strings.Split(text(t, base+".out"), "\n") // the last text is empty
	if len(inputs) != 47 || len(outputs) != 47 {
		t.Fatalf("got %d texts and %d lines of ids, want 47", len(inputs), len(outputs))
	}
	for i, want := range outputs {
		got := strings.Trim(fmt.Sprint(g.Encode(inputs[i])), "[]")
		if want = strings.TrimSpace(want); got != want {
			t.Errorf("text %d, %q: ids\ngot  %s\nwant %s", i, inputs[i], got, want)
		}
		if back := g.Decode(g.Encode(inputs[i])); back != inputs[i] {
			t.Errorf("text %d: decoded %q, want %q", i, back, inputs[i])
		}
	}
}

// fromLists makes a tokenizer of a GGUF file's lists by way of tokenizer.json.
func fromLists(t *testing.T, names, merges []string) tokenizer.Tokenizer {
	t.Helper()
	vocab := map[string]int{}
	for id, name := range names {
		vocab[name] = id
	}
	file := map[string]any{
		"pre_tokenizer": map[string]any{"type": "ByteLevel", "add_prefix_space": false},
		"model":         map[string]any{"type": "BPE", "vocab": vocab, "merges": merges},
	}
	g, err := tokenizer.Parse(mustJSON(t, file))
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// TestRankFileAgrees: GPT-2's two files and tiktoken's rank file are the same
// tokenizer, though one lists merges and the other ranks of tokens.
func TestRankFileAgrees(t *testing.T) {
	g := loadGPT2(t)
	ranks := testkit.ReadFile(t, testkit.Data(t, "tok-gpt2/r50k_base.tiktoken.gz"))
	r, err := tokenizer.LoadTiktoken(write(t, "r50k", ranks), tokenizer.GPT2, map[string]int32{"<|endoftext|>": 50256})
	if err != nil {
		t.Fatal(err)
	}
	if g.Size() != 50257 || r.Size() != 50257 {
		t.Fatalf("sizes %d and %d, want 50257", g.Size(), r.Size())
	}
	for id := range int32(50257) {
		a, _ := g.Token(id)
		b, _ := r.Token(id)
		if string(a) != string(b) {
			t.Fatalf("token %d: %q and %q", id, a, b)
		}
	}
	long := text(t, "lm-tinyshakespeare/input.txt")
	for _, s := range append(samples, long) {
		if diff := cmp.Diff(g.EncodeSpecial(s), r.EncodeSpecial(s)); diff != "" {
			t.Fatalf("%.40q: %s", s, diff)
		}
	}
}

// TestCL100K compares with ids that OpenAI's cookbook and tests publish.
func TestCL100K(t *testing.T) {
	ranks := testkit.ReadFile(t, testkit.Data(t, "tok-gpt2/cl100k_base.tiktoken.gz"))
	c, err := tokenizer.LoadTiktoken(write(t, "cl100k", ranks), tokenizer.CL100K, map[string]int32{"<|endoftext|>": 100257})
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		text string
		want []int32
	}{
		{"hello world", []int32{15339, 1917}},
		{"tiktoken is great!", []int32{83, 1609, 5963, 374, 2294, 0}},
		{"antidisestablishmentarianism", []int32{519, 85342, 34500, 479, 8997, 2191}},
		{"2 + 2 = 4", []int32{17, 489, 220, 17, 284, 220, 19}},
		{"お誕生日おめでとう", []int32{33334, 45918, 243, 21990, 9080, 33334, 62004, 16556, 78699}},
		{"rer", []int32{38149}},
		{"'rer", []int32{2351, 81}},
		{"today\n ", []int32{31213, 198, 220}},
		{"today\n \n", []int32{31213, 27907}},
		{"today\n  \n", []int32{31213, 14211}},
		{"hello <|endoftext|>", []int32{15339, 220, 100257}},
	}
	for _, tt := range tests {
		if diff := cmp.Diff(tt.want, c.EncodeSpecial(tt.text)); diff != "" {
			t.Errorf("%q (-want +got): %s", tt.text, diff)
		}
	}
	for _, s := range samples {
		if got := c.Decode(c.Encode(s)); got != s {
			t.Errorf("decoded %q, want %q", got, s)
		}
	}
}
