package corpus_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/inkstone-ai/inkstone/corpus"
	"github.com/inkstone-ai/inkstone/internal/testkit"
)

func writeFile(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestPairs(t *testing.T) {
	want := []string{"Hi.=嗨。", "Run!=跑！"}
	one := writeFile(t, "pairs.tsv", "Hi.\t嗨。\r\n Run! \t跑！\n")
	en, zh := writeFile(t, "text.en", "Hi.\nRun!\n"), writeFile(t, "text.zh", "嗨。\n跑！")
	for name, paths := range map[string][]string{"columns": {one}, "two files": {en, zh}} {
		pairs, err := corpus.Pairs(nil, paths...)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for i, p := range pairs {
			got = append(got, p.Source+"="+p.Target)
			if p.Line != i+1 || p.File != paths[0] {
				t.Errorf("%s: pair %d is from %s line %d", name, i, p.File, p.Line)
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	for _, text := range []string{"a\tb", "\ufeffa\tb\n"} {
		if pairs, err := corpus.Pairs(strings.NewReader(text), "-"); err != nil || len(pairs) != 1 || pairs[0].Source != "a" || pairs[0].Target != "b" {
			t.Errorf("standard input %q: %+v, %v", text, pairs, err)
		}
	}
}

// TestSplitFewPairs: of a few pairs one is held out at least, and a group that is larger
// than half as much again as what is wanted is learned.
func TestSplitFewPairs(t *testing.T) {
	var pairs []corpus.Pair
	for i := range 5 {
		pairs = append(pairs, corpus.Pair{Source: fmt.Sprint("s", i), Target: fmt.Sprint("t", i)})
	}
	if train, held, err := corpus.SplitPairs(pairs, 0.1, 1); err != nil || len(train) != 4 || len(held) != 1 {
		t.Errorf("%d and %d of 5 pairs, %v", len(train), len(held), err)
	}
	for i := range 5 { // one source in five pairs
		pairs = append(pairs, corpus.Pair{Source: "often", Target: fmt.Sprint("u", i)})
	}
	for seed := range uint64(20) {
		train, held, err := corpus.SplitPairs(pairs, 0.2, seed)
		if err != nil || len(train) != 8 || len(held) != 2 || held[0].Source == "often" {
			t.Errorf("seed %d: %d learned and %v held out, %v", seed, len(train), held, err)
		}
	}
}

func TestPairsErrors(t *testing.T) {
	tests := []struct {
		name  string
		files []string
		says  string
	}{
		{"three columns", []string{"a\tb\nc\td\te\n"}, "0.txt: line 2: 3 columns, want two"},
		{"one column", []string{"a\tb\nc\n"}, "0.txt: line 2: 1 columns"},
		{"no source", []string{"a\tb\n \td\n"}, "0.txt: line 2: the source is empty"},
		{"no target", []string{"a\tb\nc\t\n"}, "0.txt: line 2: the target is empty"},
		{"unequal numbers", []string{"a\nb\n", "c\nd\ne\n"}, "1.txt line 3"},
		{"an empty line of two", []string{"a\n\nb\n", "c\nd\ne\n"}, "0.txt: line 2: the source is empty"},
		{"an empty line of the second", []string{"a\nb\n", "c\n \n"}, "1.txt: line 2: the target is empty"},
		{"bad UTF-8", []string{"a\tb\n\xff\td\n"}, "0.txt: line 2: not UTF-8"},
		{"binary", []string{"a\tb\x00\n"}, "0.txt: line 1: a binary file"},
		{"UTF-16", []string{"\xff\xfea\x00\t\x00b\x00"}, "0.txt: text in UTF-16: save it in UTF-8"},
		{"an empty line", []string{"a\tb\n\nc\td\n"}, "0.txt: line 2 is empty: take it out"},
		{"nothing", []string{""}, "no pair in it"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var paths []string
			for i, text := range tt.files {
				paths = append(paths, writeFile(t, fmt.Sprintf("%d.txt", i), text))
			}
			if _, err := corpus.Pairs(nil, paths...); err == nil || !strings.Contains(err.Error(), tt.says) {
				t.Errorf("error %v, want %q", err, tt.says)
			}
		})
	}
}

// TestSplitPairs: no sentence of either side stands in both parts.
func TestSplitPairs(t *testing.T) {
	pairs, err := corpus.Pairs(nil, testkit.Data(t, "mt-tatoeba-en-zh/en-zh.tsv.gz"))
	if err != nil {
		t.Fatal(err)
	}
	train, held, err := corpus.SplitPairs(pairs, 0.05, 1)
	if err != nil {
		t.Fatal(err)
	}
	if len(train)+len(held) != 26913 || len(held) < 1300 || len(held) > 1400 {
		t.Errorf("%d and %d pairs", len(train), len(held))
	}
	known := map[string]bool{}
	for _, p := range train {
		known["s"+p.Source], known["t"+p.Target] = true, true
	}
	for _, p := range held {
		if known["s"+p.Source] || known["t"+p.Target] {
			t.Fatalf("%+v stands in both parts", p)
		}
	}
	_, again, _ := corpus.SplitPairs(pairs, 0.05, 1)
	_, other, _ := corpus.SplitPairs(pairs, 0.05, 2)
	if !slices.Equal(held, again) || slices.Equal(held, other) {
		t.Error("the split is not a function of its seed")
	}
}

func FuzzPairs(f *testing.F) {
	f.Add([]byte("a\tb\n"))
	f.Add([]byte("\ufeffa\tb\r\n\t"))
	f.Add([]byte("a\nb\x1ec\nd\n"))
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, data []byte) {
		pairs, err := corpus.Pairs(strings.NewReader(string(data)), "-")
		if err == nil && len(pairs) == 0 {
			t.Error("neither pairs nor an error")
		}
		left, right, _ := bytes.Cut(data, []byte("\x1e"))
		a, b := filepath.Join(dir, "a"), filepath.Join(dir, "b")
		if err := errors.Join(os.WriteFile(a, left, 0o666), os.WriteFile(b, right, 0o666)); err != nil {
			t.Fatal(err)
		}
		pairs, err = corpus.Pairs(nil, a, b)
		for _, p := range pairs {
			if p.Source == "" || p.Target == "" || p.Line < 1 {
				t.Errorf("the pair %+v", p)
			}
		}
		if err == nil && len(pairs) == 0 || err != nil && !strings.Contains(err.Error(), dir) {
			t.Errorf("%d pairs of two files, error %v", len(pairs), err)
		}
	})
}
