package embedded

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"testing/fstest"
)

// TestNone: a build without a model says so.
func TestNone(t *testing.T) {
	none := fstest.MapFS{"model/README.md": {Data: []byte("x")}}
	if _, err := file(none, []string{t.TempDir()}); !errors.Is(err, ErrNone) {
		t.Errorf("got %v, want %v", err, ErrNone)
	}
	if _, err := card(none); !errors.Is(err, ErrNone) {
		t.Errorf("got %v, want %v", err, ErrNone)
	}
}

// TestFile: the file is laid into the cache, mended where it was changed, and goes elsewhere
// where the cache takes nothing.
func TestFile(t *testing.T) {
	with := fstest.MapFS{"model/" + ModelFile: {Data: []byte("GGUF")}, "model/" + CardFile: {Data: []byte("{}")}}
	dir := t.TempDir()
	path, err := file(with, []string{dir})
	if err != nil {
		t.Fatal(err)
	}
	content := func(path string) string {
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	if content(path) != "GGUF" || filepath.Base(path) != ModelFile {
		t.Errorf("%s has %q", path, content(path))
	}
	if err := os.WriteFile(path, []byte("GGU"), 0o666); err != nil {
		t.Fatal(err)
	}
	if again, err := file(with, []string{dir}); err != nil || again != path || content(path) != "GGUF" {
		t.Errorf("after a change: %s %v has %q", again, err, content(path))
	}
	blocked := filepath.Join(dir, "a file")
	if err := os.WriteFile(blocked, nil, 0o666); err != nil {
		t.Fatal(err)
	}
	other := t.TempDir()
	if elsewhere, err := file(with, []string{blocked, other}); err != nil || filepath.Dir(filepath.Dir(filepath.Dir(elsewhere))) != other {
		t.Errorf("got %s, %v, want a file in %s", elsewhere, err, other)
	}
	if _, err := file(with, []string{blocked}); err == nil {
		t.Error("no error where no folder takes the file")
	}
	if c, err := card(with); err != nil || string(c) != "{}" {
		t.Errorf("card %q, %v", c, err)
	}
}
