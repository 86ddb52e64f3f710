//go:build unix

package format

import (
	"os"
	"unsafe"

	"golang.org/x/sys/unix"
)

func mapBytes(f *os.File, size int) (*mapping, error) {
	data, err := unix.Mmap(int(f.Fd()), 0, size, unix.PROT_READ, unix.MAP_SHARED)
	if err != nil {
		return nil, err
	}
	return &mapping{data: data, unmap: unix.Munmap}, nil
}

// releasePages gives back the pages that part, of the mapped file, touches. It
// takes whole pages: those shared with a neighbour come back from the page
// cache when the neighbour is read. A part that is elsewhere, in a Data that its
// holder replaced, is left alone. A refusal costs memory and nothing else, so the
// error is not looked at.
func releasePages(file, part []byte) {
	page := os.Getpagesize()
	at := int(uintptr(unsafe.Pointer(unsafe.SliceData(part))) - uintptr(unsafe.Pointer(unsafe.SliceData(file))))
	if at < 0 || at >= len(file) {
		return
	}
	begin := at / page * page // a mapping begins at a page
	end := min((at+len(part)+page-1)/page*page, len(file))
	_ = unix.Madvise(file[begin:end], unix.MADV_DONTNEED)
}
