package seq2seq_test

import (
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"testing"

	"github.com/inkstone-ai/inkstone/format"
	"github.com/inkstone-ai/inkstone/internal/testkit"
	"github.com/inkstone-ai/inkstone/model"
	_ "github.com/inkstone-ai/inkstone/model/seq2seq"
	"github.com/inkstone-ai/inkstone/nn"
	"github.com/inkstone-ai/inkstone/tensor"
)

// golden is a file of testdata/golden.py.
type golden struct {
	Config        json.RawMessage                          `json:"config"`
	SourceLengths []int                                    `json:"source_lengths"`
	TargetLengths []int                                    `json:"target_lengths"`
	Sources       []int32                                  `json:"sources"`
	Inputs        []int32                                  `json:"inputs"`
	Targets       []int32                                  `json:"targets"`
	TargetWeights floats                                   `json:"target_weights"`
	Smoothing     float32                                  `json:"smoothing"`
	Shapes        map[string][]int                         `json:"shapes"`
	Weights       map[string]floats                        `json:"weights"`
	Logits        floats                                   `json:"logits"`
	Loss          float64                                  `json:"loss"`
	Grads         map[string]floats                        `json:"grads"`
	AdamW         struct{ LR, B1, B2, Eps, Decay float32 } `json:"adamw"`
	Losses        []float64                                `json:"losses"`
}

type floats = testkit.Floats

var goldens = []string{"prenorm", "postnorm", "fixed", "attention", "attention_lstm"}

func readGolden(t *testing.T, name string) *golden {
	t.Helper()
	g := &golden{}
	testkit.Golden(t, filepath.Join("testdata", name+".json"), g)
	return g
}

// open writes the golden weights as a folder and loads it.
func (g *golden) open(t *testing.T, d *tensor.Device) model.EncoderDecoder {
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
	l, err := model.LoadAs[model.EncoderDecoder](dir, d)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l.Model
}

// trainable is open with weights that may be written.
func (g *golden) trainable(t *testing.T, d *tensor.Device) model.EncoderDecoder {
	t.Helper()
	m := g.open(t, d)
	for _, p := range nn.Params(m) {
		p.Tensor.Own()
		p.Tensor.SetTrainable(true)
	}
	return m
}

func spans(lengths []int) (spans []nn.Span) {
	for _, n := range lengths {
		spans = append(spans, nn.Span{Rows: n})
	}
	return spans
}

// passes lay out the golden batch.
func (g *golden) passes(s *tensor.Step, source, target *nn.Pass) {
	source.Set(s, g.Sources, spans(g.SourceLengths)...)
	target.Set(s, g.Inputs, spans(g.TargetLengths)...)
}

func (g *golden) loss(m model.EncoderDecoder, s *tensor.Step, source, target *nn.Pass) *tensor.Tensor {
	g.passes(s, source, target)
	n := len(g.Targets)
	return model.EncoderDecoderLoss(m, source, target, s.Ints(g.Targets, n), s.Floats(g.TargetWeights, n), g.Smoothing)
}

// each runs a test for every golden file on every device.
func each(t *testing.T, run func(t *testing.T, g *golden, d *tensor.Device)) {
	for _, name := range goldens {
		t.Run(name, func(t *testing.T) {
			g := readGolden(t, name)
			for device, open := range map[string]func() *tensor.Device{
				"ref": tensor.Reference,
				"cpu": func() *tensor.Device { return tensor.CPU(2) },
			} {
				t.Run(device, func(t *testing.T) {
					d := open()
					defer d.Close()
					run(t, g, d)
				})
			}
		})
	}
}

func TestLogitsEqualPyTorch(t *testing.T) {
	each(t, func(t *testing.T, g *golden, d *tensor.Device) {
		m := g.open(t, d)
		s := tensor.NewStep(d, tensor.StepOptions{})
		defer s.Close()
		s.Begin(0)
		var source, target nn.Pass
		g.passes(s, &source, &target)
		logits := m.Logits(m.Decode(&target, m.Encode(&source)))
		testkit.Close(t, "logits", logits.Floats(), g.Logits, 1e-5, 1e-5)
		testkit.Close(t, "loss", []float64{float64(g.loss(m, s, &source, &target).Item())}, []float64{g.Loss}, 1e-6, 0)
	})
}

func TestGradientsEqualPyTorch(t *testing.T) {
	each(t, func(t *testing.T, g *golden, d *tensor.Device) {
		for _, checkpoint := range []bool{false, true} {
			m := g.trainable(t, d)
			s := tensor.NewStep(d, tensor.StepOptions{Grad: true})
			defer s.Close()
			s.Begin(0)
			s.Backward(g.loss(m, s, &nn.Pass{Checkpoint: checkpoint}, &nn.Pass{Checkpoint: checkpoint}))
			seen := 0
			for _, p := range nn.Params(m) {
				testkit.Close(t, p.Name, p.Tensor.Grad().Floats(), g.Grads[p.Name], 1e-4, 2e-6)
				seen++
			}
			if seen != len(g.Grads) {
				t.Errorf("%d gradients, want %d", seen, len(g.Grads))
			}
		}
	})
}

func TestTenAdamWLossesEqualPyTorch(t *testing.T) {
	each(t, func(t *testing.T, g *golden, d *tensor.Device) {
		m := g.trainable(t, d)
		params := nn.Params(m)
		first, second := make([]*tensor.Tensor, len(params)), make([]*tensor.Tensor, len(params))
		for i, p := range params {
			first[i], second[i] = tensor.New(d, p.Tensor.Shape()...), tensor.New(d, p.Tensor.Shape()...)
		}
		s := tensor.NewStep(d, tensor.StepOptions{Grad: true})
		defer s.Close()
		var source, target nn.Pass
		var losses []float64
		for i := range g.Losses {
			s.Begin(uint64(i))
			loss := g.loss(m, s, &source, &target)
			losses = append(losses, float64(loss.Item()))
			s.Backward(loss)
			for j, p := range params {
				u := tensor.UpdateParams{LR: g.AdamW.LR, B1: g.AdamW.B1, B2: g.AdamW.B2, Eps: g.AdamW.Eps}
				if p.Role == nn.Matrix {
					u.Decay = g.AdamW.Decay
				}
				u.Correct1 = 1 - float32(math.Pow(float64(u.B1), float64(i+1)))
				u.Correct2 = 1 - float32(math.Pow(float64(u.B2), float64(i+1)))
				p.Tensor.Update(tensor.AdamW, first[j], second[j], u)
				p.Tensor.ZeroGrad()
			}
		}
		testkit.Close(t, "losses", losses, g.Losses, 1e-4, 0)
	})
}

// TestSequencesOfAPassAreApart: two pairs in one pass give the bits of two passes.
func TestSequencesOfAPassAreApart(t *testing.T) {
	each(t, func(t *testing.T, g *golden, d *tensor.Device) {
		m := g.open(t, d)
		s := tensor.NewStep(d, tensor.StepOptions{})
		defer s.Close()
		s.Begin(0)
		run := func(sources, targets []int32, n, k []int) []float32 {
			var source, target nn.Pass
			source.Set(s, sources, spans(n)...)
			target.Set(s, targets, spans(k)...)
			return m.Logits(m.Decode(&target, m.Encode(&source))).Floats()
		}
		both := run(g.Sources, g.Inputs, g.SourceLengths, g.TargetLengths)
		n, k := g.SourceLengths[0], g.TargetLengths[0]
		alone := append(run(g.Sources[:n], g.Inputs[:k], g.SourceLengths[:1], g.TargetLengths[:1]),
			run(g.Sources[n:], g.Inputs[k:], g.SourceLengths[1:], g.TargetLengths[1:])...)
		testkit.SameBits(t, "logits", both, alone)
	})
}
