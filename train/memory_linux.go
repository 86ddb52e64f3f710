package train

import (
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// Available returns the bytes of memory that this process may still take: what
// the kernel calls available, or less where a control group or the process's own limit
// of addresses (ulimit -v) says so. ok is false where none can be read.
func Available() (bytes int64, ok bool) { return availableIn("/") }

// availableIn reads /proc and /sys below root.
func availableIn(root string) (bytes int64, ok bool) {
	for _, line := range lines(filepath.Join(root, "proc/meminfo")) {
		if f := strings.Fields(line); len(f) == 3 && f[0] == "MemAvailable:" {
			kib, err := strconv.ParseInt(f[1], 10, 64)
			bytes, ok = kib<<10, err == nil
		}
	}
	lower := func(free int64, limited bool) {
		if limited && (!ok || free < bytes) {
			bytes, ok = free, true
		}
	}
	for _, line := range lines(filepath.Join(root, "proc/self/cgroup")) {
		lower(groupFree(root, line))
	}
	lower(addressesFree(root))
	return bytes, ok
}

// addressesFree is how much more this process may map.
func addressesFree(root string) (free int64, limited bool) {
	var most int64
	for _, line := range lines(filepath.Join(root, "proc/self/limits")) {
		if value, ok := strings.CutPrefix(line, "Max address space"); ok {
			most, limited = first(value) // bytes, or "unlimited"
		}
	}
	pages, ok := first(lines(filepath.Join(root, "proc/self/statm"))[0]) // the first number is what is mapped
	return max(0, most-pages*int64(os.Getpagesize())), limited && ok
}

// groupFree reads the limits of one line of /proc/self/cgroup, its folder's and all
// those above: "0::/path" (version 2) or "4:memory:/path" (version 1).
func groupFree(root, line string) (free int64, limited bool) {
	f := strings.SplitN(line, ":", 3)
	if len(f) != 3 {
		return 0, false
	}
	g := group2
	if f[1] != "" {
		g = group1
		if !slices.Contains(strings.Split(f[1], ","), "memory") {
			return 0, false
		}
	}
	base := filepath.Join(root, g.base)
	for dir := filepath.Join(base, f[2]); len(dir) >= len(base); dir = filepath.Dir(dir) {
		left, ok := g.free(dir)
		if ok && (!limited || left < free) {
			free, limited = left, true
		}
	}
	return free, limited
}

// A groupVersion has the names of a version's files.
type groupVersion struct {
	base         string
	limits       []string // the least counts
	usage, cache string
}

// Above memory.high, version 2's other limit, a group is not killed but slowed
// until it stands still.
var (
	group1 = groupVersion{"sys/fs/cgroup/memory", []string{"memory.limit_in_bytes"}, "memory.usage_in_bytes", "total_inactive_file"}
	group2 = groupVersion{"sys/fs/cgroup", []string{"memory.max", "memory.high"}, "memory.current", "inactive_file"}
)

// free is what the limits of one folder leave. Pages of files are counted as used
// and given back when they are wanted.
func (g groupVersion) free(dir string) (left int64, limited bool) {
	most := int64(math.MaxInt64)
	for _, name := range g.limits {
		if n, ok := number(filepath.Join(dir, name)); ok {
			most, limited = min(most, n), true
		}
	}
	used, ok := number(filepath.Join(dir, g.usage))
	return max(0, most-used+field(filepath.Join(dir, "memory.stat"), g.cache)), limited && ok
}

func lines(path string) []string {
	b, _ := os.ReadFile(path)
	return strings.Split(strings.TrimSpace(string(b)), "\n")
}

// number reads a file of one number; "max" is none.
func number(path string) (int64, bool) { return first(lines(path)[0]) }

// first is the number that a text begins with.
func first(text string) (int64, bool) {
	f := strings.Fields(text)
	if len(f) == 0 {
		return 0, false
	}
	n, err := strconv.ParseInt(f[0], 10, 64)
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
