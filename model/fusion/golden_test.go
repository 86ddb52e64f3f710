package fusion_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/inkstone-ai/inkstone/format"
	"github.com/inkstone-ai/inkstone/internal/modeltest"
	"github.com/inkstone-ai/inkstone/internal/testkit"
	"github.com/inkstone-ai/inkstone/model"
	"github.com/inkstone-ai/inkstone/model/fusion"
	"github.com/inkstone-ai/inkstone/nn"
	"github.com/inkstone-ai/inkstone/tensor"
)

type floats = testkit.Floats

// golden is a file of testdata/golden.py.
type golden struct {
	Config   json.RawMessage   `json:"config"`
	Pictures floats            `json:"pictures"`
	Sounds   floats            `json:"sounds"`
	Names    []string          `json:"names"`
	Present  []int             `json:"present"`
	Targets  []int32           `json:"targets"`
	Shapes   map[string][]int  `json:"shapes"`
	Weights  map[string]floats `json:"weights"`
	Said     floats            `json:"said"`
	After    floats            `json:"after"`
	Loss     float64           `json:"loss"`
	Grads    map[string]floats `json:"grads"`
	AdamW    modeltest.AdamW   `json:"adamw"`
	Losses   []float64         `json:"losses"`
}

// trainable writes the golden weights as a folder and loads them for training.
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

func (g *golden) input() *fusion.Input {
	in := &fusion.Input{Pictures: g.Pictures, Sounds: g.Sounds, Names: g.Names}
	for _, set := range g.Present {
		in.Present = append(in.Present, fusion.Set(set))
	}
	return in
}

// said is what a model says of the golden examples: scores of classes, or unit vectors.
func (g *golden) said(m any, s *tensor.Step, training bool) (said []*tensor.Tensor) {
	switch m := m.(type) {
	case *fusion.Fusion:
		return []*tensor.Tensor{m.Logits(s, g.input(), training)}
	case *fusion.Pair:
		for _, at := range fusion.All.List() {
			said = append(said, m.Vectors(s, at, g.input(), training))
		}
	}
	return said
}

func (g *golden) loss(m any, s *tensor.Step) *tensor.Tensor {
	said := g.said(m, s, true)
	if pair, ok := m.(*fusion.Pair); ok {
		return pair.Loss(s, said, len(g.Names))
	}
	return said[0].CrossEntropy(s.Ints(g.Targets, len(g.Targets)), tensor.CEOptions{}).Mean()
}

// each runs a test for every model on every device.
func each(t *testing.T, run func(t *testing.T, g *golden, m any, d *tensor.Device)) {
	for _, name := range append(fusion.Ways(), "pair") {
		for device, open := range modeltest.Devices() {
			t.Run(name+"/"+device, func(t *testing.T) {
				d := open()
				defer d.Close()
				g := &golden{}
				testkit.Golden(t, filepath.Join("testdata", name+".json"), g)
				run(t, g, g.trainable(t, d), d)
			})
		}
	}
}

func TestLogitsEqualPyTorch(t *testing.T) {
	each(t, func(t *testing.T, g *golden, m any, d *tensor.Device) {
		s := tensor.NewStep(d, tensor.StepOptions{})
		defer s.Close()
		for _, training := range []bool{false, true} { // which moves the running averages
			s.Begin(0)
			want := map[bool]floats{false: g.After, true: g.Said}[training]
			var got []float32
			for _, x := range g.said(m, s, training) {
				got = append(got, x.Floats()...)
			}
			testkit.Close(t, "said", got, want, 1e-5, 1e-5)
		}
	})
}

func TestGradientsEqualPyTorch(t *testing.T) {
	each(t, func(t *testing.T, g *golden, m any, d *tensor.Device) {
		s := tensor.NewStep(d, tensor.StepOptions{Grad: true})
		defer s.Close()
		s.Begin(0)
		loss := g.loss(m, s)
		s.Backward(loss)
		testkit.Close(t, "loss", []float64{float64(loss.Item())}, []float64{g.Loss}, 1e-6, 0)
		modeltest.Gradients(t, m, g.Grads, 1e-4, 2e-6)
	})
}

func TestSixAdamWLossesEqualPyTorch(t *testing.T) {
	each(t, func(t *testing.T, g *golden, net any, d *tensor.Device) {
		g.AdamW.Losses(t, d, net, func(s *tensor.Step) *tensor.Tensor {
			return g.loss(net, s)
		}, g.Losses)
	})
}
