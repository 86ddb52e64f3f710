package format_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/inkstone-ai/inkstone/format"
	"github.com/inkstone-ai/inkstone/internal/testkit"
)

// TestWriteFolderShards: where files end, and that what is read is what was written.
func TestWriteFolderShards(t *testing.T) {
	tests := []struct {
		size    int64
		lengths []int
		shards  int // 0: one file
	}{
		{16, []int{2, 2, 2, 2}, 2},
		{15, []int{2, 2, 2, 2}, 4},
		{8, []int{2, 3, 2}, 3},
		{1, []int{1, 1}, 2},
		{16, []int{2, 2}, 0},
		{1, []int{2}, 0},
		{0, []int{2, 2}, 0},
	}
	for _, tt := range tests {
		t.Run(fmt.Sprint(tt.size, tt.lengths), func(t *testing.T) {
			tensors := numbered(tt.lengths...)
			f := &format.Folder{Dir: filepath.Join(t.TempDir(), "m"), Config: []byte("{}")}
			if err := format.WriteFolderShards(f, tt.size, nil, tensors, nil); err != nil {
				t.Fatal(err)
			}
			want := []string{"config.json", "model.safetensors"}
			if tt.shards > 0 {
				want = want[:1]
				for i := range tt.shards {
					want = append(want, fmt.Sprintf("model-%05d-of-%05d.safetensors", i+1, tt.shards))
				}
				want = append(want, "model.safetensors.index.json")
			}
			if got := files(t, f.Dir); !slices.Equal(got, want) {
				t.Errorf("%q, want %q", got, want)
			}
			if n, err := format.FolderShards(f.Dir); n != tt.shards || err != nil {
				t.Errorf("FolderShards: %d, %v", n, err)
			}
			w, err := format.OpenWeights(f.Dir)
			if err != nil {
				t.Fatal(err)
			}
			defer w.Close()
			if len(w.Names()) != len(tensors) {
				t.Errorf("tensors %q", w.Names())
			}
			for _, x := range tensors {
				if got, _ := w.Tensor(x.Name); !slices.Equal(got.Data, x.Data) {
					t.Errorf("%s has other data", x.Name)
				}
			}
		})
	}
}

// TestFolderIndex fixes the index.
func TestFolderIndex(t *testing.T) {
	f := &format.Folder{Dir: t.TempDir(), Config: []byte("{}")}
	if err := format.WriteFolderShards(f, 8, nil, numbered(2, 2), nil); err != nil {
		t.Fatal(err)
	}
	want := `{
  "metadata": {
    "total_size": 16
  },
  "weight_map": {
    "w0": "model-00001-of-00002.safetensors",
    "w1": "model-00002-of-00002.safetensors"
  }
}
`
	if got := testkit.ReadFile(t, filepath.Join(f.Dir, "model.safetensors.index.json")); string(got) != want {
		t.Errorf("got %s", got)
	}
	if err := os.Remove(filepath.Join(f.Dir, "model-00002-of-00002.safetensors")); err != nil {
		t.Fatal(err)
	}
	if _, err := format.OpenWeights(f.Dir); err == nil || !strings.Contains(err.Error(), "shard model-00002-of-00002.safetensors: ") {
		t.Errorf("a missing shard: %v", err)
	}
}

func TestWriteFolderShardsRefuses(t *testing.T) {
	f := &format.Folder{Dir: t.TempDir(), Config: []byte("{}")}
	if err := format.WriteFolderShards(f, 1, nil, append(numbered(1), numbered(1)...), nil); err == nil || !strings.Contains(err.Error(), `tensor "w0" is there twice`) {
		t.Errorf("one name in two shards: %v", err)
	}
	if err := format.WriteFolderShards(f, -1, nil, numbered(1), nil); err == nil || !strings.Contains(err.Error(), "not positive") {
		t.Errorf("a size below 0: %v", err)
	}
	if err := format.WriteFolder(f, nil, numbered(1), nil); err != nil {
		t.Fatal(err)
	}
	if err := format.WriteFolderShards(f, 1, nil, numbered(1, 1), nil); err == nil || !strings.Contains(err.Error(), "model.safetensors is there, and would be read in the place of shards") {
		t.Errorf("beside one file: %v", err)
	}
}
