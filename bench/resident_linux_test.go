package bench_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"testing"

	"github.com/inkstone-ai/inkstone/bench"
	"github.com/inkstone-ai/inkstone/tensor"
)

// residentChild makes the test binary train the configuration that it holds, in a
// process of its own, and print the report.
const residentChild = "INKSTONE_BENCH_CHILD"

func TestMain(m *testing.M) {
	if text := os.Getenv(residentChild); text != "" {
		os.Exit(child(text))
	}
	if path := os.Getenv(generateChild); path != "" {
		if err := generateIn(path); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func child(text string) int {
	var c bench.Configuration
	err := json.Unmarshal([]byte(text), &c)
	if err == nil {
		var r bench.TrainReport
		if r, err = bench.Train(context.Background(), c, tensor.F32, 2, 0, nil); err == nil {
			err = json.NewEncoder(os.Stdout).Encode(r)
		}
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

// TestResident holds the plan against what a process grows by from its start to
// its highest: within 5 %, with everything that is not in a tensor.
func TestResident(t *testing.T) {
	for _, checkpoint := range []bool{false, true} {
		c := bench.Configuration{Name: "middle", Layers: 3, Width: 256, Heads: 4, Context: 128, Rows: 4, Vocab: 1000, Checkpoint: checkpoint}
		r := inChild(t, c)
		grown := r.PeakBytes - r.StartBytes
		t.Logf("checkpoint %v: %d bytes at the start, %d at most, %d planned", checkpoint, r.StartBytes, r.PeakBytes, r.PlannedBytes)
		if ratio := float64(grown) / float64(r.PlannedBytes); r.StartBytes == 0 || ratio < 0.95 || ratio > 1.05 {
			t.Errorf("checkpoint %v: the process grew by %d bytes, %.3f of the %d planned", checkpoint, grown, ratio, r.PlannedBytes)
		}
		if r.PlannedBytes < 64<<20 {
			t.Errorf("%d bytes planned: too few to tell 5 %%", r.PlannedBytes)
		}
	}
}

// inChild trains c in a fresh process.
func inChild(t *testing.T, c bench.Configuration) (r bench.TrainReport) {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), exe)
	cmd.Env = append(os.Environ(), residentChild+"="+string(text))
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err == nil {
		err = json.Unmarshal(out, &r)
	}
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return r
}
