package train

import (
	"unsafe"

	"golang.org/x/sys/windows"
)

// memoryStatus is MEMORYSTATUSEX of sysinfoapi.h.
type memoryStatus struct {
	length, load                                                                    uint32
	total, available, totalPage, availablePage, totalVirtual, freeVirtual, extended uint64
}

var globalMemoryStatus = windows.NewLazySystemDLL("kernel32.dll").NewProc("GlobalMemoryStatusEx")

// Available returns the bytes of physical memory that are free. ok is false where
// they cannot be read.
func Available() (bytes int64, ok bool) {
	s := memoryStatus{length: uint32(unsafe.Sizeof(memoryStatus{}))}
	done, _, _ := globalMemoryStatus.Call(uintptr(unsafe.Pointer(&s)))
	return int64(s.available), done != 0
}
