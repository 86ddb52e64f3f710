package tokenizer_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/inkstone-ai/inkstone/internal/testkit"
	"github.com/inkstone-ai/inkstone/tokenizer"
)

// ggufMetadata reads the metadata of a GGUF file, as Go's values. It trusts
// the file.
func ggufMetadata(data []byte) map[string]any {
	r := bytes.NewReader(data[24:])
	get := func(v any) any {
		if err := binary.Read(r, binary.LittleEndian, v); err != nil {
			panic(err)
		}
		return v
	}
	u64 := func() int { return int(*get(new(uint64)).(*uint64)) }
	str := func() string { b := make([]byte, u64()); get(b); return string(b) }
	value := func(kind uint32) any {
		switch kind {
		case 4:
			return *get(new(uint32)).(*uint32)
		case 5:
			return *get(new(int32)).(*int32)
		case 6:
			return *get(new(float32)).(*float32)
		case 7:
			return *get(new(bool)).(*bool)
		case 8:
			return str()
		}
		panic(fmt.Sprintf("kind %d", kind))
	}
	list := func(kind uint32, n int) any {
		switch kind {
		case 5:
			b := make([]int32, n)
			get(b)
			return b
		case 6:
			b := make([]float32, n)
			get(b)
			return b
		case 8:
			out := make([]string, n)
			for i := range out {
				out[i] = str()
			}
			return out
		}
		panic(fmt.Sprintf("list of kind %d", kind))
	}
	meta := map[string]any{}
	for range binary.LittleEndian.Uint64(data[16:]) {
		key, kind := str(), *get(new(uint32)).(*uint32)
		if kind == 9 {
			kind = *get(new(uint32)).(*uint32)
			meta[key] = list(kind, u64())
		} else {
			meta[key] = value(kind)
		}
	}
	return meta
}

// TestGGUFVocabularies encodes the texts that come with llama.cpp's
// vocabularies and compares with the published ids.
func TestGGUFVocabularies(t *testing.T) {
	for _, name := range []string{"gpt-2", "bert-bge"} {
		base := "tok-gguf-vocab/ggml-vocab-" + name + ".gguf"
		meta := ggufMetadata(testkit.ReadFile(t, testkit.Data(t, base+".gz")))
		tok, err := tokenizer.ParseGGUF(meta)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		path := t.TempDir() + "/tokenizer.json"
		if err := tokenizer.Save(tok, path); err != nil {
			t.Fatal(err)
		}
		again := must(tokenizer.Load(path))
		inputs := strings.Split(text(t, base+".inp"), "\n__ggml_vocab_test__\n")
		for i, want := range strings.Split(text(t, base+".out"), "\n") {
			ids := tok.Encode(inputs[i])
			if got := strings.Trim(fmt.Sprint(ids), "[]"); got != strings.TrimSpace(want) {
				t.Errorf("%s: text %d, %q: ids\ngot  %s\nwant %s", name, i, inputs[i], got, want)
			}
			if got := again.Encode(inputs[i]); !slices.Equal(got, ids) {
				t.Errorf("%s: text %d, %q: ids %v, after saving %v", name, i, inputs[i], ids, got)
			}
		}
	}
}

// ggufLlama is a small vocabulary of SentencePiece's kind.
func ggufLlama(parts map[string]any) map[string]any {
	tokens := []string{"<unk>", "<s>", "</s>"}
	kinds := []int32{2, 3, 3}
	for b := range 256 {
		tokens, kinds = append(tokens, fmt.Sprintf("<0x%02X>", b)), append(kinds, 6)
	}
	for _, p := range strings.Fields("▁t he in ▁a er ▁the ▁▁ ▁ t h e i n a r 中 <f>") {
		tokens, kinds = append(tokens, p), append(kinds, 1)
	}
	kinds[len(kinds)-1] = 4
	scores := make([]float32, len(tokens))
	for i := range scores {
		scores[i] = -float32(i)
	}
	meta := map[string]any{
		"tokenizer.ggml.model": "llama", "tokenizer.ggml.tokens": tokens, "tokenizer.ggml.scores": scores, "tokenizer.ggml.token_type": kinds,
		"tokenizer.ggml.bos_token_id": uint32(1), "tokenizer.ggml.eos_token_id": uint32(2),
	}
	for key, v := range parts {
		meta["tokenizer.ggml."+key] = v
	}
	return meta
}

func TestGGUFLlama(t *testing.T) {
	tok := must(tokenizer.ParseGGUF(ggufLlama(nil)))
	const first = 259 // ▁t
	tests := []struct {
		text string
		want []int32
	}{
		{"the", []int32{first + 5}},
		{" the", []int32{first + 7, first + 5}},
		{"the the", []int32{first + 5, first + 5}},
		{"  a", []int32{first + 6, first + 3}},
		{"中é", []int32{first + 7, first + 15, 3 + 0xC3, 3 + 0xA9}},
		{"the<f>the", []int32{first + 5, first + 16, first + 5}},
		{"<s>the", []int32{first + 7, 3 + '<', 3 + 's', 3 + '>', first + 8, first + 1}},
	}
	for _, tt := range tests {
		if got := tok.Encode(tt.text); !slices.Equal(got, tt.want) {
			t.Errorf("%q has ids %v, want %v", tt.text, got, tt.want)
		}
		if got := tok.Decode(tok.Encode(tt.text)); got != tt.text && tt.text != "the<f>the" && !strings.HasPrefix(tt.text, "<s>") {
			t.Errorf("%q comes back as %q", tt.text, got)
		}
	}
	if got, want := tok.EncodeSpecial("<s>the"), []int32{1, first + 5}; !slices.Equal(got, want) {
		t.Errorf("with special tokens: %v, want %v", got, want)
	}
	frame := must(tokenizer.FrameOf(tok))
	if ids, _ := frame.Join([]int32{7}, nil); !slices.Equal(ids, []int32{1, 7}) {
		t.Errorf("the frame gives %v, want the beginning alone", ids)
	}
	stream, got := tokenizer.NewStream(tok), ""
	for _, id := range tok.Encode("the 中é") {
		got += stream.Next(id)
	}
	if got += stream.Flush(); got != " the 中é" {
		t.Errorf("streamed %q", got)
	}
}

// TestGGUFUnknown: older files fill a vocabulary up with tokens of the unknown
// one's type.
func TestGGUFUnknown(t *testing.T) {
	meta := ggufLlama(nil)
	meta["tokenizer.ggml.tokens"] = append(meta["tokenizer.ggml.tokens"].([]string), "tr")
	meta["tokenizer.ggml.token_type"] = append(meta["tokenizer.ggml.token_type"].([]int32), 2)
	meta["tokenizer.ggml.scores"] = append(meta["tokenizer.ggml.scores"].([]float32), 0)
	tok := must(tokenizer.ParseGGUF(meta))
	if got := tok.Encode("tr"); slices.Contains(got, 276) {
		t.Errorf("a token that fills up is found in a text: %v", got)
	}
}

func TestGGUFRefuses(t *testing.T) {
	nan := ggufLlama(nil)["tokenizer.ggml.scores"].([]float32)
	nan[300-40] = float32(math.NaN())
	gpt2 := func(key string, v any) map[string]any {
		m := map[string]any{"tokenizer.ggml.model": "gpt2", "tokenizer.ggml.pre": "gpt-2", "tokenizer.ggml.tokens": []string{"a", "b", "ab"}, "tokenizer.ggml.merges": []string{"a b"}}
		m["tokenizer.ggml."+key] = v
		return m
	}
	tests := []struct {
		name string
		meta map[string]any
		want string
	}{
		{"nothing", nil, "the file has no tokenizer"},
		{"model", gpt2("model", "rwkv"), `"rwkv" is not supported`},
		{"pre", gpt2("pre", "nonsense"), `"nonsense" is not supported`},
		{"model of a number", gpt2("model", uint32(1)), "tokenizer.ggml.model is a uint32"},
		{"tokens of numbers", gpt2("tokens", []int32{1}), "tokenizer.ggml.tokens is a []int32"},
		{"no tokens", gpt2("tokens", []string{}), "is empty"},
		{"twice", gpt2("tokens", []string{"a", "b", "a"}), `tokens 0 and 2 are both "a"`},
		{"merges of numbers", gpt2("merges", []int32{1}), "not a list of strings"},
		{"merge of strangers", gpt2("merges", []string{"a c"}), `"c" is not in the vocabulary`},
		{"merge of one", gpt2("merges", []string{"ab"}), "merge 0"},
		{"scores", ggufLlama(map[string]any{"scores": []float32{1}}), "1 scores"},
		{"scores of strings", ggufLlama(map[string]any{"scores": []string{"a"}}), "not a list of numbers"},
		{"types", ggufLlama(map[string]any{"token_type": []int32{1}}), "1 types"},
		{"types of floats", ggufLlama(map[string]any{"token_type": []float32{1}}), "is a []float32, not a list of integers"},
		{"type 77", gpt2("token_type", []int32{1, 77, 1}), `token 1, "b", is of the type 77; want 0 … 6`},
		{"type -1", gpt2("token_type", []int32{1, 1, -1}), "is of the type -1"},
		{"NaN", ggufLlama(map[string]any{"scores": nan}), "has the score NaN"},
		{"beginning", ggufLlama(map[string]any{"bos_token_id": uint32(4000)}), "tokenizer.ggml.bos_token_id is 4000, outside"},
		{"prefix", ggufLlama(map[string]any{"add_space_prefix": "yes"}), "add_space_prefix is a string"},
	}
	for _, tt := range tests {
		if _, err := tokenizer.ParseGGUF(tt.meta); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: error %v, want one with %q", tt.name, err, tt.want)
		}
	}
}

// TestGGUFSplits makes a tokenizer of each known split and takes it to a file
// and back.
func TestGGUFSplits(t *testing.T) {
	tokens := []string{}
	for b := range 256 {
		tokens = append(tokens, spelledByte(byte(b)))
	}
	for _, pre := range strings.Fields("default gpt-2 llama-bpe qwen2 qwen35 gpt-4o tekken smollm falcon deepseek-llm deepseek-coder deepseek-v3 bloom viking seed-coder bailingmoe") {
		tok, err := tokenizer.ParseGGUF(map[string]any{"tokenizer.ggml.model": "gpt2", "tokenizer.ggml.pre": pre, "tokenizer.ggml.tokens": tokens, "tokenizer.ggml.merges": []string{}})
		if err != nil {
			t.Errorf("%s: %v", pre, err)
			continue
		}
		path := t.TempDir() + "/tokenizer.json"
		if err := tokenizer.Save(tok, path); err != nil {
			t.Errorf("%s: %v", pre, err)
			continue
		}
		again := must(tokenizer.Load(path))
		for _, s := range samples {
			if got := tok.Decode(tok.Encode(s)); got != s {
				t.Errorf("%s: %q comes back as %q", pre, s, got)
			}
			if !slices.Equal(tok.Encode(s), again.Encode(s)) {
				t.Errorf("%s: %q has other ids after saving", pre, s)
			}
		}
	}
}

// spelledByte is a byte as GPT-2's vocabulary writes it.
func spelledByte(b byte) string {
	switch {
	case b >= '!' && b <= '~', b >= 0xA1 && b <= 0xAC, b >= 0xAE:
		return string(rune(b))
	case b <= ' ':
		return string(rune(256 + int(b)))
	case b <= 0xA0:
		return string(rune(256 + 33 + int(b) - 0x7F))
	}
	return string(rune(256 + 67))
}

// FuzzGGUF: metadata of any kind are refused or make a tokenizer that encodes
// and decodes within its ids.
func FuzzGGUF(f *testing.F) {
	f.Add("llama", "", "<unk>\na\nb\nab\n▁", []byte{2, 1, 1, 1, 1}, "", true)
	f.Add("t5", "", "<unk>\na\nb\nab\n▁a", []byte{2, 1, 4, 5, 1}, "", false)
	f.Add("gpt2", "qwen2", "a\nb\nab\nĠ\n<x>", []byte{1, 1, 1, 1, 3}, "a b", true)
	f.Add("bert", "", "[UNK]\n[CLS]\n[SEP]\n▁a\nb", []byte{3, 3, 3, 1, 1}, "", true)
	f.Fuzz(func(t *testing.T, model, pre, tokens string, kinds []byte, merges string, add bool) {
		list := strings.Split(tokens, "\n")
		meta := map[string]any{
			"tokenizer.ggml.model": model, "tokenizer.ggml.pre": pre, "tokenizer.ggml.tokens": list, "tokenizer.ggml.merges": strings.Split(merges, "\n"),
			"tokenizer.ggml.token_type": kinds, "tokenizer.ggml.add_bos_token": add, "tokenizer.ggml.bos_token_id": uint32(len(kinds) / 2),
			"tokenizer.ggml.remove_extra_whitespaces": add, "tokenizer.ggml.precompiled_charsmap": kinds,
		}
		if len(kinds) > 200 {
			meta["tokenizer.ggml.scores"] = kinds
		}
		if len(kinds)%2 == 1 {
			delete(meta, "tokenizer.ggml.precompiled_charsmap")
		}
		tok, err := tokenizer.ParseGGUF(meta)
		if err != nil {
			return
		}
		if tok.Size() != len(list) {
			t.Fatalf("%d ids of %d tokens", tok.Size(), len(list))
		}
		ids := tok.EncodeSpecial("ab <x> [UNK] a中\xff")
		for _, id := range ids {
			if _, ok := tok.Token(id); !ok {
				t.Fatalf("the id %d has no token", id)
			}
		}
		tok.Decode(ids)
	})
}

// TestBegin: what begins a text is the file's, and nothing where it does not say.
func TestBegin(t *testing.T) {
	for add, want := range map[bool][]int32{true: {1}, false: nil} {
		tok := must(tokenizer.ParseGGUF(ggufLlama(map[string]any{"add_bos_token": add})))
		if got := tokenizer.Begin(tok); !slices.Equal(got, want) {
			t.Errorf("add_bos_token %v: a text begins with %v, want %v", add, got, want)
		}
	}
	if got := tokenizer.Begin(must(tokenizer.NewByte())); got != nil {
		t.Errorf("a text of bytes begins with %v", got)
	}
}
