package gpt_test

import (
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/inkstone-ai/inkstone/format"
	"github.com/inkstone-ai/inkstone/internal/testkit"
	"github.com/inkstone-ai/inkstone/model"
	"github.com/inkstone-ai/inkstone/nn"
	"github.com/inkstone-ai/inkstone/tensor"
)

// A peer is a case of testdata/transformers.py: a tiny model of which both sides draw the
// weights, and what transformers computes for it.
type peer struct {
	Config  json.RawMessage       `json:"config"`
	Lengths []int                 `json:"lengths"`
	IDs     []int32               `json:"ids"`
	Targets []int32               `json:"targets"`
	Shapes  map[string][]int      `json:"shapes"`
	Logits  floats                `json:"logits"`
	Loss    float64               `json:"loss"`
	Grads   map[string][2]float64 `json:"grads"` // norm, product with a direction

	rename map[string]string // a weight of a folder is drawn as this one; nil: as itself
}

func peers(t testing.TB) map[string]*peer {
	t.Helper()
	var all map[string]*peer
	b, err := os.ReadFile(filepath.Join("testdata", "transformers.json"))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, &all); err != nil {
		t.Fatal(err)
	}
	return all
}

// uniform is that of transformers.py.
func uniform(name string, n int) []float64 {
	h := uint64(0xcbf29ce484222325)
	for _, b := range []byte(name) {
		h = (h ^ uint64(b)) * 0x100000001b3
	}
	u := make([]float64, n)
	for i := range u {
		z := h + uint64(i+1)*0x9e3779b97f4a7c15
		z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
		z = (z ^ z>>27) * 0x94d049bb133111eb
		z ^= z >> 31
		u[i] = float64(z>>40)/(1<<24) - 0.5
	}
	return u
}

// drawn is that of transformers.py.
func drawn(name string, shape []int, gemma bool) []float32 {
	n := 1
	for _, d := range shape {
		n *= d
	}
	scale, mean := 1.0, 0.0
	if len(shape) > 1 {
		scale = 2 * math.Sqrt(3/float64(shape[len(shape)-1]))
	} else if strings.HasSuffix(name, "norm.weight") && !gemma {
		mean = 1
	}
	w := make([]float32, n)
	for i, u := range uniform(name, n) {
		w[i] = float32(u*scale + mean)
	}
	return w
}

// folder writes the model as a Hugging Face folder.
func (c *peer) folder(t testing.TB) string {
	t.Helper()
	dir := t.TempDir()
	gemma := strings.Contains(string(c.Config), `"gemma`)
	var tensors []format.Tensor
	for name, shape := range c.Shapes {
		as := name
		if c.rename != nil {
			as = c.rename[name]
		}
		tensors = append(tensors, format.FromF32(name, drawn(as, shape, gemma), shape...))
	}
	if err := os.WriteFile(filepath.Join(dir, "config.json"), c.Config, 0o666); err != nil {
		t.Fatal(err)
	}
	if err := format.WriteSafetensors(filepath.Join(dir, "model.safetensors"), nil, tensors); err != nil {
		t.Fatal(err)
	}
	return dir
}

func (c *peer) spans() (spans []nn.Span) {
	for _, n := range c.Lengths {
		spans = append(spans, nn.Span{Rows: n})
	}
	return spans
}

// eachPeer runs a test for every case.
func eachPeer(t *testing.T, run func(t *testing.T, c *peer, d *tensor.Device)) {
	eachNamedPeer(t, func(t *testing.T, _ string, c *peer, d *tensor.Device) { run(t, c, d) })
}

func eachNamedPeer(t *testing.T, run func(t *testing.T, name string, c *peer, d *tensor.Device)) {
	for name, c := range peers(t) {
		t.Run(name, func(t *testing.T) {
			d := tensor.CPU(1)
			defer d.Close()
			run(t, name, c, d)
		})
	}
}

// TestEqualsTransformers compares the logits of two sequences in one pass, the mean loss
// and the gradients with what transformers' own code computes.
func TestEqualsTransformers(t *testing.T) {
	eachPeer(t, func(t *testing.T, c *peer, d *tensor.Device) {
		l, err := model.LoadForTraining(c.folder(t), d)
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		params := nn.Params(l.LM)
		for _, p := range params {
			p.Tensor.SetTrainable(true)
		}
		s := tensor.NewStep(d, tensor.StepOptions{Grad: true})
		defer s.Close()
		s.Begin(0)
		var p nn.Pass
		p.Set(s, c.IDs, c.spans()...)
		s.NoGrad(func() { testkit.Close(t, "logits", l.LM.Logits(l.LM.Forward(&p)).Floats(), c.Logits, 0, 5e-5) })
		n := len(c.IDs)
		loss := model.Loss(l.LM, &p, s.Ints(c.Targets, n), s.Full(1/float32(n), n))
		testkit.Close(t, "loss", []float64{float64(loss.Item())}, []float64{c.Loss}, 1e-5, 0)
		s.Backward(loss)
		for _, p := range params {
			want, ok := c.Grads[p.Name]
			if !ok {
				t.Errorf("no gradient of %s", p.Name)
				continue
			}
			testkit.Close(t, p.Name, digest(p.Name, p.Tensor.Grad().Floats()), want[:], 0, 1e-4*want[0])
		}
		if len(params) != len(c.Grads) {
			t.Errorf("%d weights, want %d", len(params), len(c.Grads))
		}
	})
}

// digest is a gradient's norm and its product with the direction of its name.
func digest(name string, g []float32) []float64 {
	norm, along := 0.0, 0.0
	for i, u := range uniform(name+"/direction", len(g)) {
		norm += float64(g[i]) * float64(g[i])
		along += float64(g[i]) * u
	}
	return []float64{math.Sqrt(norm), along}
}
