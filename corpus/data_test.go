package corpus_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/inkstone-ai/inkstone/corpus"
)

// shared is a path in the folder of shared data; the test is skipped where
// that is absent.
func shared(t testing.TB, name string) string {
	t.Helper()
	dir := os.Getenv("INKSTONE_DATA")
	if dir == "" {
		dir = filepath.Join(moduleRoot(t), "..", "shared", "data")
	}
	path := filepath.Join(dir, name)
	if _, err := os.Stat(path); err != nil {
		if os.Getenv("INKSTONE_REQUIRE_DATA") == "1" {
			t.Fatalf("shared data not found, and INKSTONE_REQUIRE_DATA=1 requires it: %v", err)
		}
		t.Skipf("shared data not found: %v", err)
	}
	return path
}

func moduleRoot(t testing.TB) string {
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir
		}
		if filepath.Dir(dir) == dir {
			t.Fatal("no go.mod above the test")
		}
		dir = filepath.Dir(dir)
	}
}

// write puts files, by slash-separated name, into a new folder.
func write(t testing.TB, files map[string]string) string {
	t.Helper()
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range files {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func doc(name, text string) corpus.Document { return corpus.Document{Name: name, Text: text} }
