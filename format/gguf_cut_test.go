package format_test

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/inkstone-ai/inkstone/format"
	"github.com/inkstone-ai/inkstone/internal/testkit"
)

// numbered are tensors of so many numbers each, w0, w1 and so on.
func numbered(lengths ...int) (tensors []format.Tensor) {
	for i, n := range lengths {
		x := make([]float32, n)
		for j := range x {
			x[j] = float32(100*i + j)
		}
		tensors = append(tensors, format.FromF32(fmt.Sprint("w", i), x, n))
	}
	return tensors
}

// TestWriteGGUFShards: where files end, and that what is read is what was written. 8 numbers take 32 bytes,
// fewer are padded to that.
func TestWriteGGUFShards(t *testing.T) {
	meta := format.Metadata{"general.architecture": "test", "tokenizer.ggml.tokens": []string{"a", "b"}, "split.count": uint16(9)}
	tests := []struct {
		size    int64
		lengths []int
		want    []int // tensors in each file
	}{
		{64, []int{8, 8, 8, 8}, []int{2, 2}},
		{63, []int{8, 8, 8, 8}, []int{1, 1, 1, 1}},
		{65, []int{8, 8, 8}, []int{2, 1}},
		{64, []int{8, 1, 1}, []int{2, 1}}, // padding counts
		{64, []int{8, 17, 8, 8}, []int{1, 1, 2}},
		{1, []int{8, 8}, []int{1, 1}},
		{95, []int{24, 8}, []int{1, 1}},
		{1000, []int{8, 8}, []int{2}},
		{1, nil, []int{0}},
	}
	for _, tt := range tests {
		t.Run(fmt.Sprint(tt.size, tt.lengths), func(t *testing.T) {
			dir := t.TempDir()
			tensors := numbered(tt.lengths...)
			first, err := format.WriteGGUFShards(filepath.Join(dir, "m.GGUF"), tt.size, meta, tensors, nil)
			if err != nil {
				t.Fatal(err)
			}
			var names []string
			for i, n := range tt.want {
				names = append(names, fmt.Sprintf("m-%05d-of-%05d.gguf", i+1, len(tt.want)))
				checkShard(t, filepath.Join(dir, names[i]), n, format.Metadata{"split.no": uint16(i), "split.count": uint16(len(tt.want)), "split.tensors.count": int32(len(tensors))}, meta)
			}
			if got := files(t, dir); !slices.Equal(got, names) || first != filepath.Join(dir, names[0]) {
				t.Errorf("%q and %s, want %q", got, first, names)
			}
			g, err := format.OpenGGUF(first)
			if err != nil {
				t.Fatal(err)
			}
			defer g.Close()
			whole := maps.Clone(meta)
			delete(whole, "split.count")
			if diff := cmp.Diff(whole, g.Meta()); diff != "" {
				t.Errorf("metadata (-want +got):\n%s", diff)
			}
			for i, name := range g.Order() {
				if got, _ := g.Tensor(name); name != tensors[i].Name || !slices.Equal(got.Data, tensors[i].Data) {
					t.Errorf("tensor %d is %s, want %s with its data", i, name, tensors[i].Name)
				}
			}
		})
	}
}

// checkShard reads one file by itself. meta is the first's alone.
func checkShard(t *testing.T, path string, tensors int, split, meta format.Metadata) {
	t.Helper()
	got, n, err := format.ParseGGUF(testkit.ReadFile(t, path))
	if err != nil {
		t.Fatal(err)
	}
	want := maps.Clone(split)
	if split["split.no"] == uint16(0) {
		want = maps.Clone(meta)
		maps.Copy(want, split)
	}
	if diff := cmp.Diff(want, got); diff != "" || n != tensors {
		t.Errorf("%s: %d tensors, want %d; metadata (-want +got):\n%s", path, n, tensors, diff)
	}
}

// TestWriteGGUFShardsOfBlocks: the version of the blocks is in the first file, wherever the blocks are, and an
// alignment of the file's own is that of the first.
func TestWriteGGUFShardsOfBlocks(t *testing.T) {
	q := format.Tensor{Name: "q", DType: format.Q8_0, Shape: []int{1, 32}, Data: make([]byte, 34)}
	first, err := format.WriteGGUFShards(filepath.Join(t.TempDir(), "m.gguf"), 1, format.Metadata{"general.alignment": uint32(128)}, append(numbered(3, 5), q), nil)
	if err != nil {
		t.Fatal(err)
	}
	checkShard(t, first, 1, format.Metadata{"split.no": uint16(0), "split.count": uint16(3), "split.tensors.count": int32(3)},
		format.Metadata{"general.alignment": uint32(128), "general.quantization_version": uint32(2)})
	checkShard(t, strings.Replace(first, "00001-of", "00003-of", 1), 1, format.Metadata{"split.no": uint16(2), "split.count": uint16(3), "split.tensors.count": int32(3)}, nil)
	g, err := format.OpenGGUF(first)
	if err != nil {
		t.Fatal(err)
	}
	defer g.Close()
	if got := g.Order(); !slices.Equal(got, []string{"w0", "w1", "q"}) {
		t.Errorf("tensors %q", got)
	}
}

func TestWriteGGUFShardsRefuses(t *testing.T) {
	cause := errors.New("cause")
	fails := func(x format.Tensor) ([]byte, error) {
		if x.Name == "w1" {
			return nil, cause
		}
		return x.Data, nil
	}
	tests := []struct {
		name    string
		size    int64
		tensors []format.Tensor
		data    func(format.Tensor) ([]byte, error)
		want    string
	}{
		{"twice", 1, append(numbered(1), numbered(1)...), nil, `tensor "w0": is there twice`},
		{"no size", 0, numbered(1), nil, "not positive"},
		{"data of the second", 1, numbered(1, 1), fails, `tensor "w1": cause`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			_, err := format.WriteGGUFShards(filepath.Join(dir, "m.gguf"), tt.size, nil, tt.tensors, tt.data)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %q", err, tt.want)
			}
			if got := files(t, dir); len(got) > 0 {
				t.Errorf("%q are left", got)
			}
		})
	}
	many := make([]int, 1<<16)
	for i := range many {
		many[i] = 1
	}
	if _, err := format.WriteGGUFShards(filepath.Join(t.TempDir(), "m.gguf"), 1, nil, numbered(many...), nil); err == nil || !strings.Contains(err.Error(), "65536 shards of 1 bytes, and 65535 is the most") {
		t.Errorf("too many shards: %v", err)
	}
}

// TestShardsReplaceShards fails each renaming: the earlier files are there then, and no others. The first file
// goes first and comes last.
func TestShardsReplaceShards(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "m.gguf")
	write := func(n int) (string, error) {
		return format.WriteGGUFShards(path, 32, format.Metadata{"general.name": fmt.Sprint(n)}, numbered(n, n, n), nil)
	}
	first, err := write(1)
	if err != nil {
		t.Fatal(err)
	}
	before := map[string]string{}
	for _, name := range files(t, dir) {
		before[name] = string(testkit.ReadFile(t, filepath.Join(dir, name)))
	}
	for only := range 6 {
		restore := format.SetDisk(&failingDisk{room: -1, call: "rename", only: only + 1})
		_, err := write(2)
		restore()
		if !errors.Is(err, errCall) {
			t.Fatalf("renaming %d: %v", only, err)
		}
		got := map[string]string{}
		for _, name := range files(t, dir) {
			got[name] = string(testkit.ReadFile(t, filepath.Join(dir, name)))
		}
		if !maps.Equal(got, before) {
			t.Errorf("renaming %d fails: the folder has %q, or other files than before", only, slices.Sorted(maps.Keys(got)))
		}
	}
	disk := &failingDisk{room: -1}
	restore := format.SetDisk(disk)
	_, err = write(2)
	restore()
	if n := len(disk.renamed); err != nil || n != 6 || disk.renamed[0][0] != first || disk.renamed[5][1] != first || len(files(t, dir)) != 3 {
		t.Errorf("%v; renamed: %q; the folder has %q", err, disk.renamed, files(t, dir))
	}
}

// TestGGUFMeantShards: the name of all shards is no file; the error says which is.
func TestGGUFMeantShards(t *testing.T) {
	dir := t.TempDir()
	first, err := format.WriteGGUFShards(filepath.Join(dir, "m.gguf"), 1, nil, numbered(1, 1), nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := format.OpenGGUF(filepath.Join(dir, "m.gguf")); !errors.Is(err, os.ErrNotExist) || !strings.Contains(err.Error(), "but its shards are: give "+first) {
		t.Errorf("got %v", err)
	}
	if _, err := format.OpenGGUF(filepath.Join(dir, "n.gguf")); !errors.Is(err, os.ErrNotExist) || strings.Contains(err.Error(), "give") {
		t.Errorf("got %v", err)
	}
}
