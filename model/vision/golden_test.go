package vision_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/inkstone-ai/inkstone/format"
	"github.com/inkstone-ai/inkstone/internal/modeltest"
	"github.com/inkstone-ai/inkstone/internal/testkit"
	"github.com/inkstone-ai/inkstone/model"
	_ "github.com/inkstone-ai/inkstone/model/vision"
	"github.com/inkstone-ai/inkstone/nn"
	"github.com/inkstone-ai/inkstone/tensor"
)

type floats = testkit.Floats

// golden is a file of testdata/golden.py.
type golden struct {
	Config  json.RawMessage   `json:"config"`
	Images  floats            `json:"images"`
	Targets []int32           `json:"targets"`
	Shapes  map[string][]int  `json:"shapes"`
	Weights map[string]floats `json:"weights"`
	Logits  floats            `json:"logits"`
	After   floats            `json:"after"`
	Loss    float64           `json:"loss"`
	Grads   map[string]floats `json:"grads"`
	DImages floats            `json:"dimages"`
	Running map[string]floats `json:"running"`
	AdamW   modeltest.AdamW   `json:"adamw"`
	Losses  []float64         `json:"losses"`
}

// folder writes the golden weights as a folder.
func (g *golden) folder(t *testing.T) string {
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
	return dir
}

// trainable loads the golden weights for training.
func (g *golden) trainable(t *testing.T, d *tensor.Device) model.Classifier {
	t.Helper()
	o, err := model.OpenForTraining[model.Classifier](g.folder(t), d)
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

// logits are those of the golden images, which are x.
func (g *golden) logits(m model.Classifier, s *tensor.Step, x *tensor.Tensor, training bool) *tensor.Tensor {
	return m.Logits(m.Features(s, x, training))
}

// images are the golden images as a persistent tensor.
func (g *golden) images(m model.Classifier, d *tensor.Device) *tensor.Tensor {
	i := m.Images()
	x := tensor.New(d, len(g.Targets), i.H, i.W, i.C)
	x.WriteFloats(g.Images)
	return x
}

// each runs a test for every model on every device.
func each(t *testing.T, run func(t *testing.T, g *golden, d *tensor.Device)) {
	for _, name := range []string{"cnn", "vit"} {
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
		x := g.images(m, d)
		for _, training := range []bool{false, true} { // which moves the running averages
			s.Begin(0)
			want := map[bool]floats{false: g.After, true: g.Logits}[training]
			testkit.Close(t, "logits", g.logits(m, s, s.Use(x), training).Floats(), want, 1e-5, 1e-5)
		}
		running := 0
		for _, p := range nn.Params(m) {
			if p.Role == nn.Running {
				testkit.Close(t, p.Name, p.Tensor.Floats(), g.Running[p.Name], 1e-5, 1e-6)
				running++
			}
		}
		if running != len(g.Running) {
			t.Errorf("%d running averages, want %d", running, len(g.Running))
		}
	})
}

func TestGradientsEqualPyTorch(t *testing.T) {
	each(t, func(t *testing.T, g *golden, d *tensor.Device) {
		m := g.trainable(t, d)
		x := g.images(m, d)
		x.SetTrainable(true)
		s := tensor.NewStep(d, tensor.StepOptions{Grad: true})
		defer s.Close()
		s.Begin(0)
		loss := g.logits(m, s, s.Use(x), true).CrossEntropy(s.Ints(g.Targets, len(g.Targets)), tensor.CEOptions{}).Mean()
		s.Backward(loss)
		testkit.Close(t, "loss", []float64{float64(loss.Item())}, []float64{g.Loss}, 1e-6, 0)
		modeltest.Gradients(t, m, g.Grads, 1e-4, 2e-6)
		testkit.Close(t, "images", x.Grad().Floats(), g.DImages, 1e-4, 2e-6)
	})
}

func TestTenAdamWLossesEqualPyTorch(t *testing.T) {
	each(t, func(t *testing.T, g *golden, d *tensor.Device) {
		net := g.trainable(t, d)
		x := g.images(net, d)
		g.AdamW.Losses(t, d, net, func(s *tensor.Step) *tensor.Tensor {
			return g.logits(net, s, s.Use(x), true).CrossEntropy(s.Ints(g.Targets, len(g.Targets)), tensor.CEOptions{}).Mean()
		}, g.Losses)
	})
}
