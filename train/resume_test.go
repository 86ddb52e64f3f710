package train_test

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/inkstone-ai/inkstone/format"
	"github.com/inkstone-ai/inkstone/internal/testkit"
	"github.com/inkstone-ai/inkstone/tensor"
	"github.com/inkstone-ai/inkstone/train"
)

// Ten steps, a stop, ten more: the same bits and the same log as twenty.
func TestRunResumes(t *testing.T) {
	evaluate := func(context.Context) (float64, error) { return 1, nil }
	whole := t.TempDir()
	want, _, err := train20(t, 2, func(c *train.Config, _ *train.Stepper) {
		c.Dir, c.EvaluateEvery, c.Evaluate = whole, 5, evaluate
	})
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	ctx, cancel := context.WithCancel(context.Background())
	half := func(threads int, ctx context.Context, progress func(train.Metrics)) (*toy, error) {
		d := cpu(t, threads)
		m := newToy(d)
		c := train.Config{Device: d, Steps: 20, Seed: 7, Dir: dir, Resume: true, EvaluateEvery: 5, Evaluate: evaluate, Progress: progress}
		_, err := train.Run(ctx, c, m.stepper())
		return m, err
	}
	_, err = half(1, ctx, func(m train.Metrics) {
		if m.Step == 10 {
			cancel()
		}
	})
	if !errors.Is(err, context.Canceled) {
		t.Fatalf("an interrupted run returned %v", err)
	}
	got, err := half(2, context.Background(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if got.hash() != want.hash() {
		t.Error("the resumed run has other weights than the undisturbed one")
	}
	if diff := cmp.Diff(timeless(t, whole), timeless(t, dir)); diff != "" {
		t.Errorf("logs (-undisturbed +resumed):\n%s", diff)
	}
}

// timeless is a run's log without what the clock wrote.
func timeless(t *testing.T, dir string) []train.Metrics {
	t.Helper()
	log, err := train.ReadMetrics(dir)
	if err != nil {
		t.Fatal(err)
	}
	for i := range log {
		log[i].Seconds, log[i].TokensPerSecond = 0, 0
	}
	return log
}

// The log is cut back to the checkpoint, with a line that a kill tore.
func TestRunCutsLog(t *testing.T) {
	dir := t.TempDir()
	run := func(resume bool) {
		if _, _, err := train20(t, 1, func(c *train.Config, _ *train.Stepper) { c.Dir, c.Resume = dir, resume }); err != nil {
			t.Fatal(err)
		}
	}
	run(false)
	path := filepath.Join(dir, train.MetricsFile)
	want := testkit.ReadFile(t, path)
	torn := append(append([]byte{}, want...), []byte(`{"step":21,"loss":1,"seconds":2}`+"\n"+`{"step":22,"lo`)...)
	if err := os.WriteFile(path, torn, 0o666); err != nil {
		t.Fatal(err)
	}
	run(true)
	if got := testkit.ReadFile(t, path); string(got) != string(want) {
		t.Errorf("the log was not cut back: it ends in %q", got[len(got)-40:])
	}
}

func TestRunRefusesAnotherRun(t *testing.T) {
	dir := t.TempDir()
	identity := train.Identity{Settings: map[string]any{"model": map[string]int{"layers": 4}}, Tokenizer: "aa", Data: "bb"}
	run := func(change func(*train.Config, *train.Stepper)) error {
		_, _, err := train20(t, 1, func(c *train.Config, s *train.Stepper) {
			c.Dir, c.Resume, c.Identity = dir, true, identity
			if change != nil {
				change(c, s)
			}
		})
		return err
	}
	if err := run(nil); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name   string
		change func(*train.Config, *train.Stepper)
		says   string // "" is accepted
	}{
		{"the same", nil, ""},
		{"another interval of checkpoints", func(c *train.Config, _ *train.Stepper) { c.CheckpointEvery = 5 }, ""},
		{"settings", func(c *train.Config, _ *train.Stepper) {
			c.Identity.Settings = map[string]any{"model": map[string]int{"layers": 5}}
		}, "settings.model.layers was 4 and is 5"},
		{"tokenizer", func(c *train.Config, _ *train.Stepper) { c.Identity.Tokenizer = "ab" }, `tokenizer was "aa" and is "ab"`},
		{"data", func(c *train.Config, _ *train.Stepper) { c.Identity.Data = "" }, `data was "bb" and is ""`},
		{"seed", func(c *train.Config, _ *train.Stepper) { c.Seed++ }, "seed was 7 and is 8"},
		{"steps", func(c *train.Config, _ *train.Stepper) { c.Steps++ }, "steps was 20 and is 21"},
		{"rate", func(_ *train.Config, s *train.Stepper) { s.Groups[1].LR = 0.5 }, "lr was 0.01 and is 0.5"},
		{"rule", func(_ *train.Config, s *train.Stepper) { s.Groups[1].Rule = train.Adam{} }, "train.Adam"},
		{"schedule", func(_ *train.Config, s *train.Stepper) { s.Schedule.Warmup = 0.5 }, "schedule.warmup was 0.1 and is 0.5"},
		{"clip", func(_ *train.Config, s *train.Stepper) { s.Clip = 2 }, "clip was 1 and is 2"},
		{"no resume", func(c *train.Config, _ *train.Stepper) { c.Resume = false }, "holds the checkpoints of an earlier run"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			err := run(tt.change)
			if (err == nil) != (tt.says == "") || err != nil && !strings.Contains(err.Error(), tt.says) {
				t.Errorf("got %v, want %q", err, tt.says)
			}
		})
	}
}

// An interruption while an evaluation runs postpones the evaluation to the resume.
func TestRunInterruptedEvaluation(t *testing.T) {
	dir := t.TempDir()
	ctx, cancel := context.WithCancel(context.Background())
	d := cpu(t, 1)
	c := train.Config{Device: d, Steps: 20, Dir: dir, EvaluateEvery: 10, Resume: true}
	c.Evaluate = func(ctx context.Context) (float64, error) {
		cancel()
		return 0, ctx.Err()
	}
	res, err := train.Run(ctx, c, newToy(d).stepper())
	if !errors.Is(err, context.Canceled) || res.Steps != 10 || res.Stopped != "interrupted" || res.Checkpoint == "" {
		t.Fatalf("result %+v, %v", res, err)
	}
	calls := 0
	c.Evaluate = func(context.Context) (float64, error) { calls++; return float64(calls), nil }
	if res, err = train.Run(context.Background(), c, newToy(d).stepper()); err != nil || calls != 2 || res.BestStep != 10 {
		t.Errorf("%d evaluations, result %+v, %v, want the one at step 10 made up for", calls, res, err)
	}
}

// An evaluation that was made up for is made again after a kill, since no checkpoint
// knows of it, and stands in the log once.
func TestRunKilledAfterEvaluation(t *testing.T) {
	dir := t.TempDir()
	d := cpu(t, 1)
	c := train.Config{Device: d, Steps: 20, Dir: dir, EvaluateEvery: 10, Resume: true}
	ctx, cancel := context.WithCancel(context.Background())
	c.Evaluate = func(ctx context.Context) (float64, error) { cancel(); return 0, ctx.Err() }
	if _, err := train.Run(ctx, c, newToy(d).stepper()); !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	c.Evaluate = func(context.Context) (float64, error) { return 1, nil }
	killed := errors.New("killed")
	s := newToy(d).stepper()
	s.Loss = func(*tensor.Step, int, int) (*tensor.Tensor, error) { return nil, killed }
	if _, err := train.Run(context.Background(), c, s); !errors.Is(err, killed) {
		t.Fatal(err)
	}
	if _, err := train.Run(context.Background(), c, newToy(d).stepper()); err != nil {
		t.Fatal(err)
	}
	var evaluated []int
	for _, m := range timeless(t, dir) {
		if m.Evaluation != nil {
			evaluated = append(evaluated, m.Step)
		}
	}
	if diff := cmp.Diff([]int{10, 20}, evaluated); diff != "" {
		t.Errorf("evaluations in the log (-want +got):\n%s", diff)
	}
}

// A resumed run counts the time that was spent before.
func TestRunBudgetResumes(t *testing.T) {
	dir := t.TempDir()
	spend := func(resume bool, stopAt int) (train.Result, error) {
		ctx, cancel := context.WithCancel(context.Background())
		defer cancel()
		d := cpu(t, 1)
		now := time.Now() // another one in each process
		c := train.Config{Device: d, Budget: 20 * time.Second, Dir: dir, Resume: resume}
		train.UseClock(&c, func() time.Time { return now })
		s := newToy(d).stepper()
		good := s.Loss
		s.Loss = func(s *tensor.Step, index, micro int) (*tensor.Tensor, error) {
			now = now.Add(time.Second)
			if index == stopAt-1 {
				cancel()
			}
			return good(s, index, micro)
		}
		return train.Run(ctx, c, s)
	}
	if res, err := spend(false, 8); !errors.Is(err, context.Canceled) || res.Steps != 8 {
		t.Fatalf("result %+v, %v, want an interruption after 8 steps", res, err)
	}
	if res, err := spend(true, 0); err != nil || res.Steps != 20 || res.Elapsed != 20*time.Second {
		t.Errorf("result %+v, %v, want 20 steps of a second", res, err)
	}
}

// A checkpoint that is no checkpoint, or another model's, is refused by name.
func TestResumeBadCheckpoint(t *testing.T) {
	good := t.TempDir()
	if _, _, err := train20(t, 1, func(c *train.Config, _ *train.Stepper) { c.Dir = good }); err != nil {
		t.Fatal(err)
	}
	name := "step-000000020.safetensors"
	whole := testkit.ReadFile(t, filepath.Join(good, name))
	state := func(change map[string]any) string {
		f, err := format.OpenSafetensors(filepath.Join(good, name))
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		var s map[string]any
		if err := json.Unmarshal([]byte(f.Metadata()["inkstone.train"]), &s); err != nil {
			t.Fatal(err)
		}
		for k, v := range change {
			s[k] = v
		}
		text, _ := json.Marshal(s)
		return string(text)
	}
	foreign := func(meta string) func(path string) error {
		return func(path string) error {
			return format.WriteSafetensors(path, map[string]string{"inkstone.train": meta}, []format.Tensor{{Name: "x", DType: "F32", Shape: []int{1}, Data: make([]byte, 4)}})
		}
	}
	tests := []struct {
		name  string
		write func(path string) error
		says  string
	}{
		{"truncated", func(p string) error { return os.WriteFile(p, whole[:len(whole)-1], 0o666) }, name},
		{"empty", func(p string) error { return os.WriteFile(p, nil, 0o666) }, name},
		{"no state", foreign(""), "not a checkpoint"},
		{"state that is no JSON", foreign("{"), "unexpected end"},
		{"another version", foreign(state(map[string]any{"version": 99})), "checkpoint version 99"},
		{"steps out of order", foreign(state(map[string]any{"best_step": 21})), "steps out of order"},
		{"another model", foreign(state(nil)), "it holds 1 tensors, this run has 7"},
		{"another name", foreign(state(map[string]any{"step": 19})), "the checkpoint of step 19 under another name"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			if err := tt.write(filepath.Join(dir, name)); err != nil {
				t.Fatal(err)
			}
			_, _, err := train20(t, 1, func(c *train.Config, _ *train.Stepper) { c.Dir, c.Resume = dir, true })
			if err == nil || !strings.Contains(err.Error(), tt.says) {
				t.Errorf("got %v, want %q", err, tt.says)
			}
		})
	}
}

// FuzzResume: whatever a checkpoint says of itself, a resume goes on from it or
// returns an error that names it, and never panics.
func FuzzResume(f *testing.F) {
	d := tensor.Reference()
	w := tensor.New(d, 2)
	w.SetTrainable(true)
	c := train.Config{Device: d, Steps: 3, Resume: true}
	s := &train.Stepper{
		Groups: []train.Group{{Rule: train.SGD{}, LR: 1, Params: []train.Param{{Name: "w", Tensor: w}}}},
		Loss: func(s *tensor.Step, _, _ int) (*tensor.Tensor, error) {
			return s.Use(w).Square().Sum(), nil
		},
	}
	c.Dir = f.TempDir()
	res, err := train.Run(context.Background(), c, s)
	if err != nil {
		f.Fatal(err)
	}
	good, err := format.OpenSafetensors(res.Checkpoint)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good.Metadata()["inkstone.train"], "weights/w", uint8(2))
	f.Add(`{"version":1,"step":3,"seconds":-1e300,"best":null,"identity":{}}`, "w", uint8(0))
	good.Close()
	f.Fuzz(func(t *testing.T, state, name string, n uint8) {
		c.Dir = t.TempDir()
		path := filepath.Join(c.Dir, "step-000000003.safetensors")
		list := []format.Tensor{{Name: name, DType: "F32", Shape: []int{int(n)}, Data: make([]byte, 4*int(n))}}
		if format.WriteSafetensors(path, map[string]string{"inkstone.train": state}, list) != nil {
			return // text that no file can hold
		}
		if _, err := train.Run(context.Background(), c, s); err != nil && !strings.Contains(err.Error(), path) {
			t.Errorf("%v does not name %s", err, path)
		}
	})
}
