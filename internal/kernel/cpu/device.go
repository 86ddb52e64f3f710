// Package cpu is the fast device for processors: a worker pool, memory outside
// the Go heap, and for every operation a plan (how it is cut into tiles) over
// primitives on slices (what is done to a row). The primitives exist in
// several versions, generic Go and one for each instruction set; which is used
// is chosen once from what the processor says it has.
//
// Results are the same bits for any number of threads: tiles and the chunks of
// reductions are cut by the operands' shapes alone, and partial results are
// added in a fixed order. Between versions bits may differ.
//
// A tile is a few rows, or a span of about [grain] elements where rows lie
// side by side. The letters are those of package kernel; w is a worker.
package cpu

import (
	"fmt"
	"runtime"

	"github.com/inkstone-ai/inkstone/internal/kernel"
)

type (
	mat  = kernel.Mat
	view = kernel.View
)

// device has one task struct for each operation, refilled at each call.
type device struct {
	*pool
	version
	tasks
	packed shared // weights
	alone  [2]mat // the operands of one product, as lists
}

// New returns a device with the best version this processor can run, or the one
// that [Variable] forces, and the given number of threads, the caller included; 0
// means as many as the Go runtime uses: the cores this process may run on, and
// no more than a control group's limit lets it use.
func New(threads int) kernel.Device { return newDevice(chosen(), threads) }

// NewVersion is New with the named version, one of [Versions].
func NewVersion(name string, threads int) (kernel.Device, error) {
	for _, v := range versions() {
		if v.name == name {
			return newDevice(v, threads), nil
		}
	}
	return nil, fmt.Errorf("cpu: version %s does not run here, %v do", name, Versions())
}

// Versions names what this processor can run, the plainest first.
func Versions() []string {
	var names []string
	for _, v := range versions() {
		names = append(names, v.name)
	}
	return names
}

func newDevice(v version, threads int) *device {
	if threads <= 0 {
		threads = runtime.GOMAXPROCS(0)
	}
	return &device{pool: newPool(threads), version: v}
}

// Name tells the version: "cpu avx2".
func (d *device) Name() string { return "cpu " + d.name }

// Threads is the number of workers, the caller included.
func (d *device) Threads() int { return len(d.workers) }

// Close ends the workers and gives back the device's own memory.
func (d *device) Close() {
	d.close()
	d.angle.free()
	d.matmul.free()
	d.quant.free()
	d.packed.free()
	drop(&d.convolution.packed)
	drop(&d.sums)
}
