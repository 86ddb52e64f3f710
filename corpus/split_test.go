package corpus_test

import (
	"context"
	"fmt"
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/inkstone-ai/inkstone/corpus"
)

func numbered(from, to int) string {
	var b strings.Builder
	for i := from; i < to; i++ {
		fmt.Fprintf(&b, "line %d\n", i)
	}
	return b.String()
}

func TestOverlapByHand(t *testing.T) {
	tests := []struct {
		name, train, held string
		want              float64
	}{
		{"nothing", "a\nb\nc\nd\n", "w\nx\ny\nz\n", 0},
		{"all", "a\nb\nc\nd\n", "a\nb\nc\nd\n", 1},
		{"three lines", "a\nb\nc\nx\n", "a\nb\nc\nd\n", 0},
		{"four of eight", "a\nb\nc\nd\n", "1\n2\na\nb\nc\nd\n3\n4\n", 0.5},
		{"five lines by two runs", "a\nb\nc\nd\ne\n", "a\nb\nc\nd\ne\nf\ng\nh\ni\nj\n", 0.5},
		{"no last newline", "a\nb\nc\nd", "a\nb\nc\nd", 1},
		{"no last newline on one side", "a\nb\nc\nd\n", "a\nb\nc\nd", 0},
		{"short", "a\n", "a\n", 0},
		{"two runs apart", "a\nb\nc\nd\n-\ne\nf\ng\nh\n", "a\nb\nc\nd\ne\nf\ng\nh\n", 1},
	}
	for _, test := range tests {
		got := corpus.Overlap([]corpus.Document{doc("t", test.train)}, []corpus.Document{doc("h", test.held)})
		if got != test.want {
			t.Errorf("%s: %v, want %v", test.name, got, test.want)
		}
	}
}

func TestGroups(t *testing.T) {
	docs := []corpus.Document{
		doc("a", numbered(0, 100)),
		doc("b", numbered(1000, 1100)),
		doc("a, its end another", numbered(0, 60)+numbered(2000, 2040)),
		doc("c", numbered(3000, 3010)),
		doc("b, moved", "x\n"+numbered(1000, 1100)),
		doc("kin of a's kin", numbered(2000, 2100)),
		doc("c, one line more", numbered(2999, 3010)),
	}
	for range 2 * 12 {
		docs = append(docs, doc("copies", "one line\n"), doc("more copies", numbered(7000, 7005)))
	}
	want := []int{0, 1, 0, 2, 1, 0, 2}
	for range 2 * 12 {
		want = append(want, 3, 4)
	}
	if d := cmp.Diff(want, corpus.Groups(docs)); d != "" {
		t.Error(d)
	}
	var licensed []corpus.Document
	for i := range 40 {
		licensed = append(licensed, doc("", numbered(0, 20)+numbered(1000*i, 1000*i+30)))
	}
	if g := corpus.Groups(licensed); g[len(g)-1] != len(g)-1 {
		t.Errorf("a licence that all files share joins them: %v", g)
	}
}

func TestSplit(t *testing.T) {
	var many []corpus.Document
	for i := range 100 {
		many = append(many, doc(fmt.Sprint(i), numbered(100*i, 100*i+20)))
	}
	many = append(many, doc("copy of 3", many[3].Text))
	seen := map[string]bool{}
	for seed := range uint64(40) {
		train, held, err := corpus.Split(many, 0.1, seed)
		if err != nil {
			t.Fatal(err)
		}
		if got := float64(corpus.Bytes(held)) / float64(corpus.Bytes(many)); got < 0.09 || got > 0.15 {
			t.Errorf("seed %d: held out %.3f, want 0.1", seed, got)
		}
		if len(train)+len(held) != len(many) || corpus.Overlap(train, held) != 0 {
			t.Errorf("seed %d: %d and %d documents, overlap %v", seed, len(train), len(held), corpus.Overlap(train, held))
		}
		seen[held[0].Name] = true
	}
	if len(seen) < 5 {
		t.Errorf("40 seeds begin with only %d documents", len(seen))
	}
	train, held, err := corpus.Split([]corpus.Document{doc("one", strings.Repeat("字", 10)+"abc")}, 0.3, 1)
	if err != nil || train[0].Text != strings.Repeat("字", 7) || held[0].Text != "字字字abc" {
		t.Errorf("train %v, held %v, %v", train, held, err)
	}
	_, _, err = corpus.Split([]corpus.Document{doc("x", "a")}, 0.1, 1)
	expect(t, "too small", err, "too few")
}

// TestSplitShakespeare: the split of nanoGPT, whose recipe it is compared with.
func TestSplitShakespeare(t *testing.T) {
	docs, _, err := corpus.Read(nil, shared(t, "lm-tinyshakespeare/input.txt"))
	if err != nil {
		t.Fatal(err)
	}
	train, held, err := corpus.Split(docs, 0.1, 1)
	if err != nil {
		t.Fatal(err)
	}
	if len(train[0].Text) != 1003854 || len(held[0].Text) != 111540 {
		t.Errorf("%d and %d characters, nanoGPT has 1003854 and 111540", len(train[0].Text), len(held[0].Text))
	}
}

// TestGoSource reads this machine's standard library and splits it with
// several seeds: whole packages, and at most 8 % of the held-out bytes seen.
func TestGoSource(t *testing.T) {
	root, err := corpus.GoRoot(context.Background())
	if err != nil {
		t.Skip("no go command:", err)
	}
	docs, err := corpus.GoSource(root)
	if err != nil {
		t.Fatal(err)
	}
	names := map[string]bool{}
	for _, d := range docs {
		names[d.Name] = true
		if strings.Contains("/"+d.Name, "/testdata/") || strings.Contains("/"+d.Name, "/vendor/") || strings.HasPrefix(d.Name, "cmd/") {
			t.Errorf("%s is no source of the library", d.Name)
		}
	}
	for name, want := range map[string]bool{"fmt/print.go": true, "fmt/fmt_test.go": true, "unicode/tables.go": false, "syscall/zerrors_linux_amd64.go": false} {
		if names[name] != want {
			t.Errorf("%s: present is %v, want %v", name, names[name], want)
		}
	}
	seeds := uint64(3)
	if testing.Short() { // the race detector has seen all code after one
		seeds = 1
	}
	for seed := range seeds {
		train, held := corpus.SplitGo(docs, 0.05, seed)
		share := float64(corpus.Bytes(held)) / float64(corpus.Bytes(docs))
		overlap := corpus.Overlap(train, held)
		t.Logf("seed %d: %d files of %d held out, %.1f %% of the bytes, %.1f %% of them in runs seen in training",
			seed, len(held), len(docs), 100*share, 100*overlap)
		if overlap > 0.08 || share < 0.03 || share > 0.075 || len(train)+len(held) != len(docs) {
			t.Errorf("seed %d: share %.3f, overlap %.3f", seed, share, overlap)
		}
		in := map[string]bool{}
		for _, d := range train {
			in[path.Dir(d.Name)] = true
		}
		if i := slices.IndexFunc(held, func(d corpus.Document) bool { return in[path.Dir(d.Name)] }); i >= 0 {
			t.Errorf("seed %d: package of %s is on both sides", seed, held[i].Name)
		}
	}
}

func TestGoSourceRefuses(t *testing.T) {
	for _, files := range []map[string]string{
		nil, {"src/x.txt": "x"}, {"src/a.go": "// Code generated by hand. DO NOT EDIT.\n\npackage a\n"}, {"src/a.go": "package a\x00"},
	} {
		_, err := corpus.GoSource(write(t, files))
		expect(t, fmt.Sprint(files), err, "Go source")
	}
}

func TestGenerated(t *testing.T) {
	tests := []struct {
		source string
		want   bool
	}{
		{"// Code generated by x. DO NOT EDIT.\n\npackage p\n", true},
		{"// Copyright\n\n// Code generated by x; DO NOT EDIT.\n\npackage p\n", true},
		{"package p\n\n// Code generated by x. DO NOT EDIT.\n", false},
		{"package p\n\nvar s = `\n// Code generated by x. DO NOT EDIT.\n`\n", false},
		{"package p\n", false},
	}
	for _, test := range tests {
		if got := corpus.Generated([]byte(test.source)); got != test.want {
			t.Errorf("%q: %v", test.source, got)
		}
	}
}
