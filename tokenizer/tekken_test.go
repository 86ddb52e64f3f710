package tokenizer_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/inkstone-ai/inkstone/tokenizer"
)

// tekken is a small tekken.json: all bytes, then tokens of several, two more than there are ids for.
func tekken(t *testing.T, ids, special int, more map[string]any) []byte {
	t.Helper()
	var vocab []map[string]any
	for b := range 256 {
		vocab = append(vocab, map[string]any{"rank": b, "token_bytes": []byte{byte(b)}, "token_str": nil})
	}
	for _, s := range []string{"he", "ll", " w", "hell", "hello", " wo"} {
		vocab = append(vocab, map[string]any{"rank": len(vocab), "token_bytes": []byte(s), "token_str": s})
	}
	file := map[string]any{"vocab": vocab, "config": map[string]any{"pattern": tekkenPattern, "num_vocab_tokens": len(vocab), "default_vocab_size": ids, "default_num_special_tokens": special, "version": "v3"}}
	for key, value := range more {
		file[key] = value
	}
	return mustJSON(t, file)
}

const tekkenPattern = `[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+`

// TestTekken: ids begin behind those of the special tokens, tokens without an id are not there, and other forms have the same ids.
func TestTekken(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "tekken.json"), tekken(t, 22+260, 22, nil), 0o666); err != nil {
		t.Fatal(err)
	}
	tok := must(tokenizer.Load(dir))
	if file := must(tokenizer.Load(filepath.Join(dir, "tekken.json"))); file.Size() != 282 {
		t.Errorf("the file has %d ids, want 282", file.Size())
	}
	want := []int32{22 + 259, 22 + 'o', 22 + 258, 22 + 'o', 3, 21}
	if got := tok.EncodeSpecial("hello wo[INST]<SPECIAL_21>"); !slices.Equal(got, want) {
		t.Errorf("ids %v, want %v", got, want)
	}
	if got := tok.Encode("<s>"); len(got) != 3 {
		t.Errorf("<s> in a text has ids %v, want those of its bytes", got)
	}
	if got := tokenizer.Begin(tok); !slices.Equal(got, []int32{1}) {
		t.Errorf("a text begins with %v, want 1", got)
	}
	again := must(tokenizer.Parse(must(tokenizer.JSON(tok))))
	m := must(tokenizer.GGUF(tok, tok.Size()))
	if m["tokenizer.ggml.pre"] != "tekken" || m["tokenizer.ggml.add_bos_token"] != true {
		t.Errorf("pre %v, add_bos_token %v", m["tokenizer.ggml.pre"], m["tokenizer.ggml.add_bos_token"])
	}
	for _, other := range []tokenizer.Tokenizer{again, must(tokenizer.ParseGGUF(m))} {
		sameIDs(t, other, tok)
	}
	named := must(tokenizer.ParseTekken(tekken(t, 260, 2, map[string]any{"special_tokens": []map[string]any{{"rank": 1, "token_str": "<a>", "is_control": true}}})))
	if got := named.EncodeSpecial("<a><SPECIAL_0>"); !slices.Equal(got, []int32{1, 0}) || tokenizer.Begin(named) != nil {
		t.Errorf("ids %v, want 1 and 0; a text begins with %v", got, tokenizer.Begin(named))
	}
}

func TestTekkenRefuses(t *testing.T) {
	long := []map[string]any{{"rank": 0, "token_bytes": make([]byte, 1<<20)}} // all ways to cut it in two are a square of that
	named := func(rank int, text string) map[string]any {
		return map[string]any{"special_tokens": []map[string]any{{"rank": rank, "token_str": text}}}
	}
	for want, data := range map[string][]byte{
		"invalid character":              []byte("x"),
		"the byte 0 has no rank":         []byte("{}"),
		"of 262 tokens":                  tekken(t, 22+263, 22, nil),
		"300 of them special":            tekken(t, 22, 300, nil),
		"the byte 255 has no rank":       tekken(t, 22+255, 22, nil),
		`"<a>" has the rank 22, outside`: tekken(t, 282, 22, named(22, "<a>")),
		"<SPECIAL_1> is there twice":     tekken(t, 282, 22, named(0, "<SPECIAL_1>")),
		"has 1048576 bytes; at most":     tekken(t, 1, 0, map[string]any{"vocab": long}),
		"0 tokens have ranks below 260":  tekken(t, 282, 22, map[string]any{"vocab": slices.Repeat([]map[string]any{{"rank": 300, "token_bytes": []byte("a")}}, 262)}),
	} {
		if _, err := tokenizer.ParseTekken(data); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}
