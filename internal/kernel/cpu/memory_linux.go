package cpu

import "golang.org/x/sys/unix"

// preferHuge asks for pages of 2 MB behind b: most systems give them to who
// asks. It is a wish, so its failure means nothing.
func preferHuge(b []byte) { _ = unix.Madvise(b, unix.MADV_HUGEPAGE) }
