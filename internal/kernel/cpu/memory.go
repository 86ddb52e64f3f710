package cpu

import (
	"unsafe"

	"github.com/inkstone-ai/inkstone/internal/kernel"
)

// Memory is taken from the operating system, whole pages a buffer, and given
// back at Free: the garbage collector neither scans it nor counts it, and
// what a step's arena no longer needs is free for other processes.

// Alloc returns zeroed memory at the start of a page.
func (*device) Alloc(bytes int) *kernel.Buffer {
	b := reserve(bytes)
	return &kernel.Buffer{Ptr: unsafe.Pointer(unsafe.SliceData(b)), Bytes: bytes, Owned: true}
}

// allocPacked is Alloc for packed weights.
func (d *device) allocPacked(bytes int) *kernel.Buffer {
	if bytes == 0 {
		return d.Alloc(0)
	}
	b := d.packed.next(bytes)
	return &kernel.Buffer{Ptr: unsafe.Pointer(unsafe.SliceData(b)), Bytes: bytes, Owned: true}
}

// Free gives b's pages back and clears it, so that a use after it fails at once.
func (*device) Free(b *kernel.Buffer) {
	if b.Owned && b.Bytes > 0 {
		release(kernel.Elements[byte](b))
	}
	*b = kernel.Buffer{}
}

// Wrap reads b where it is.
func (*device) Wrap(b []byte) *kernel.Buffer {
	return &kernel.Buffer{Ptr: unsafe.Pointer(unsafe.SliceData(b)), Bytes: len(b)}
}

func (*device) Read(dst []byte, src *kernel.Buffer, off int) {
	copy(dst, kernel.Elements[byte](src)[off:off+len(dst)])
}

func (*device) Write(dst *kernel.Buffer, off int, src []byte) {
	copy(kernel.Elements[byte](dst)[off:off+len(src)], src)
}

// keep makes m, whose contents are lost, hold n floats at least: memory that stays from call to call. What it had is
// forgotten before more is asked for, which panics where there is none.
func keep(m *[]float32, n int) {
	if len(*m) < n {
		drop(m)
		*m = floatsOf(reserve(4 * n))
	}
}

// drop gives m's memory back.
func drop(m *[]float32) {
	if b := bytesOf(*m); b != nil {
		*m = nil
		release(b)
	}
}

func floatsOf(b []byte) []float32 {
	return unsafe.Slice((*float32)(unsafe.Pointer(unsafe.SliceData(b))), len(b)/4)
}

func bytesOf(f []float32) []byte {
	return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(f))), len(f)*4)
}
