// Package ref is the oracle: every operation of [kernel.Device] as the formula
// reads, with plain loops and float64 in between, one element at a time and
// one thread. It is what the fast devices are tested against; it is not fast,
// and it shares no arithmetic with them.
//
// The letters are those of package kernel.
package ref

import (
	"unsafe"

	"github.com/inkstone-ai/inkstone/internal/kernel"
)

type (
	mat  = kernel.Mat
	view = kernel.View
)

// device has no state: its memory is the Go heap's.
type device struct{}

// New returns the oracle.
func New() kernel.Device { return device{} }

func (device) Name() string { return "ref" }
func (device) Threads() int { return 1 }
func (device) Close()       {}

func (device) Alloc(bytes int) *kernel.Buffer {
	const align = 64
	b := make([]byte, bytes+align)
	p := unsafe.Pointer(&b[0])
	p = unsafe.Add(p, -uintptr(p)%align)
	return &kernel.Buffer{Ptr: p, Bytes: bytes, Owned: true}
}

// Free drops the pointer, so that a use after it fails at once.
func (device) Free(b *kernel.Buffer) { *b = kernel.Buffer{} }

func (device) Wrap(b []byte) *kernel.Buffer {
	return &kernel.Buffer{Ptr: unsafe.Pointer(unsafe.SliceData(b)), Bytes: len(b)}
}

func (device) Read(dst []byte, src *kernel.Buffer, off int) {
	copy(dst, kernel.Elements[byte](src)[off:off+len(dst)])
}

func (device) Write(dst *kernel.Buffer, off int, src []byte) {
	copy(kernel.Elements[byte](dst)[off:off+len(src)], src)
}

// load is element i of a buffer, whatever its float type.
func load(b *kernel.Buffer, t kernel.DType, i int) float64 {
	switch t {
	case kernel.BF16:
		return float64(kernel.FromBF16(kernel.Elements[uint16](b)[i]))
	case kernel.F16:
		return float64(kernel.FromF16(kernel.Elements[uint16](b)[i]))
	case kernel.Q8_0: // the block's scale, then its integers
		block := kernel.Elements[byte](b)[i/32*34:]
		scale := kernel.FromF16(uint16(block[0]) | uint16(block[1])<<8)
		return float64(scale) * float64(int8(block[2+i%32]))
	}
	return float64(kernel.Elements[float32](b)[i])
}

// at is element (r, c) of m.
func at(m mat, r, c int) float64 { return load(m.Buf, m.Type, m.Index(r, c)) }

// put sets the float32 at place i of b, or adds to it.
func put(b *kernel.Buffer, i int, x float64, acc bool) {
	data := kernel.Elements[float32](b)
	if acc {
		x += float64(data[i])
	}
	data[i] = float32(x)
}

// set sets element (r, c) of m, or adds to it.
func set(m mat, r, c int, x float64, acc bool) { put(m.Buf, m.Index(r, c), x, acc) }

// integer is element i of a vector of I32.
func integer(m mat, i int) int { return int(kernel.Elements[int32](m.Buf)[m.At(i)]) }

// number is element i of a vector of F32.
func number(m mat, i int) float64 { return load(m.Buf, m.Type, m.At(i)) }

// each calls f for every element of m, row by row.
func each(m mat, f func(r, c int)) {
	for r := range m.Rows {
		for c := range m.Cols {
			f(r, c)
		}
	}
}
