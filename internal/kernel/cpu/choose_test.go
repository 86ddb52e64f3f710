package cpu_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/inkstone-ai/inkstone/internal/kernel"
	"github.com/inkstone-ai/inkstone/internal/kernel/cpu"
)

// TestVariable forces each version that runs here in turn.
func TestVariable(t *testing.T) {
	for _, name := range cpu.Versions() {
		t.Setenv(cpu.Variable, name)
		if err := cpu.Check(); err != nil || !cpu.Forced() {
			t.Errorf("%s: forced is %v, %v", name, cpu.Forced(), err)
		}
		d := cpu.New(1)
		if d.Name() != "cpu "+name {
			t.Errorf("%s: the device is %q", name, d.Name())
		}
		d.Close()
		if cpu.Peak(kernel.F32, 1) <= 0 {
			t.Errorf("%s: it has no roof", name)
		}
	}
	t.Setenv(cpu.Variable, "")
	d := cpu.New(1)
	defer d.Close()
	if best := cpu.Versions(); cpu.Forced() || d.Name() != "cpu "+best[len(best)-1] {
		t.Errorf("with an empty variable the device is %q of %v", d.Name(), best)
	}
}

// TestVariableRefuses: a name that is none, and the names of this build that this
// processor lacks.
func TestVariableRefuses(t *testing.T) {
	names := []string{"sse9", "AVX2", " "}
	for _, name := range cpu.All {
		if !slices.Contains(cpu.Versions(), name) {
			names = append(names, name)
		}
	}
	for _, name := range names {
		t.Setenv(cpu.Variable, name)
		err := cpu.Check()
		if err == nil || !strings.Contains(err.Error(), "generic") {
			t.Errorf("%q: %v", name, err)
		}
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%q: New returned", name)
				}
			}()
			cpu.New(1)
		}()
	}
}

// TestForkJoin opens regions of empty tiles with more threads than are needed.
func TestForkJoin(t *testing.T) {
	for _, threads := range []int{1, 2, 3} {
		d := cpu.New(threads)
		cpu.ForkJoin(d, 100)
		d.Close()
	}
}
