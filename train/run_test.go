package train_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
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

// train20 runs a fresh toy for 20 steps on threads threads after change.
func train20(t *testing.T, threads int, change func(*train.Config, *train.Stepper)) (*toy, train.Result, error) {
	t.Helper()
	d := cpu(t, threads)
	m := newToy(d)
	c, s := train.Config{Device: d, Steps: 20, Seed: 7}, m.stepper()
	if change != nil {
		change(&c, s)
	}
	res, err := train.Run(context.Background(), c, s)
	return m, res, err
}

func TestRunLearns(t *testing.T) {
	var first, last float64
	_, res, err := train20(t, 2, func(c *train.Config, s *train.Stepper) {
		c.Steps = 400
		c.Progress = func(m train.Metrics) {
			if m.Step == 1 {
				first = m.Loss
			}
			last = m.Loss
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	if res.Steps != 400 || res.Stopped != "steps" || res.Loss != last || !math.IsNaN(res.Best) {
		t.Errorf("result %+v, last loss %g", res, last)
	}
	if last > first/5 {
		t.Errorf("the loss went from %g to %g only", first, last)
	}
}

func TestRunThreads(t *testing.T) {
	one, _, err := train20(t, 1, nil)
	if err != nil {
		t.Fatal(err)
	}
	two, _, err := train20(t, 2, nil)
	if err != nil {
		t.Fatal(err)
	}
	if one.hash() != two.hash() {
		t.Error("1 thread and 2 threads gave different weights")
	}
	other, _, err := train20(t, 2, func(c *train.Config, _ *train.Stepper) { c.Seed = 8 })
	if err != nil {
		t.Fatal(err)
	}
	if one.hash() == other.hash() {
		t.Error("another seed gave the same weights")
	}
}

// Accumulating two micro batches is one batch of twice the rows.
func TestRunAccumulates(t *testing.T) {
	whole, _, err := train20(t, 2, func(c *train.Config, s *train.Stepper) {
		d := c.Device
		m := &toy{s.Groups[0].Params[0].Tensor, s.Groups[0].Params[1].Tensor, s.Groups[1].Params[0].Tensor, tensor.New(d, 1, toyC)}
		m.teacher.FillNormal(3, 1)
		s.Loss = func(s *tensor.Step, index, _ int) (*tensor.Tensor, error) {
			x := append(noise(index, 0, toyB*toyC), noise(index, 1, toyB*toyC)...)
			return m.lossOn(s, s.Floats(x, 2*toyB, toyC)), nil
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	parts, _, err := train20(t, 2, func(c *train.Config, s *train.Stepper) {
		d := c.Device
		m := &toy{s.Groups[0].Params[0].Tensor, s.Groups[0].Params[1].Tensor, s.Groups[1].Params[0].Tensor, tensor.New(d, 1, toyC)}
		m.teacher.FillNormal(3, 1)
		s.Micro = 2
		s.Loss = func(s *tensor.Step, index, micro int) (*tensor.Tensor, error) {
			return m.lossOn(s, s.Floats(noise(index, micro, toyB*toyC), toyB, toyC)).Scale(0.5), nil
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	for i, p := range parts.params() {
		testkit.Close(t, p.Name, p.Tensor.Floats(), whole.params()[i].Tensor.Floats(), 1e-4, 1e-5)
	}
}

// lossOn is the mean squared error on given rows, without dropout.
func (m *toy) lossOn(_ *tensor.Step, x *tensor.Tensor) *tensor.Tensor {
	e := x.Linear(m.up, m.bias).ReLU().Linear(m.down, nil).Sub(x.Linear(m.teacher, nil))
	return e.Square().Mean()
}

// Clipping scales the gradient to the norm asked for, over all tensors together.
func TestRunClips(t *testing.T) {
	d := tensor.Reference()
	run := func(clip float64) ([]float32, float64) {
		a, b := tensor.New(d, 1), tensor.New(d, 2)
		a.SetTrainable(true)
		b.SetTrainable(true)
		var norm float64
		s := &train.Stepper{
			Clip:   clip,
			Groups: []train.Group{{Rule: train.SGD{}, LR: 1, Params: []train.Param{{Name: "a", Tensor: a}, {Name: "b", Tensor: b}}}},
			Loss: func(s *tensor.Step, _, _ int) (*tensor.Tensor, error) { // gradient (2), (3, 6): norm 7
				return s.Use(a).Scale(2).Sum().Add(s.Use(b).Mul(s.Floats([]float32{3, 6}, 2)).Sum()), nil
			},
		}
		c := train.Config{Device: d, Steps: 1, Progress: func(m train.Metrics) { norm = m.Norm }}
		if _, err := train.Run(context.Background(), c, s); err != nil {
			t.Fatal(err)
		}
		return append(a.Floats(), b.Floats()...), norm
	}
	tests := []struct {
		clip float64
		want []float32
	}{
		{0, []float32{-2, -3, -6}},
		{10, []float32{-2, -3, -6}},
		{3.5, []float32{-1, -1.5, -3}},
	}
	for _, tt := range tests {
		got, norm := run(tt.clip)
		testkit.Close(t, fmt.Sprintf("clip %g", tt.clip), got, tt.want, 1e-6, 0)
		if norm != 7 {
			t.Errorf("clip %g: norm %g, want 7", tt.clip, norm)
		}
	}
}

// The rate of a step is the schedule's in its middle.
func TestRunRates(t *testing.T) {
	_, _, err := train20(t, 1, func(c *train.Config, s *train.Stepper) {
		c.Progress = func(m train.Metrics) {
			if want := 0.02 * s.Schedule.At((float64(m.Step)-0.5)/20); math.Abs(m.LR-want) > 1e-12 {
				t.Errorf("step %d: rate %g, want %g", m.Step, m.LR, want)
			}
		}
	})
	if err != nil {
		t.Fatal(err)
	}
}

// No two micro batches of a run share a dropout mask.
func TestRunDropout(t *testing.T) {
	masks := map[string]string{}
	stepper := func(m *toy, name string) *train.Stepper {
		s := m.stepper()
		s.Name, s.Micro = name, 2
		s.Loss = func(s *tensor.Step, index, micro int) (*tensor.Tensor, error) {
			mask := fmt.Sprint(s.Full(1, 64).Dropout(0.5).Floats())
			at := fmt.Sprintf("%s, step %d, micro batch %d", name, index, micro)
			if other, ok := masks[mask]; ok {
				t.Errorf("%s has the mask of %s", at, other)
			}
			masks[mask] = at
			return m.loss(s, toyB, index, micro, 0), nil
		}
		return s
	}
	d := tensor.Reference()
	c := train.Config{Device: d, Steps: 5}
	if _, err := train.Run(context.Background(), c, stepper(newToy(d), "a"), stepper(newToy(d), "b")); err != nil {
		t.Fatal(err)
	}
	if len(masks) != 5*2*2 {
		t.Errorf("%d masks, want 20", len(masks))
	}
}

// Two steppers take turns: the second sees the first one's new weights.
func TestRunSteppers(t *testing.T) {
	d := tensor.Reference()
	x, y := tensor.New(d, 1), tensor.New(d, 1)
	chase := func(name string, from, to *tensor.Tensor, target float32) *train.Stepper {
		from.SetTrainable(true)
		return &train.Stepper{
			Name:   name,
			Groups: []train.Group{{Rule: train.SGD{}, LR: 0.5, Params: []train.Param{{Name: "x", Tensor: from}}}},
			Loss: func(s *tensor.Step, _, _ int) (*tensor.Tensor, error) { // a step lands on to+target
				return s.Use(from).Sub(s.Use(to)).AddScalar(-target).Square().Sum(), nil
			},
		}
	}
	dir := t.TempDir()
	c := train.Config{Device: d, Steps: 3, Dir: dir}
	if _, err := train.Run(context.Background(), c, chase("x", x, y, 1), chase("y", y, x, 1)); err != nil {
		t.Fatal(err)
	}
	if x.Item() != 5 || y.Item() != 6 {
		t.Errorf("x %g, y %g, want 5 and 6", x.Item(), y.Item())
	}
	log, err := train.ReadMetrics(dir)
	if err != nil || len(log) != 6 || log[0].Stepper != "x" || log[5].Stepper != "y" || log[5].Step != 3 {
		t.Errorf("log %+v, %v", log, err)
	}
	x.Fill(0)
	if err := train.LoadWeights(filepath.Join(dir, "step-000000003.safetensors"), "x", []train.Param{{Name: "x", Tensor: x}}); err != nil || x.Item() != 5 {
		t.Errorf("x %g, %v", x.Item(), err)
	}
}

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

// A NaN stops the run before it reaches the weights; the last checkpoint stays.
func TestRunStopsAtNaN(t *testing.T) {
	nan := float32(math.NaN())
	tests := []struct {
		name   string
		poison func(m *toy, s *tensor.Step, loss *tensor.Tensor) *tensor.Tensor
		says   []string
	}{
		{"loss", func(_ *toy, _ *tensor.Step, l *tensor.Tensor) *tensor.Tensor { return l.AddScalar(nan) },
			[]string{"step 13: loss is NaN", "though every weight is finite"}},
		{"infinite loss", func(_ *toy, _ *tensor.Step, l *tensor.Tensor) *tensor.Tensor {
			return l.AddScalar(1).Scale(float32(math.Inf(1)))
		},
			[]string{"step 13: loss is +Inf"}},
		{"gradient", func(m *toy, s *tensor.Step, l *tensor.Tensor) *tensor.Tensor {
			return l.Add(s.Use(m.bias).Scale(0).Abs().Sqrt().Sum()) // √x has no slope at 0, 0·∞ is NaN
		}, []string{"step 13: gradient of bias is NaN"}},
		{"weight", func(m *toy, s *tensor.Step, l *tensor.Tensor) *tensor.Tensor {
			w := m.down.Floats()
			w[3] = nan
			m.down.WriteFloats(w)
			return m.loss(s, toyB, 0, 0, 0)
		}, []string{"step 13: loss is NaN", "because", "down is NaN"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			var before []float32
			m, res, err := train20(t, 1, func(c *train.Config, s *train.Stepper) {
				c.Dir, c.CheckpointEvery = dir, 5
				m := &toy{s.Groups[0].Params[0].Tensor, s.Groups[0].Params[1].Tensor, s.Groups[1].Params[0].Tensor, tensor.New(c.Device, 1, toyC)}
				good := s.Loss
				s.Loss = func(step *tensor.Step, index, micro int) (*tensor.Tensor, error) {
					loss, err := good(step, index, micro)
					if index == 12 {
						before = m.up.Floats()
						loss = tt.poison(m, step, loss)
					}
					return loss, err
				}
			})
			var bad *train.NonFiniteError
			if !errors.As(err, &bad) || bad.Step != 13 {
				t.Fatalf("got %v, want a NonFiniteError at step 13", err)
			}
			for _, say := range tt.says {
				if !strings.Contains(err.Error(), say) {
					t.Errorf("%q does not say %q", err, say)
				}
			}
			testkit.SameBits(t, "weights", m.up.Floats(), before)
			if want := filepath.Join(dir, "step-000000010.safetensors"); res.Checkpoint != want {
				t.Errorf("checkpoint %s, want %s", res.Checkpoint, want)
			}
			if err := train.LoadWeights(res.Checkpoint, "", m.params()); err != nil {
				t.Error(err)
			}
		})
	}
}

// Checkpoints: the newest Keep and the best one stay.
func TestRunKeeps(t *testing.T) {
	dir := t.TempDir()
	held := []float64{5, 4, 1, 3, 2, 6, 7, 8, 9, 9}
	_, res, err := train20(t, 1, func(c *train.Config, _ *train.Stepper) {
		c.Dir, c.CheckpointEvery, c.EvaluateEvery, c.Keep = dir, 2, 2, 3
		c.Evaluate = func(context.Context) (float64, error) {
			loss := held[0]
			held = held[1:]
			return loss, nil
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	if res.Best != 1 || res.BestStep != 6 || res.BestPath != filepath.Join(dir, "step-000000006.safetensors") {
		t.Errorf("result %+v, want the best at step 6", res)
	}
	paths, err := train.Checkpoints(dir)
	var names []string
	for _, p := range paths {
		names = append(names, filepath.Base(p))
	}
	want := []string{"step-000000006.safetensors", "step-000000016.safetensors", "step-000000018.safetensors", "step-000000020.safetensors"}
	if diff := cmp.Diff(want, names); err != nil || diff != "" {
		t.Errorf("checkpoints (-want +got):\n%s%v", diff, err)
	}
}

func TestRunPatience(t *testing.T) {
	held := []float64{5, 4, 4, 4.5, 3, 9, 9, 9}
	_, res, err := train20(t, 1, func(c *train.Config, _ *train.Stepper) {
		c.Steps, c.EvaluateEvery, c.Patience = 100, 3, 3
		c.Evaluate = func(context.Context) (float64, error) {
			loss := held[0]
			held = held[1:]
			return loss, nil
		}
	})
	if err != nil || res.Stopped != "patience" || res.Steps != 24 || res.Best != 3 || res.BestStep != 15 {
		t.Errorf("result %+v, %v, want patience at step 24, best at 15", res, err)
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

// A run of 100 ms whose steps take 1 ms each by its clock.
func TestRunBudget(t *testing.T) {
	var rates []float64
	now := time.Unix(0, 0)
	_, res, err := train20(t, 1, func(c *train.Config, s *train.Stepper) {
		c.Steps, c.Budget = 0, 100*time.Millisecond
		train.UseClock(c, func() time.Time { return now })
		s.Schedule = train.Schedule{Shape: train.WSD, Warmup: 0.1, Decay: 0.5}
		good := s.Loss
		s.Loss = func(s *tensor.Step, index, micro int) (*tensor.Tensor, error) {
			now = now.Add(time.Millisecond)
			return good(s, index, micro)
		}
		c.Progress = func(m train.Metrics) {
			rates = append(rates, m.LR/0.02)
			if m.TokensPerSecond != 1000*toyB {
				t.Errorf("step %d: %g tokens/s, want %d", m.Step, m.TokensPerSecond, 1000*toyB)
			}
		}
	})
	if err != nil || res.Stopped != "budget" || res.Elapsed != 100*time.Millisecond || res.Steps != 100 {
		t.Fatalf("result %+v, %v, want 100 steps in 100 ms", res, err)
	}
	want := train.Schedule{Shape: train.WSD, Warmup: 0.1, Decay: 0.5}
	for i, rate := range rates {
		middle := (float64(i) + 0.5) / 100
		if i == 0 {
			middle = 0 // how long a step takes is not known yet
		}
		if math.Abs(rate-want.At(middle)) > 1e-9 {
			t.Errorf("step %d has the rate %g, want %g", i+1, rate, want.At(middle))
		}
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

func TestRunErrors(t *testing.T) {
	dir := t.TempDir()
	unlock, err := format.LockDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer unlock()
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o666); err != nil {
		t.Fatal(err)
	}
	broken := errors.New("broken")
	tests := []struct {
		name   string
		change func(*train.Config, *train.Stepper)
		says   string
	}{
		{"no device", func(c *train.Config, _ *train.Stepper) { c.Device = nil }, "Device is nil"},
		{"no end", func(c *train.Config, _ *train.Stepper) { c.Steps = 0 }, "a run needs an end"},
		{"resume without a folder", func(c *train.Config, _ *train.Stepper) { c.Resume = true }, "Resume needs a Dir"},
		{"patience without evaluations", func(c *train.Config, _ *train.Stepper) { c.Patience = 1 }, "needs Evaluate"},
		{"negative interval", func(c *train.Config, _ *train.Stepper) { c.Keep = -1 }, "must not be negative"},
		{"no loss", func(_ *train.Config, s *train.Stepper) { s.Loss = nil }, "Loss is nil"},
		{"no parameters", func(_ *train.Config, s *train.Stepper) { s.Groups = nil }, "no parameters"},
		{"no rule", func(_ *train.Config, s *train.Stepper) { s.Groups[0].Rule = nil }, "no rule"},
		{"a name twice", func(_ *train.Config, s *train.Stepper) { s.Groups[0].Params[0].Name = "down" }, `two parameters are named "down"`},
		{"a tensor twice", func(_ *train.Config, s *train.Stepper) { s.Groups[0].Params[0].Tensor = s.Groups[0].Params[1].Tensor }, `parameter "down" is also parameter "up"`},
		{"another device", func(c *train.Config, _ *train.Stepper) { c.Device = tensor.Reference() }, `"up" is not on Config.Device`},
		{"declared only", func(_ *train.Config, s *train.Stepper) { s.Groups[0].Params[0].Tensor = tensor.Declare(3) }, `"up" has no memory`},
		{"Muon on a vector", func(_ *train.Config, s *train.Stepper) { s.Groups[1].Rule = train.Muon{} }, `"bias" of shape [32] is no matrix`},
		{"a rate of NaN", func(_ *train.Config, s *train.Stepper) { s.Groups[0].LR = math.NaN() }, "learning rate NaN"},
		{"a negative decay", func(_ *train.Config, s *train.Stepper) { s.Groups[0].Decay = -1 }, "decay -1"},
		{"not trainable", func(_ *train.Config, s *train.Stepper) { s.Groups[0].Params[0].Tensor.SetTrainable(false) }, `"up" is not trainable`},
		{"schedule", func(_ *train.Config, s *train.Stepper) { s.Schedule.Shape = "saw" }, `schedule "saw" is unknown`},
		{"warm-up and decay", func(_ *train.Config, s *train.Stepper) {
			s.Schedule = train.Schedule{Shape: train.WSD, Warmup: 0.6, Decay: 0.6}
		}, "exceed the run"},
		{"a loss that fails", func(_ *train.Config, s *train.Stepper) {
			s.Loss = func(*tensor.Step, int, int) (*tensor.Tensor, error) { return nil, broken }
		}, "step 1: broken"},
		{"an evaluation that fails", func(c *train.Config, _ *train.Stepper) {
			c.Evaluate = func(context.Context) (float64, error) { return 0, broken }
		}, "evaluation after step 20: broken"},
		{"an evaluation of NaN", func(c *train.Config, _ *train.Stepper) {
			c.Evaluate = func(context.Context) (float64, error) { return math.NaN(), nil }
		}, "step 20: held-out loss is NaN"},
		{"two runs on one folder", func(c *train.Config, _ *train.Stepper) { c.Dir = dir }, "another run is using this folder"},
		{"a folder that cannot be", func(c *train.Config, _ *train.Stepper) { c.Dir = filepath.Join(file, "x") }, "not a directory"},
		{"settings that are no JSON", func(c *train.Config, _ *train.Stepper) { c.Identity.Settings = math.Inf }, "identity: settings"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if _, _, err := train20(t, 1, tt.change); err == nil || !strings.Contains(err.Error(), tt.says) {
				t.Errorf("got %v, want %q", err, tt.says)
			}
		})
	}
}

// A checkpoint that cannot be written is an error; the one before stays whole, and
// nothing half-written is left.
func TestRunFailedWrite(t *testing.T) {
	dir := t.TempDir()
	m, res, err := train20(t, 1, func(c *train.Config, _ *train.Stepper) {
		c.Dir, c.CheckpointEvery = dir, 5
		c.Progress = func(m train.Metrics) {
			if m.Step == 7 {
				if err := os.Mkdir(filepath.Join(dir, "step-000000010.safetensors"), 0o777); err != nil {
					t.Error(err)
				}
			}
		}
	})
	if err == nil || !strings.Contains(err.Error(), "step-000000010.safetensors") {
		t.Errorf("got %v, want an error that names the file", err)
	}
	if want := filepath.Join(dir, "step-000000005.safetensors"); res.Checkpoint != want {
		t.Errorf("checkpoint %q, want %q", res.Checkpoint, want)
	}
	if err := train.LoadWeights(res.Checkpoint, "", m.params()); err != nil {
		t.Error(err)
	}
	if left, _ := filepath.Glob(filepath.Join(dir, ".*tmp")); len(left) > 0 {
		t.Errorf("temporary files were left behind: %v", left)
	}
}

// What a user must be told beside errors.
func TestRunNotices(t *testing.T) {
	dir := t.TempDir()
	run := func(d *tensor.Device) (said string) {
		c := train.Config{Device: d, Steps: 3, Dir: dir, Resume: true, Notice: func(text string) { said += text }}
		if _, err := train.Run(context.Background(), c, newToy(d).stepper()); err != nil {
			t.Fatal(err)
		}
		return said
	}
	if said := run(cpu(t, 1)); !strings.Contains(said, "nothing to resume") {
		t.Errorf("an empty folder: said %q", said)
	}
	if said := run(cpu(t, 2)); said != "" {
		t.Errorf("another number of threads: said %q", said)
	}
	if said := run(tensor.Reference()); !strings.Contains(said, "will differ in their last bits") {
		t.Errorf("another device: said %q", said)
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
