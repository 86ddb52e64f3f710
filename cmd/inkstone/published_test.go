package main

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/inkstone-ai/inkstone/eval"
	"github.com/inkstone-ai/inkstone/internal/testkit"
)

// TestGPT2Here: where GPT-2's vocabulary is, info compares with it; its ids are
// the published ones.
func TestGPT2Here(t *testing.T) {
	folder := filepath.Dir(testkit.Data(t, "tok-gpt2/r50k_base.tiktoken.gz"))
	t.Setenv("INKSTONE_GPT2", folder)
	t.Setenv("INKSTONE_DATA", "")
	gpt2, err := openTokenizer("gpt2")
	if err != nil {
		t.Fatal(err)
	}
	if got := gpt2.Encode("Hello, world"); len(got) != 3 || got[0] != 15496 {
		t.Errorf("Hello, world is %v, want 15496 11 995", got)
	}
	text := filepath.Join(t.TempDir(), "text.txt")
	if err := os.WriteFile(text, []byte(strings.Repeat("The quick brown fox.\n", 9)), 0o666); err != nil {
		t.Fatal(err)
	}
	a := &app{errs: os.Stderr, lang: english}
	r, err := a.info(filepath.Join(folder, "cl100k_base.tiktoken.gz"), []string{"gpt2"}, []string{text})
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Against) != 2 || r.Against[0].Vocabulary != 100258 || r.Against[1].Vocabulary != 50257 || r.NoGPT2 != "" {
		t.Errorf("got %+v, want cl100k_base and gpt2", r)
	}
}

// TestGPT2NotHere: without the vocabulary the name is an error that says where to put it.
func TestGPT2NotHere(t *testing.T) {
	for _, name := range []string{"INKSTONE_GPT2", "INKSTONE_DATA"} {
		t.Setenv(name, "")
	}
	t.Setenv("HF_HUB_CACHE", t.TempDir())
	if _, err := openTokenizer("gpt2"); !errors.Is(err, errNoGPT2) {
		t.Errorf("got %v, want %v", err, errNoGPT2)
	}
}

// TestChineseReport: every name and sentence that package eval writes has a
// Chinese form here.
func TestChineseReport(t *testing.T) {
	bits := 1.5
	text := eval.Measurement{Context: 64, Stride: 32, Tokens: 10, Bytes: 20, Loss: 2.5, Perplexity: 12.2, BitsPerByte: &bits, BitsPerChar: &bits, TokensPerSecond: 1234.5}
	words := eval.Measurement{Context: 64, Stride: 64, Tokens: 10, Unknown: 3, Loss: 2.5, Perplexity: 12.2}
	match := eval.ExactMatch("x", []eval.Answer{{Match: true}, {Question: eval.Question{Group: "where"}}})
	for _, r := range []eval.Report{text.Report("x"), words.Report("x"), match} {
		var out strings.Builder
		a := &app{out: &out, lang: chinese}
		if err := a.report(r); err != nil {
			t.Fatal(err)
		}
		for _, word := range []string{"loss", "token", "bytes", "perplexity", "bits", "match", "interval", "answers", "windows"} {
			if strings.Contains(out.String(), word) {
				t.Errorf("a Chinese report has the English word %q:\n%s", word, &out)
			}
		}
	}
}

func TestColumns(t *testing.T) {
	tests := []struct {
		text string
		want int
	}{{"", 0}, {"loss", 4}, {"每词元", 6}, {"每 s", 4}}
	for _, test := range tests {
		if got := columns(test.text); got != test.want {
			t.Errorf("columns(%q) = %d, want %d", test.text, got, test.want)
		}
	}
}

func TestNumbers(t *testing.T) {
	tests := []struct{ got, want string }{
		{thousands(0), "0"}, {thousands(999), "999"}, {thousands(1000), "1,000"}, {thousands(-1234567), "-1,234,567"}, {thousands(-123), "-123"},
		{rate(12345), "12,300"}, {rate(999.6), "1,000"}, {rate(0), "–"},
		{quoted("model"), "model"}, {quoted("my model"), "'my model'"}, {quoted("it's"), `'it'\''s'`}, {quoted(""), "''"}, {quoted("模型"), "模型"},
	}
	for _, test := range tests {
		if test.got != test.want {
			t.Errorf("got %s, want %s", test.got, test.want)
		}
	}
}
