package train_test

import (
	"context"
	"errors"
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

// poison is a rule that ruins a weight at step 15.
type poison struct{ train.SGD }

func (p poison) Update(s *tensor.Step, w *tensor.Tensor, slots []*tensor.Tensor, h train.Hyper) {
	p.SGD.Update(s, w, slots, h)
	if h.Step == 15 {
		w.Fill(float32(math.NaN()))
	}
}

// Weights that an update made NaN are never written to a checkpoint.
func TestRunKeepsNaNOutOfCheckpoints(t *testing.T) {
	dir := t.TempDir()
	_, res, err := train20(t, 1, func(c *train.Config, s *train.Stepper) {
		c.Dir, c.CheckpointEvery = dir, 5
		s.Groups[1].Rule = poison{}
	})
	if err == nil || !strings.Contains(err.Error(), "weights/bias is NaN; no checkpoint was written") {
		t.Errorf("got %v, want an error that names the weight", err)
	}
	if want := filepath.Join(dir, "step-000000010.safetensors"); res.Checkpoint != want {
		t.Errorf("checkpoint %s, want %s", res.Checkpoint, want)
	}
	if _, err := os.Stat(filepath.Join(dir, "step-000000015.safetensors")); !os.IsNotExist(err) {
		t.Errorf("the checkpoint of step 15: %v", err)
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
		{"no loss", func(_ *train.Config, s *train.Stepper) { s.Loss = nil }, "no Loss"},
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
