package gpt_test

import (
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/inkstone-ai/inkstone/format"
	"github.com/inkstone-ai/inkstone/internal/testkit"
	"github.com/inkstone-ai/inkstone/model"
	_ "github.com/inkstone-ai/inkstone/model/gpt"
	"github.com/inkstone-ai/inkstone/nn"
	"github.com/inkstone-ai/inkstone/tensor"
)

// golden is a file of testdata/golden.py.
type golden struct {
	Config        json.RawMessage                          `json:"config"`
	Lengths       []int                                    `json:"lengths"`
	IDs           []int32                                  `json:"ids"`
	Targets       []int32                                  `json:"targets"`
	TargetWeights floats                                   `json:"target_weights"`
	Shapes        map[string][]int                         `json:"shapes"`
	Weights       map[string]floats                        `json:"weights"`
	Logits        floats                                   `json:"logits"`
	Loss          float64                                  `json:"loss"`
	Grads         map[string]floats                        `json:"grads"`
	AdamW         struct{ LR, B1, B2, Eps, Decay float32 } `json:"adamw"`
	Losses        []float64                                `json:"losses"`
}

type floats = testkit.Floats

var goldens = []string{"gpt2", "llama", "canon"}

func readGolden(t *testing.T, name string) *golden {
	t.Helper()
	g := &golden{}
	testkit.Golden(t, filepath.Join("testdata", name+".json"), g)
	return g
}

// folder writes the golden weights as a Hugging Face folder.
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

// spans are the golden sequences as parts of a pass.
func (g *golden) spans() (spans []nn.Span) {
	for _, n := range g.Lengths {
		spans = append(spans, nn.Span{Rows: n})
	}
	return spans
}

// rowWeights divides the golden weights by their sum, so that Loss is the mean.
func (g *golden) rowWeights() []float32 {
	sum := float32(0)
	for _, w := range g.TargetWeights {
		sum += w
	}
	scaled := slices.Clone(g.TargetWeights)
	for i := range scaled {
		scaled[i] /= sum
	}
	return scaled
}

// trainable loads the golden weights for training.
func (g *golden) trainable(t *testing.T, d *tensor.Device) model.LM {
	t.Helper()
	l, err := model.LoadForTraining(g.folder(t), d)
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil { // the weights are copies
		t.Fatal(err)
	}
	for _, p := range nn.Params(l.LM) {
		p.Tensor.SetTrainable(true)
	}
	return l.LM
}

// loss runs the pass of the golden batch.
func (g *golden) loss(lm model.LM, s *tensor.Step, p *nn.Pass) *tensor.Tensor {
	p.Set(s, g.IDs, g.spans()...)
	n := len(g.IDs)
	return model.Loss(lm, p, s.Ints(g.Targets, n), s.Floats(g.rowWeights(), n))
}

// devices are those on which every test of a model runs.
func devices(t *testing.T, run func(t *testing.T, d *tensor.Device)) {
	for name, open := range map[string]func() *tensor.Device{
		"ref": tensor.Reference,
		"cpu": func() *tensor.Device { return tensor.CPU(2) },
	} {
		t.Run(name, func(t *testing.T) {
			d := open()
			defer d.Close()
			run(t, d)
		})
	}
}

// each runs a test for every golden file on every device.
func each(t *testing.T, run func(t *testing.T, g *golden, d *tensor.Device)) {
	for _, name := range goldens {
		t.Run(name, func(t *testing.T) {
			g := readGolden(t, name)
			devices(t, func(t *testing.T, d *tensor.Device) { run(t, g, d) })
		})
	}
}

func TestLogitsEqualPyTorch(t *testing.T) {
	each(t, func(t *testing.T, g *golden, d *tensor.Device) {
		l, err := model.Load(g.folder(t), d)
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		s := tensor.NewStep(d, tensor.StepOptions{})
		defer s.Close()
		s.Begin(0)
		var p nn.Pass
		p.Set(s, g.IDs, g.spans()...)
		testkit.Close(t, "logits", l.LM.Logits(l.LM.Forward(&p)).Floats(), g.Logits, 1e-5, 1e-5)
		testkit.Close(t, "loss", []float64{float64(g.loss(l.LM, s, &p).Item())}, []float64{g.Loss}, 1e-6, 0)
	})
}

func TestGradientsEqualPyTorch(t *testing.T) {
	each(t, func(t *testing.T, g *golden, d *tensor.Device) {
		for _, checkpoint := range []bool{false, true} {
			lm := g.trainable(t, d)
			s := tensor.NewStep(d, tensor.StepOptions{Grad: true})
			defer s.Close()
			s.Begin(0)
			loss := g.loss(lm, s, &nn.Pass{Checkpoint: checkpoint})
			s.Backward(loss)
			testkit.Close(t, "loss", []float64{float64(loss.Item())}, []float64{g.Loss}, 1e-6, 0)
			seen := 0
			for _, p := range nn.Params(lm) {
				name, got := fileForm(t, lm, p, p.Tensor.Grad().Floats())
				testkit.Close(t, name, got, g.Grads[name], 1e-4, 2e-6)
				seen++
			}
			if seen != len(g.Grads) {
				t.Errorf("%d gradients, want %d", seen, len(g.Grads))
			}
		}
	})
}

// fileForm brings a weight's numbers to the layout and name of the golden file.
func fileForm(t *testing.T, lm model.LM, p nn.Param, x []float32) (string, []float32) {
	t.Helper()
	f := format.FromF32(p.Name, x, p.Tensor.Shape()...)
	if e, ok := lm.(model.Exporter); ok {
		var err error
		if f, err = e.Export(f); err != nil {
			t.Fatal(err)
		}
	}
	y, err := format.F32s(f)
	if err != nil {
		t.Fatal(err)
	}
	return f.Name, y
}

func TestTenAdamWLossesEqualPyTorch(t *testing.T) {
	each(t, func(t *testing.T, g *golden, d *tensor.Device) {
		lm := g.trainable(t, d)
		params := nn.Params(lm)
		m, v := make([]*tensor.Tensor, len(params)), make([]*tensor.Tensor, len(params))
		for i, p := range params {
			m[i], v[i] = tensor.New(d, p.Tensor.Shape()...), tensor.New(d, p.Tensor.Shape()...)
		}
		s := tensor.NewStep(d, tensor.StepOptions{Grad: true})
		defer s.Close()
		var pass nn.Pass
		var losses []float64
		for i := range g.Losses {
			s.Begin(uint64(i))
			loss := g.loss(lm, s, &pass)
			losses = append(losses, float64(loss.Item()))
			s.Backward(loss)
			for j, p := range params {
				u := tensor.UpdateParams{LR: g.AdamW.LR, B1: g.AdamW.B1, B2: g.AdamW.B2, Eps: g.AdamW.Eps}
				if p.Role == nn.Matrix || p.Role == nn.Head {
					u.Decay = g.AdamW.Decay
				}
				u.Correct1 = 1 - float32(math.Pow(float64(u.B1), float64(i+1)))
				u.Correct2 = 1 - float32(math.Pow(float64(u.B2), float64(i+1)))
				p.Tensor.Update(tensor.AdamW, m[j], v[j], u)
				p.Tensor.ZeroGrad()
			}
		}
		testkit.Close(t, "losses", losses, g.Losses, 1e-4, 0)
	})
}
