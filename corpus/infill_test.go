package corpus_test

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/inkstone-ai/inkstone/corpus"
)

const goFile = `package p

// Double is twice x.
func Double(x int) int {
	// 两倍
	return 2 * x
}

func bare() {}

// T has
// a method.
type T int

// Zero tells whether t is 0.
func (t T) Zero() bool { return t == 0 }

// Outside has no body.
func Outside()
`

// TestDrawInfill: the parts are the text, in characters that are whole; half of the
// middles begin and end at ends of lines.
func TestDrawInfill(t *testing.T) {
	r, lines := rand.New(rand.NewPCG(1, 1)), 0
	for range 400 {
		f := corpus.DrawInfill(goFile, r)
		if f.Prefix+f.Middle+f.Suffix != goFile {
			t.Fatalf("%+v is not the text", f)
		}
		if !utf8.ValidString(f.Prefix) || !utf8.ValidString(f.Middle) {
			t.Fatalf("a character is cut: %q", f)
		}
		if strings.HasPrefix(f.Middle, "\n") && strings.HasPrefix(f.Suffix, "\n") {
			if lines++; strings.Count(f.Middle, "\n") > 12 {
				t.Errorf("a middle of many lines: %q", f.Middle)
			}
		}
	}
	if lines < 160 || lines > 240 {
		t.Errorf("%d of 400 middles are whole lines, want about half", lines)
	}
	if f := corpus.DrawInfill("one line", r); f.Prefix+f.Middle+f.Suffix != "one line" {
		t.Errorf("%+v is not the text", f)
	}
	if f := corpus.DrawInfill("", r); f != (corpus.Infill{}) {
		t.Errorf("%+v of nothing", f)
	}
}

// TestPieces: joined they are the text; each ends with a line and keeps to the length.
func TestPieces(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	for range 50 {
		pieces := corpus.Pieces(goFile, 40, 80, r)
		if strings.Join(pieces, "") != goFile || len(pieces) < 3 {
			t.Fatalf("%d pieces are not the text: %q", len(pieces), pieces)
		}
		for _, p := range pieces {
			if len(p) > 80 || !strings.HasSuffix(p, "\n") {
				t.Errorf("piece of %d bytes: %q", len(p), p)
			}
		}
	}
}

// TestGoFunctions takes what has a comment and a body.
func TestGoFunctions(t *testing.T) {
	got, err := corpus.GoFunctions(corpus.Document{Name: "p.go", Text: goFile})
	if err != nil {
		t.Fatal(err)
	}
	want := []corpus.GoFunction{
		{"Double is twice x.", "func Double(x int) int {\n\t// 两倍\n\treturn 2 * x\n}"},
		{"Zero tells whether t is 0.", "func (t T) Zero() bool { return t == 0 }"},
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	if _, err := corpus.GoFunctions(corpus.Document{Name: "x.go", Text: "no Go"}); err == nil {
		t.Error("no error for what is no Go")
	}
	for text, want := range map[string]bool{goFile: false, "package p\nimport \"C\"\n": true, "package p\nimport \"fmt\"\n": false, "import \"C\"": false} {
		if got := corpus.ImportsC(text); got != want {
			t.Errorf("ImportsC(%q) is %v", text, got)
		}
	}
}
