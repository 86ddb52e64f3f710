package gan_test

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
	"github.com/inkstone-ai/inkstone/model/gan"
	"github.com/inkstone-ai/inkstone/nn"
	"github.com/inkstone-ai/inkstone/tensor"
)

type floats = testkit.Floats

// golden is a file of testdata/golden.py.
type golden struct {
	Config  json.RawMessage                   `json:"config"`
	Images  floats                            `json:"images"`
	Classes []int32                           `json:"classes"`
	Noise   floats                            `json:"noise"`
	Mix     floats                            `json:"mix"`
	Shapes  map[string][]int                  `json:"shapes"`
	Weights map[string]floats                 `json:"weights"`
	Fake    floats                            `json:"fake"`
	After   floats                            `json:"after"`
	Values  []float64                         `json:"values"`
	Grads   map[string]floats                 `json:"grads"`
	Running map[string]floats                 `json:"running"`
	Adam    struct{ LR, B1, B2, Eps float32 } `json:"adam"`
	Losses  []float64                         `json:"losses"`

	objective gan.Objective
}

// batch is the golden batch.
func (g *golden) batch() gan.Batch {
	return gan.Batch{Real: g.Images, Classes: g.Classes, Noise: g.Noise, Mix: g.Mix}
}

// trainable loads the golden weights, from a folder, for training.
func (g *golden) trainable(t *testing.T, d *tensor.Device) *gan.GAN {
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
	o, err := model.OpenForTraining[*gan.GAN](dir, d)
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

// each runs a test for every game on every device.
func each(t *testing.T, run func(t *testing.T, g *golden, d *tensor.Device)) {
	for _, name := range []string{"non-saturating", "wasserstein", "plain"} {
		for device, open := range modeltest.Devices() {
			t.Run(name+"/"+device, func(t *testing.T) {
				d := open()
				defer d.Close()
				g := &golden{objective: gan.NonSaturating}
				if name == "wasserstein" {
					g.objective = gan.Wasserstein
				}
				testkit.Golden(t, filepath.Join("testdata", name+".json"), g)
				run(t, g, d)
			})
		}
	}
}

func TestImagesEqualPyTorch(t *testing.T) {
	each(t, func(t *testing.T, g *golden, d *tensor.Device) {
		m := g.trainable(t, d)
		s := tensor.NewStep(d, tensor.StepOptions{})
		defer s.Close()
		for _, training := range []bool{false, true} { // which moves the running averages
			s.Begin(0)
			var classes *tensor.Tensor
			if g.Classes != nil {
				classes = s.Ints(g.Classes, len(g.Classes))
			}
			noise := s.Floats(g.Noise, len(g.Mix), m.Latent())
			want := map[bool]floats{false: g.After, true: g.Fake}[training]
			testkit.Close(t, "images", m.Generator.Forward(s, noise, classes, training).Floats(), want, 1e-5, 1e-6)
		}
	})
}

// TestGradientsEqualPyTorch: both losses of one turn, every gradient, of the penalty too,
// and what the norms remember.
func TestGradientsEqualPyTorch(t *testing.T) {
	each(t, func(t *testing.T, g *golden, d *tensor.Device) {
		m := g.trainable(t, d)
		game := gan.NewGame(d, m, g.objective, len(g.Mix), 10)
		defer game.Close()
		s := tensor.NewStep(d, tensor.StepOptions{Grad: true})
		defer s.Close()
		half := func(name string, loss func(*tensor.Step, gan.Batch) *tensor.Tensor, want float64) (checked int) {
			s.Begin(0)
			l := loss(s, g.batch())
			testkit.Close(t, name+" loss", []float64{float64(l.Item())}, []float64{want}, 1e-5, 1e-6)
			s.Backward(l)
			for _, p := range nn.Trainable(m) {
				got := p.Tensor.Grad().Floats()
				if !strings.HasPrefix(p.Name, name) {
					continue
				}
				checked++
				o, err := model.ExportImages(format.FromF32(p.Name, got, p.Tensor.Shape()...))
				if err != nil {
					t.Fatal(err)
				}
				if got, err = format.F32s(o); err != nil {
					t.Fatal(err)
				}
				testkit.Close(t, p.Name, got, g.Grads[p.Name], 1e-4, 1e-5)
			}
			return checked
		}
		of := half("discriminator", game.DiscriminatorLoss, g.Values[0])
		for _, p := range nn.Trainable(m) {
			if strings.HasPrefix(p.Name, "generator") && p.Tensor.Grad().SumSquares() != 0 {
				t.Errorf("the discriminator's loss has a gradient of %s", p.Name)
			}
		}
		before := m.Discriminator.Score.W.Grad().Floats()
		of += half("generator", game.GeneratorLoss, g.Values[1])
		testkit.SameBits(t, "the discriminator's gradient after the generator's turn", m.Discriminator.Score.W.Grad().Floats(), before)
		if of != len(g.Grads) {
			t.Errorf("%d gradients, want %d", of, len(g.Grads))
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

func TestFiveTurnsEqualPyTorch(t *testing.T) {
	each(t, func(t *testing.T, g *golden, d *tensor.Device) {
		net := g.trainable(t, d)
		game := gan.NewGame(d, net, g.objective, len(g.Mix), 10)
		defer game.Close()
		moments := map[*tensor.Tensor][2]*tensor.Tensor{}
		for _, p := range nn.Trainable(net) {
			moments[p.Tensor] = [2]*tensor.Tensor{tensor.New(d, p.Tensor.Shape()...), tensor.New(d, p.Tensor.Shape()...)}
		}
		s := tensor.NewStep(d, tensor.StepOptions{Grad: true})
		defer s.Close()
		var losses []float64
		turn := func(i int, half any, loss func(*tensor.Step, gan.Batch) *tensor.Tensor) {
			for _, p := range nn.Trainable(net) {
				p.Tensor.ZeroGrad()
			}
			s.Begin(uint64(i))
			l := loss(s, g.batch())
			losses = append(losses, float64(l.Item()))
			s.Backward(l)
			for _, p := range nn.Trainable(half) {
				u := tensor.UpdateParams{LR: g.Adam.LR, B1: g.Adam.B1, B2: g.Adam.B2, Eps: g.Adam.Eps}
				u.Correct1 = 1 - float32(math.Pow(float64(u.B1), float64(i+1)))
				u.Correct2 = 1 - float32(math.Pow(float64(u.B2), float64(i+1)))
				mv := moments[p.Tensor]
				p.Tensor.Update(tensor.AdamW, mv[0], mv[1], u)
			}
		}
		for i := range len(g.Losses) / 2 {
			turn(i, &net.Discriminator, game.DiscriminatorLoss)
			turn(i, &net.Generator, game.GeneratorLoss)
		}
		testkit.Close(t, "losses", losses, g.Losses, 2e-4, 1e-5)
	})
}
