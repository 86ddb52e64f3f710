package train_test

import (
	"bufio"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/inkstone-ai/inkstone/tensor"
	"github.com/inkstone-ai/inkstone/train"
)

// Environment of the test binary when it runs as a child: a folder to train in,
// the number of threads, and the step at which a loss takes a minute.
const (
	childDir     = "INKSTONE_TRAIN_CHILD"
	childThreads = "INKSTONE_TRAIN_THREADS"
	childStuck   = "INKSTONE_TRAIN_STUCK"
)

func TestMain(m *testing.M) {
	if dir := os.Getenv(childDir); dir != "" {
		os.Exit(child(dir))
	}
	os.Exit(m.Run())
}

const childSteps = 2500

// child trains the toy in dir, or goes on with what is there, and says on standard
// output what it does.
func child(dir string) int {
	threads, _ := strconv.Atoi(os.Getenv(childThreads))
	stuck, _ := strconv.Atoi(os.Getenv(childStuck))
	ctx, stop := train.Interruptible(context.Background())
	defer stop()
	d := tensor.CPU(threads)
	defer d.Close()
	m := newToy(d)
	s := m.stepper()
	good := s.Loss
	s.Loss = func(step *tensor.Step, index, micro int) (*tensor.Tensor, error) {
		if stuck > 0 && index == stuck {
			fmt.Println("stuck")
			for range 6000 { // in pieces: the first Ctrl-C must not cut a step short
				time.Sleep(10 * time.Millisecond)
			}
		}
		return good(step, index, micro)
	}
	c := train.Config{
		Device: d, Steps: childSteps, Seed: 7, Dir: dir, Resume: true,
		CheckpointEvery: 7, EvaluateEvery: 50,
		Evaluate: func(context.Context) (float64, error) {
			return float64(m.lossNow(d)), nil
		},
		Notice: func(text string) { fmt.Println("notice", text) },
	}
	train.OnWrite(&c, func(_ string, done bool) {
		fmt.Println(map[bool]string{false: "writing", true: "written"}[done])
	})
	fmt.Println("began")
	if _, err := train.Run(ctx, c, s); err != nil {
		fmt.Println("error", err)
		return 1
	}
	fmt.Println("hash", m.hash())
	return 0
}

// lossNow is a held-out loss of the toy.
func (m *toy) lossNow(d *tensor.Device) float32 {
	s := tensor.NewStep(d, tensor.StepOptions{})
	defer s.Close()
	s.Begin(0)
	return m.lossOn(s, s.Floats(noise(-1, 0, 64*toyC), 64, toyC)).Item()
}

// process is a child that runs.
type process struct {
	cmd   *exec.Cmd
	lines *bufio.Scanner
	last  string // line
}

func start(t *testing.T, dir string, env ...string) *process {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(exe)
	cmd.Env = append(append(os.Environ(), childDir+"="+dir), env...)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cmd.Process.Kill() })
	return &process{cmd: cmd, lines: bufio.NewScanner(out)}
}

// until reads lines up to one that begins with prefix, or to the end.
func (p *process) until(prefix string) bool {
	for p.lines.Scan() {
		if p.last = p.lines.Text(); strings.HasPrefix(p.last, prefix) {
			return true
		}
	}
	return false
}

// kill ends the process without warning and returns the last line it wrote.
func (p *process) kill() string {
	p.cmd.Process.Kill()
	p.until("\x00")
	p.cmd.Wait()
	return p.last
}

// TestKill kills a training process again and again, at random moments and while a
// checkpoint is written, resumes it, and wants the weights and the log of a run that
// nobody disturbed.
func TestKill(t *testing.T) {
	quiet, rough := t.TempDir(), t.TempDir()
	p := start(t, quiet, childThreads+"=1")
	if !p.until("hash") {
		t.Fatalf("the undisturbed run ended with %q", p.last)
	}
	want := p.last
	p.cmd.Wait()

	const kills, writes = 24, 6
	killed, inWrite, debris := 0, 0, 0
	random := rand.New(rand.NewPCG(1, uint64(time.Now().UnixNano())))
	for killed < kills || inWrite < writes {
		if killed > 10*kills {
			t.Fatalf("%d kills hit a write %d times only", killed, inWrite)
		}
		p := start(t, rough, childThreads+"="+strconv.Itoa(1+killed%2))
		if !p.until("began") {
			t.Fatalf("a child ended with %q", p.last)
		}
		if killed%2 == 0 {
			time.Sleep(time.Duration(random.IntN(60)) * time.Millisecond)
		} else {
			for range 1 + random.IntN(5) {
				p.until("writing")
			}
			time.Sleep(time.Duration(random.IntN(1000)) * time.Microsecond)
		}
		last := p.kill()
		if last == want { // it was done before: begin another run
			rough = t.TempDir()
			continue
		}
		if strings.HasPrefix(last, "hash") || strings.HasPrefix(last, "error") {
			t.Fatalf("after %d kills a child ended with %q, want %q", killed, last, want)
		}
		if killed++; last == "writing" {
			inWrite++
		}
		temporary, _ := filepath.Glob(filepath.Join(rough, ".*tmp"))
		debris += len(temporary)
	}
	p = start(t, rough, childThreads+"=2")
	if !p.until("hash") || p.last != want {
		t.Errorf("after %d kills: got %q, want %q", killed, p.last, want)
	}
	p.cmd.Wait()
	t.Logf("%d kills, %d of them while a checkpoint was written; they left %d temporary files", killed, inWrite, debris)
	if diff := cmp.Diff(timeless(t, quiet), timeless(t, rough)); diff != "" {
		t.Errorf("logs (-undisturbed +killed):\n%s", diff)
	}
	if left, _ := filepath.Glob(filepath.Join(rough, ".*tmp")); len(left) > 0 {
		t.Errorf("temporary files were left behind: %v", left)
	}
}

// The first interrupt writes a checkpoint and stops, the second stops at once.
func TestInterrupt(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("Windows has no interrupt to send to another process")
	}
	t.Run("first", func(t *testing.T) {
		dir := t.TempDir()
		p := start(t, dir)
		p.until("written")
		p.cmd.Process.Signal(os.Interrupt)
		if !p.until("error") || !strings.Contains(p.last, "interrupted after step") {
			t.Errorf("the run ended with %q", p.last)
		}
		p.cmd.Wait()
		var after int
		fmt.Sscanf(p.last[strings.Index(p.last, "step"):], "step %d", &after)
		paths, err := train.Checkpoints(dir)
		if want := fmt.Sprintf("step-%09d.safetensors", after); err != nil || len(paths) == 0 || filepath.Base(paths[len(paths)-1]) != want {
			t.Errorf("checkpoints %v, %v, want the last to be %s", paths, err, want)
		}
	})
	t.Run("second", func(t *testing.T) {
		dir := t.TempDir()
		p := start(t, dir, childStuck+"=20")
		p.until("stuck")
		ended := make(chan struct{})
		go func() {
			p.until("\x00")
			close(ended)
		}()
		signals := 0
		for done := false; !done && signals < 200; { // two signals at once may arrive as one
			p.cmd.Process.Signal(os.Interrupt)
			signals++
			select {
			case <-ended:
				done = true
			case <-time.After(200 * time.Millisecond):
			}
		}
		p.cmd.Process.Kill()
		p.cmd.Wait()
		status, _ := p.cmd.ProcessState.Sys().(syscall.WaitStatus)
		if !status.Signaled() || status.Signal() != syscall.SIGINT || p.last != "stuck" || signals < 2 {
			t.Errorf("the process ended after %d interrupts with %v, %q, want death by SIGINT at the second", signals, p.cmd.ProcessState, p.last)
		}
		if paths, err := train.Checkpoints(dir); err != nil || len(paths) == 0 {
			t.Errorf("checkpoints %v, %v, want those of before", paths, err)
		}
	})
}
