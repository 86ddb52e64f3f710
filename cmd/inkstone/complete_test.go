package main

import (
	"os"
	"path/filepath"
	"testing"
)

// TestAround: a model reads lines that end in LF, whatever ends the file's.
func TestAround(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.go")
	for _, test := range []struct {
		text                string
		line                int
		prefix, suffix, eol string
	}{
		{"a\nb\n\nc", 1, "a", "\nb\n\nc", "\n"},
		{"a\nb\n\nc", 3, "a\nb\n", "\nc", "\n"},
		{"a\nb\n\nc", 4, "a\nb\n\nc", "", "\n"},
		{"a\r\nb\r\n\r\nc\r\n", 2, "a\nb", "\n\nc\n", "\r\n"},
		{"a\r\nb\r\n\r\nc\r\n", 3, "a\nb\n", "\nc\n", "\r\n"},
		{"一\r\n二", 1, "一", "\n二", "\r\n"},
	} {
		if err := os.WriteFile(path, []byte(test.text), 0o666); err != nil {
			t.Fatal(err)
		}
		prefix, suffix, eol, err := around(path, test.line)
		if err != nil || prefix != test.prefix || suffix != test.suffix || eol != test.eol {
			t.Errorf("%q, line %d: got %q, %q, %q, %v", test.text, test.line, prefix, suffix, eol, err)
		}
	}
	for _, text := range []string{"", "a\x00b", "\xff\xfea\x00", "caf\xe9"} {
		if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
		if prefix, suffix, _, err := around(path, 1); err == nil {
			t.Errorf("%q: got %q, %q and no error", text, prefix, suffix)
		}
	}
}
