package speech_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/inkstone-ai/inkstone/format"
	"github.com/inkstone-ai/inkstone/internal/modeltest"
	"github.com/inkstone-ai/inkstone/internal/testkit"
	"github.com/inkstone-ai/inkstone/model"
	"github.com/inkstone-ai/inkstone/model/speech"
	"github.com/inkstone-ai/inkstone/nn"
	"github.com/inkstone-ai/inkstone/tensor"
)

type floats = testkit.Floats

// golden is a file of testdata/golden.py.
type golden struct {
	Config     json.RawMessage   `json:"config"`
	Recordings []floats          `json:"recordings"`
	Words      [][]int32         `json:"words"`
	Shapes     map[string][]int  `json:"shapes"`
	Weights    map[string]floats `json:"weights"`
	Rows       []int             `json:"rows"`
	Logits     floats            `json:"logits"`
	Loss       float64           `json:"loss"`
	Grads      map[string]floats `json:"grads"`
	AdamW      modeltest.AdamW   `json:"adamw"`
	Losses     []float64         `json:"losses"`
}

// batch are the golden recordings.
func (g *golden) batch() speech.Batch {
	var all [][]float32
	for _, x := range g.Recordings {
		all = append(all, x)
	}
	return speech.Stack(all, 5)
}

// trainable loads the golden weights for training.
func (g *golden) trainable(t *testing.T, d *tensor.Device) any {
	t.Helper()
	var tensors []format.Tensor
	for name, w := range g.Weights {
		tensors = append(tensors, format.FromF32(name, w, g.Shapes[name]...))
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "config.json"), g.Config, 0o666); err != nil {
		t.Fatal(err)
	}
	if err := format.WriteSafetensors(filepath.Join(dir, "model.safetensors"), nil, tensors); err != nil {
		t.Fatal(err)
	}
	o, err := model.OpenForTraining[any](dir, d)
	if err != nil {
		t.Fatal(err)
	}
	if err := o.Close(); err != nil { // the weights are copies
		t.Fatal(err)
	}
	for _, p := range nn.Trainable(o.Model) {
		p.Tensor.SetTrainable(true)
	}
	return o.Model
}

// logits are those of the golden recordings.
func (g *golden) logits(m any, s *tensor.Step) *tensor.Tensor {
	if m, ok := m.(*speech.CTC); ok {
		z, _ := m.Logits(s, g.batch())
		return z
	}
	return m.(*speech.CNN).Logits(s, g.batch())
}

func (g *golden) loss(m any, s *tensor.Step) *tensor.Tensor {
	if m, ok := m.(*speech.CTC); ok {
		return m.Loss(s, g.batch(), g.Words)
	}
	return m.(*speech.CNN).Loss(s, g.batch(), []int32{2, 0, 1}, 0.1)
}

// each runs a test for every model on every device.
func each(t *testing.T, run func(t *testing.T, g *golden, d *tensor.Device)) {
	for _, name := range []string{"ctc", "audio-cnn"} {
		for device, open := range modeltest.Devices() {
			t.Run(name+"/"+device, func(t *testing.T) {
				d := open()
				defer d.Close()
				g := &golden{}
				testkit.Golden(t, filepath.Join("testdata", name+".json"), g)
				run(t, g, d)
			})
		}
	}
}

func TestLogitsEqualPyTorch(t *testing.T) {
	each(t, func(t *testing.T, g *golden, d *tensor.Device) {
		m := g.trainable(t, d)
		s := tensor.NewStep(d, tensor.StepOptions{})
		defer s.Close()
		s.Begin(0)
		testkit.Close(t, "logits", g.logits(m, s).Floats(), g.Logits, 1e-5, 1e-5)
		if m, ok := m.(*speech.CTC); ok {
			_, starts := m.Logits(s, g.batch())
			for i, n := range g.Rows {
				if got := int(starts[i+1] - starts[i]); got != n {
					t.Errorf("recording %d: %d rows, want %d", i, got, n)
				}
			}
		}
	})
}

func TestGradientsEqualPyTorch(t *testing.T) {
	each(t, func(t *testing.T, g *golden, d *tensor.Device) {
		m := g.trainable(t, d)
		s := tensor.NewStep(d, tensor.StepOptions{Grad: true})
		defer s.Close()
		s.Begin(0)
		loss := g.loss(m, s)
		s.Backward(loss)
		testkit.Close(t, "loss", []float64{float64(loss.Item())}, []float64{g.Loss}, 1e-6, 0)
		modeltest.Gradients(t, m, g.Grads, 1e-4, 2e-6)
	})
}

func TestFiveAdamWLossesEqualPyTorch(t *testing.T) {
	each(t, func(t *testing.T, g *golden, d *tensor.Device) {
		net := g.trainable(t, d)
		g.AdamW.Losses(t, d, net, func(s *tensor.Step) *tensor.Tensor {
			return g.loss(net, s)
		}, g.Losses)
	})
}

// TestStandardise compares with what PyTorch computes.
func TestStandardise(t *testing.T) {
	var g struct {
		Mels          int    `json:"mels"`
		Before, After floats // by their names in lower case
	}
	testkit.Golden(t, filepath.Join("testdata", "standard.json"), &g)
	x := append([]float32(nil), g.Before...)
	speech.Standardise(x, g.Mels)
	testkit.Close(t, "energies", x, g.After, 1e-5, 1e-6)
	speech.Standardise(nil, 3) // of no frames there is nothing to do
}
