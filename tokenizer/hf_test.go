package tokenizer_test

import (
	"encoding/json"
	"flag"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/inkstone-ai/inkstone/internal/testkit"
	"github.com/inkstone-ai/inkstone/tokenizer"
)

var update = flag.Bool("update", false, "write the files that testdata/hf.cjs reads")

// saved are tokenizers of this package, small, that Hugging Face's library
// was given to read.
func saved(t *testing.T) map[string]tokenizer.Tokenizer {
	list := must(tokenizer.Regexp(`中文|hell`))
	train := func(split tokenizer.Split) tokenizer.Tokenizer {
		return must(tokenizer.TrainBPE(slices.Values(samples), tokenizer.TrainOptions{Vocab: 256 + 40 + 1, Split: split, Special: []string{"<|endoftext|>"}}))
	}
	return map[string]tokenizer.Tokenizer{
		"gpt2.json": train(tokenizer.GPT2), "cl100k.json": train(tokenizer.CL100K), "qwen2.json": train(tokenizer.Qwen2), "o200k.json": train(tokenizer.O200K),
		"whole.json": train(tokenizer.Whole), "list.json": train(tokenizer.Sequence(list, tokenizer.Digits(true), tokenizer.O200K)),
		"chars.json": must(tokenizer.NewChars(slices.Values(samples[:12]), "<|endoftext|>")),
		"words.json": must(tokenizer.NewWords(slices.Values(samples[:12]), 1, "<|endoftext|>")),
	}
}

// TestAgainstHuggingFace compares with the ids and texts of Hugging Face's
// own library; see testdata/hf.cjs.
func TestAgainstHuggingFace(t *testing.T) {
	for name, tok := range saved(t) {
		path := filepath.Join("testdata", "hf", name)
		if *update {
			if err := tokenizer.Save(tok, path); err != nil {
				t.Fatal(err)
			}
		}
		if got := t.TempDir() + "/" + name; tokenizer.Save(tok, got) != nil || read(t, got) != read(t, path) {
			t.Errorf("%s: the file is written otherwise than the one that the ids are of", name)
		}
	}
	if *update {
		t.Skip("the files are written: now run hf.cjs")
	}
	var golden struct {
		Texts []string
		Cases []struct {
			Name, Source string
			IDs, Framed  [][]int32
			Decoded      []string
		}
	}
	testkit.Golden(t, "testdata/hf.json", &golden)
	for _, c := range golden.Cases {
		tok := fromGolden(t, c.Name, c.Source)
		for i, s := range golden.Texts {
			got := tok.EncodeSpecial(s)
			if !slices.Equal(got, c.IDs[i]) {
				t.Errorf("%s: %q has ids %v, want %v", c.Name, s, got, c.IDs[i])
			} else if text := lossy(tok.Decode(got)); text != c.Decoded[i] {
				t.Errorf("%s: %v is %q, want %q", c.Name, got, text, c.Decoded[i])
			}
			if framed := tokenizer.Framed(tok, got); c.Framed != nil && !slices.Equal(framed, c.Framed[i]) {
				t.Errorf("%s: %q has ids %v with what is put around it, want %v", c.Name, s, framed, c.Framed[i])
			}
			checkStream(t, c.Name, tok, got)
		}
	}
}

// checkStream decodes id by id: the text is that of Decode, but for blanks at
// its beginning that a stream does not take off.
func checkStream(t *testing.T, name string, tok tokenizer.Tokenizer, ids []int32) {
	t.Helper()
	stream, text := tokenizer.NewStream(tok), ""
	for _, id := range ids {
		text += stream.Next(id)
	}
	text += stream.Flush()
	if want := tok.Decode(ids); text != want && (strings.TrimLeft(text, " ") != strings.TrimLeft(want, " ") || len(text) < len(want)) {
		t.Errorf("%s: %v is streamed as %q, want %q", name, ids, text, want)
	}
}

// fromGolden loads a tokenizer; a source without a model has that of
// hf/gpt2.json.
func fromGolden(t *testing.T, name, source string) tokenizer.Tokenizer {
	t.Helper()
	if source == "" {
		return must(tokenizer.Load(filepath.Join("testdata", "hf", name)))
	}
	var parts, level map[string]json.RawMessage
	for data, to := range map[string]*map[string]json.RawMessage{source: &parts, read(t, "testdata/hf/gpt2.json"): &level} {
		if err := json.Unmarshal([]byte(data), to); err != nil {
			t.Fatal(err)
		}
	}
	if string(parts["model"]) == "null" {
		parts["model"] = level["model"]
	}
	tok, err := tokenizer.Parse(mustJSON(t, parts))
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return tok
}

// lossy writes what is not UTF-8 as that library does.
func lossy(s string) string {
	if utf8.ValidString(s) {
		return s
	}
	return strings.ToValidUTF8(s, "\uFFFD")
}
