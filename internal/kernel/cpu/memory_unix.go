//go:build unix

package cpu

import (
	"fmt"
	"os"
	"unsafe"

	"golang.org/x/sys/unix"
)

// reserve maps n zeroed bytes that belong to no file.
func reserve(n int) []byte {
	if n == 0 {
		return nil
	}
	b, err := mapped(n)
	if err != nil {
		panic(fmt.Sprintf("cpu: no %d bytes of memory: %v", n, err))
	}
	return b
}

func mapped(n int) ([]byte, error) {
	p, err := unix.MmapPtr(-1, 0, nil, uintptr(n), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_ANON|unix.MAP_PRIVATE)
	if err != nil {
		return nil, err
	}
	b := unsafe.Slice((*byte)(p), n)
	if n >= hugeBytes {
		preferHuge(b)
	}
	return b, nil
}

// hugeBytes is the size from which large pages are asked for. Buffers that follow each
// other share them, so it may be small: a model of many matrices of 1 to 4 MB trains
// a fifth faster than with a threshold above them.
const hugeBytes = 64 << 10

// sharedBytes is reserved at a time for weights that are packed one after another: matrices of a
// megabyte lie on large pages then, which none of them fills. What is not touched costs nothing.
const sharedBytes = 64 << 20

// A shared is memory that several buffers are taken from, each of which is given back alone.
type shared struct{ rest []byte }

// next takes n bytes from what is reserved, whole pages, or reserves more: no more than that where
// the process may not have as many addresses.
func (s *shared) next(n int) []byte {
	size := roundUp(n, os.Getpagesize())
	if size > len(s.rest) {
		s.free()
		var err error
		if s.rest, err = mapped(max(roundUp(size, 2<<20), sharedBytes)); err != nil {
			s.rest = reserve(size)
		}
	}
	b := s.rest[:n]
	s.rest = s.rest[size:]
	return b
}

// free gives back what nobody took.
func (s *shared) free() {
	if len(s.rest) > 0 {
		release(s.rest)
	}
	s.rest = nil
}

// release unmaps what reserve gave, or whole pages of it.
func release(b []byte) {
	if err := unix.MunmapPtr(unsafe.Pointer(unsafe.SliceData(b)), uintptr(len(b))); err != nil {
		panic(fmt.Sprintf("cpu: giving back %d bytes: %v", len(b), err))
	}
}
