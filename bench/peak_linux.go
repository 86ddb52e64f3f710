package bench

import (
	"os"
	"strconv"
	"strings"
)

// residentBytes is the memory that this process has resident, 0 where /proc cannot
// be read.
func residentBytes() int64 { return statusOf("VmRSS:") }

// peakBytes is the most that it ever had. What getrusage tells will not do: it counts
// the process that started this one, too.
func peakBytes() int64 { return statusOf("VmHWM:") }

// statusOf is a number of bytes in /proc/self/status.
func statusOf(key string) int64 {
	b, _ := os.ReadFile("/proc/self/status")
	for line := range strings.Lines(string(b)) {
		if f := strings.Fields(line); len(f) == 3 && f[0] == key {
			kib, _ := strconv.ParseInt(f[1], 10, 64)
			return kib << 10
		}
	}
	return 0
}
