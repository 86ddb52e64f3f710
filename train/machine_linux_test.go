package train

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

// tree writes files into a fresh folder.
func tree(t *testing.T, files map[string]string) string {
	t.Helper()
	root := t.TempDir()
	for name, text := range files {
		path := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

// limits is /proc/self/limits with a limit of addresses.
func limits(addresses string) string {
	return "Limit                     Soft Limit           Hard Limit           Units     \n" +
		"Max cpu time              unlimited            unlimited            seconds   \n" +
		"Max address space         " + addresses + "            unlimited            bytes     \n"
}

func TestAvailable(t *testing.T) {
	const meminfo = "MemTotal:       16000 kB\nMemFree: 10 kB\nMemAvailable:    8000 kB\n"
	tests := []struct {
		name  string
		files map[string]string
		want  int64
		ok    bool
	}{
		{"nothing to read", nil, 0, false},
		{"no group", map[string]string{"proc/meminfo": meminfo}, 8000 << 10, true},
		{"version 2, a limit above", map[string]string{
			"proc/meminfo":                     meminfo,
			"proc/self/cgroup":                 "0::/a/b\n",
			"sys/fs/cgroup/a/b/memory.max":     "max\n",
			"sys/fs/cgroup/a/b/memory.current": "10\n",
			"sys/fs/cgroup/a/memory.max":       "1000000\n",
			"sys/fs/cgroup/a/memory.current":   "400000\n",
			"sys/fs/cgroup/a/memory.stat":      "anon 1\ninactive_file 50000\n",
		}, 650000, true},
		{"version 1", map[string]string{
			"proc/meminfo":     meminfo,
			"proc/self/cgroup": "5:cpu:/c\n4:memory:/c\n",
			"sys/fs/cgroup/memory/c/memory.limit_in_bytes": "2000000\n",
			"sys/fs/cgroup/memory/c/memory.usage_in_bytes": "500000\n",
			"sys/fs/cgroup/memory/c/memory.stat":           "inactive_file 7\ntotal_inactive_file 100000\n",
			"sys/fs/cgroup/memory/memory.limit_in_bytes":   "9223372036854771712\n",
			"sys/fs/cgroup/memory/memory.usage_in_bytes":   "600000\n",
		}, 1600000, true},
		{"a group's limit beyond the machine", map[string]string{
			"proc/meminfo":                 meminfo,
			"proc/self/cgroup":             "0::/\n",
			"sys/fs/cgroup/memory.max":     "1000000000\n",
			"sys/fs/cgroup/memory.current": "0\n",
		}, 8000 << 10, true},
		{"version 2, slowed above less than the limit", map[string]string{
			"proc/meminfo":                   meminfo,
			"proc/self/cgroup":               "0::/a\n",
			"sys/fs/cgroup/a/memory.max":     "2000000\n",
			"sys/fs/cgroup/a/memory.high":    "1500000\n",
			"sys/fs/cgroup/a/memory.current": "500000\n",
		}, 1000000, true},
		{"version 2, a limit between the group and the root", map[string]string{
			"proc/meminfo":                       meminfo,
			"proc/self/cgroup":                   "0::/a/b/c\n",
			"sys/fs/cgroup/a/b/c/memory.max":     "3000000\n",
			"sys/fs/cgroup/a/b/c/memory.current": "100\n",
			"sys/fs/cgroup/a/b/memory.max":       "900000\n",
			"sys/fs/cgroup/a/b/memory.current":   "100000\n",
			"sys/fs/cgroup/a/memory.max":         "max\n",
			"sys/fs/cgroup/a/memory.current":     "200000\n",
		}, 800000, true},
		{"version 1, controllers together, in a container that does not see its own path", map[string]string{
			"proc/meminfo":     meminfo,
			"proc/self/cgroup": "7:hugetlb,memory:/docker/1234\n0::/docker/1234\n",
			"sys/fs/cgroup/memory/memory.limit_in_bytes": "700000\n",
			"sys/fs/cgroup/memory/memory.usage_in_bytes": "200000\n",
		}, 500000, true},
		{"a limit of addresses", map[string]string{
			"proc/meminfo":     meminfo,
			"proc/self/limits": limits("4096000"),
			"proc/self/statm":  fmt.Sprintf("%d 10 5 1 0 8 0\n", 2048000/os.Getpagesize()),
		}, 2048000, true},
		{"no limit of addresses", map[string]string{
			"proc/meminfo":     meminfo,
			"proc/self/limits": limits("unlimited"),
			"proc/self/statm":  "500 10 5 1 0 8 0\n",
		}, 8000 << 10, true},
		{"a group that is full", map[string]string{
			"proc/self/cgroup":             "0::/\n",
			"sys/fs/cgroup/memory.max":     "100\n",
			"sys/fs/cgroup/memory.current": "200\n",
		}, 0, true},
	}
	for _, tt := range tests {
		got, ok := availableIn(tree(t, tt.files))
		if got != tt.want || ok != tt.ok {
			t.Errorf("%s: got %d, %v, want %d, %v", tt.name, got, ok, tt.want, tt.ok)
		}
	}
	if got, ok := Available(); ok && got < 1<<20 {
		t.Errorf("this machine has %d bytes", got)
	}
}

func TestEnergy(t *testing.T) {
	counters := func(first, second string) map[string]string {
		return map[string]string{
			"intel-rapl:0/energy_uj":             first,
			"intel-rapl:0/max_energy_range_uj":   "1000000\n",
			"intel-rapl:1/energy_uj":             second,
			"intel-rapl:1/max_energy_range_uj":   "1000000\n",
			"intel-rapl:0:0/energy_uj":           "1\n", // a part of package 0
			"intel-rapl:0:0/max_energy_range_uj": "1000000\n",
		}
	}
	dir := tree(t, counters("100\n", "900000\n"))
	m := startEnergyIn(dir)
	for name, text := range counters("250100\n", "150000\n") { // the second wrapped
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	if got := m.joules(); got != 0.5 {
		t.Errorf("got %g J, want 0.25 + 0.25", got)
	}
	if err := os.Remove(filepath.Join(dir, "intel-rapl:1/energy_uj")); err != nil {
		t.Fatal(err)
	}
	if got := m.joules(); got != 0 {
		t.Errorf("got %g J from a counter that is gone", got)
	}
	if m := startEnergyIn(dir); m != nil || m.joules() != 0 {
		t.Error("a meter started with a package that cannot be read")
	}
	if startEnergyIn(t.TempDir()) != nil {
		t.Error("a meter started without counters")
	}
}
