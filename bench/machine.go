package bench

import (
	"fmt"
	"os"
	"runtime"
	"strings"

	"github.com/inkstone-ai/inkstone/internal/kernel"
	"github.com/inkstone-ai/inkstone/internal/kernel/cpu"
	"github.com/inkstone-ai/inkstone/train"
)

// A Machine says what the numbers were measured on.
type Machine struct {
	Device    string `json:"device"`           // with its instruction set
	Forced    bool   `json:"forced,omitempty"` // by INKSTONE_CPU, which named it
	Threads   int    `json:"threads"`
	Cores     int    `json:"cores"`  // that the machine has
	Usable    int    `json:"usable"` // of them, by this process: less with an affinity, a control group's limit, or GOMAXPROCS
	Memory    int64  `json:"available_bytes,omitempty"`
	System    string `json:"system"`
	GoVersion string `json:"go"`
}

// ThisMachine describes the machine and the device.
func ThisMachine(d kernel.Device) Machine {
	m := Machine{
		Device: d.Name(), Forced: cpu.Forced(), Threads: d.Threads(), Cores: cores(), Usable: runtime.GOMAXPROCS(0),
		System: runtime.GOOS + "/" + runtime.GOARCH, GoVersion: runtime.Version(),
	}
	if free, known := train.Available(); known {
		m.Memory = free
	}
	return m
}

// load is the number of processes that ran in the last minute, nil where the system
// does not tell.
func load() *float64 {
	b, err := os.ReadFile("/proc/loadavg")
	var one float64
	if _, scanErr := fmt.Sscan(string(b), &one); err != nil || scanErr != nil {
		return nil
	}
	return &one
}

// cores counts the machine's. The Go runtime knows those that this process may run
// on; Linux lists the others too, as ranges: "0-3,8".
func cores() int {
	const online = "/sys/devices/system/cpu/online"
	b, err := os.ReadFile(online)
	if err != nil {
		return runtime.NumCPU()
	}
	return max(listed(string(b)), runtime.NumCPU())
}

// listed is how many numbers a list of ranges has, 0 where it is malformed.
func listed(list string) (n int) {
	for part := range strings.SplitSeq(strings.TrimSpace(list), ",") {
		var first, last int
		switch found, _ := fmt.Sscanf(part, "%d-%d", &first, &last); found {
		case 1:
			n++
		case 2:
			n += last - first + 1
		default:
			return 0
		}
	}
	return n
}
