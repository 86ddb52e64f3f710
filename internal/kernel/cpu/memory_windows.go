package cpu

import (
	"fmt"
	"unsafe"

	"golang.org/x/sys/windows"
)

// reserve commits n zeroed bytes.
func reserve(n int) []byte {
	if n == 0 {
		return nil
	}
	at, err := windows.VirtualAlloc(0, uintptr(n), windows.MEM_COMMIT|windows.MEM_RESERVE, windows.PAGE_READWRITE)
	if err != nil {
		panic(fmt.Sprintf("cpu: no %d bytes of memory: %v", n, err))
	}
	// The address is read as a pointer because vet takes no conversion of a
	// uintptr for granted; the memory is not Go's and never moves.
	return unsafe.Slice(*(**byte)(unsafe.Pointer(&at)), n)
}

// release gives back what reserve gave.
func release(b []byte) {
	at := uintptr(unsafe.Pointer(unsafe.SliceData(b)))
	if err := windows.VirtualFree(at, 0, windows.MEM_RELEASE); err != nil {
		panic(fmt.Sprintf("cpu: giving back %d bytes: %v", len(b), err))
	}
}
