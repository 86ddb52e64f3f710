package video_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/inkstone-ai/inkstone/format"
	"github.com/inkstone-ai/inkstone/internal/modeltest"
	"github.com/inkstone-ai/inkstone/internal/testkit"
	"github.com/inkstone-ai/inkstone/model"
	"github.com/inkstone-ai/inkstone/model/video"
	"github.com/inkstone-ai/inkstone/nn"
	"github.com/inkstone-ai/inkstone/tensor"
)

type floats = testkit.Floats

// golden is the file of testdata/golden.py.
type golden struct {
	Config     json.RawMessage   `json:"config"`
	Given      int               `json:"given"`
	Frames     int               `json:"frames"`
	Clips      floats            `json:"clips"`
	Classes    []int32           `json:"classes"`
	Directions floats            `json:"directions"`
	Digits     floats            `json:"digits"`
	Of         []int32           `json:"of"`
	Noise      floats            `json:"noise"`
	Shapes     map[string][]int  `json:"shapes"`
	Weights    map[string]floats `json:"weights"`
	Predicted  floats            `json:"predicted"`
	Drawn      floats            `json:"drawn"`
	Loss       float64           `json:"loss"`
	DrawLoss   float64           `json:"draw_loss"`
	Grads      map[string]floats `json:"grads"`
	DClips     floats            `json:"dclips"`
	AdamW      modeltest.AdamW   `json:"adamw"`
	Losses     []float64         `json:"losses"`
}

// model loads the golden weights for training.
func (g *golden) model(t *testing.T, d *tensor.Device) *video.ConvLSTM {
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
	o, err := model.OpenForTraining[*video.ConvLSTM](dir, d)
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

func (g *golden) condition() video.Condition {
	return video.Condition{Classes: g.Classes, Directions: g.Directions}
}

// clips are the golden clips as a persistent tensor, (T, B, H, W).
func (g *golden) clips(m *video.ConvLSTM, d *tensor.Device) *tensor.Tensor {
	size := m.Shape().Size
	x := tensor.New(d, g.Frames, len(g.Classes), size[0], size[1])
	x.WriteFloats(g.Clips)
	return x
}

// losses are those of the golden clips, which are x, and of the golden digits.
func (g *golden) losses(m *video.ConvLSTM, s *tensor.Step, x *tensor.Tensor) (clips, digits *tensor.Tensor) {
	digits = m.DrawLoss(s.Floats(g.Digits, len(g.Of), len(g.Digits)/len(g.Of)), s.Ints(g.Of, len(g.Of)), s.Floats(g.Noise, len(g.Of), len(g.Noise)/len(g.Of)))
	return m.Loss(s, s.Use(x), g.Given, g.condition()), digits
}

// each runs a test on every device.
func each(t *testing.T, run func(t *testing.T, g *golden, d *tensor.Device)) {
	for device, open := range modeltest.Devices() {
		t.Run(device, func(t *testing.T) {
			d := open()
			defer d.Close()
			g := &golden{}
			testkit.Golden(t, filepath.Join("testdata", "convlstm.json"), g)
			run(t, g, d)
		})
	}
}

func TestPredictedEqualPyTorch(t *testing.T) {
	each(t, func(t *testing.T, g *golden, d *tensor.Device) {
		m := g.model(t, d)
		s := tensor.NewStep(d, tensor.StepOptions{})
		defer s.Close()
		s.Begin(0)
		given := s.Use(g.clips(m, d)).Slice(0, 0, g.Given)
		var got []float32
		for _, x := range m.Rollout(s, []*tensor.Tensor{given.Slice(0, 0, 1).Squeeze(0), given.Slice(0, 1, 2).Squeeze(0)}, g.condition(), g.Frames) {
			got = append(got, x.Floats()...)
		}
		testkit.Close(t, "predicted", got, g.Predicted, 1e-5, 1e-6)
		drawn := m.Draw(s.Floats(g.Noise, len(g.Of), len(g.Noise)/len(g.Of)), s.Ints(g.Of, len(g.Of)))
		testkit.Close(t, "drawn", drawn.Floats(), g.Drawn, 1e-5, 1e-6)
	})
}

func TestGradientsEqualPyTorch(t *testing.T) {
	each(t, func(t *testing.T, g *golden, d *tensor.Device) {
		m := g.model(t, d)
		x := g.clips(m, d)
		x.SetTrainable(true)
		s := tensor.NewStep(d, tensor.StepOptions{Grad: true})
		defer s.Close()
		s.Begin(0)
		clips, digits := g.losses(m, s, x)
		testkit.Close(t, "losses", []float64{float64(clips.Item()), float64(digits.Item())}, []float64{g.Loss, g.DrawLoss}, 1e-6, 0)
		s.Backward(clips.Add(digits))
		modeltest.Gradients(t, m, g.Grads, 1e-4, 1e-7)
		testkit.Close(t, "clips", x.Grad().Floats(), g.DClips, 1e-4, 1e-7)
	})
}

func TestTenAdamWLossesEqualPyTorch(t *testing.T) {
	each(t, func(t *testing.T, g *golden, d *tensor.Device) {
		net := g.model(t, d)
		x := g.clips(net, d)
		g.AdamW.Losses(t, d, net, func(s *tensor.Step) *tensor.Tensor {
			clips, digits := g.losses(net, s, x)
			return clips.Add(digits)
		}, g.Losses)
	})
}
