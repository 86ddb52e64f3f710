package bert_test

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
	"github.com/inkstone-ai/inkstone/model/bert"
	"github.com/inkstone-ai/inkstone/nn"
	"github.com/inkstone-ai/inkstone/tensor"
)

// golden is a file of testdata/golden.py.
type golden struct {
	Config  json.RawMessage                          `json:"config"`
	Lengths []int                                    `json:"lengths"`
	IDs     []int32                                  `json:"ids"`
	Types   []int32                                  `json:"types"`
	Rows    []int32                                  `json:"rows"`
	Targets []int32                                  `json:"targets"`
	Shapes  map[string][]int                         `json:"shapes"`
	Weights map[string]floats                        `json:"weights"`
	Outputs floats                                   `json:"outputs"`
	Loss    float64                                  `json:"loss"`
	Grads   map[string]floats                        `json:"grads"`
	AdamW   struct{ LR, B1, B2, Eps, Decay float32 } `json:"adamw"`
	Losses  []float64                                `json:"losses"`
}

type floats = testkit.Floats

func readGolden(t *testing.T, name string) *golden {
	t.Helper()
	g := &golden{}
	testkit.Golden(t, filepath.Join("testdata", name+".json"), g)
	return g
}

// folder writes the golden weights as a Hugging Face folder, under the names
// that rename gives.
func (g *golden) folder(t *testing.T, rename func(string) string) string {
	t.Helper()
	var tensors []format.Tensor
	for name, w := range g.Weights {
		shape := g.Shapes[name]
		if rename != nil {
			name = rename(name)
		}
		if name != "" {
			tensors = append(tensors, format.FromF32(name, w, shape...))
		}
	}
	return writeFolder(t, g.Config, tensors)
}

func writeFolder(t *testing.T, config []byte, tensors []format.Tensor) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "config.json"), config, 0o666); err != nil {
		t.Fatal(err)
	}
	if err := format.WriteSafetensors(filepath.Join(dir, "model.safetensors"), nil, tensors); err != nil {
		t.Fatal(err)
	}
	return dir
}

// pass lays the golden sequences end to end.
func (g *golden) pass(s *tensor.Step, p *nn.Pass) {
	var spans []nn.Span
	for _, n := range g.Lengths {
		spans = append(spans, nn.Span{Rows: n})
	}
	p.Set(s, g.IDs, spans...)
	p.Types = p.Ints(g.Types)
}

// outputs is what the head says of the golden pass.
func (g *golden) outputs(m *bert.BERT, p *nn.Pass) *tensor.Tensor {
	x := m.Forward(p)
	switch m.Task() {
	case bert.FillMask:
		return m.Logits(x.Rows(p.Ints(g.Rows)))
	case bert.Answers:
		return m.Answer(x)
	}
	return m.Classes(p, x)
}

func (g *golden) loss(m *bert.BERT, s *tensor.Step, p *nn.Pass) *tensor.Tensor {
	g.pass(s, p)
	if m.Task() == bert.FillMask {
		n := len(g.Rows)
		return model.MaskedLoss(m, p, p.Ints(g.Rows), p.Ints(g.Targets), s.Full(1/float32(n), n))
	}
	out := g.outputs(m, p)
	if m.Task() != bert.Answers {
		return out.CrossEntropy(p.Ints(g.Targets), tensor.CEOptions{}).Mean()
	}
	var sum *tensor.Tensor
	at := 0
	for i, n := range g.Lengths {
		scores := out.Slice(0, at, at+n).Transpose(0, 1) // (2, n)
		l := scores.CrossEntropy(p.Ints(g.Targets[2*i:2*i+2]), tensor.CEOptions{}).Mean()
		if sum == nil {
			sum = l
		} else {
			sum = sum.Add(l)
		}
		at += n
	}
	return sum.Scale(1 / float32(len(g.Lengths)))
}

// trainable loads the golden weights for training.
func (g *golden) trainable(t *testing.T, d *tensor.Device) *bert.BERT {
	t.Helper()
	o, err := model.OpenForTraining[*bert.BERT](g.folder(t, nil), d)
	if err != nil {
		t.Fatal(err)
	}
	if err := o.Close(); err != nil { // the weights are copies
		t.Fatal(err)
	}
	for _, p := range nn.Params(o.Model) {
		p.Tensor.SetTrainable(true)
	}
	return o.Model
}

// each runs a test for every head on every device.
func each(t *testing.T, run func(t *testing.T, g *golden, d *tensor.Device)) {
	for _, name := range []string{"masked", "sequences", "tokens", "answers"} {
		for device, open := range map[string]func() *tensor.Device{
			"ref": tensor.Reference, "cpu": func() *tensor.Device { return tensor.CPU(2) },
		} {
			t.Run(name+"/"+device, func(t *testing.T) {
				d := open()
				defer d.Close()
				run(t, readGolden(t, name), d)
			})
		}
	}
}

func TestOutputsEqualPyTorch(t *testing.T) {
	each(t, func(t *testing.T, g *golden, d *tensor.Device) {
		o, err := model.Open[*bert.BERT](g.folder(t, nil), d)
		if err != nil {
			t.Fatal(err)
		}
		defer o.Close()
		s := tensor.NewStep(d, tensor.StepOptions{})
		defer s.Close()
		s.Begin(0)
		var p nn.Pass
		g.pass(s, &p)
		testkit.Close(t, "outputs", g.outputs(o.Model, &p).Floats(), g.Outputs, 1e-5, 1e-5)
	})
}

func TestGradientsEqualPyTorch(t *testing.T) {
	each(t, func(t *testing.T, g *golden, d *tensor.Device) {
		for _, checkpoint := range []bool{false, true} {
			m := g.trainable(t, d)
			s := tensor.NewStep(d, tensor.StepOptions{Grad: true})
			defer s.Close()
			s.Begin(0)
			loss := g.loss(m, s, &nn.Pass{Checkpoint: checkpoint})
			s.Backward(loss)
			testkit.Close(t, "loss", []float64{float64(loss.Item())}, []float64{g.Loss}, 1e-6, 0)
			params := nn.Params(m)
			for _, p := range params {
				testkit.Close(t, p.Name, p.Tensor.Grad().Floats(), g.Grads[p.Name], 1e-4, 2e-6)
			}
			if len(params) != len(g.Grads) {
				t.Errorf("%d gradients, want %d", len(params), len(g.Grads))
			}
		}
	})
}

func TestTenAdamWLossesEqualPyTorch(t *testing.T) {
	each(t, func(t *testing.T, g *golden, d *tensor.Device) {
		model := g.trainable(t, d)
		params := nn.Params(model)
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
			loss := g.loss(model, s, &pass)
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

// TestSequencesDoNotSeeEachOther: a batch gives each sequence the bits that it has alone.
func TestSequencesDoNotSeeEachOther(t *testing.T) {
	g := readGolden(t, "masked")
	d := tensor.CPU(2)
	defer d.Close()
	m := g.trainable(t, d)
	s := tensor.NewStep(d, tensor.StepOptions{})
	defer s.Close()
	s.Begin(0)
	var p nn.Pass
	g.pass(s, &p)
	whole := m.Forward(&p).Floats()
	at, C := 0, m.Shape().Width
	for _, n := range g.Lengths {
		s.Begin(0)
		p.Set(s, g.IDs[at:at+n], nn.Span{Rows: n})
		p.Types = p.Ints(g.Types[at : at+n])
		testkit.SameBits(t, "a sequence alone", m.Forward(&p).Floats(), whole[at*C:(at+n)*C])
		at += n
	}
}

// TestAbsentTypesAreZeros: a pass without segments is one of the first segment.
func TestAbsentTypesAreZeros(t *testing.T) {
	g := readGolden(t, "masked")
	d := tensor.CPU(2)
	defer d.Close()
	m := g.trainable(t, d)
	run := func(types bool) (y, dw []float32) {
		s := tensor.NewStep(d, tensor.StepOptions{Grad: true})
		defer s.Close()
		s.Begin(0)
		var p nn.Pass
		p.Set(s, g.IDs, nn.Span{Rows: g.Lengths[0]}, nn.Span{Rows: g.Lengths[1]})
		if types {
			p.Types = p.Ints(make([]int32, len(g.IDs)))
		}
		x := m.Forward(&p)
		y = x.Floats()
		s.Backward(x.Square().Sum())
		dw = slices.Clone(m.Embed.Types.W.Grad().Floats())
		for _, q := range nn.Params(m) {
			q.Tensor.ZeroGrad()
		}
		return y, dw
	}
	y, dw := run(false)
	wantY, wantDW := run(true)
	testkit.Close(t, "activations", y, wantY, 1e-6, 1e-6)
	testkit.Close(t, "the segments' gradient", dw, wantDW, 1e-4, 1e-5)
}
