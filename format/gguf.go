package format

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// GGUF is an opened GGUF file, or several shards of one
// (https://github.com/ggml-org/ggml/blob/master/docs/gguf.md, versions 2 and 3). It
// implements [Weights].
type GGUF struct {
	path    string
	meta    Metadata
	tensors map[string]Tensor
	order   []string // of the tensors in the file
	files   []*mapping
	closed  bool
}

// OpenGGUF maps the file at path and checks its header; the tensors' bytes are not read. Any
// one of the shards NAME-00001-of-00003.gguf … stands for all of them. The file must not be
// truncated or written in place while it is open.
//
// Errors, each with the path: what the system says; a file that is not GGUF, is big-endian or
// of another version; a count, a length or an array beyond the end of the file; a key or a
// tensor that is there twice; a type of a tensor that is not read here; a row that is no whole
// number of blocks; data that are not aligned, overlap, or have holes between them; a shard
// that is missing or belongs elsewhere. Bytes after the last tensor are not read.
func OpenGGUF(path string) (*GGUF, error) {
	paths, err := shardPaths(path)
	if err != nil {
		return nil, fmt.Errorf("format: %s: %w", path, err)
	}
	g := &GGUF{path: path, meta: Metadata{}, tensors: map[string]Tensor{}}
	for i, p := range paths {
		if err := g.open(p, i, len(paths)); err != nil {
			return nil, errors.Join(err, g.Close())
		}
	}
	if want, ok := g.meta[splitTensors]; ok {
		k := g.meta.Keys("")
		if n := k.Int(splitTensors); k.Err() != nil || n != len(g.tensors) {
			return nil, errors.Join(fmt.Errorf("format: %s: %s says that the shards have %v tensors, they have %d", path, splitTensors, want, len(g.tensors)), g.Close())
		}
	}
	for _, key := range []string{splitNo, splitCount, splitTensors} {
		delete(g.meta, key) // what was split is whole again
	}
	return g, nil
}

// NamesGGUF reports whether a name, or path, ends in .gguf, in letters of either case.
func NamesGGUF(name string) bool { return strings.EqualFold(filepath.Ext(name), ".gguf") }

// IsGGUF reports whether path names a GGUF file, see [NamesGGUF], and is no folder.
func IsGGUF(path string) bool {
	if !NamesGGUF(path) {
		return false
	}
	info, err := os.Stat(path)
	return err != nil || !info.IsDir()
}

// ReadGGUF is [OpenGGUF] for one whole file that is in memory already, as an embedded one is. Tensors
// point into file; name stands for it in errors.
func ReadGGUF(name string, file []byte) (*GGUF, error) {
	g := &GGUF{path: name, meta: Metadata{}, tensors: map[string]Tensor{}}
	if err := g.add(name, &mapping{data: file}); err != nil {
		return nil, err
	}
	return g, nil
}

// open adds shard i of n.
func (g *GGUF) open(path string, i, n int) error {
	file, err := mapFile(path)
	if err != nil {
		return fmt.Errorf("format: %w", err) // the system's error names the path
	}
	g.files = append(g.files, file)
	meta := g.meta
	if i > 0 {
		g.meta = Metadata{} // of the first shard alone
	}
	err = g.add(path, file)
	if err == nil {
		err = checkShard(path, g.meta, i, n)
	}
	g.meta = meta
	return err
}

// add takes one file's keys and tensors.
func (g *GGUF) add(path string, file *mapping) error {
	h, err := parseGGUF(file.data)
	if err != nil {
		return fmt.Errorf("format: %s: %w", path, err)
	}
	maps.Copy(g.meta, h.meta)
	for _, e := range h.tensors {
		if _, again := g.tensors[e.name]; again {
			return fmt.Errorf("format: %s: tensor %q is in an earlier shard too", path, e.name)
		}
		t := Tensor{Name: e.name, DType: e.dtype, Shape: e.shape, Data: h.data[e.begin:e.end:e.end]}
		if file.unmap != nil {
			t.file = file
		}
		g.tensors[e.name] = t
		g.order = append(g.order, e.name)
	}
	return nil
}

// Meta returns the file's keys, of shards those of the first. The caller may write to the map,
// not to the lists in it.
func (g *GGUF) Meta() Metadata { return maps.Clone(g.meta) }

// Names returns the tensors' names in lexical order.
func (g *GGUF) Names() []string { return slices.Sorted(maps.Keys(g.tensors)) }

// Order returns the tensors' names in the order of the file.
func (g *GGUF) Order() []string { return slices.Clone(g.order) }

// Tensor returns a tensor by its name; false where there is none. Data is a part of the
// mapping, or, where memory given to ReadGGUF is not aligned, a fresh copy. Tensor panics after
// Close.
func (g *GGUF) Tensor(name string) (Tensor, bool) {
	if g.closed {
		panic("format: " + g.path + ": tensor asked for after Close")
	}
	t, ok := g.tensors[name]
	if !ok {
		return Tensor{}, false
	}
	return t.lent(), true
}

// Close unmaps the files: every Data that Tensor returned is invalid then. A second call does
// nothing.
func (g *GGUF) Close() error {
	g.closed = true
	var errs []error
	for _, f := range g.files {
		if err := f.close(); err != nil {
			errs = append(errs, fmt.Errorf("format: %s: unmap: %w", g.path, err))
		}
	}
	return errors.Join(errs...)
}
