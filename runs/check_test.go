package runs

import (
	"context"
	"strings"
	"testing"

	"github.com/inkstone-ai/inkstone/corpus"
)

// TestChecker holds verdicts against bodies whose fate is known, in a real
// package of the standard library.
func TestChecker(t *testing.T) {
	root, err := corpus.GoRoot(context.Background())
	if err != nil {
		t.Skip("no go command: ", err)
	}
	docs, err := corpus.GoSource(root)
	if err != nil {
		t.Fatal(err)
	}
	c, err := newChecker(t.Context(), root)
	if err != nil {
		t.Fatal(err)
	}
	var h head
	for _, d := range docs {
		if d.Name != "strings/strings.go" {
			continue
		}
		for _, x := range heads([]corpus.Document{d}, c) {
			if strings.HasPrefix(d.Text[x.from:], "func ToUpper(s string) string") {
				h = x
			}
		}
	}
	if h.brace == 0 {
		t.Fatal("strings.ToUpper was not found")
	}
	original := h.doc.Text[h.brace+1 : h.end]
	tests := []struct {
		name, body     string
		parses, checks bool
	}{
		{"its own body", original, true, true},
		{"another right one", "\n\treturn s\n}", true, true},
		{"uses the package", "\n\treturn Repeat(s, unicode.MaxRune)\n}", true, true},
		{"unknown name", "\n\treturn nothing(s)\n}", true, false},
		{"wrong type", "\n\treturn len(s)\n}", true, false},
		{"no return", "\n\ts += s\n}", true, false},
		{"empty", "\n}", false, false},
		{"never closes", "\n\tif s != s {\n", false, false},
		{"no Go", "\n\treturn return\n}", false, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			v := c.one(h, closed(tt.body))
			if v.parses != tt.parses || v.checks != tt.checks {
				t.Errorf("parses %v, checks %v (%s), want %v and %v", v.parses, v.checks, v.reason, tt.parses, tt.checks)
			}
		})
	}
}

// TestClosed checks that a body is cut where its brace closes, braces in
// strings and comments left out.
func TestClosed(t *testing.T) {
	tests := []struct{ body, want string }{
		{" return }\nfunc next() {}", " return }"},
		{` s := "}" } rest`, ` s := "}" }`},
		{" // }\n if x { y() } } more", " // }\n if x { y() } }"},
		{" never {", " never {"},
	}
	for _, tt := range tests {
		if got := closed(tt.body); got != tt.want {
			t.Errorf("closed(%q) = %q, want %q", tt.body, got, tt.want)
		}
	}
}
