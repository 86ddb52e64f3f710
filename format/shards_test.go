package format_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/inkstone-ai/inkstone/format"
	"github.com/inkstone-ai/inkstone/internal/testkit"
)

// TestForeignShards reads the folder that testdata/foreign.py wrote.
func TestForeignShards(t *testing.T) {
	w, err := format.OpenWeights("testdata/shards")
	if err != nil {
		t.Fatal(err)
	}
	if got, want := w.Names(), []string{"h.0.w", "h.1.w", "h.2.w", "wte"}; !cmp.Equal(got, want) {
		t.Errorf("got names %q, want %q", got, want)
	}
	for name, want := range map[string][]float32{"h.0.w": {1, 2}, "h.1.w": {3, 4}, "h.2.w": {5, 6}, "wte": {7, 8, 9}} {
		x, ok := w.Tensor(name)
		if !ok {
			t.Fatalf("tensor %q is absent", name)
		}
		got, err := format.F32s(x)
		if err != nil {
			t.Fatal(err)
		}
		testkit.SameBits(t, name, got, want)
	}
	if _, ok := w.Tensor("absent"); ok {
		t.Error("an absent tensor was found")
	}
	if err := w.Close(); err != nil {
		t.Error(err)
	}
}

func TestShardsRefuse(t *testing.T) {
	const first, second = "model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"
	all := `{"h.0.w":"` + first + `","h.1.w":"` + first + `","h.2.w":"` + second + `","wte":"` + second + `"}`
	tests := []struct {
		name  string
		index string
		says  string
	}{
		{"no JSON", `{"weight_map"`, "unexpected EOF"},
		{"no map", `{"metadata":{"total_size":36}}`, "weight_map is missing or empty"},
		{"map twice", `{"weight_map":` + all + `,"weight_map":` + all + `}`, `key "weight_map" is there twice`},
		{"tensor twice", `{"weight_map":{"a":"x.safetensors","a":"x.safetensors"}}`, `key "a" is there twice`},
		{"no name", `{"weight_map":{"a":3}}`, `"a": 3 is not a string`},
		{"text after", `{"weight_map":` + all + `}}`, "1 bytes after the JSON object"},
		{"outside", `{"weight_map":{"a":"../x.safetensors"}}`, `tensor "a": "../x.safetensors" is not the name of`},
		{"outside on Windows", `{"weight_map":{"a":"..\\x.safetensors"}}`, "is not the name of"},
		{"pickle", `{"weight_map":{"a":"pytorch_model.bin"}}`, `"pytorch_model.bin" is not the name of`},
		{"missing shard", `{"weight_map":{"a":"b.safetensors"}}`, "shard b.safetensors: "},
		{"missing tensor", `{"weight_map":` + strings.Replace(all, `{`, `{"h.9.w":"`+first+`",`, 1) + `}`, `tensor "h.9.w" is not in shard ` + first},
		{"tensor elsewhere", `{"weight_map":` + strings.Replace(all, `"h.0.w":"`+first, `"h.0.w":"`+second, 1) + `}`, `shard ` + first + ` has tensor "h.0.w", which is of shard ` + second},
	}
	dir := t.TempDir()
	for _, name := range []string{first, second} {
		write(t, dir, name, string(testkit.ReadFile(t, filepath.Join("testdata", "shards", name))))
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			write(t, dir, "model.safetensors.index.json", tt.index)
			_, err := format.OpenWeights(dir)
			if err == nil || !strings.Contains(err.Error(), tt.says) || !strings.Contains(err.Error(), filepath.Join(dir, "model.safetensors.index.json")) {
				t.Errorf("got %v, want %q with the path", err, tt.says)
			}
		})
	}
}

// TestUnlistedTensor: Hugging Face's library reads all tensors of the shards that the index names.
func TestUnlistedTensor(t *testing.T) {
	dir := shardsWithout(t, "model.safetensors.index.json")
	write(t, dir, "model.safetensors.index.json", `{"weight_map":{"h.1.w":"model-00001-of-00002.safetensors","h.2.w":"model-00002-of-00002.safetensors"}}`)
	w, err := format.OpenWeights(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	if got, want := w.Names(), []string{"h.0.w", "h.1.w", "h.2.w", "wte"}; !cmp.Equal(got, want) {
		t.Errorf("got names %q, want %q", got, want)
	}
}

// TestShardsWithoutIndex: their names say how many there are.
func TestShardsWithoutIndex(t *testing.T) {
	dir := shardsWithout(t, "model.safetensors.index.json")
	w, err := format.OpenWeights(dir)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := w.Names(), []string{"h.0.w", "h.1.w", "h.2.w", "wte"}; !cmp.Equal(got, want) {
		t.Errorf("got names %q, want %q", got, want)
	}
	if x, ok := w.Tensor("wte"); !ok || x.Len() != 3 {
		t.Errorf("got %v", x)
	}
	if err := w.Close(); err != nil {
		t.Error(err)
	}
	twice := shardsWithout(t, "model.safetensors.index.json")
	copyFile(t, filepath.Join(twice, "model-00001-of-00002.safetensors"), filepath.Join(twice, "model-00002-of-00002.safetensors"))
	for says, dir := range map[string]string{
		"model-00001-of-00002.safetensors is one of 2 shards, 1 are there, without model.safetensors.index.json": shardsWithout(t, "model.safetensors.index.json", "model-00002-of-00002.safetensors"),
		`shard model-00002-of-00002.safetensors has tensor "h.0.w", which is of shard model-00001`:               twice,
	} {
		if _, err := format.OpenWeights(dir); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("got %v, want %q", err, says)
		}
	}
}

// shardsWithout is a copy of the shards without some of the files.
func shardsWithout(t *testing.T, names ...string) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS("testdata/shards")); err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		if err := os.Remove(filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestOpenWeightsFindsNone(t *testing.T) {
	dir := t.TempDir()
	if _, err := format.OpenWeights(dir); !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), "the folder is empty") {
		t.Errorf("an empty folder: %v", err)
	}
	write(t, dir, "model.pth", "")
	if _, err := format.OpenWeights(dir); err == nil || !strings.Contains(err.Error(), dir) || !strings.Contains(err.Error(), "has model.pth; PyTorch's weights are looked for as pytorch_model.bin") {
		t.Errorf("a folder of another kind: %v", err)
	}
	write(t, dir, "optimizer.pt", "")
	if _, err := format.OpenWeights(dir); err == nil || strings.Contains(err.Error(), "Rename") || !strings.Contains(err.Error(), "or in shards pytorch_model-00001-of-00002.bin") {
		t.Errorf("two pickles: %v", err)
	}
	write(t, dir, "model.safetensors", "broken")
	if _, err := format.OpenWeights(dir); err == nil || errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), "model.safetensors: 6 bytes are too few") {
		t.Errorf("a broken file: %v", err)
	}
}

// TestSingleFileWins agrees with the transformers library: a folder into which
// a model was saved again, whole, has both.
func TestSingleFileWins(t *testing.T) {
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS("testdata/shards")); err != nil {
		t.Fatal(err)
	}
	if err := format.WriteSafetensors(filepath.Join(dir, "model.safetensors"), nil, []format.Tensor{format.FromF32("only", []float32{1}, 1)}); err != nil {
		t.Fatal(err)
	}
	w, err := format.OpenWeights(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	if got := w.Names(); !cmp.Equal(got, []string{"only"}) {
		t.Errorf("got names %q", got)
	}
}
