package inkstone_test

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/inkstone-ai/inkstone"
)

// TestConvertAdded: tokens that a folder has beside vocab.json are in the folder that is made of it.
func TestConvertAdded(t *testing.T) {
	dir, out := convertible(t, convertGPT2), filepath.Join(t.TempDir(), "out")
	if err := os.Remove(filepath.Join(dir, "tokenizer.json")); err != nil {
		t.Fatal(err)
	}
	for name, data := range map[string]string{"vocab.json": `{"a": 0, "b": 1, "ab": 2}`, "merges.txt": "a b\n", "added_tokens.json": `{"<|user|>": 3}`} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(data), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := inkstone.Convert(dir, out, nil); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{dir, out} {
		tok, err := inkstone.OpenTokenizer(path)
		if err != nil {
			t.Fatal(err)
		}
		if got := tok.Encode("ab<|user|>a"); !slices.Equal(got, []int32{2, 3, 0}) {
			t.Errorf("%s: ids %v", path, got)
		}
	}
}
