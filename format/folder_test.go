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
)

func TestFolderRoundTrip(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "new", "model")
	want := &format.Folder{
		Dir:             dir,
		Config:          []byte(`{"model_type":"gpt2","rope":{"a":[{"a":1},{"a":2}]}}`),
		Generation:      []byte("{\n}\n"),
		Tokenizer:       []byte(`{"model":{}}`),
		TokenizerConfig: []byte(`{}`),
		ChatTemplate:    []byte("{% raw %}"),
		Vocab:           []byte(`{"a":0}`),
		Merges:          []byte("#version: 0.2\n"),
	}
	x := format.FromF32("x", []float32{1, 2}, 2)
	if err := format.WriteFolder(want, map[string]string{"format": "pt"}, []format.Tensor{x}, nil); err != nil {
		t.Fatal(err)
	}
	got, err := format.OpenFolder(dir)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("folder (-want +got):\n%s", diff)
	}
	w, err := format.OpenWeights(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	if y, ok := w.Tensor("x"); !ok || !cmp.Equal(x, y, equalTensor) {
		t.Errorf("got %v, want %v", y, x)
	}
}

func TestFolderWithLittle(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "config.json", "{}")
	f, err := format.OpenFolder(dir)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(&format.Folder{Dir: dir, Config: []byte("{}")}, f); diff != "" {
		t.Errorf("folder (-want +got):\n%s", diff)
	}
}

func write(t *testing.T, dir, name, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o666); err != nil {
		t.Fatal(err)
	}
}

func TestFolderRefuses(t *testing.T) {
	deep := strings.Repeat(`{"a":`, 20000) + "1" + strings.Repeat("}", 20000)
	tests := []struct {
		name, file, text, says string
	}{
		{"no config", "pytorch_model.bin", "", "is not a model folder: config.json: file does not exist; the folder has pytorch_model.bin"},
		{"no config but an adapter's", "adapter_config.json", "", "the folder has an adapter: give the model that it was made for, and this by --adapter"},
		{"empty config", "config.json", "", "unexpected end of JSON input"},
		{"array", "config.json", "[1]", "array"},
		{"null", "config.json", "null", "null"},
		{"syntax", "config.json", "{\n \"a\": 1,\n}", "line 3: invalid character"},
		{"key twice", "config.json", `{"a":1,"a":2}`, `key "a" is there twice`},
		{"key twice inside", "config.json", `{"x":[{"y":{"a":1,"a":2}}]}`, `key "a" is there twice`},
		{"deep", "config.json", deep, "exceeded max depth"},
		{"generation", "generation_config.json", `{"eos_token_id":}`, "invalid character"},
		{"tokenizer", "tokenizer.json", `{"model":`, "unexpected end"},
		{"vocabulary", "vocab.json", `7`, "number"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			none := strings.HasPrefix(tt.name, "no config")
			if !none && tt.file != "config.json" {
				write(t, dir, "config.json", "{}")
			}
			write(t, dir, tt.file, tt.text)
			_, err := format.OpenFolder(dir)
			if err == nil || !strings.Contains(err.Error(), tt.says) || !strings.Contains(err.Error(), dir) {
				t.Errorf("got %v, want %q with the folder", err, tt.says)
			}
			if !none && err != nil && !strings.Contains(err.Error(), tt.file) {
				t.Errorf("got %v without the name %s", err, tt.file)
			}
		})
	}
}

func TestFolderThatIsNone(t *testing.T) {
	path := filepath.Join(t.TempDir(), "absent")
	if _, err := format.OpenFolder(path); !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), path) {
		t.Errorf("an absent folder: %v", err)
	}
	write(t, filepath.Dir(path), "file", "")
	if _, err := format.OpenFolder(filepath.Join(filepath.Dir(path), "file")); err == nil {
		t.Error("a file was opened as a folder")
	}
}

// TestWriteFolderRefuses sees that nothing is in place after an error.
func TestWriteFolderRefuses(t *testing.T) {
	cause := errors.New("cause")
	fails := func(format.Tensor) ([]byte, error) { return nil, cause }
	x := []format.Tensor{format.FromF32("x", []float32{1}, 1)}
	tests := []struct {
		name   string
		folder format.Folder
		data   func(format.Tensor) ([]byte, error)
		says   string
	}{
		{"no config", format.Folder{}, nil, "needs a config.json"},
		{"bad config", format.Folder{Config: []byte("{")}, nil, "config.json: line 1: unexpected end"},
		{"bad data", format.Folder{Config: []byte("{}")}, fails, `tensor "x": cause`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tt.folder.Dir = t.TempDir()
			err := format.WriteFolder(&tt.folder, nil, x, tt.data)
			if err == nil || !strings.Contains(err.Error(), tt.says) {
				t.Errorf("got %v, want %q", err, tt.says)
			}
			if got := files(t, tt.folder.Dir); len(got) > 0 {
				t.Errorf("the folder has %q", got)
			}
		})
	}
}

// TestGGUFByItsBytes: Ollama's blobs are GGUF files that are called as their hash.
func TestGGUFByItsBytes(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "sha256-abc")
	copyFile(t, "testdata/foreign.gguf", path)
	write(t, dir, "text.bin", "no GGUF")
	if !format.IsGGUF(path) || format.IsGGUF(filepath.Join(dir, "text.bin")) || format.IsGGUF(filepath.Join(dir, "absent")) || format.IsGGUF(dir) {
		t.Error("IsGGUF does not tell files apart")
	}
	w, err := format.OpenWeights(path)
	if err != nil {
		t.Fatal(err)
	}
	w.Close()
}

// TestOpenFolderOfFile: weights alone do not say what model they are of.
func TestOpenFolderOfFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ckpt.pt")
	copyFile(t, "testdata/torch/zip2.pt", path)
	if _, err := format.OpenFolder(path); err == nil || !strings.Contains(err.Error(), path+" is a file; a model is a folder with config.json") || !strings.Contains(err.Error(), "pytorch_model.bin") {
		t.Errorf("got %v", err)
	}
	path = filepath.Join(t.TempDir(), "x.gguf")
	if err := os.WriteFile(path, []byte("GGUF"), 0o666); err != nil {
		t.Fatal(err)
	}
	if _, err := format.OpenFolder(path); err == nil || !strings.Contains(err.Error(), "inkstone convert "+path+" DIR makes one of it") {
		t.Errorf("got %v", err)
	}
}
