//go:build linux || darwin

package hub

import (
	"io/fs"
	"time"

	"golang.org/x/sys/unix"
)

// lastUse is when a file was read, as the system has noted it (many note it
// once a day), or written, whichever is later.
func lastUse(path string, info fs.FileInfo) time.Time {
	var s unix.Stat_t
	if err := unix.Stat(path, &s); err != nil {
		return info.ModTime()
	}
	if read := time.Unix(s.Atim.Unix()); read.After(info.ModTime()) {
		return read
	}
	return info.ModTime()
}
