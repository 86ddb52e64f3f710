package tokenizer_test

import (
	"slices"
	"testing"
	"unicode/utf8"

	"github.com/dlclark/regexp2/v2"
	"github.com/google/go-cmp/cmp"

	"github.com/inkstone-ai/inkstone/tokenizer"
)

// TestChars: Shakespeare has 65 distinct characters, as nanoGPT counts them.
func TestChars(t *testing.T) {
	s := text(t, "lm-tinyshakespeare/input.txt")
	c := must(tokenizer.NewChars(slices.Values([]string{s})))
	if c.Size() != 65+1 {
		t.Errorf("size %d, want 65 characters and the unknown one", c.Size())
	}
	if got, want := c.Encode("hi there"), []int32{46, 47, 1, 58, 46, 43, 56, 43}; !slices.Equal(got, want) {
		t.Errorf("ids %v, want nanoGPT's %v", got, want)
	}
	if got := c.Decode(c.Encode(s)); got != s {
		t.Error("the text does not survive")
	}
	if got := c.Decode(c.Encode("a中\xff!")); got != "a<unk><unk>!" {
		t.Errorf("unknown characters decode to %q", got)
	}
	if !c.IsSpecial(c.UnknownID()) || int(c.UnknownID()) != c.Size()-1 {
		t.Errorf("the unknown id is %d", c.UnknownID())
	}
}

func TestWords(t *testing.T) {
	texts := []string{"the cat, the dog!\n", "The cat in 2026. 小明在", "e\u0301tude the <unk>"}
	w := must(tokenizer.NewWords(slices.Values(texts), 1, "<|end|>"))
	var got []string
	for id := range int32(w.Size()) {
		b, _ := w.Token(id)
		got = append(got, string(b))
	}
	want := []string{" ", "the", "cat", "\n", "!", ",", ".", "2026", "<", ">", "The", "dog", "e\u0301tude", "in", "unk", "在", "小", "明", "<|end|>", "<unk>"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("words (-want +got): %s", diff)
	}
	for _, s := range texts {
		if got := w.Decode(w.Encode(s)); got != s {
			t.Errorf("got %q, want %q", got, s)
		}
	}
	if got := w.Decode(w.Encode("the bird<|end|>")); got != "the <unk><<unk><unk><unk>>" {
		t.Errorf("unknown words decode to %q", got)
	}
	if got := w.EncodeSpecial("the<|end|>"); !slices.Equal(got, []int32{1, 18}) {
		t.Errorf("special ids %v", got)
	}
	word := must(tokenizer.NewWords(slices.Values(texts), 1, "END")) // a special token that looks like a word
	if got := word.Encode("END"); !slices.Equal(got, []int32{word.UnknownID()}) {
		t.Errorf("a special token in ordinary text has the ids %v, want the unknown one", got)
	}
	frequent := must(tokenizer.NewWords(slices.Values(texts), 2))
	if frequent.Size() != 4 {
		t.Errorf("%d words occur twice, want 3 and the unknown one", frequent.Size())
	}
	if _, err := tokenizer.NewWords(slices.Values(texts), 100); err == nil {
		t.Error("an empty vocabulary is no error")
	}
}

// FuzzWordPieces compares the scanner of words with the pattern that is
// written to files.
func FuzzWordPieces(f *testing.F) {
	pattern := regexp2.MustCompile(`\p{Han}|(?:(?!\p{Han})[\p{L}\p{M}\p{N}])+|[^\p{L}\p{M}\p{N}]`)
	oracle(f, pattern, "ſ") // its tables, made here: under the fuzzer they take longer than an input may
	for _, s := range samples {
		f.Add(s)
	}
	f.Add("中文abc〇1ー々")
	f.Fuzz(func(t *testing.T, s string) {
		w, err := tokenizer.NewWords(slices.Values([]string{s}), 1)
		if err != nil {
			return
		}
		for _, piece := range oracle(t, pattern, s) {
			if _, ok := w.ID(piece); !ok && utf8.ValidString(piece) {
				t.Errorf("%q: %q is no word", s, piece)
			}
		}
	})
}

// TestWordList keeps the order of a list, leaves special tokens that are in it to
// their own ids, and survives its file.
func TestWordList(t *testing.T) {
	w := must(tokenizer.WordList([]string{"b", "<unk>", "a", "well-known"}, "<end>"))
	for i, want := range []string{"b", "a", "well-known", "<end>", "<unk>"} {
		if id, ok := w.ID(want); !ok || int(id) != i {
			t.Errorf("%q has the id %d, %v; want %d", want, id, ok, i)
		}
	}
	if w.Size() != 5 || !w.IsSpecial(3) || !w.IsSpecial(4) {
		t.Errorf("%d ids", w.Size())
	}
	dir := t.TempDir()
	if err := tokenizer.Save(w, dir); err != nil {
		t.Fatal(err)
	}
	again := must(tokenizer.Load(dir))
	if got := again.Encode("a b c"); len(got) != 5 || got[0] != 1 || got[2] != 0 || got[4] != 4 {
		t.Errorf("the loaded vocabulary encodes to %v", got)
	}
	if _, err := tokenizer.WordList([]string{"<unk>"}); err == nil {
		t.Error("a list of no words is a vocabulary")
	}
}
