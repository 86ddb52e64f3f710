package train_test

import (
	"context"
	"fmt"
	"math"
	"path/filepath"
	"strings"
	"testing"

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
