package unet_test

import (
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/inkstone-ai/inkstone/format"
	"github.com/inkstone-ai/inkstone/internal/modeltest"
	"github.com/inkstone-ai/inkstone/internal/testkit"
	"github.com/inkstone-ai/inkstone/model"
	"github.com/inkstone-ai/inkstone/model/unet"
	"github.com/inkstone-ai/inkstone/nn"
	"github.com/inkstone-ai/inkstone/tensor"
)

type floats = testkit.Floats

// golden is a file of testdata/golden.py.
type golden struct {
	Config  json.RawMessage                   `json:"config"`
	X       floats                            `json:"x"`
	Y       floats                            `json:"y"`
	Holes   floats                            `json:"holes"`
	Shapes  map[string][]int                  `json:"shapes"`
	Weights map[string]floats                 `json:"weights"`
	Made    floats                            `json:"made"`
	After   floats                            `json:"after"`
	Values  []float64                         `json:"values"`
	Grads   map[string]floats                 `json:"grads"`
	Running map[string]floats                 `json:"running"`
	Adam    struct{ LR, B1, B2, Eps float32 } `json:"adam"`
	Losses  []float64                         `json:"losses"`
}

// lambda is that of golden.py.
const lambda = 10

// A half is weights and the loss that trains them.
type half struct {
	name string
	loss func(s *tensor.Step) *tensor.Tensor
}

// A net is a model with the golden batch.
type net struct {
	model   any
	forward func(s *tensor.Step, training bool) *tensor.Tensor
	halves  []half
}

// open loads the golden weights, from a folder, for training.
func (g *golden) open(t *testing.T, d *tensor.Device) net {
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
	o, err := model.OpenForTraining[interface{ Images() model.ImageShape }](dir, d)
	if err != nil {
		t.Fatal(err)
	}
	if err := o.Close(); err != nil { // the weights are copies
		t.Fatal(err)
	}
	for _, p := range nn.Trainable(o.Model) {
		p.Tensor.SetTrainable(true)
	}
	shape := o.Model.Images()
	pictures := func(s *tensor.Step, x floats, C int) *tensor.Tensor {
		return s.Floats(x, len(x)/shape.H/shape.W/C, shape.H, shape.W, C)
	}
	switch m := o.Model.(type) {
	case *unet.Inpaint:
		batch := func(s *tensor.Step) (x, holes *tensor.Tensor) {
			return pictures(s, g.X, shape.C), pictures(s, g.Holes, 1)
		}
		return net{m, func(s *tensor.Step, training bool) *tensor.Tensor {
			x, holes := batch(s)
			return m.Forward(s, x, holes, training)
		}, []half{{"network", func(s *tensor.Step) *tensor.Tensor {
			x, holes := batch(s)
			return m.Loss(s, x, holes)
		}}}}
	case *unet.Pix2Pix:
		pair := func(s *tensor.Step) (a, b *tensor.Tensor) {
			return pictures(s, g.X, shape.C), pictures(s, g.Y, shape.C)
		}
		n := net{model: m, forward: func(s *tensor.Step, training bool) *tensor.Tensor {
			return m.Forward(s, pictures(s, g.X, shape.C), training)
		}}
		if m.Discriminator != nil {
			n.halves = append(n.halves, half{"discriminator", func(s *tensor.Step) *tensor.Tensor {
				a, b := pair(s)
				return m.DiscriminatorLoss(s, a, b)
			}})
		}
		n.halves = append(n.halves, half{"generator", func(s *tensor.Step) *tensor.Tensor {
			a, b := pair(s)
			return m.GeneratorLoss(s, a, b, lambda)
		}})
		t.Cleanup(m.EndGame)
		return n
	}
	t.Fatalf("opened a %T", o.Model)
	return net{}
}

// each runs a test for every model on every device.
func each(t *testing.T, run func(t *testing.T, g *golden, d *tensor.Device)) {
	for _, name := range []string{"inpaint", "pix2pix", "l1"} {
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

func TestPicturesEqualPyTorch(t *testing.T) {
	each(t, func(t *testing.T, g *golden, d *tensor.Device) {
		n := g.open(t, d)
		s := tensor.NewStep(d, tensor.StepOptions{})
		defer s.Close()
		for _, training := range []bool{false, true} { // which moves the running averages
			s.Begin(0)
			want := map[bool]floats{false: g.After, true: g.Made}[training]
			testkit.Close(t, "pictures", n.forward(s, training).Floats(), want, 1e-5, 1e-6)
		}
	})
}

// TestGradientsEqualPyTorch: each loss of one turn, every gradient, and what the norms
// remember.
func TestGradientsEqualPyTorch(t *testing.T) {
	each(t, func(t *testing.T, g *golden, d *tensor.Device) {
		n := g.open(t, d)
		s := tensor.NewStep(d, tensor.StepOptions{Grad: true})
		defer s.Close()
		checked := 0
		for i, h := range n.halves {
			for _, p := range nn.Trainable(n.model) {
				p.Tensor.ZeroGrad()
			}
			s.Begin(0)
			l := h.loss(s)
			testkit.Close(t, h.name+" loss", []float64{float64(l.Item())}, []float64{g.Values[i]}, 1e-5, 1e-6)
			s.Backward(l)
			for _, p := range nn.Trainable(n.model) {
				if !strings.HasPrefix(p.Name, h.name) {
					if p.Tensor.Grad().SumSquares() != 0 {
						t.Errorf("the %s's loss has a gradient of %s", h.name, p.Name)
					}
					continue
				}
				checked++
				o, err := model.ExportImages(format.FromF32(p.Name, p.Tensor.Grad().Floats(), p.Tensor.Shape()...))
				if err != nil {
					t.Fatal(err)
				}
				got, err := format.F32s(o)
				if err != nil {
					t.Fatal(err)
				}
				testkit.Close(t, p.Name, got, g.Grads[p.Name], 1e-4, 1e-5)
			}
		}
		if checked != len(g.Grads) {
			t.Errorf("%d gradients, want %d", checked, len(g.Grads))
		}
		running := 0
		for _, p := range nn.Params(n.model) {
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

func TestFourTurnsEqualPyTorch(t *testing.T) {
	each(t, func(t *testing.T, g *golden, d *tensor.Device) {
		n := g.open(t, d)
		moments := map[*tensor.Tensor][2]*tensor.Tensor{}
		for _, p := range nn.Trainable(n.model) {
			moments[p.Tensor] = [2]*tensor.Tensor{tensor.New(d, p.Tensor.Shape()...), tensor.New(d, p.Tensor.Shape()...)}
		}
		s := tensor.NewStep(d, tensor.StepOptions{Grad: true})
		defer s.Close()
		var losses []float64
		for turn := range len(g.Losses) / len(n.halves) {
			for _, h := range n.halves {
				for _, p := range nn.Trainable(n.model) {
					p.Tensor.ZeroGrad()
				}
				s.Begin(uint64(turn))
				l := h.loss(s)
				losses = append(losses, float64(l.Item()))
				s.Backward(l)
				for _, p := range nn.Trainable(n.model) {
					if !strings.HasPrefix(p.Name, h.name) {
						continue
					}
					u := tensor.UpdateParams{LR: g.Adam.LR, B1: g.Adam.B1, B2: g.Adam.B2, Eps: g.Adam.Eps}
					u.Correct1 = 1 - float32(math.Pow(float64(u.B1), float64(turn+1)))
					u.Correct2 = 1 - float32(math.Pow(float64(u.B2), float64(turn+1)))
					mv := moments[p.Tensor]
					p.Tensor.Update(tensor.AdamW, mv[0], mv[1], u)
				}
			}
		}
		testkit.Close(t, "losses", losses, g.Losses, 2e-4, 1e-5)
	})
}
