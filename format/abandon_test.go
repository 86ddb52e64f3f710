package format_test

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/inkstone-ai/inkstone/format"
)

// TestAbandon ends the program while it writes: nothing new is in place and nothing incomplete is left.
func TestAbandon(t *testing.T) {
	one := []format.Tensor{format.FromF32("w", []float32{1}, 1)}
	tensors := append(one, format.FromF32("z", []float32{3}, 1))
	asked := 0
	data := func(x format.Tensor) ([]byte, error) {
		if asked++; asked == 2 {
			format.Abandon()
		}
		return x.Data, nil
	}
	for name, write := range map[string]func(dir string) error{
		"WriteFile": func(dir string) error {
			return format.WriteFile(filepath.Join(dir, "old"), func(w io.Writer) error {
				format.Abandon()
				_, err := fmt.Fprint(w, "new")
				return err
			})
		},
		"WriteFolder": func(dir string) error {
			return format.WriteFolder(&format.Folder{Dir: filepath.Join(dir, "made"), Config: []byte(`{}`)}, nil, tensors, data)
		},
		"WriteFolderShards": func(dir string) error {
			return format.WriteFolderShards(&format.Folder{Dir: dir, Config: []byte(`{}`)}, 1, nil, tensors, data)
		},
		"WriteGGUFShards": func(dir string) error {
			_, err := format.WriteGGUFShards(filepath.Join(dir, "m.gguf"), 1, nil, tensors, data)
			return err
		},
	} {
		dir := t.TempDir()
		old := filepath.Join(dir, "old")
		if err := os.WriteFile(old, []byte("old"), 0o666); err != nil {
			t.Fatal(err)
		}
		asked = 0
		err := write(dir)
		left, _ := os.ReadFile(old)
		if err == nil || !strings.Contains(err.Error(), "the program ends") || !slices.Equal(files(t, dir), []string{"old"}) || string(left) != "old" {
			t.Errorf("%s: %v, the folder has %q", name, err, files(t, dir))
		}
		format.Revive()
		if err := format.WriteFile(old, func(w io.Writer) error { return nil }); err != nil {
			t.Error(err)
		}
	}
}
