// Package kerneltest is the suite that makes a device done: every method of
// [kernel.Device] against the oracle, at every tail size, on dense and strided
// operands among guard words, with infinities and NaNs, with every aliasing
// the contract permits, adding and replacing, and with the same bits for one,
// two and three threads. It takes the device as a function, so each version
// of the processor's kernels and each future device runs the same rows.
//
// A new method of the interface fails [Run] until it has a row.
package kerneltest

import (
	"bytes"
	"reflect"
	"testing"

	"github.com/inkstone-ai/inkstone/internal/kernel"
	"github.com/inkstone-ai/inkstone/internal/kernel/ref"
)

// A row tests one method: by calls that are compared with the oracle's, by a
// check of its own, or by both.
type row struct {
	calls func(g *gen) []call
	check func(t *testing.T, d kernel.Device)
	// allocates is set for what makes a buffer; no other call may use Go's heap.
	allocates bool
}

// A call is one use of a method.
type call struct {
	name string
	args []*arg
	do   func(d kernel.Device, m []kernel.Mat)
	// rtol and atol bound |got−want| ≤ atol + rtol·|want| for F32 results; other types are exact.
	rtol, atol float64
}

// A Version is a device under test, by the number of its threads.
type Version func(threads int) kernel.Device

// Run tests the devices that versions make, each with one, two and three
// threads. The oracle answers each call once for all of them. With -short, for
// emulated processors, it makes one call in seven: strides of 7 meet all tails.
func Run(t *testing.T, versions ...Version) {
	var devices [][]kernel.Device
	for _, open := range versions {
		list := []kernel.Device{open(1), open(2), open(3)}
		for _, d := range list {
			defer d.Close()
		}
		devices = append(devices, list)
	}
	table := rows()
	for m := range reflect.TypeFor[kernel.Device]().Methods() {
		r, ok := table[m.Name]
		delete(table, m.Name)
		t.Run(m.Name, func(t *testing.T) {
			if !ok || r.calls == nil && r.check == nil {
				t.Fatalf("%s has no row in the suite", m.Name)
			}
			r.run(t, devices)
		})
	}
	for name := range table {
		t.Errorf("the suite has a row for %s, which is no method of a device", name)
	}
}

func (r row) run(t *testing.T, versions [][]kernel.Device) {
	oracle := ref.New()
	if r.check != nil {
		if r.calls == nil {
			r.check(t, oracle)
		}
		for _, v := range versions {
			for _, d := range v {
				r.check(t, d)
			}
		}
	}
	if r.calls == nil {
		return
	}
	for i, c := range r.calls(newGen()) {
		if testing.Short() && i%7 != 0 {
			continue
		}
		want := c.on(t, oracle)
		for _, v := range versions {
			c.test(t, v, want)
			if i%sample == 0 && !r.allocates {
				c.frugal(t, v[1])
			}
		}
		if t.Failed() {
			t.FailNow() // one call says enough
		}
	}
}

// sample is how many calls go by until one is tried for allocations, which takes longer.
const sample = 17

// frugal checks that the call, once made, allocates nothing when made again.
// AllocsPerRun leaves one processor to the device's two threads, so it also
// checks that they do not wait for each other then.
func (c call) frugal(t *testing.T, d kernel.Device) {
	mats := make([]kernel.Mat, len(c.args))
	for i, a := range c.args {
		mats[i] = a.place(d)
	}
	if n := testing.AllocsPerRun(3, func() { c.do(d, mats) }); n > 0 {
		t.Errorf("%s on %s allocates %v times", c.name, d.Name(), n)
	}
	for _, m := range mats {
		if !m.Nil() {
			d.Free(m.Buf)
		}
	}
}

// test performs the call on one version and compares its results with the
// oracle's, and between numbers of threads.
func (c call) test(t *testing.T, version []kernel.Device, want [][]byte) {
	one := c.on(t, version[0])
	c.compare(t, version[0].Name(), one, want)
	for _, d := range version[1:] {
		for i, b := range c.on(t, d) {
			if !bytes.Equal(b, one[i]) {
				t.Errorf("%s on %s: operand %d differs in its bits with %d threads", c.name, d.Name(), i, d.Threads())
			}
		}
	}
}

// on performs the call on d and returns what the operands then hold.
func (c call) on(t *testing.T, d kernel.Device) [][]byte {
	t.Helper()
	mats := make([]kernel.Mat, len(c.args))
	for i, a := range c.args {
		mats[i] = a.place(d)
	}
	c.do(d, mats)
	out := make([][]byte, len(c.args))
	for i, a := range c.args {
		out[i] = a.fetch(t, c.name, i, d, mats[i])
	}
	return out
}

// compare checks every operand against the oracle's; those that are only read
// were checked to be unchanged.
func (c call) compare(t *testing.T, device string, got, want [][]byte) {
	t.Helper()
	for i, a := range c.args {
		if a == nil || !a.out {
			continue
		}
		if a.typ != kernel.F32 {
			if !bytes.Equal(got[i], want[i]) {
				t.Errorf("%s on %s: operand %d (%v) differs: got % x, want % x", c.name, device, i, a.typ, clip(got[i]), clip(want[i]))
			}
			continue
		}
		closeTo(t, c.name+" on "+device, i, a, floats(got[i]), floats(want[i]), c.rtol, c.atol)
	}
}

func clip(b []byte) []byte { return b[:min(len(b), 64)] }
