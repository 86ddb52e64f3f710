//go:build unix

package bench_test

import (
	"context"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/inkstone-ai/inkstone/bench"
)

// program writes a shell script that stands for another program.
func program(t *testing.T, text string) (path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "program")
	if err := os.WriteFile(path, []byte("#!/bin/sh\n"+text), 0o777); err != nil {
		t.Fatal(err)
	}
	return path
}

// ours answers as inkstone does, and has no bf16; it notes the calls in log.
func ours(t *testing.T, log string) string {
	return program(t, `
case "$*" in *bf16*) echo 'progress' >&2; echo 'inkstone: no bf16 here' >&2; exit 1;; esac
echo "ours $1 $2" >>`+log+`
echo '{"steps":4,"tokens_per_second":300,"low":290,"high":310,"best":320,"peak_bytes":1000}'
`)
}

// python answers as pytorch.py does; what it was given it checks.
func python(t *testing.T, log string) string {
	return program(t, `
grep -q 'class GPT2' || { echo 'the script is not on the standard input' >&2; exit 1; }
[ -z "$OPENBLAS_CORETYPE$OPENBLAS_L2_SIZE" ] || { echo 'handicapped' >&2; exit 1; }
[ "$OMP_NUM_THREADS $OPENBLAS_NUM_THREADS" = "2 2" ] || { echo 'threads' >&2; exit 1; }
case "$*" in
*--probe*) echo '{"version":"9.9","python":"3.99","threads":2,"lacks_bf16":""}'; exit;;
esac
echo "theirs $4" >>`+log+`
echo '{"steps":4,"tokens_per_second":200,"low":190,"high":210,"best":220,"peak_bytes":4000}'
`)
}

// TestPeers measures programs whose answers are known.
func TestPeers(t *testing.T) {
	t.Setenv("OPENBLAS_CORETYPE", "Haswell")
	t.Setenv("OPENBLAS_L2_SIZE", "512")
	t.Setenv("OMP_NUM_THREADS", "7")
	log := filepath.Join(t.TempDir(), "log")
	told := 0
	r, err := bench.Peers(t.Context(), bench.PeerOptions{
		Program: ours(t, log), Python: python(t, log), Threads: 2, Rounds: 2, Seconds: 0.1, Only: []string{"a"},
		Tell: func(done, total int, _ string) {
			if told++; done >= total {
				t.Errorf("%d of %d", done, total)
			}
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Training) != 2 || r.Products != nil || r.PyTorch == nil || r.PyTorch.Version != "9.9" || told != 8 {
		t.Fatalf("%+v, %d steps told", r, told)
	}
	f32, bf16 := r.Training[0], r.Training[1]
	if f32.Configuration != "A" || f32.Precision != "f32" || len(f32.Pairs) != 2 || f32.Ratio.Median != 1.5 || f32.Memory.Median != 0.25 {
		t.Errorf("f32: %+v", f32)
	}
	if speed, memory := f32.Reached(); speed || !memory { // 1.5 of 1.7, 0.25 of 0.5
		t.Errorf("reached %v, %v", speed, memory)
	}
	if bf16.Ratio != nil || bf16.Ours != nil || bf16.Theirs == nil || bf16.Theirs.Median != 200 || len(bf16.Pairs) != 2 {
		t.Errorf("bf16: %+v", bf16)
	}
	if speed, memory := bf16.Reached(); speed || memory {
		t.Error("what has no ratio has reached its goal")
	}
	if len(r.Missing) != 1 || !strings.Contains(r.Missing[0], "inkstone, A bf16: inkstone: no bf16 here") {
		t.Errorf("missing: %q", r.Missing)
	}
	alternates(t, log)
}

// alternates: in the second round the other side begins.
func alternates(t *testing.T, log string) {
	t.Helper()
	b, err := os.ReadFile(log)
	if err != nil {
		t.Fatal(err)
	}
	var sides []string
	for line := range strings.Lines(string(b)) {
		side, _, _ := strings.Cut(line, " ")
		sides = append(sides, side)
	}
	// f32 and bf16 of the first round, then of the second.
	if got, want := strings.Join(sides, " "), "ours theirs theirs theirs ours theirs"; got != want {
		t.Errorf("the order is %s, want %s", got, want)
	}
}

// TestPeersWithout: our side is measured where there is no python, no PyTorch, no
// bf16 of PyTorch, no OpenBLAS; each is named.
func TestPeersWithout(t *testing.T) {
	log := filepath.Join(t.TempDir(), "log")
	for name, test := range map[string]struct{ python, missing string }{
		"no python":  {filepath.Join(t.TempDir(), "absent"), "not found"},
		"no PyTorch": {program(t, "echo Traceback >&2; echo \"ModuleNotFoundError: No module named 'torch'\" >&2; exit 1"), "No module named 'torch'"},
		"no answer":  {program(t, "echo hello"), "printed no JSON object"},
		"no bf16":    {program(t, `echo '{"version":"1.2","lacks_bf16":"no autocast","tokens_per_second":1,"peak_bytes":1}'`), "PyTorch 1.2 has no bf16 here: no autocast"},
	} {
		r, err := bench.Peers(t.Context(), bench.PeerOptions{
			Program: ours(t, log), Python: test.python, Threads: 1, Rounds: 1, Seconds: 0.1, Only: []string{"B", "products"},
		})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		missing := strings.Join(r.Missing, "\n")
		if len(r.Training) != 2 || r.Training[0].Ours == nil || r.Training[0].Ours.Median != 300 || r.Products != nil {
			t.Errorf("%s: %+v", name, r)
		}
		if !strings.Contains(missing, test.missing) || !strings.Contains(missing, "products beside OpenBLAS") {
			t.Errorf("%s: missing is\n%s", name, missing)
		}
	}
}

// TestPeersProducts multiplies beside an OpenBLAS that always says the same.
func TestPeersProducts(t *testing.T) {
	if testing.Short() {
		t.Skip("takes some seconds")
	}
	blas := program(t, `echo 'OpenBLAS of a test'; while read -r m n k ta tb threads ms; do echo "$((m / m))e-3"; done`)
	r, err := bench.Peers(t.Context(), bench.PeerOptions{Python: blas, Threads: 1, Rounds: 1, Only: []string{"products"}})
	if err != nil {
		t.Fatal(err)
	}
	p := r.Products
	if p == nil || p.Library != "OpenBLAS of a test" || len(p.Rows) != 9 || len(p.Means) != 1 {
		t.Fatalf("%+v, missing %q", p, r.Missing)
	}
	logs, lowest := 0.0, math.Inf(1)
	for _, row := range p.Rows {
		if want := 2e-6 * float64(row.M) * float64(row.N) * float64(row.K); math.Abs(row.Theirs-want) > 1e-9*want {
			t.Errorf("%d×%d×%d: theirs %v GFLOP/s, want %v", row.M, row.N, row.K, row.Theirs, want)
		}
		if len(row.Pairs) != 3 || row.Ours <= 0 || row.Ratio.Low > row.Ratio.Median || row.Ratio.Median > row.Ratio.High {
			t.Errorf("%+v", row)
		}
		logs += math.Log(row.Ratio.Median)
		lowest = min(lowest, row.Ratio.Median)
	}
	if m := p.Means[0]; math.Abs(m.Ratio-math.Exp(logs/9)) > 1e-9*m.Ratio || m.Lowest != lowest || m.Threads != 1 {
		t.Errorf("%+v, want the mean %v and the lowest %v", m, math.Exp(logs/9), lowest)
	}
}

func TestPeersRefuses(t *testing.T) {
	if _, err := bench.Peers(t.Context(), bench.PeerOptions{Only: []string{"E"}}); err == nil || !strings.Contains(err.Error(), "none of A") {
		t.Errorf("a part that is none: %v", err)
	}
	ctx, stop := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer stop()
	slow := program(t, "exec sleep 60")
	start := time.Now()
	if _, err := bench.Peers(ctx, bench.PeerOptions{Program: slow, Python: slow, Only: []string{"A"}}); err == nil {
		t.Error("a context that has ended gave no error")
	}
	if spent := time.Since(start); spent > 30*time.Second {
		t.Errorf("it went on for %v", spent)
	}
}

// TestBusy: the neighbour runs beside every second training, and has ended when
// [bench.Busy] returns.
func TestBusy(t *testing.T) {
	dir := t.TempDir()
	both := program(t, `cd `+dir+`
if [ "$1" = loop ]; then echo $$ >>loops; exec sleep 60; fi
echo >>trainings
busy() { pid=$(tail -n 1 loops 2>/dev/null); [ -n "$pid" ] && kill -0 "$pid" 2>/dev/null; }
case $(($(wc -l <trainings))) in # alone, beside, beside, alone
1 | 4) speed=300; ! busy || speed=1 ;;
*) speed=200; tries=0
	until busy; do
		sleep 0.01; tries=$((tries + 1)); [ $tries -lt 1000 ] || { speed=1; break; }
	done ;;
esac
echo "{\"steps\":4,\"tokens_per_second\":$speed,\"peak_bytes\":1000}"
`)
	r, err := bench.Busy(t.Context(), bench.BusyOptions{Program: both, Loop: []string{"program", "loop"}, Threads: 1, Rounds: 2, Seconds: 0.1})
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Pairs) != 2 || r.Alone.Median != 300 || r.Beside.Median != 200 || r.Times.Median != 1.5 || r.Goal != 2.2 {
		t.Errorf("%+v", r)
	}
	b, err := os.ReadFile(filepath.Join(dir, "loops"))
	if err != nil {
		t.Fatal(err)
	}
	pids := strings.Fields(string(b))
	if len(pids) != 2 {
		t.Errorf("loops: %q", pids)
	}
	for _, pid := range pids {
		if exec.Command("kill", "-0", pid).Run() == nil {
			t.Errorf("process %s still runs", pid)
		}
	}
}

// TestLoop computes until its input ends.
func TestLoop(t *testing.T) {
	in, out, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	ended := make(chan struct{})
	go func() {
		bench.Loop(in)
		close(ended)
	}()
	select {
	case <-ended:
		t.Error("it ended before its input")
	case <-time.After(20 * time.Millisecond):
	}
	out.Close()
	select {
	case <-ended:
	case <-time.After(30 * time.Second):
		t.Error("it does not end with its input")
	}
}

// ExamplePeers prints how training compares where PyTorch is installed.
func ExamplePeers() {
	r, err := bench.Peers(context.Background(), bench.PeerOptions{Program: "inkstone", Only: []string{"A"}})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, t := range r.Training {
		if t.Ratio != nil {
			fmt.Printf("%s %s: %.2f times PyTorch's tokens per second\n", t.Configuration, t.Precision, t.Ratio.Median)
		}
	}
}
