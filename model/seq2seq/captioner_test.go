package seq2seq_test

import (
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/inkstone-ai/inkstone/format"
	"github.com/inkstone-ai/inkstone/internal/testkit"
	"github.com/inkstone-ai/inkstone/model"
	"github.com/inkstone-ai/inkstone/model/seq2seq"
	"github.com/inkstone-ai/inkstone/nn"
	"github.com/inkstone-ai/inkstone/tensor"
)

// captions is testdata/caption.json.
type captions struct {
	Config   json.RawMessage                          `json:"config"`
	Pictures floats                                   `json:"pictures"`
	Captions []seq2seq.Caption                        `json:"captions"`
	Shapes   map[string][]int                         `json:"shapes"`
	Weights  map[string]floats                        `json:"weights"`
	Logits   floats                                   `json:"logits"`
	After    floats                                   `json:"after"`
	Loss     float64                                  `json:"loss"`
	Grads    map[string]floats                        `json:"grads"`
	AdamW    struct{ LR, B1, B2, Eps, Decay float32 } `json:"adamw"`
	Losses   []float64                                `json:"losses"`
}

func captioner(t *testing.T, d *tensor.Device) (*captions, *seq2seq.Captioner) {
	t.Helper()
	g := &captions{}
	testkit.Golden(t, "testdata/caption.json", g)
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
	o, err := model.OpenForTraining[*seq2seq.Captioner](dir, d)
	if err != nil {
		t.Fatal(err)
	}
	o.Close() // the weights are copies
	for _, p := range nn.Trainable(o.Model) {
		p.Tensor.SetTrainable(true)
	}
	return g, o.Model
}

func TestCaptionsEqualPyTorch(t *testing.T) {
	for device, open := range map[string]func() *tensor.Device{"ref": tensor.Reference, "cpu": func() *tensor.Device { return tensor.CPU(2) }} {
		t.Run(device, func(t *testing.T) {
			d := open()
			defer d.Close()
			g, m := captioner(t, d)
			s := tensor.NewStep(d, tensor.StepOptions{Grad: true})
			defer s.Close()
			for _, training := range []bool{false, true} {
				s.Begin(0)
				got, _ := m.Logits(s, g.Pictures, g.Captions, training)
				testkit.Close(t, "logits", got.Floats(), map[bool]floats{false: g.After, true: g.Logits}[training], 1e-5, 1e-5)
			}
			params := nn.Trainable(m)
			moments := make([][2]*tensor.Tensor, len(params))
			for i, p := range params {
				moments[i] = [2]*tensor.Tensor{tensor.New(d, p.Tensor.Shape()...), tensor.New(d, p.Tensor.Shape()...)}
			}
			var losses []float64
			for i := range g.Losses {
				s.Begin(uint64(i))
				loss := m.Loss(s, g.Pictures, g.Captions, 0.1, true)
				losses = append(losses, float64(loss.Item()))
				s.Backward(loss)
				if i == 0 {
					g.gradients(t, params)
				}
				for j, p := range params {
					u := tensor.UpdateParams{LR: g.AdamW.LR, B1: g.AdamW.B1, B2: g.AdamW.B2, Eps: g.AdamW.Eps}
					if p.Role == nn.Matrix || p.Role == nn.Filter {
						u.Decay = g.AdamW.Decay
					}
					u.Correct1, u.Correct2 = 1-float32(math.Pow(float64(u.B1), float64(i+1))), 1-float32(math.Pow(float64(u.B2), float64(i+1)))
					p.Tensor.Update(tensor.AdamW, moments[j][0], moments[j][1], u)
					p.Tensor.ZeroGrad()
				}
			}
			testkit.Close(t, "losses", losses, g.Losses, 1e-4, 0)
		})
	}
}

// gradients compares those of the first step.
func (g *captions) gradients(t *testing.T, params []nn.Param) {
	if len(params) != len(g.Grads) {
		t.Errorf("%d gradients, want %d", len(params), len(g.Grads))
	}
	for _, p := range params {
		o, err := model.ExportImages(format.FromF32(p.Name, p.Tensor.Grad().Floats(), p.Tensor.Shape()...))
		if err != nil {
			t.Fatal(err)
		}
		grad, err := format.F32s(o)
		if err != nil {
			t.Fatal(err)
		}
		testkit.Close(t, p.Name, grad, g.Grads[p.Name], 1e-4, 2e-6)
	}
}

// TestCaptionerWrites: what Write says is what the scores of the whole text say, character by
// character, whoever stands beside it in the batch.
func TestCaptionerWrites(t *testing.T) {
	d := tensor.CPU(1)
	defer d.Close()
	g, m := captioner(t, d)
	for i, p := range nn.Trainable(m) { // other weights, so that texts differ and do not end at once
		p.Tensor.FillNormal(uint64(i), 1)
	}
	s := tensor.NewStep(d, tensor.StepOptions{})
	defer s.Close()
	one := len(g.Pictures) / 2
	texts := m.Write(s, g.Pictures, []int{0, 1})
	for b, text := range texts {
		if alone := m.Write(s, g.Pictures[b*one:(b+1)*one], []int{b}); alone[0] != text {
			t.Errorf("picture %d: %q beside another, %q alone", b, text, alone[0])
		}
		if strings.Contains(text, "<") {
			continue // a language in the middle, which Logits takes no caption of
		}
		s.Begin(0)
		z, _ := m.Logits(s, g.Pictures[b*one:(b+1)*one], []seq2seq.Caption{{Language: b, Text: text}}, false)
		said, want := z.ArgMax(1).Ints(), ids(m.Shape().Characters, text)
		if !slices.Equal(said[:len(want)], want) {
			t.Errorf("picture %d: %q is %v, the scores say %v", b, text, want, said)
		}
	}
	if texts[0] == texts[1] || texts[0] == "" {
		t.Errorf("texts %q: this test sees nothing", texts)
	}
}

// ids are the tokens of a text behind two languages and the end.
func ids(characters, text string) (ids []int32) {
	for _, r := range text {
		ids = append(ids, int32(3+slices.Index([]rune(characters), r)))
	}
	return ids
}

func TestCaptionerRefuses(t *testing.T) {
	good := seq2seq.CaptionConfig{Size: [2]int{6, 5}, Widths: []int{2}, Languages: []string{"en"}, Characters: "ab", Context: 3, Width: 4, Layers: 1, Heads: 2}
	m, err := seq2seq.NewCaptioner(good)
	if err != nil {
		t.Fatal(err)
	}
	for text, says := range map[string]string{"ab": "", "aba": "3 characters, the context has room for 2", "ac": `the character 'c'`} {
		if err := m.Fits(text); says == "" && err != nil || says != "" && (err == nil || !strings.Contains(err.Error(), says)) {
			t.Errorf("%q: %v, want %q", text, err, says)
		}
	}
	for says, change := range map[string]func(*seq2seq.CaptionConfig){
		"image_size":        func(c *seq2seq.CaptionConfig) { c.Size[0] = 0 },
		"hidden_sizes":      func(c *seq2seq.CaptionConfig) { c.Widths = nil },
		"0 languages":       func(c *seq2seq.CaptionConfig) { c.Languages = nil },
		"twice":             func(c *seq2seq.CaptionConfig) { c.Characters = "aa" },
		"attention_heads 3": func(c *seq2seq.CaptionConfig) { c.Heads = 3 },
		"decoder_layers":    func(c *seq2seq.CaptionConfig) { c.Layers = 0 },
	} {
		c := good
		change(&c)
		if _, err := seq2seq.NewCaptioner(c); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%v, want %q", err, says)
		}
	}
}
