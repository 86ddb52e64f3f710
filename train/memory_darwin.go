package train

import "golang.org/x/sys/unix"

// Available returns the machine's memory: macOS gives up to all of it to a process
// and compresses the others'. ok is false where it cannot be read.
func Available() (bytes int64, ok bool) {
	n, err := unix.SysctlUint64("hw.memsize")
	return int64(n), err == nil
}
