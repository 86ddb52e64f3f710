package format

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// shardFile is the name of a folder's shard, no from 1.
const shardFile = "model-%05d-of-%05d.safetensors"

// A folderFile is one that is written to a folder.
type folderFile struct {
	name  string
	write func(io.Writer) error
}

// weightFiles are the files of a folder's weights: one, or where that has more than size bytes of tensors, and size
// is not 0, shards and the index that says which tensor is where.
func (f *Folder) weightFiles(size int64, metadata map[string]string, tensors []Tensor, data func(Tensor) ([]byte, error)) ([]folderFile, error) {
	whole := folderFile{weightsFile, func(w io.Writer) error { return encode(w, metadata, tensors, data) }}
	if size == 0 {
		return []folderFile{whole}, nil
	}
	shards, total, err := cutFolder(tensors, size)
	if err != nil || len(shards) == 1 {
		return []folderFile{whole}, err
	}
	if _, err := os.Lstat(filepath.Join(f.Dir, weightsFile)); err == nil {
		return nil, errors.New(weightsFile + " is there, and would be read in the place of shards")
	}
	var files []folderFile
	home := map[string]string{}
	for i, shard := range shards {
		name := fmt.Sprintf(shardFile, i+1, len(shards))
		files = append(files, folderFile{name, func(w io.Writer) error { return encode(w, metadata, shard, data) }})
		for _, t := range shard {
			home[t.Name] = name
		}
	}
	return append(files, folderFile{indexFile, func(w io.Writer) error { return writeIndex(w, total, home) }}), nil
}

// FolderShards counts the shards of safetensors in the folder dir; 0: it has none.
func FolderShards(dir string) (n int, err error) {
	entries, err := os.ReadDir(dir)
	for _, e := range entries {
		if ok, _ := filepath.Match("model-*-of-*.safetensors", e.Name()); ok {
			n++
		}
	}
	return n, err
}

// cutFolder sees to it that no two shards have a tensor of one name, and cuts.
func cutFolder(tensors []Tensor, size int64) (shards [][]Tensor, total int64, err error) {
	if _, _, err := layOut(tensors); err != nil {
		return nil, 0, err
	}
	sizes := make([]int, len(tensors))
	for i, t := range tensors {
		sizes[i], _ = product(t.Shape, t.DType.Size()) // does not overflow: layOut has seen it
		total += int64(sizes[i])
	}
	shards, err = cut(tensors, sizes, size)
	return shards, total, err
}

// writeIndex writes the index as the Hugging Face libraries do.
func writeIndex(w io.Writer, total int64, home map[string]string) error {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	if err := e.Encode(map[string]any{"metadata": map[string]any{"total_size": total}, "weight_map": home}); err != nil {
		return err
	}
	_, err := w.Write(b.Bytes())
	return err
}
