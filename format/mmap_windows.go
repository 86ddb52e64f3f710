package format

import (
	"os"
	"unsafe"

	"golang.org/x/sys/windows"
)

func mapBytes(f *os.File, size int) (*mapping, error) {
	h, err := windows.CreateFileMapping(windows.Handle(f.Fd()), nil, windows.PAGE_READONLY, 0, 0, nil)
	if err != nil {
		return nil, os.NewSyscallError("CreateFileMapping", err)
	}
	defer windows.CloseHandle(h) // the view keeps the mapping alive
	addr, err := windows.MapViewOfFile(h, windows.FILE_MAP_READ, 0, 0, uintptr(size))
	if err != nil {
		return nil, os.NewSyscallError("MapViewOfFile", err)
	}
	// The address is of no Go object: the detour tells vet so.
	data := unsafe.Slice(*(**byte)(unsafe.Pointer(&addr)), size)
	return &mapping{data: data, unmap: unmapView}, nil
}

func unmapView(data []byte) error {
	return windows.UnmapViewOfFile(uintptr(unsafe.Pointer(unsafe.SliceData(data))))
}

// releasePages does nothing: Windows trims the working set of a mapped file by
// itself and has no call for part of a view.
func releasePages(file, part []byte) {}
