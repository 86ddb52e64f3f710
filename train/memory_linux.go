package train

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// Available returns the bytes of memory that this process may still take: what
// the kernel calls available, or less where a control group sets a limit. ok is false
// where neither can be read.
func Available() (bytes int64, ok bool) { return availableIn("/") }

// availableIn reads /proc and /sys below root.
func availableIn(root string) (bytes int64, ok bool) {
	for _, line := range lines(filepath.Join(root, "proc/meminfo")) {
		if f := strings.Fields(line); len(f) == 3 && f[0] == "MemAvailable:" {
			kib, err := strconv.ParseInt(f[1], 10, 64)
			bytes, ok = kib<<10, err == nil
		}
	}
	for _, line := range lines(filepath.Join(root, "proc/self/cgroup")) {
		free, limited := groupFree(root, line)
		if limited && (!ok || free < bytes) {
			bytes, ok = free, true
		}
	}
	return bytes, ok
}

// groupFree reads the limits of one line of /proc/self/cgroup, its folder's and all
// those above: "0::/path" (version 2) or "4:memory:/path" (version 1).
func groupFree(root, line string) (free int64, limited bool) {
	f := strings.SplitN(line, ":", 3)
	if len(f) != 3 || f[1] != "" && f[1] != "memory" {
		return 0, false
	}
	base, limit, usage, cache := "sys/fs/cgroup", "memory.max", "memory.current", "inactive_file"
	if f[1] == "memory" {
		base, limit, usage, cache = "sys/fs/cgroup/memory", "memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"
	}
	base = filepath.Join(root, base)
	for dir := filepath.Join(base, f[2]); len(dir) >= len(base); dir = filepath.Dir(dir) {
		most, ok1 := number(filepath.Join(dir, limit))
		used, ok2 := number(filepath.Join(dir, usage))
		if !ok1 || !ok2 {
			continue
		}
		// Pages of files are counted as used and given back when they are wanted.
		left := max(0, most-used+field(filepath.Join(dir, "memory.stat"), cache))
		if !limited || left < free {
			free, limited = left, true
		}
	}
	return free, limited
}

func lines(path string) []string {
	b, _ := os.ReadFile(path)
	return strings.Split(strings.TrimSpace(string(b)), "\n")
}

// number reads a file of one number; "max" is none.
func number(path string) (int64, bool) {
	n, err := strconv.ParseInt(lines(path)[0], 10, 64)
	return n, err == nil
}

// field reads a line "name number", 0 where there is none.
func field(path, name string) int64 {
	for _, line := range lines(path) {
		if value, ok := strings.CutPrefix(line, name+" "); ok {
			n, _ := strconv.ParseInt(value, 10, 64)
			return n
		}
	}
	return 0
}
