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
	"slices"
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
	name   string
	args   []*arg
	images []image // of args, while the call is tested
	do     func(d kernel.Device, m []kernel.Mat)
	// rtol and atol bound |got−want| ≤ atol + rtol·|want| for F32 results; other types are exact.
	rtol, atol float64
}

// A Version is a device under test.
type Version struct {
	Open func(threads int) kernel.Device
	// Own are the methods to test where all others run the very code of another version; nil is every one.
	Own []string
}

// Run tests the devices that versions make, each with one, two and three
// threads. The oracle answers each call once for all of them. With -short, for
// emulated processors, it makes one call in seven: strides of 7 meet all tails.
func Run(t *testing.T, versions ...Version) {
	table := rows()
	devices := make([][]*bench, len(versions))
	for i, v := range versions {
		for threads := 1; threads <= 3; threads++ {
			d := &bench{Device: v.Open(threads)}
			defer d.Close()
			defer d.release()
			devices[i] = append(devices[i], d)
		}
		for _, method := range v.Own {
			if _, ok := table[method]; !ok {
				t.Errorf("%s is to be tested in %s, which is no method of a device", devices[i][0].Name(), method)
			}
		}
	}
	for m := range reflect.TypeFor[kernel.Device]().Methods() {
		r, ok := table[m.Name]
		delete(table, m.Name)
		t.Run(m.Name, func(t *testing.T) {
			if !ok || r.calls == nil && r.check == nil {
				t.Fatalf("%s has no row in the suite", m.Name)
			}
			var own [][]*bench
			for i, v := range versions {
				if v.Own == nil || slices.Contains(v.Own, m.Name) {
					own = append(own, devices[i])
				}
			}
			r.run(t, own)
		})
	}
	for name := range table {
		t.Errorf("the suite has a row for %s, which is no method of a device", name)
	}
}

func (r row) run(t *testing.T, versions [][]*bench) {
	oracle := &bench{Device: ref.New()}
	if r.check != nil {
		if r.calls == nil {
			r.check(t, oracle.Device)
		}
		for _, v := range versions {
			for _, d := range v {
				r.check(t, d.Device)
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
		for _, a := range c.args {
			c.images = append(c.images, a.lay())
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
func (c call) frugal(t *testing.T, d *bench) {
	mats := d.place(c.images)
	if n := testing.AllocsPerRun(3, func() { c.do(d.Device, mats) }); n > 0 {
		t.Errorf("%s on %s allocates %v times", c.name, d.Name(), n)
	}
}

// test performs the call on one version and compares its results with the
// oracle's, and between numbers of threads.
func (c call) test(t *testing.T, version []*bench, want [][]byte) {
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
func (c call) on(t *testing.T, d *bench) [][]byte {
	t.Helper()
	mats := d.place(c.images)
	c.do(d.Device, mats)
	out := make([][]byte, len(c.args))
	for i := range c.args {
		out[i] = d.fetch(t, c, i, mats[i])
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
