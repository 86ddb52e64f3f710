package main

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/inkstone-ai/inkstone"
	"github.com/inkstone-ai/inkstone/bench"
)

// oneCore starts a program on the first core that this process may use, and on no other.
func oneCore(t *testing.T, c *exec.Cmd) {
	t.Helper()
	runtime.LockOSThread() // a child inherits the cores of the thread that starts it
	defer runtime.UnlockOSThread()
	var all, one unix.CPUSet
	if err := unix.SchedGetaffinity(0, &all); err != nil {
		t.Fatal(err)
	}
	for i := 0; one.Count() == 0; i++ {
		if all.IsSet(i) {
			one.Set(i)
		}
	}
	if err := unix.SchedSetaffinity(0, &one); err != nil {
		t.Fatal(err)
	}
	err := c.Start()
	if err := unix.SchedSetaffinity(0, &all); err != nil {
		t.Fatal(err)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// TestLimitedMachines trains on one core, with threads to spare and without, and
// with one processor of the Go runtime: it ends, with the weights of two threads
// on the whole machine.
func TestLimitedMachines(t *testing.T) {
	dir := runFolder(t)
	want := finished(t, dir, "train", "--data", "book.txt", "--config", "run.json", "--json", "--out", "whole", "--threads", "2").WeightsSHA
	for _, test := range []struct {
		name, threads, procs string
		oneCore              bool
	}{
		{name: "one-processor", threads: "0", procs: "1"},
		{name: "one-processor-two-threads", threads: "2", procs: "1"},
		{name: "one-core", threads: "0", oneCore: true},
		{name: "one-core-two-threads", threads: "2", oneCore: true},
		{name: "one-core-two-processors", threads: "2", procs: "2", oneCore: true},
	} {
		c, out, errs := command(t, dir, "train", "--data", "book.txt", "--config", "run.json", "--json", "--out", test.name, "--threads", test.threads)
		if test.procs != "" {
			c.Env = append(c.Env, "GOMAXPROCS="+test.procs)
		}
		if test.oneCore {
			oneCore(t, c)
		} else if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		var r inkstone.Trained
		if err := c.Wait(); err != nil {
			t.Errorf("%s: %v\n%s", test.name, err, errs)
		} else if err := json.Unmarshal(out.Bytes(), &r); err != nil || r.WeightsSHA != want {
			t.Errorf("%s: weights %s, want %s, %v", test.name, r.WeightsSHA, want, err)
		}
	}
}

// TestReportsCores: --threads 0 follows what the process may use, and the report
// says that the machine has more.
func TestReportsCores(t *testing.T) {
	if runtime.NumCPU() < 2 {
		t.Skip("this machine has one core: nothing can be less")
	}
	whole := benchA(t, nil, false)
	procs, core := benchA(t, []string{"GOMAXPROCS=1"}, false), benchA(t, nil, true)
	for name, m := range map[string]bench.Machine{"GOMAXPROCS=1": procs, "one core": core} {
		if m.Threads != 1 || m.Usable != 1 || m.Cores != whole.Cores || m.Cores < 2 {
			t.Errorf("%s: %+v, the whole machine: %+v", name, m, whole)
		}
	}
	var out strings.Builder
	(&app{lang: english, out: &out}).printMachine(procs)
	if want := fmt.Sprintf("1 of %d cores (1 usable by this process)", whole.Cores); !strings.Contains(out.String(), want) {
		t.Errorf("the report says %q, want %q", out.String(), want)
	}
}

// benchA returns the machine that a short measurement reports.
func benchA(t *testing.T, environment []string, one bool) bench.Machine {
	t.Helper()
	c, out, errs := command(t, t.TempDir(), "bench", "train-A", "--seconds", "0", "--json")
	c.Env = append(c.Env, environment...)
	if one {
		oneCore(t, c)
	} else if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	if err := c.Wait(); err != nil {
		t.Fatalf("%v\n%s", err, errs)
	}
	var r bench.TrainReport
	if err := json.Unmarshal(out.Bytes(), &r); err != nil {
		t.Fatal(err)
	}
	return r.Machine
}

// TestBusyLoopEnds stops a measurement while its busy process runs, by Ctrl-C and by
// kill -9: the process ends too.
func TestBusyLoopEnds(t *testing.T) {
	for _, signal := range []os.Signal{os.Interrupt, os.Kill} {
		c, _, errs := command(t, t.TempDir(), "bench", "busy", "--rounds", "1000", "--seconds", "0.1")
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		loop := 0
		for deadline := time.Now().Add(time.Minute); loop == 0; time.Sleep(5 * time.Millisecond) {
			if loop = busyLoop(t, c.Process.Pid); loop == 0 && time.Now().After(deadline) {
				t.Errorf("no busy process within a minute")
				break
			}
		}
		c.Process.Signal(signal)
		c.Wait()
		for deadline := time.Now().Add(time.Minute); running(loop); time.Sleep(5 * time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatalf("%v: process %d still runs\n%s", signal, loop, errs)
			}
		}
	}
}

// busyLoop is the child of parent that is busy, 0 where there is none.
func busyLoop(t *testing.T, parent int) int {
	t.Helper()
	paths, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range paths {
		b, _ := os.ReadFile(path) // it may have ended
		if string(b) != "inkstone\x00bench\x00loop\x00" {
			continue
		}
		pid, err := strconv.Atoi(filepath.Base(filepath.Dir(path)))
		if stat := status(pid); err == nil && len(stat) > 1 && stat[1] == strconv.Itoa(parent) {
			return pid
		}
	}
	return 0
}

// status is what /proc says of a process from its state on: state, parent, …
func status(pid int) []string {
	b, _ := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	_, after, _ := strings.Cut(string(b), ") ")
	return strings.Fields(after)
}

// running is false of a process that has ended, waited for or not.
func running(pid int) bool {
	stat := status(pid)
	return len(stat) > 0 && stat[0] != "Z" && stat[0] != "X"
}
