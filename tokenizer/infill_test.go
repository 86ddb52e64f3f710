package tokenizer_test

import (
	"slices"
	"testing"

	"github.com/inkstone-ai/inkstone/tokenizer"
)

// TestFIM finds the tokens of fill-in-the-middle where a tokenizer has all three as special ones, and
// nowhere else.
func TestFIM(t *testing.T) {
	tests := []struct {
		name    string
		special []string
		want    bool
	}{
		{"none", tokenizer.ChatMLSpecial, false},
		{"two of three", tokenizer.FIMSpecial[:2], false},
		{"Qwen2.5-Coder's", tokenizer.FIMSpecial, true},
		{"StarCoder's", []string{"<fim_prefix>", "<fim_middle>", "<fim_suffix>"}, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tok := small(t, tokenizer.GPT2, tt.special...)
			f, ok := tokenizer.FIMOf(tok)
			keys, err := tokenizer.GGUF(tok, tok.Size())
			if err != nil {
				t.Fatal(err)
			}
			if _, has := keys["tokenizer.ggml.fim_pre_token_id"]; ok != tt.want || has != tt.want {
				t.Fatalf("found %v, in GGUF %v, want %v", ok, has, tt.want)
			}
			if !ok {
				return
			}
			first := int32(tok.Size() - 3) // the order is that of the special tokens: prefix, middle, suffix
			if want := []int32{first, 7, first + 2, 8, 9, first + 1}; !slices.Equal(f.Prompt([]int32{7}, []int32{8, 9}), want) {
				t.Errorf("prompt %v, want %v", f.Prompt([]int32{7}, []int32{8, 9}), want)
			}
			if keys["tokenizer.ggml.fim_suf_token_id"] != uint32(first+2) || keys["tokenizer.ggml.fim_mid_token_id"] != uint32(first+1) {
				t.Errorf("keys of a GGUF file: %v", keys)
			}
		})
	}
}
