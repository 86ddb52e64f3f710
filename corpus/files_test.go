package corpus_test

import (
	"bytes"
	"compress/gzip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/inkstone-ai/inkstone/corpus"
)

func zipped(text string) string {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	z.Write([]byte(text))
	z.Close()
	return b.String()
}

func TestFiles(t *testing.T) {
	dir := write(t, map[string]string{
		"a.txt": "a", "b/c.txt": "c", "b/d/e.go": "e", ".hidden": "h", "b/.git/config": "g", "z.txt": "z",
	})
	for _, link := range [][2]string{{"b", "link"}, {"a.txt", "file-link"}} {
		if err := os.Symlink(filepath.Join(dir, link[0]), filepath.Join(dir, link[1])); err != nil {
			t.Skip("no symbolic links here:", err)
		}
	}
	tests := []struct {
		paths, files, skipped string
	}{
		{"a.txt", "a.txt", ""},
		{"z.txt a.txt z.txt", "z.txt a.txt", ""},
		{".", "a.txt b/c.txt b/d/e.go file-link z.txt", ".hidden b/.git link"},
		{"link", "b/c.txt b/d/e.go", "b/.git"},
		{"**/*.txt", "a.txt b/c.txt z.txt", ""},
		{"[abl]*", "a.txt", "b link"},
		{"b/**", "b/.git/config b/c.txt b/d/e.go", ""},
		{"*.txt b", "a.txt z.txt b/c.txt b/d/e.go", "b/.git"},
		{".hidden", ".hidden", ""},
	}
	names := func(list []string) string {
		var short []string
		for _, f := range list {
			rel, _ := filepath.Rel(dir, f)
			short = append(short, filepath.ToSlash(rel))
		}
		return strings.Join(short, " ")
	}
	for _, test := range tests {
		var paths []string
		for _, p := range strings.Fields(test.paths) {
			paths = append(paths, filepath.Join(dir, p))
		}
		files, skipped, err := corpus.Files(paths...)
		if err != nil {
			t.Errorf("%s: %v", test.paths, err)
		}
		if got := names(files); got != test.files {
			t.Errorf("%s: files\n got %s\nwant %s", test.paths, got, test.files)
		}
		if got := names(skipped); got != test.skipped {
			t.Errorf("%s: skipped\n got %s\nwant %s", test.paths, got, test.skipped)
		}
	}
}

func TestRead(t *testing.T) {
	dir := write(t, map[string]string{
		"a.txt": "first\n", "b.txt.gz": zipped("second\n"), "empty.txt": "",
		"c.jsonl":    "{\"text\":\"third\"}\n\n{\"title\":\"T\",\"paragraphs\":[\"x\",\"y\"]}\n{\"text\":\"\"}\n",
		"d.jsonl.gz": zipped("\ufeff{\"text\":\"fifth\",\"id\":7}"),
	})
	docs, _, err := corpus.Read(strings.NewReader("from standard input"), dir, "-")
	if err != nil {
		t.Fatal(err)
	}
	at := func(name string) string { return filepath.Join(dir, name) }
	want := []corpus.Document{
		doc(at("a.txt"), "first\n"), doc(at("b.txt.gz"), "second\n"),
		doc(at("c.jsonl")+":1", "third"), doc(at("c.jsonl")+":3", "T\nx\ny\n"),
		doc(at("d.jsonl.gz")+":1", "fifth"), doc("-", "from standard input"),
	}
	if d := cmp.Diff(want, docs); d != "" {
		t.Error(d)
	}
	if got := corpus.Bytes(docs); got != 6+7+5+6+5+19 {
		t.Errorf("%d bytes", got)
	}
}

func TestReadRefuses(t *testing.T) {
	png := "\x89PNG\r\n\x1a\n\x00\x00"
	tests := []struct {
		name  string
		files map[string]string
		path  string
		want  []string
	}{
		{"missing", nil, "no.txt", []string{"no.txt", "no such file"}},
		{"missing folder's glob", nil, "x/*.txt", []string{"*.txt", "no file matches"}},
		{"bad glob", nil, "[", []string{"glob"}},
		{"empty file", map[string]string{"e.txt": ""}, "e.txt", []string{"e.txt", "no text"}},
		{"empty jsonl", map[string]string{"e.jsonl": "\n\n"}, "e.jsonl", []string{"e.jsonl", "no text"}},
		{"empty folder", map[string]string{"d/.x": ""}, "d", []string{"no file in it"}},
		{"folder of empty files", map[string]string{"d/x": ""}, "d", []string{"no text"}},
		{"UTF-16", map[string]string{"d/a.txt": "\xff\xfea\x00"}, "d", []string{"a.txt", "text in UTF-16: save it in UTF-8"}},
		{"UTF-16, the other way", map[string]string{"d/a.txt": "\xfe\xff\x00a"}, "d", []string{"a.txt", "text in UTF-16"}},
		{"binary", map[string]string{"d/a.txt": "text", "d/i.png": png}, "d", []string{"i.png", "binary file", "byte 8"}},
		{"NUL", map[string]string{"u.txt": "ab\x00c"}, "u.txt", []string{"u.txt", "NUL at byte 2"}},
		{"Latin-1", map[string]string{"l.txt": "caf\xe9"}, "l.txt", []string{"l.txt", "0xe9 at byte 3"}},
		{"truncated gzip", map[string]string{"t.gz": zipped(strings.Repeat("text", 99))[:30]}, "t.gz", []string{"t.gz", "unexpected EOF"}},
		{"no gzip", map[string]string{"t.gz": "plain"}, "t.gz", []string{"t.gz"}},
		{"record", map[string]string{"r.jsonl": "{\"text\":\"a\"}\n{\"txt\":\"b\"}\n"}, "r.jsonl", []string{"r.jsonl", "line 2", "neither"}},
		{"array", map[string]string{"r.jsonl": "[1]"}, "r.jsonl", []string{"line 1", "not a JSON object"}},
		{"cut record", map[string]string{"r.jsonl": "{\"text\":\"a"}, "r.jsonl", []string{"line 1", "unexpected end"}},
		{"number for text", map[string]string{"r.jsonl": `{"text":3}`}, "r.jsonl", []string{"line 1", "text"}},
		{"messages", map[string]string{"r.jsonl": `{"messages":[]}`}, "r.jsonl", []string{"line 1", "fine-tuning"}},
		{"NUL record", map[string]string{"r.jsonl": `{"text":"\u0000"}`}, "r.jsonl", []string{"line 1", "NUL"}},
	}
	for _, test := range tests {
		dir := write(t, test.files)
		_, _, err := corpus.Read(strings.NewReader(""), filepath.Join(dir, test.path))
		expect(t, test.name, err, test.want...)
	}
	_, _, err := corpus.Read(strings.NewReader(""), "-")
	expect(t, "empty standard input", err, "-: no text")
	_, _, err = corpus.Read(nil)
	expect(t, "no path", err, "no path")
}

// expect wants an error that begins with the package and says all of want.
func expect(t *testing.T, name string, err error, want ...string) {
	t.Helper()
	if err == nil {
		t.Errorf("%s: no error, want %q", name, want)
		return
	}
	for _, w := range append(want, "corpus: ") {
		if !strings.Contains(err.Error(), w) {
			t.Errorf("%s: error %q does not say %q", name, err, w)
		}
	}
}

func TestTangPoems(t *testing.T) {
	docs, _, err := corpus.Read(nil, shared(t, "lm-tang-poems/tang.jsonl.gz"))
	if err != nil {
		t.Fatal(err)
	}
	if len(docs) != 11815 {
		t.Errorf("%d poems, want 11815", len(docs))
	}
	want := "帝京篇十首 一\n秦川雄帝宅，函谷壯皇居。\n綺殿千尋起，離宮百雉餘。\n連甍遙接漢，飛觀迥凌虛。\n雲日隱層闕，風煙出綺疎。\n"
	if docs[0].Text != want {
		t.Errorf("first poem %q", docs[0].Text)
	}
}
