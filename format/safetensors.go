package format

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
)

// Safetensors is an opened safetensors file
// (https://github.com/huggingface/safetensors, format 0.3 and later). It
// implements [Weights].
type Safetensors struct {
	path     string
	metadata map[string]string
	tensors  map[string]Tensor
	file     *mapping
	closed   bool
}

// OpenSafetensors maps the file at path and checks its header; the tensors'
// bytes are not read. The file must not be truncated or written in place while
// it is open. Replacing it, as [WriteFile] does, is harmless: the mapping keeps the
// earlier file (Windows refuses to replace a mapped file).
//
// Errors, each with the path: what the system says; a file that is not a
// regular one; a header longer than the file or than 100 MB, that is not the
// format's JSON, or names something twice; an unknown type; a size that is not
// the product of shape and type; data that overlap, have holes or go on after
// the last tensor.
func OpenSafetensors(path string) (*Safetensors, error) {
	file, err := mapFile(path)
	if err != nil {
		return nil, fmt.Errorf("format: %w", err) // the system's error names the path
	}
	s, err := newSafetensors(path, file)
	if err != nil {
		return nil, errors.Join(err, file.close())
	}
	return s, nil
}

// ReadSafetensors is [OpenSafetensors] for a file that is in memory already, as
// an embedded one is. Tensors point into file; name stands for it in errors.
func ReadSafetensors(name string, file []byte) (*Safetensors, error) {
	return newSafetensors(name, &mapping{data: file})
}

func newSafetensors(path string, file *mapping) (*Safetensors, error) {
	metadata, entries, data, err := parse(file.data)
	if err != nil {
		return nil, fmt.Errorf("format: %s: %w", path, err)
	}
	s := &Safetensors{path: path, metadata: metadata, tensors: make(map[string]Tensor, len(entries)), file: file}
	for _, e := range entries {
		t := Tensor{Name: e.name, DType: e.dtype, Shape: e.shape, Data: data[e.begin:e.end:e.end]}
		if file.unmap != nil {
			t.file = file
		}
		s.tensors[e.name] = t
	}
	return s, nil
}

// Names returns the tensors' names in lexical order.
func (s *Safetensors) Names() []string { return slices.Sorted(maps.Keys(s.tensors)) }

// Metadata returns the header's __metadata__, nil where there is none.
func (s *Safetensors) Metadata() map[string]string { return maps.Clone(s.metadata) }

// Tensor returns a tensor by its name; false where there is none. Data is a
// part of the mapping, or, where a foreign writer left it at an address that
// its type does not allow, a fresh copy. Tensor panics after Close.
func (s *Safetensors) Tensor(name string) (Tensor, bool) {
	if s.closed {
		panic("format: " + s.path + ": tensor asked for after Close")
	}
	t, ok := s.tensors[name]
	if !ok {
		return Tensor{}, false
	}
	return t.lent(), true
}

// Close unmaps the file: every Data that Tensor returned is invalid then. A
// second call does nothing.
func (s *Safetensors) Close() error {
	s.closed = true
	if err := s.file.close(); err != nil {
		return fmt.Errorf("format: %s: unmap: %w", s.path, err)
	}
	return nil
}

// openRegular opens a file for mapping and returns its size. A pipe or a device
// is refused before it is opened: the open itself might block.
func openRegular(path string) (*os.File, int, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, 0, err
	}
	if !info.Mode().IsRegular() {
		return nil, 0, fmt.Errorf("%s: not a regular file", path)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, 0, err
	}
	if info, err = f.Stat(); err != nil { // the opened file, not the one that was there before
		f.Close()
		return nil, 0, err
	}
	size := int(info.Size())
	if int64(size) != info.Size() {
		f.Close()
		return nil, 0, fmt.Errorf("%s: %d bytes do not fit this machine's address space", path, info.Size())
	}
	return f, size, nil
}

// mapFile maps a whole file for reading. An empty file cannot be mapped; it has
// no bytes to point to either.
func mapFile(path string) (*mapping, error) {
	f, size, err := openRegular(path)
	if err != nil {
		return nil, err
	}
	defer f.Close() // a mapping outlives its descriptor
	if size == 0 {
		return &mapping{data: []byte{}}, nil
	}
	m, err := mapBytes(f, size)
	if err != nil {
		return nil, fmt.Errorf("%s: map %d bytes: %w", path, size, err)
	}
	return m, nil
}
