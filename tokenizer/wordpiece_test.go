package tokenizer_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/inkstone-ai/inkstone/internal/testkit"
	"github.com/inkstone-ai/inkstone/tokenizer"
)

// TestPublishedWordPieceIDs encodes the 47 texts that come with the bert-bge
// vocabulary of GGUF and compares with the published ids. That file writes ▁
// before what begins a word, where BERT writes ## before what continues one.
func TestPublishedWordPieceIDs(t *testing.T) {
	base := "tok-gguf-vocab/ggml-vocab-bert-bge.gguf"
	names := ggufStrings(testkit.ReadFile(t, testkit.Data(t, base+".gz")))["tokenizer.ggml.tokens"]
	var lines strings.Builder
	for _, name := range names {
		lines.WriteString(bertSpelling(name) + "\n")
	}
	w := must(tokenizer.LoadVocab(write(t, "vocab.txt", []byte(lines.String())), true))
	inputs := strings.Split(text(t, base+".inp"), "\n__ggml_vocab_test__\n")
	outputs := strings.Split(text(t, base+".out"), "\n")
	if len(inputs) != 47 || len(outputs) != 47 {
		t.Fatalf("got %d texts and %d lines of ids, want 47", len(inputs), len(outputs))
	}
	for i, want := range outputs {
		got := strings.Trim(fmt.Sprint(w.Encode(inputs[i])), "[]")
		if want = strings.TrimSpace(want); got != want {
			t.Errorf("text %d, %q: ids\ngot  %s\nwant %s", i, inputs[i], got, want)
		}
	}
}

// bertSpelling is a token of llama.cpp as BERT's vocabulary has it.
func bertSpelling(name string) string {
	if word, ok := strings.CutPrefix(name, "▁"); ok {
		return word
	}
	if strings.HasPrefix(name, "[") && strings.HasSuffix(name, "]") {
		return name
	}
	return "##" + name
}

// minilm is the tokenizer.json of all-MiniLM-L6-v2, as Hugging Face's library wrote it.
func minilm(t testing.TB) *tokenizer.WordPiece {
	tok := must(tokenizer.Parse(testkit.ReadFile(t, testkit.Data(t, "tok-hf-json/all-MiniLM-L6-v2-tokenizer.json.gz"))))
	return tok.(*tokenizer.WordPiece)
}

// TestMiniLM reads a published file: its vocabulary is BERT's, so that the ids of
// the paper's special tokens and some words are known; it survives saving.
func TestMiniLM(t *testing.T) {
	w := minilm(t)
	if w.Size() != 30522 {
		t.Errorf("size %d, want 30522", w.Size())
	}
	tests := []struct {
		text string
		want []int32
	}{
		{"Hello, world!", []int32{7592, 1010, 2088, 999}},
		{"Paris is the [MASK] of France.", []int32{3000, 2003, 1996, 103, 1997, 2605, 1012}},
		{"[CLS] a [SEP]", []int32{101, 1037, 102}},
	}
	for _, tt := range tests {
		if diff := cmp.Diff(tt.want, w.EncodeSpecial(tt.text)); diff != "" {
			t.Errorf("%q (-want +got): %s", tt.text, diff)
		}
	}
	if ids := w.Encode("[MASK]"); len(ids) != 3 {
		t.Errorf("a special token in ordinary text has ids %v, want those of [, mask and ]", ids)
	}
	ids, segments := w.Frame().Join([]int32{7, 8}, []int32{9})
	if diff := cmp.Diff([]int32{101, 7, 8, 102, 9, 102}, ids); diff != "" {
		t.Errorf("a pair's ids -want +got: %s", diff)
	}
	if diff := cmp.Diff([]int32{0, 0, 0, 0, 1, 1}, segments); diff != "" {
		t.Errorf("a pair's segments -want +got: %s", diff)
	}
	if w.Frame().Extra(true) != 3 || w.Frame().Extra(false) != 2 {
		t.Error("the frame adds another number of tokens than 3 and 2")
	}
	path := filepath.Join(t.TempDir(), "tokenizer.json")
	if err := tokenizer.Save(w, path); err != nil {
		t.Fatal(err)
	}
	again := must(tokenizer.Load(path))
	for _, s := range samples {
		if !slices.Equal(again.EncodeSpecial(s), w.EncodeSpecial(s)) {
			t.Errorf("%q has other ids after saving", s)
		}
	}
}

// tiny is a vocabulary that a person can follow.
func tiny(t testing.TB, lower bool) *tokenizer.WordPiece {
	lines := "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\nun\n##aff\n##able\nrun\n##s\n,\n.\n中\n##\nA\na\n"
	return must(tokenizer.LoadVocab(write(t, "vocab.txt", []byte(lines)), lower))
}

func TestWordPieceByHand(t *testing.T) {
	tests := []struct {
		text  string
		lower bool
		want  string // ids
		back  string
	}{
		{"unaffable", true, "[5 6 7]", "unaffable"},
		{"  UNaffable\truns. ", true, "[5 6 7 8 9 11]", "unaffable runs."},
		{"unaffableX run", true, "[1 8]", "[UNK] run"},
		{"UNaffable", false, "[1]", "[UNK]"},
		{"run中run", true, "[8 12 8]", "run 中 run"},
		{"rún", true, "[8]", "run"},
		{"rún", false, "[1]", "[UNK]"},
		{"run\x00\u200bs\ufffd", true, "[8 9]", "runs"},
		{"Ä,a", true, "[15 10 15]", "a, a"},
		{strings.Repeat("run", 34), true, "[1]", "[UNK]"}, // 102 letters
		{"", true, "[]", ""},
	}
	for _, tt := range tests {
		w := tiny(t, tt.lower)
		ids := w.Encode(tt.text)
		if got := fmt.Sprint(ids); got != tt.want {
			t.Errorf("%q: ids %s, want %s", tt.text, got, tt.want)
		}
		if got := w.Decode(ids); got != tt.back {
			t.Errorf("%q: decoded %q, want %q", tt.text, got, tt.back)
		}
	}
}

func TestVocabErrors(t *testing.T) {
	base := "[UNK]\n[CLS]\n[SEP]\n"
	for lines, says := range map[string]string{
		"":               "no line is [UNK]",
		"[UNK]\n[CLS]\n": "no line is [SEP]",
		base + "\na\n":   "vocab.txt: line 4: no token",
		base + "a\na\n":  `vocab.txt: line 5: "a" stands in line 4 already`,
		base + "\xff\n":  "vocab.txt: line 4: not UTF-8",
	} {
		if _, err := tokenizer.LoadVocab(write(t, "vocab.txt", []byte(lines)), true); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%q: %v, want %q", lines, err, says)
		}
	}
}

// TestVocabFolder: a folder with vocab.txt alone, cased or not as its
// tokenizer_config.json says.
func TestVocabFolder(t *testing.T) {
	dir := filepath.Dir(write(t, "vocab.txt", []byte("[UNK]\n[CLS]\n[SEP]\nA\na\n")))
	ids := func() string { return fmt.Sprint(must(tokenizer.Load(dir)).Encode("A")) }
	if got := ids(); got != "[4]" {
		t.Errorf("ids %s, want those of small letters", got)
	}
	if err := os.WriteFile(filepath.Join(dir, "tokenizer_config.json"), []byte(`{"do_lower_case": false}`), 0o666); err != nil {
		t.Fatal(err)
	}
	if got := ids(); got != "[3]" {
		t.Errorf("ids %s, want those of capitals", got)
	}
}

// wordPieceFile is a tokenizer.json with some parts replaced.
func wordPieceFile(t testing.TB, parts map[string]string) []byte {
	d := map[string]json.RawMessage{
		"added_tokens": json.RawMessage(`[{"id":0,"content":"[UNK]","special":true}]`),
		"normalizer":   json.RawMessage(`{"type":"BertNormalizer","lowercase":true}`), "pre_tokenizer": json.RawMessage(`{"type":"BertPreTokenizer"}`),
		"decoder": json.RawMessage(`{"type":"WordPiece","prefix":"##","cleanup":true}`),
		"model":   json.RawMessage(`{"type":"WordPiece","unk_token":"[UNK]","vocab":{"[UNK]":0,"[CLS]":1,"[SEP]":2,"a":3,"##b":4}}`),
	}
	for key, value := range parts {
		d[key] = json.RawMessage(value)
	}
	return mustJSON(t, d)
}

func TestWordPieceFileErrors(t *testing.T) {
	tests := []struct{ part, value, says string }{
		{"model", `{"type":"WordPiece","unk_token":"<u>","vocab":{"[UNK]":0,"a":3}}`, `unknown token "<u>"`},
		{"model", `{"type":"WordPiece","vocab":{"[UNK]":0,"a":0}}`, "two tokens have the id 0"},
		{"normalizer", `{"type":"Nonsense"}`, `"Nonsense" is not supported`},
		{"post_processor", `{"type":"Echo"}`, `"Echo" is not supported`},
		{"post_processor", `{"type":"Sequence","processors":[{"type":"BertProcessing","sep":["[SEP]",2],"cls":["[CLS]",1]},{"type":"RobertaProcessing","sep":["[SEP]",2],"cls":["[CLS]",1]}]}`, "two steps"},
		{"post_processor", `{"type":"BertProcessing","sep":["[SEP]",77],"cls":["[CLS]",1]}`, "no token has the id 77"},
		{"post_processor", `{"type":"TemplateProcessing","single":[{"SpecialToken":{"id":"[X]","type_id":0}}],"pair":[],"special_tokens":{}}`, `"[X]" is not among`},
		{"post_processor", `{"type":"TemplateProcessing","single":[],"pair":[],"special_tokens":{}}`, "a template of the texts"},
	}
	for _, tt := range tests {
		if _, err := tokenizer.Parse(wordPieceFile(t, map[string]string{tt.part: tt.value})); err == nil || !strings.Contains(err.Error(), tt.says) {
			t.Errorf("%s %s: %v, want %q", tt.part, tt.value, err, tt.says)
		}
	}
	frames := map[string]string{
		`{"type":"BertProcessing","sep":["[SEP]",2],"cls":["[CLS]",1]}`:                                                            "[1 3 2]",
		`{"type":"Sequence","processors":[{"type":"ByteLevel"},{"type":"RobertaProcessing","sep":["[SEP]",2],"cls":["[CLS]",1]}]}`: "[1 3 2]",
		"null": "[1 3 2]",
	}
	for post, want := range frames {
		w := must(tokenizer.Parse(wordPieceFile(t, map[string]string{"post_processor": post}))).(*tokenizer.WordPiece)
		if ids, _ := w.Frame().Join([]int32{3}, nil); fmt.Sprint(ids) != want {
			t.Errorf("%s: a text becomes %v, want %s", post, ids, want)
		}
	}
}

// TestFrameOf: a file that puts nothing around a text has the frame of its special tokens.
func TestFrameOf(t *testing.T) {
	bare := `{"type":"TemplateProcessing","single":[{"Sequence":{"id":"A","type_id":0}}],"pair":[{"Sequence":{"id":"A","type_id":0}},{"Sequence":{"id":"B","type_id":1}}],"special_tokens":{}}`
	w := must(tokenizer.Parse(wordPieceFile(t, map[string]string{"post_processor": bare})))
	ids, _ := must(tokenizer.FrameOf(w)).Join([]int32{3}, nil)
	if want := "[1 3 2]"; fmt.Sprint(ids) != want {
		t.Errorf("a text becomes %v, want %s", ids, want)
	}
	none := must(tokenizer.Parse(wordPieceFile(t, map[string]string{"added_tokens": "[]", "model": `{"type":"WordPiece","unk_token":"a","vocab":{"a":0}}`})))
	if _, err := tokenizer.FrameOf(none); err == nil || !strings.Contains(err.Error(), "no [CLS] and [SEP]") {
		t.Errorf("a tokenizer without special tokens: %v", err)
	}
}

// learnedPieces is a vocabulary of the samples.
func learnedPieces(t testing.TB, cased bool) *tokenizer.WordPiece {
	return must(tokenizer.TrainWordPiece(slices.Values(samples), tokenizer.WordPieceOptions{Vocab: 900, Alphabet: 200, Cased: cased}))
}

func TestTrainWordPiece(t *testing.T) {
	// With "hug" far more often than "pug" and "hugs", hug becomes a piece first.
	texts := slices.Repeat([]string{"hug hug hug hug pug hugs bun"}, 5)
	w := must(tokenizer.TrainWordPiece(slices.Values(texts), tokenizer.WordPieceOptions{Vocab: 5 + 14 + 3, Alphabet: 7}))
	var pieces []string
	for id := range int32(w.Size()) {
		b, _ := w.Token(id)
		pieces = append(pieces, string(b))
	}
	if !slices.Equal(pieces[:5], tokenizer.MaskedSpecial) {
		t.Errorf("the vocabulary begins with %v, want %v", pieces[:5], tokenizer.MaskedSpecial)
	}
	if !slices.Contains(pieces, "hug") {
		t.Errorf("hug is no piece of %v", pieces)
	}
	if got := w.Decode(w.Encode("Hugs, bun")); got != "hugs [UNK] bun" {
		t.Errorf("decoded %q", got) // the texts had no comma
	}
	a, b := learnedPieces(t, false), must(tokenizer.TrainWordPiece(func(yield func(string) bool) {
		for i := range samples {
			if !yield(samples[len(samples)-1-i]) {
				return
			}
		}
	}, tokenizer.WordPieceOptions{Vocab: 900, Alphabet: 200, Threads: 1}))
	dir := t.TempDir()
	for name, w := range map[string]*tokenizer.WordPiece{"a.json": a, "b.json": b} {
		if err := tokenizer.Save(w, filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	if read(t, filepath.Join(dir, "a.json")) != read(t, filepath.Join(dir, "b.json")) {
		t.Error("the vocabulary depends on the order of the texts or on the threads")
	}
	if _, err := tokenizer.TrainWordPiece(slices.Values([]string{" \n"}), tokenizer.WordPieceOptions{Vocab: 100}); err == nil {
		t.Error("texts without words give a vocabulary")
	}
	if _, err := tokenizer.TrainWordPiece(slices.Values(samples), tokenizer.WordPieceOptions{Vocab: 20, Alphabet: 100}); err == nil {
		t.Error("a vocabulary of 20 has room for 100 characters")
	}
}

// FuzzWordPiece: no text breaks it, ids are in the vocabulary, and what was
// decoded is encoded as it was.
func FuzzWordPiece(f *testing.F) {
	for _, s := range samples {
		f.Add(s)
	}
	small, cased := learnedPieces(f, false), learnedPieces(f, true)
	f.Fuzz(func(t *testing.T, s string) {
		for _, w := range []*tokenizer.WordPiece{small, cased} {
			ids := w.Encode(s)
			for _, id := range ids {
				if _, ok := w.Token(id); !ok {
					t.Fatalf("%q has the id %d, which no token has", s, id)
				}
			}
			if again := w.EncodeSpecial(w.Decode(ids)); !slices.Equal(again, ids) {
				t.Fatalf("%q: ids %v, after decoding to %q %v", s, ids, w.Decode(ids), again)
			}
		}
	})
}

// FuzzVocab: whatever the lines are, there is an error or a tokenizer.
func FuzzVocab(f *testing.F) {
	f.Add([]byte("[UNK]\n[CLS]\n[SEP]\na\n##b\n"))
	f.Add([]byte("[UNK]\r\n[CLS]\r\n[SEP]\r\n##\r\n#\r\n"))
	path := filepath.Join(f.TempDir(), "vocab.txt")
	f.Fuzz(func(t *testing.T, data []byte) {
		if err := os.WriteFile(path, data, 0o666); err != nil {
			t.Fatal(err)
		}
		if w, err := tokenizer.LoadVocab(path, true); err == nil {
			w.Decode(w.EncodeSpecial("ab [UNK] 中 " + string(data)))
		}
	})
}
