package lstm_test

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
	_ "github.com/inkstone-ai/inkstone/model/lstm"
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
	Window        int                                      `json:"window"`
	Streams       [][]int32                                `json:"streams"`
	AdamW         struct{ LR, B1, B2, Eps, Decay float32 } `json:"adamw"`
	Losses        []float64                                `json:"losses"`
}

type floats = testkit.Floats

// folder writes the golden weights, under PyTorch's names, as a model's folder.
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
func (g *golden) trainable(t *testing.T, d *tensor.Device) model.Recurrent {
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
	return l.LM.(model.Recurrent)
}

// spans are the golden sequences as parts of a pass.
func (g *golden) spans() (spans []nn.Span) {
	for _, n := range g.Lengths {
		spans = append(spans, nn.Span{Rows: n})
	}
	return spans
}

// loss runs the pass of the golden sequences; it is a weighted mean.
func (g *golden) loss(lm model.LM, s *tensor.Step, p *nn.Pass) *tensor.Tensor {
	p.Set(s, g.IDs, g.spans()...)
	weights, sum := slices.Clone(g.TargetWeights), float32(0)
	for _, w := range weights {
		sum += w
	}
	for i := range weights {
		weights[i] /= sum
	}
	return model.Loss(lm, p, s.Ints(g.Targets, len(g.IDs)), s.Floats(weights, len(g.IDs)))
}

// each runs a test for every golden file on every device.
func each(t *testing.T, run func(t *testing.T, g *golden, d *tensor.Device)) {
	for _, name := range []string{"rnn", "lstm", "gru"} {
		g := &golden{}
		testkit.Golden(t, filepath.Join("testdata", name+".json"), g)
		for device, open := range map[string]func() *tensor.Device{
			"ref": tensor.Reference,
			"cpu": func() *tensor.Device { return tensor.CPU(2) },
		} {
			t.Run(name+"/"+device, func(t *testing.T) {
				d := open()
				defer d.Close()
				run(t, g, d)
			})
		}
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
		lm := g.trainable(t, d)
		s := tensor.NewStep(d, tensor.StepOptions{Grad: true})
		defer s.Close()
		s.Begin(0)
		loss := g.loss(lm, s, &nn.Pass{})
		s.Backward(loss)
		testkit.Close(t, "loss", []float64{float64(loss.Item())}, []float64{g.Loss}, 1e-6, 0)
		seen := 0
		for _, p := range nn.Params(lm) {
			f, err := lm.(model.Exporter).Export(format.Tensor{Name: p.Name})
			if err != nil {
				t.Fatal(err)
			}
			testkit.Close(t, f.Name, p.Tensor.Grad().Floats(), g.Grads[f.Name], 1e-4, 2e-6)
			seen++
		}
		if seen != len(g.Grads) {
			t.Errorf("%d gradients, want %d", seen, len(g.Grads))
		}
	})
}

// TestTenLossesEqualPyTorch trains along two streams, the states carried from window to
// window.
func TestTenLossesEqualPyTorch(t *testing.T) {
	each(t, func(t *testing.T, g *golden, d *tensor.Device) {
		lm := g.trainable(t, d)
		carry := nn.NewCarry(d, len(g.Streams), lm.StateWidths()...)
		defer carry.Free()
		s := tensor.NewStep(d, tensor.StepOptions{Grad: true})
		defer s.Close()
		pass := nn.Pass{Cache: carry}
		adam := newAdamW(d, lm, g)
		var losses []float64
		for i := range g.Losses {
			s.Begin(uint64(i))
			ids, targets, weights, spans := g.window(i)
			pass.Set(s, ids, spans...)
			loss := model.Loss(lm, &pass, s.Ints(targets, len(ids)), s.Floats(weights, len(ids)))
			losses = append(losses, float64(loss.Item()))
			s.Backward(loss)
			adam.update(i + 1)
		}
		testkit.Close(t, "losses", losses, g.Losses, 1e-4, 0)
	})
}

// window is window number i of the streams.
func (g *golden) window(i int) (ids, targets []int32, weights []float32, spans []nn.Span) {
	for _, stream := range g.Streams {
		at := i * g.Window
		ids = append(ids, stream[at:at+g.Window]...)
		targets = append(targets, stream[at+1:at+g.Window+1]...)
		spans = append(spans, nn.Span{Rows: g.Window, Past: at})
	}
	return ids, targets, slices.Repeat([]float32{1 / float32(len(ids))}, len(ids)), spans
}

type adamW struct {
	params []nn.Param
	m, v   []*tensor.Tensor
	g      *golden
}

func newAdamW(d *tensor.Device, lm model.LM, g *golden) *adamW {
	a := &adamW{params: nn.Params(lm), g: g}
	for _, p := range a.params {
		a.m = append(a.m, tensor.New(d, p.Tensor.Shape()...))
		a.v = append(a.v, tensor.New(d, p.Tensor.Shape()...))
	}
	return a
}

func (a *adamW) update(step int) {
	for i, p := range a.params {
		u := tensor.UpdateParams{LR: a.g.AdamW.LR, B1: a.g.AdamW.B1, B2: a.g.AdamW.B2, Eps: a.g.AdamW.Eps}
		if p.Role == nn.Matrix || p.Role == nn.Head {
			u.Decay = a.g.AdamW.Decay
		}
		u.Correct1 = 1 - float32(math.Pow(float64(u.B1), float64(step)))
		u.Correct2 = 1 - float32(math.Pow(float64(u.B2), float64(step)))
		p.Tensor.Update(tensor.AdamW, a.m[i], a.v[i], u)
		p.Tensor.ZeroGrad()
	}
}

// TestNamesAreThoseOfPyTorch: a saved folder has the weights' names in PyTorch, and is
// loaded to the same outputs, bit for bit.
func TestNamesAreThoseOfPyTorch(t *testing.T) {
	each(t, func(t *testing.T, g *golden, d *tensor.Device) {
		lm, dir := g.trainable(t, d), t.TempDir()
		if err := model.Save(dir, lm, model.Generation{}); err != nil {
			t.Fatal(err)
		}
		w, err := format.OpenWeights(dir)
		if err != nil {
			t.Fatal(err)
		}
		defer w.Close()
		if len(w.Names()) != len(g.Weights) {
			t.Errorf("names %v, want those of %d weights", w.Names(), len(g.Weights))
		}
		for name := range g.Weights {
			if _, ok := w.Tensor(name); !ok {
				t.Errorf("no %s in the saved file, which has %v", name, w.Names())
			}
		}
		l, err := model.Load(dir, d)
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		testkit.SameBits(t, "logits", logits(g, l.LM, d), logits(g, lm, d))
		l.Pack()
		testkit.SameBits(t, "logits of the packed model", logits(g, l.LM, d), logits(g, lm, d))
	})
}

func logits(g *golden, lm model.LM, d *tensor.Device) []float32 {
	s := tensor.NewStep(d, tensor.StepOptions{})
	defer s.Close()
	s.Begin(0)
	var p nn.Pass
	p.Set(s, g.IDs, g.spans()...)
	return lm.Logits(lm.Forward(&p)).Floats()
}

// TestStateIsThePast: a sequence in one pass and in pieces, the state carried, has the
// same outputs, bit for bit.
func TestStateIsThePast(t *testing.T) {
	each(t, func(t *testing.T, g *golden, d *tensor.Device) {
		lm := g.trainable(t, d)
		ids := g.Streams[0]
		forward := func(pieces ...int) (all []float32) {
			carry := nn.NewCarry(d, 1, lm.StateWidths()...)
			defer carry.Free()
			s := tensor.NewStep(d, tensor.StepOptions{})
			defer s.Close()
			pass, at := nn.Pass{Cache: carry}, 0
			for _, n := range pieces {
				s.Begin(0)
				pass.Set(s, ids[at:at+n], nn.Span{Rows: n, Past: at})
				all = append(all, lm.Forward(&pass).Floats()...)
				at += n
			}
			return all
		}
		testkit.SameBits(t, "in pieces", forward(1, 2, 30, 1, 27), forward(61))
	})
}
