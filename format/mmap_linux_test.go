package format_test

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/inkstone-ai/inkstone/format"
)

// residentFilePages returns how many kB of mapped files are in this process.
func residentFilePages(t *testing.T) (kb int) {
	t.Helper()
	f, err := os.Open("/proc/self/status")
	if err != nil {
		t.Skipf("no /proc: %v", err)
	}
	defer f.Close()
	for s := bufio.NewScanner(f); s.Scan(); {
		if rest, ok := strings.CutPrefix(s.Text(), "RssFile:"); ok {
			fmt.Sscanf(rest, "%d kB", &kb)
		}
	}
	return kb
}

// TestReleaseGivesPagesBack watches the kernel's count of resident pages, and
// that the data can be read again.
func TestReleaseGivesPagesBack(t *testing.T) {
	const mb = 32
	x := make([]float32, mb<<18)
	for i := range x {
		x[i] = float32(i)
	}
	path := filepath.Join(t.TempDir(), "x")
	if err := format.WriteSafetensors(path, nil, []format.Tensor{format.FromF32("x", x, len(x)), format.FromF32("y", x[:3], 3)}); err != nil {
		t.Fatal(err)
	}
	s, err := format.OpenSafetensors(path)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	tensor, _ := s.Tensor("x")
	before := residentFilePages(t)
	check := func() {
		v, err := format.F32s(tensor)
		if err != nil {
			t.Fatal(err)
		}
		for i, v := range v {
			if v != x[i] {
				t.Fatalf("[%d] is %v, want %v", i, v, x[i])
			}
		}
	}
	check()
	touched := residentFilePages(t) - before
	if touched < mb<<10*9/10 {
		t.Errorf("reading %d MB made %d kB resident: is the file mapped?", mb, touched)
	}
	tensor.Release()
	if left := residentFilePages(t) - before; left > mb<<10/10 {
		t.Errorf("after Release %d kB are resident of %d", left, touched)
	}
	check()
	elsewhere := tensor
	elsewhere.Data = make([]byte, 1<<20)
	for i := range elsewhere.Data {
		elsewhere.Data[i] = 1
	}
	elsewhere.Release() // of memory that is not the file's: must do nothing
	for i, b := range elsewhere.Data {
		if b != 1 {
			t.Fatalf("byte %d of other memory was given away", i)
		}
	}
	y, _ := s.Tensor("y")
	y.Release()
	if got, err := format.F32s(y); err != nil || got[2] != 2 {
		t.Errorf("the small tensor: %v, %v", got, err)
	}
}
