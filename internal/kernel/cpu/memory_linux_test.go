package cpu_test

import (
	"fmt"
	"os"
	"os/exec"
	"slices"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/inkstone-ai/inkstone/internal/kernel"
	"github.com/inkstone-ai/inkstone/internal/kernel/cpu"
)

const fewAddresses = "INKSTONE_CPU_FEW_ADDRESSES"

// TestFewAddresses packs weights where a process has too few addresses left for the stretch that packed weights
// share: they lie apart then, and give the same bits.
func TestFewAddresses(t *testing.T) {
	if os.Getenv(fewAddresses) != "" {
		packWithFewAddresses(t)
		return
	}
	c := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestFewAddresses$", "-test.v")
	c.Env = append(os.Environ(), fewAddresses+"=1")
	if out, err := c.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
}

func packWithFewAddresses(t *testing.T) {
	plenty, few := cpu.New(1), cpu.New(1)
	defer plenty.Close()
	defer few.Close()
	want := packedProduct(plenty)
	limitAddresses(t, 24<<20)
	if b, err := unix.Mmap(-1, 0, 64<<20, unix.PROT_READ, unix.MAP_PRIVATE|unix.MAP_ANON); err == nil {
		t.Fatalf("%d bytes fit: the limit does not hold", len(b))
	}
	if got := packedProduct(few); !slices.Equal(got, want) {
		t.Error("another product with few addresses")
	}
}

// packedProduct multiplies by weights that are the same at every call.
func packedProduct(d kernel.Device) []float32 {
	w := randomBlocks(d, kernel.Q8_0, 256, 256)
	x, y := kernel.Mat{Buf: d.Alloc(4 * 256), Rows: 1, Cols: 256, Stride: 256, Type: kernel.F32}, normalMat(d, 1, 256)
	for i := range kernel.Elements[float32](x.Buf) {
		kernel.Elements[float32](x.Buf)[i] = float32(i)
	}
	d.MatMul(y, x, d.Pack(w, true), kernel.Product{})
	return slices.Clone(kernel.Elements[float32](y.Buf))
}

// limitAddresses leaves the process so many bytes of addresses beyond those that it has.
func limitAddresses(t *testing.T, left uint64) {
	t.Helper()
	text, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		t.Fatal(err)
	}
	var pages uint64
	if _, err := fmt.Sscan(string(text), &pages); err != nil {
		t.Fatal(err)
	}
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_AS, &limit); err != nil {
		t.Fatal(err)
	}
	limit.Cur = pages*uint64(os.Getpagesize()) + left
	if err := unix.Setrlimit(unix.RLIMIT_AS, &limit); err != nil {
		t.Fatal(err)
	}
}
