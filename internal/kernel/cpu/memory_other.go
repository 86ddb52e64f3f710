//go:build !unix && !windows

package cpu

import "unsafe"

// reserve takes Go's own memory where the system has no other (js, plan9).
func reserve(n int) []byte {
	if n == 0 {
		return nil
	}
	const align = 64
	b := make([]byte, n+align)
	skip := -uintptr(unsafe.Pointer(&b[0])) % align
	return b[skip:][:n:n]
}

// release leaves the memory to the garbage collector.
func release([]byte) {}
