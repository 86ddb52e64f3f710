package bench

import (
	"runtime"

	"github.com/inkstone-ai/inkstone/internal/kernel"
	"github.com/inkstone-ai/inkstone/train"
)

// A Machine says what the numbers were measured on.
type Machine struct {
	Device    string `json:"device"` // with its instruction set
	Threads   int    `json:"threads"`
	Cores     int    `json:"cores"` // that this process may use
	Memory    int64  `json:"available_bytes,omitempty"`
	System    string `json:"system"`
	GoVersion string `json:"go"`
}

// ThisMachine describes the machine and the device.
func ThisMachine(d kernel.Device) Machine {
	m := Machine{
		Device: d.Name(), Threads: d.Threads(), Cores: runtime.GOMAXPROCS(0),
		System: runtime.GOOS + "/" + runtime.GOARCH, GoVersion: runtime.Version(),
	}
	if free, known := train.Available(); known {
		m.Memory = free
	}
	return m
}
