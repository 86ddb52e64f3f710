//go:build unix

package cpu

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// reserve maps n zeroed bytes that belong to no file.
func reserve(n int) []byte {
	if n == 0 {
		return nil
	}
	b, err := unix.Mmap(-1, 0, n, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_ANON|unix.MAP_PRIVATE)
	if err != nil {
		panic(fmt.Sprintf("cpu: no %d bytes of memory: %v", n, err))
	}
	if n >= hugeBytes {
		preferHuge(b)
	}
	return b
}

// hugeBytes is the size from which large pages are asked for. Buffers that follow each
// other share them, so it may be small: a model of many matrices of 1 to 4 MB trains
// a fifth faster than with a threshold above them.
const hugeBytes = 64 << 10

// release unmaps what reserve gave.
func release(b []byte) {
	if err := unix.Munmap(b); err != nil {
		panic(fmt.Sprintf("cpu: giving back %d bytes: %v", len(b), err))
	}
}
