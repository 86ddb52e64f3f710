//go:build unix

package bench

import (
	"runtime"

	"golang.org/x/sys/unix"
)

// peakBytes is the most memory that this process ever had resident.
func peakBytes() int64 {
	var u unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	if runtime.GOOS == "darwin" || runtime.GOOS == "ios" {
		return int64(u.Maxrss) // bytes there
	}
	return int64(u.Maxrss) << 10
}
