package tokenizer_test

import (
	"slices"
	"testing"

	"github.com/inkstone-ai/inkstone/tokenizer"
)

// ggufBytes is a vocabulary over bytes with a token that begins a text and one that ends it.
func ggufBytes(pre string, parts map[string]any) map[string]any {
	tokens, kinds := []string{}, []int32{}
	for b := range 256 {
		tokens, kinds = append(tokens, spelledByte(byte(b))), append(kinds, 1)
	}
	meta := map[string]any{
		"tokenizer.ggml.model": "gpt2", "tokenizer.ggml.pre": pre, "tokenizer.ggml.merges": []string{},
		"tokenizer.ggml.tokens": append(tokens, "<|begin|>", "<|end|>"), "tokenizer.ggml.token_type": append(kinds, 3, 3),
		"tokenizer.ggml.bos_token_id": uint32(256), "tokenizer.ggml.eos_token_id": uint32(257),
	}
	for key, v := range parts {
		meta["tokenizer.ggml."+key] = v
	}
	return meta
}

// TestGGUFBegins: a file that does not say whether a token begins a text means what llama.cpp takes
// it to mean, by the name of its split.
func TestGGUFBegins(t *testing.T) {
	for pre, want := range map[string][]int32{"llama-bpe": {256}, "tekken": {256}, "falcon3": {256}, "lfm2": {256}, "gpt-2": nil, "qwen2": nil, "dbrx": nil, "default": nil} {
		if got := tokenizer.Begin(must(tokenizer.ParseGGUF(ggufBytes(pre, nil)))); !slices.Equal(got, want) {
			t.Errorf("%s: a text begins with %v, want %v", pre, got, want)
		}
		said := must(tokenizer.ParseGGUF(ggufBytes(pre, map[string]any{"add_bos_token": want == nil})))
		if got := tokenizer.Begin(said); (got == nil) == (want == nil) {
			t.Errorf("%s: a text begins with %v against what the file says", pre, got)
		}
	}
}

// TestSaveFrame: what a GGUF file puts around a text is in the tokenizer.json that is written of it.
func TestSaveFrame(t *testing.T) {
	around := map[string]any{"add_bos_token": true, "add_eos_token": true}
	for name, meta := range map[string]map[string]any{
		"bytes": ggufBytes("llama-bpe", around), "sentences": ggufLlama(around), "by default": ggufLlama(nil), "bytes by default": ggufBytes("tekken", nil),
	} {
		tok := must(tokenizer.ParseGGUF(meta))
		again, err := tokenizer.Parse(must(tokenizer.JSON(tok)))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		for _, other := range [][]int32{nil, {9, 10}} {
			want, _ := must(tokenizer.FrameOf(tok)).Join([]int32{7, 8}, other)
			frame, err := tokenizer.FrameOf(again)
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			if got, _ := frame.Join([]int32{7, 8}, other); !slices.Equal(got, want) {
				t.Errorf("%s: read back, the ids are %v, want %v", name, got, want)
			}
		}
		if !slices.Equal(tokenizer.Begin(again), tokenizer.Begin(tok)) || tokenizer.Begin(tok) == nil {
			t.Errorf("%s: a text begins with %v, read back with %v", name, tokenizer.Begin(tok), tokenizer.Begin(again))
		}
	}
}
