// Package format reads and writes files of weights: safetensors, alone or in
// shards, and the Hugging Face folder around them; GGUF with its metadata and its
// quantised types. It knows files and no model:
// which tensors an architecture has, and what their names mean, is the business
// of package model.
//
// Files are mapped into memory rather than read: opening takes the time of the
// header, a tensor's pages come from the disk when they are touched, and
// processes that serve the same file share them. Reading trusts nothing: every
// length and offset is checked against the file's size before use, nothing is
// allocated that this size does not justify, and a file that is not exactly
// what the format says is refused with an error that names the file and the fact.
//
// Writing is atomic: [WriteFile] is the one way in which this package, and the
// packages above it, put a file in place. [LockDir] keeps a second run out of a
// folder.
//
// The package's example writes a file and reads it back; docs/formats.md says
// what a model's folder holds.
package format

import (
	"fmt"
	"math/bits"
	"slices"
	"sync"
)

// A Tensor is one named array of a file.
//
// Its Data, when it comes from a file, is a part of a read-only mapping: writing
// to it ends the process, and so does reading it after the file's Close.
type Tensor struct {
	Name  string
	DType DType
	Shape []int  // outermost dimension first; empty for a scalar
	Data  []byte // Len elements in row-major order, little-endian, aligned to the element's size

	file *mapping // that Data points into, nil for memory of the Go heap
}

// Len returns the number of elements, the product of t.Shape. It panics when
// the product does not fit an int, which no tensor of an opened file does.
func (t Tensor) Len() int {
	n, ok := product(t.Shape, 1)
	if !ok {
		panic(fmt.Sprintf("format: tensor %q: shape %v does not fit an int", t.Name, t.Shape))
	}
	return n
}

// lent is t for a caller, who may change its shape: its data lie where its type allows, else in a copy.
func (t Tensor) lent() Tensor {
	t.Shape = slices.Clone(t.Shape)
	if !aligned(t.Data, t.DType.alignment()) {
		moved := alignedBytes(len(t.Data))
		copy(moved, t.Data)
		t.Data, t.file = moved, nil
	}
	return t
}

// Release says that t.Data has been copied to where it is needed, so that its
// pages need not stay in memory. Data remains readable: a touched page comes
// back from the file. It does nothing where Data is not mapped or the system
// has no such call.
func (t Tensor) Release() {
	if t.file != nil {
		t.file.release(t.Data)
	}
}

// Weights are the tensors of one file or of several shards. Names and Tensor
// may be called from several goroutines.
type Weights interface {
	// Names returns the tensors' names in lexical order.
	Names() []string
	// Tensor returns a tensor by its name; false where there is none.
	Tensor(name string) (Tensor, bool)
	// Close unmaps the files. Every Data that Tensor returned is invalid then.
	Close() error
}

// product returns size·∏shape, false when a dimension is negative or the
// product overflows an int.
func product(shape []int, size int) (int, bool) {
	n := uint(size)
	for _, d := range shape {
		high, low := bits.Mul(n, uint(d))
		if d < 0 || high != 0 || int(low) < 0 {
			return 0, false
		}
		n = low
	}
	return int(n), true
}

// A mapping is a file's bytes as pages of memory. Release and Close take its
// lock: giving back an address that something else has been mapped to since
// would destroy that memory.
type mapping struct {
	mu    sync.Mutex
	data  []byte
	unmap func([]byte) error
}

func (m *mapping) release(part []byte) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.data != nil && len(part) > 0 {
		releasePages(m.data, part)
	}
}

func (m *mapping) close() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	data := m.data
	m.data = nil
	if data == nil || m.unmap == nil {
		return nil
	}
	return m.unmap(data)
}
