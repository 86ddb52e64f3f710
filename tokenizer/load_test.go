package tokenizer_test

import (
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/inkstone-ai/inkstone/internal/testkit"
	"github.com/inkstone-ai/inkstone/tokenizer"
)

// file makes a small tokenizer.json whose parts a test may replace.
func file(parts map[string]string) []byte {
	model := `{"type": "BPE", "vocab": {"a": 0, "b": 1, "ab": 2, "Ġ": 3, "Ġa": 4, "aĠ": 5, "1": 6, "<e>": 7}, "merges": %s%s}`
	get := func(key, otherwise string) string {
		if v, ok := parts[key]; ok {
			return v
		}
		return otherwise
	}
	model = fmt.Sprintf(model, get("merges", `["a b", "Ġ a"]`), get("flags", ""))
	return fmt.Appendf(nil, `{"version": "1.0", "added_tokens": %s, "normalizer": %s, "pre_tokenizer": %s, "decoder": %s, "model": %s}`,
		get("added", `[]`), get("normalizer", "null"), get("pre", `{"type": "ByteLevel", "add_prefix_space": false}`),
		get("decoder", `{"type": "ByteLevel"}`), get("model", model))
}

func TestParseBPE(t *testing.T) {
	level := `{"type": "ByteLevel", "add_prefix_space": %t, "use_regex": %t}`
	tests := []struct {
		name  string
		parts map[string]string
		text  string
		want  []int32
	}{
		{"older merges", nil, "ab a", []int32{2, 4}},
		{"newer merges", map[string]string{"merges": `[["a","b"],["Ġ","a"]]`}, "ab a", []int32{2, 4}},
		{"no merges", map[string]string{"merges": `[]`}, "ab a", []int32{0, 1, 3, 0}},
		{"order of merges", map[string]string{"merges": `["Ġ a", "a b"]`, "pre": fmt.Sprintf(level, false, false)}, "ab ab", []int32{2, 4, 1}},
		{"ranks across words", map[string]string{"merges": `["a Ġ", "a b"]`, "pre": fmt.Sprintf(level, false, false)}, "a ab", []int32{5, 2}},
		{"prefix blank", map[string]string{"pre": fmt.Sprintf(level, true, true)}, "a", []int32{4}},
		{"prefix blank there", map[string]string{"pre": fmt.Sprintf(level, true, true)}, " a", []int32{4}},
		{"prefix blank and added token", map[string]string{"pre": fmt.Sprintf(level, true, true), "added": `[{"id": 7, "content": "<e>", "special": true}]`}, "a<e>a", []int32{4, 7, 4}},
		{"missing bytes are left out", nil, "axb中", []int32{2}},
		{"whole pieces", map[string]string{"merges": `[]`, "flags": `, "ignore_merges": true`}, "ab a", []int32{2, 4}},
		{"digits", map[string]string{"pre": `{"type": "Sequence", "pretokenizers": [{"type": "Digits", "individual_digits": true}, ` + fmt.Sprintf(level, false, true) + `]}`}, "ab11", []int32{2, 6, 6}},
		{"split", map[string]string{"pre": `{"type": "Sequence", "pretokenizers": [{"type": "Split", "pattern": {"String": "b"}, "behavior": "Removed", "invert": false}, ` + fmt.Sprintf(level, false, false) + `]}`}, "abab", []int32{0, 0}},
		{"nested", map[string]string{"pre": `{"type": "Sequence", "pretokenizers": [{"type": "Sequence", "pretokenizers": [{"type": "Split", "pattern": {"Regex": "a|b"}, "behavior": "Isolated", "invert": false}]}, ` + fmt.Sprintf(level, false, false) + `]}`}, "ab", []int32{0, 1}},
		{"special", map[string]string{"added": `[{"id": 7, "content": "<e>", "special": true}]`}, "ab<e>a", []int32{2, 7, 0}},
		{"beyond the vocabulary", map[string]string{"added": `[{"id": 20, "content": "<f>", "special": true}]`}, "<f>a", []int32{20, 0}},
		{"not special", map[string]string{"added": `[{"id": 8, "content": "ba", "special": false}]`}, "abab", []int32{0, 8, 1}},
		{"stripping", map[string]string{"added": `[{"id": 7, "content": "<e>", "special": true, "lstrip": true, "rstrip": true}]`}, "a  <e> a", []int32{0, 7, 0}},
		{"single word", map[string]string{"added": `[{"id": 8, "content": "ba", "single_word": true}]`}, "abab ba", []int32{2, 2, 3, 8}},
	}
	for _, tt := range tests {
		tok, err := tokenizer.Parse(file(tt.parts))
		if err != nil {
			t.Errorf("%s: %v", tt.name, err)
			continue
		}
		if got := tok.EncodeSpecial(tt.text); !slices.Equal(got, tt.want) {
			t.Errorf("%s: %q has ids %v, want %v", tt.name, tt.text, got, tt.want)
		}
	}
}

func TestSplitBehaviors(t *testing.T) {
	pre := `{"type": "Sequence", "pretokenizers": [{"type": "Split", "pattern": {"String": "-"}, "behavior": "%s", "invert": %t}, {"type": "ByteLevel", "add_prefix_space": true, "use_regex": false}]}`
	vocab := `{"type": "BPE", "vocab": {"a": 0, "-": 1, "Ġ": 2}, "merges": []}`
	tests := []struct { // a blank stands before each piece: see add_prefix_space
		behavior string
		invert   bool
		want     string
	}{
		{"Isolated", false, " a - - a -"},
		{"Removed", false, " a a"},
		{"Removed", true, " - - -"},
		{"MergedWithPrevious", false, " a- - a-"},
		{"MergedWithNext", false, " a - -a -"},
		{"Contiguous", false, " a -- a -"},
	}
	for _, tt := range tests {
		tok, err := tokenizer.Parse(file(map[string]string{"pre": fmt.Sprintf(pre, tt.behavior, tt.invert), "model": vocab}))
		if err != nil {
			t.Fatal(err)
		}
		if got := tok.Decode(tok.Encode("a--a-")); got != tt.want {
			t.Errorf("%s, invert %t: got %q, want %q", tt.behavior, tt.invert, got, tt.want)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	part := func(key, value string) []byte { return file(map[string]string{key: value}) }
	tests := []struct {
		name string
		data []byte
		want string
	}{
		{"not JSON", []byte("{"), "unexpected end"},
		{"no model", []byte("{}"), "there is no model"},
		{"model", part("model", `{"type": "Bigram"}`), `model "Bigram" is not supported`},
		{"normalizer", part("normalizer", `{"type": "NFE"}`), `normalizer: "NFE" is not supported`},
		{"map of characters", part("normalizer", `{"type": "Precompiled", "precompiled_charsmap": "AAA="}`), "shorter than its length"},
		{"trie", part("normalizer", `{"type": "Precompiled", "precompiled_charsmap": "CAAAAAAAAAA="}`), "a trie of 8 bytes in 4"},
		{"pre_tokenizer", part("pre", `{"type": "UnicodeScript"}`), `pre_tokenizer: "UnicodeScript" is not supported`},
		{"delimiter", part("pre", `{"type": "CharDelimiterSplit", "delimiter": "ab"}`), "is not one character"},
		{"length", part("pre", `{"type": "FixedLength", "length": 0}`), "length 0 of FixedLength"},
		{"punctuation", part("pre", `{"type": "Punctuation", "behavior": "Lost"}`), `behavior "Lost" of Punctuation`},
		{"decoder", part("decoder", `{"type": "RNNT"}`), `decoder: "RNNT" is not supported`},
		{"strip", part("decoder", `{"type": "Strip", "content": "ab", "start": 1, "stop": 0}`), "one character"},
		{"post_processor", []byte(`{"model": {"type": "BPE", "vocab": {"a": 0}, "merges": []}, "post_processor": {"type": "Echo"}}`), `post_processor: "Echo" is not supported`},
		{"unigram without unknown", part("model", `{"type": "Unigram", "vocab": [["a", 0]]}`), "without unk_id"},
		{"unigram's unknown", part("model", `{"type": "Unigram", "unk_id": 1, "vocab": [["a", 0]]}`), "unk_id is 1"},
		{"unigram of an object", part("model", `{"type": "Unigram", "vocab": {"a": 0}}`), "a list is expected"},
		{"unigram without score", part("model", `{"type": "Unigram", "vocab": [["a"]]}`), "entry 0: there is no score"},
		{"unigram of three", part("model", `{"type": "Unigram", "vocab": [["a", 0, 0]]}`), "entry 0: there is more"},
		{"unigram twice", part("model", `{"type": "Unigram", "unk_id": 0, "vocab": [["a", 0], ["a", 0]]}`), `"a" has two ids, 0 and 1`},
		{"added token over another", part("added", `[{"id": 1, "content": "x"}]`), `added token "x" has the id 1, which is that of "b"`},
		{"added token elsewhere", part("added", `[{"id": 9, "content": "b"}]`), `added token "b" has the id 9, and 1 in the vocabulary`},
		{"dropout", part("flags", `, "dropout": 0.1`), "dropout 0.1"},
		{"merge of strangers", part("merges", `["a c"]`), `"c" is not in the vocabulary`},
		{"merge into a stranger", part("merges", `["b a"]`), `"ba" is not in the vocabulary`},
		{"merge of three", part("merges", `["a b b"]`), "merge 0"},
		{"pair of three", part("merges", `[["a", "b", "b"]]`), "merge 0: it has not two parts"},
		{"pair of one", part("merges", `["a b", ["a"]]`), "merge 1: it has not two parts"},
		{"merges of numbers", part("merges", `[1]`), "a string is expected"},
		{"merges not a list", part("merges", `{}`), "a list is expected"},
		{"vocabulary not an object", part("model", `{"type": "BPE", "vocab": []}`), "an object is expected"},
		{"id not a number", part("model", `{"type": "BPE", "vocab": {"a": "0"}}`), "an id is expected"},
		{"id not whole", part("model", `{"type": "BPE", "vocab": {"a": 0.5}}`), "an id is expected"},
		{"negative id", part("model", `{"type": "BPE", "vocab": {"a": -1}}`), "has the id -1"},
		{"huge id", part("model", `{"type": "BPE", "vocab": {"a": 2000000000}}`), "has the id 2000000000"},
		{"id beyond int32", part("model", `{"type": "BPE", "vocab": {"a": 5000000000}}`), "vocab"},
		{"id twice", part("model", `{"type": "BPE", "vocab": {"a": 0, "b": 0}}`), "two tokens have the id 0"},
		{"no vocabulary", part("model", `{"type": "BPE", "vocab": {}}`), "vocab is empty"},
		{"huge added id", part("added", `[{"id": 2000000000, "content": "x"}]`), "has the id 2000000000"},
		{"empty added token", part("added", `[{"id": 1, "content": ""}]`), "is empty"},
		{"behavior", part("pre", `{"type": "Sequence", "pretokenizers": [{"type": "Split", "pattern": {"Regex": "a"}, "behavior": "Lost"}, {"type": "ByteLevel"}]}`), `behavior "Lost"`},
		{"pattern", part("pre", `{"type": "Sequence", "pretokenizers": [{"type": "Split", "pattern": {"Regex": "("}, "behavior": "Isolated"}, {"type": "ByteLevel"}]}`), "pattern"},
		{"long pattern", part("pre", `{"type": "Sequence", "pretokenizers": [{"type": "Split", "pattern": {"Regex": "`+strings.Repeat("a", 1<<20+1)+`"}, "behavior": "Isolated"}, {"type": "ByteLevel"}]}`), "pattern has 1048577 bytes"},
		{"long pattern to replace", part("normalizer", `{"type": "Replace", "pattern": {"Regex": "`+strings.Repeat("a", 1<<20+1)+`"}, "content": ""}`), "there is no pattern that can be used"},
		{"words without unknown", part("model", `{"type": "WordLevel", "vocab": {"a": 0}}`), `unknown token "<unk>"`},
	}
	for _, tt := range tests {
		_, err := tokenizer.Parse(tt.data)
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: error %v, want one with %q", tt.name, err, tt.want)
		}
	}
}

// TestForeignFiles reads files that others have written.
func TestForeignFiles(t *testing.T) {
	titan, err := tokenizer.Parse(testkit.ReadFile(t, testkit.Data(t, "tok-hf-json/torchtitan-test-tokenizer.json")))
	if err != nil {
		t.Fatal(err)
	}
	if titan.Size() != 2020 {
		t.Errorf("size %d, want 2020", titan.Size())
	}
	// Its vocabulary spells no blank as ByteLevel does, and has no merges.
	if got, want := titan.Encode("ab C"), []int32{97, 98, 67}; !slices.Equal(got, want) {
		t.Errorf("ids %v, want %v", got, want)
	}
	if missing := titan.(*tokenizer.BPE).Missing(); len(missing) != 256-94 {
		t.Errorf("%d bytes are missing, want 162", len(missing))
	}
}

func TestLoadErrors(t *testing.T) {
	dir := t.TempDir()
	if _, err := tokenizer.Load(dir); !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), dir) {
		t.Errorf("an empty folder: %v", err)
	}
	if _, err := tokenizer.Load(filepath.Join(dir, "none")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no folder: %v", err)
	}
	bad := write(t, "tokenizer.json", []byte("{"))
	if _, err := tokenizer.Load(bad); err == nil || !strings.Contains(err.Error(), bad) {
		t.Errorf("the error %v does not name the file", err)
	}
	if err := tokenizer.Save(small(t, tokenizer.GPT2), filepath.Join(dir, "none", "t.json")); err == nil {
		t.Error("a file in no folder is saved")
	}
}

// TestSaveOnFullDisk lets the disk fill up after each byte of the file: the
// earlier one stays and nothing lies beside it.
func TestSaveOnFullDisk(t *testing.T) {
	if !testkit.Alone(t) {
		return
	}
	dir := t.TempDir()
	path := filepath.Join(dir, "tokenizer.json")
	tok := must(tokenizer.NewChars(slices.Values([]string{"ab"})))
	if err := tokenizer.Save(tok, path); err != nil {
		t.Fatal(err)
	}
	want := read(t, path)
	for room := range len(want) {
		var err error
		testkit.FullDisk(t, uint64(room), func() { err = tokenizer.Save(tok, dir) })
		if err == nil || !strings.Contains(err.Error(), path) {
			t.Fatalf("room for %d of %d bytes: error %v, want one that names %s", room, len(want), err, path)
		}
		if files := must(os.ReadDir(dir)); read(t, path) != want || len(files) != 1 {
			t.Fatalf("room for %d of %d bytes: the folder has %v, the file %q", room, len(want), files, read(t, path))
		}
	}
	testkit.FullDisk(t, uint64(len(want)), func() {
		if err := tokenizer.Save(tok, path); err != nil {
			t.Errorf("room for all: %v", err)
		}
	})
}

// TestSaveKeepsTheOldFile: what cannot be written leaves no trace.
func TestSaveKeepsTheOldFile(t *testing.T) {
	dir := t.TempDir()
	type foreign struct{ tokenizer.Tokenizer }
	if err := os.WriteFile(filepath.Join(dir, "tokenizer.json"), []byte("old"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := tokenizer.Save(foreign{small(t, tokenizer.GPT2)}, dir); err == nil {
		t.Error("a foreign tokenizer is saved")
	}
	if got := read(t, filepath.Join(dir, "tokenizer.json")); got != "old" {
		t.Errorf("the old file is now %q", got)
	}
	if files := must(os.ReadDir(dir)); len(files) != 1 {
		t.Errorf("%d files, want 1", len(files))
	}
}

func TestGPT2Folder(t *testing.T) {
	dir := t.TempDir()
	for name, data := range map[string]string{
		"vocab.json": `{"a": 0, "b": 1, "ab": 2, "<|endoftext|>": 3}`, "merges.txt": "#version: 0.2\na b\n\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(data), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	tok, err := tokenizer.Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]int32{2, 0, 3}, tok.EncodeSpecial("aba<|endoftext|>")); diff != "" {
		t.Error(diff)
	}
	if err := os.WriteFile(filepath.Join(dir, "merges.txt"), []byte("#version: 0.2\na b c\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := tokenizer.Load(dir); err == nil || !strings.Contains(err.Error(), "merges.txt: line 2") {
		t.Errorf("a broken line: %v", err)
	}
}

func TestTiktokenRefuses(t *testing.T) {
	tests := []struct{ name, data, want string }{
		{"not base 64", "?? 0\n", "line 1"},
		{"no rank", "YQ==\n", "line 1"},
		{"negative", "YQ== -1\n", "line 1"},
		{"huge", "YQ== 2000000000\n", "line 1"},
		{"missing byte", "YQ== 0\n", "the byte 0 has no rank"},
		{"token twice", "YQ== 0\nYg== 1\nYQ== 2\n", `line 3: the token "a" is there twice`},
		{"endless line", "YQ== 0\n" + strings.Repeat("Y", 1<<17), "line 2"},
	}
	for _, tt := range tests {
		_, err := tokenizer.LoadTiktoken(write(t, "x.tiktoken", []byte(tt.data)), tokenizer.GPT2, nil)
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: error %v, want %q", tt.name, err, tt.want)
		}
	}
}

// FuzzParse: whatever the bytes are, there is an error or a tokenizer that
// encodes and decodes, and no more ids than the file has room for.
func FuzzParse(f *testing.F) {
	f.Add(file(nil))
	f.Add(file(map[string]string{"added": `[{"id": 20, "content": "<f>", "special": true, "lstrip": true, "single_word": true}]`}))
	f.Add(file(map[string]string{"pre": `{"type": "Sequence", "pretokenizers": [{"type": "Digits"}, {"type": "Split", "pattern": {"Regex": "a|b"}, "behavior": "Contiguous", "invert": true}, {"type": "ByteLevel"}]}`}))
	f.Add(file(map[string]string{"decoder": `{"type": "Fuse"}`, "pre": `{"type": "Split", "pattern": {"Regex": "[\\s\\S]"}, "behavior": "Isolated"}`, "model": `{"type": "WordLevel", "vocab": {"a": 0, "<u>": 1}, "unk_token": "<u>"}`}))
	f.Add(file(map[string]string{"pre": "null", "normalizer": `{"type": "Sequence", "normalizers": [{"type": "Prepend", "prepend": "▁"}, {"type": "Replace", "pattern": {"String": " "}, "content": "▁"}]}`,
		"decoder": `{"type": "Sequence", "decoders": [{"type": "Replace", "pattern": {"String": "▁"}, "content": " "}, {"type": "ByteFallback"}, {"type": "Strip", "content": " ", "start": 1, "stop": 0}]}`,
		"model":   `{"type": "BPE", "byte_fallback": true, "fuse_unk": true, "unk_token": "<u>", "vocab": {"<u>": 0, "a": 1, "▁": 2, "▁a": 3, "<0xFF>": 4}, "merges": ["▁ a"]}`}))
	f.Add(file(map[string]string{"pre": `{"type": "Metaspace", "replacement": "▁", "prepend_scheme": "first"}`, "decoder": `{"type": "Metaspace", "replacement": "▁"}`, "merges": "[]"}))
	f.Fuzz(func(t *testing.T, data []byte) {
		tok, err := tokenizer.Parse(data)
		if err != nil {
			return
		}
		if tok.Size() > len(data)*101 {
			t.Fatalf("%d bytes give %d ids", len(data), tok.Size())
		}
		tok.Decode(tok.EncodeSpecial("ab a1 <f> x中\xff"))
		dir := t.TempDir()
		if err := tokenizer.Save(tok, dir); err != nil {
			t.Fatalf("save: %v", err)
		}
		if _, err := tokenizer.Load(dir); err != nil {
			t.Fatalf("load what was saved: %v", err)
		}
	})
}

// FuzzTiktoken: a rank file is refused or makes a tokenizer that decodes what it
// encodes, with no more ids than the file and its special tokens justify.
func FuzzTiktoken(f *testing.F) {
	var bytes strings.Builder
	for b := range 256 {
		fmt.Fprintf(&bytes, "%s %d\n", base64.StdEncoding.EncodeToString([]byte{byte(b)}), b)
	}
	f.Add(bytes.String(), "YWI= 256\n", int32(300))
	f.Add("", "YQ== 0\n", int32(-1))
	f.Fuzz(func(t *testing.T, head, rest string, end int32) {
		data := []byte(head + rest)
		tok, err := tokenizer.ParseTiktoken(data, tokenizer.GPT2, map[string]int32{"<|end|>": end})
		if err != nil {
			return
		}
		if most := max(len(data), int(end)) + 1; tok.Size() > most {
			t.Errorf("%d ids from a file of %d bytes, special token %d", tok.Size(), len(data), end)
		}
		const text = "abab a1 x中\xff"
		if got := tok.Decode(tok.Encode(text)); got != text {
			t.Errorf("%q comes back as %q", text, got)
		}
	})
}

// TestNotDone: what a file asks for around the ids is told.
func TestNotDone(t *testing.T) {
	tok := must(tokenizer.Parse([]byte(`{"truncation": {"max_length": 128},  "padding": null, "added_tokens": [{"id": 1, "content": "<s>", "special": true}],
		"pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": false}, "model": {"type": "BPE", "vocab": {"a": 0}, "merges": []},
		"post_processor": {"type": "TemplateProcessing", "single": [{"SpecialToken": {"id": "<s>", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}],
		"pair": [{"Sequence": {"id": "A", "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 0}}], "special_tokens": {"<s>": {"id": "<s>", "ids": [1], "tokens": ["<s>"]}}}}`)))
	want := map[string]string{"truncation": `{"max_length":128}`, "frame": "<s> …"}
	if diff := cmp.Diff(want, tokenizer.NotDone(tok)); diff != "" {
		t.Errorf("(-want +got): %s", diff)
	}
	if got := tokenizer.NotDone(must(tokenizer.NewByte())); len(got) != 0 {
		t.Errorf("bytes: %v, want nothing", got)
	}
}
