package kerneltest_test

import (
	"slices"
	"testing"

	"github.com/inkstone-ai/inkstone/internal/kernel"
	"github.com/inkstone-ai/inkstone/internal/kernel/cpu"
	"github.com/inkstone-ai/inkstone/internal/kernel/kerneltest"
)

// own are the methods of which a version has code of its own; in all others it runs what the
// one before it does. TestVersionsShare of package cpu holds the versions to it.
var own = map[string][]string{
	"avxvnni":    {"Pack", "MatMulEach"},
	"avx512vnni": {"Pack", "MatMulEach"},
	"avx512bf16": halves,
	"amx":        {"Pack", "MatMulEach", "MatMul"},
}

// halves are the methods that multiply BF16 or quantised weights.
var halves = []string{"Pack", "MatMulEach", "MatMul", "Precision", "Attention", "AttentionGrad", "Conv", "ConvGradInput", "ConvGradWeight"}

// TestDevices runs the suite on every version of the processor's kernels.
func TestDevices(t *testing.T) {
	var versions []kerneltest.Version
	for _, name := range cpu.All {
		if !slices.Contains(cpu.Versions(), name) {
			t.Run(name, func(t *testing.T) { t.Skipf("this processor has no %s: its kernels are not tested", name) })
			continue
		}
		versions = append(versions, kerneltest.Version{Own: own[name], Open: func(threads int) kernel.Device {
			d, err := cpu.NewVersion(name, threads)
			if err != nil {
				t.Fatal(err)
			}
			return d
		}})
	}
	kerneltest.Run(t, versions...)
}
