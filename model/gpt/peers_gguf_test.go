package gpt_test

import (
	"encoding/json"
	"math"
	"path/filepath"
	"strings"
	"testing"

	"github.com/inkstone-ai/inkstone/format"
	"github.com/inkstone-ai/inkstone/internal/testkit"
	"github.com/inkstone-ai/inkstone/model"
	"github.com/inkstone-ai/inkstone/nn"
	"github.com/inkstone-ai/inkstone/tensor"
)

// ggufPeers are the cases of transformers.json as GGUF files can hold them: what is set
// otherwise, and, where nothing helps, the error.
var ggufPeers = map[string]struct{ key, value, refused string }{
	"llama3":               {},
	"llama-linear":         {},
	"llama-dynamic":        {},
	"llama-yarn":           {},
	"llama-dynamic-beyond": {key: "max_position_embeddings", value: "16"}, // up to which no frequency changes
	"phi3-longrope-beyond": {},
	"llama-yarn-settings":  {refused: "rope_type yarn with truncate false"},
	"smollm3":              {key: "no_rope_layers", value: "[1,1,1]"},
	"mistral":              {},
	"qwen2":                {},
	"qwen3":                {},
	"gemma2":               {key: "query_pre_attn_scalar", value: "64"},
	"gemma3":               {key: "query_pre_attn_scalar", value: "64"},
	"phi3":                 {},
	"phi3-longrope":        {},
	"qwen3-moe":            {key: "mlp_only_layers", value: "[]"},
	"qwen3-moe-plain":      {refused: "norm_topk_prob false"},
	"mixtral":              {},
}

// peerModel builds a case with random weights.
func peerModel(t *testing.T, d *tensor.Device, config []byte) model.LM {
	return ggufModel(t, d, string(config))
}

func (c *peer) logitsOf(d *tensor.Device, lm model.LM) []float32 {
	s := tensor.NewStep(d, tensor.StepOptions{})
	defer s.Close()
	s.Begin(0)
	var p nn.Pass
	p.Set(s, c.IDs, c.spans()...)
	return lm.Logits(lm.Forward(&p)).Floats()
}

// TestGGUFOfKin: a model that goes to a GGUF file, to a folder and to a GGUF file again
// has the same logits, and the two files the same metadata and tensors.
func TestGGUFOfKin(t *testing.T) {
	eachNamedPeer(t, func(t *testing.T, name string, c *peer, d *tensor.Device) {
		tt, known := ggufPeers[name]
		if !known {
			t.Fatal("no row of ggufPeers")
		}
		config := []byte(c.Config)
		if tt.key != "" {
			config = with(t, config, tt.key, tt.value)
		}
		if name == "smollm3" {
			config = with(t, config, "use_sliding_window", "false")
		}
		lm := peerModel(t, d, config)
		dir := t.TempDir()
		first, second := filepath.Join(dir, "1.gguf"), filepath.Join(dir, "2.gguf")
		err := model.SaveGGUF(first, lm, model.GGUFOptions{})
		if tt.refused != "" {
			if err == nil || !strings.Contains(err.Error(), tt.refused) {
				t.Fatalf("got %v, want %q", err, tt.refused)
			}
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		want := c.logitsOf(d, lm)
		l, err := model.Load(first, d)
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		testkit.Close(t, "logits of the file", c.logitsOf(d, l.LM), want, 0, 2e-5)
		folder := filepath.Join(dir, "folder")
		if err := model.Save(folder, l.LM, model.Generation{}); err != nil {
			t.Fatal(err)
		}
		f, err := model.Load(folder, d)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		testkit.SameBits(t, "logits of the folder", c.logitsOf(d, f.LM), c.logitsOf(d, l.LM))
		if err := model.SaveGGUF(second, f.LM, model.GGUFOptions{}); err != nil {
			t.Fatal(err)
		}
		sameGGUF(t, first, second)
		for recipe, most := range map[string]float64{"F16": 1e-3, "Q8_0": 2e-3, "Q4_K_M": 0.05} {
			kl := divergence(want, c.quantised(t, d, lm, recipe), lm.Shape().Vocab)
			t.Logf("%s: divergence %.2g", recipe, kl)
			if !(kl <= most) {
				t.Errorf("%s: divergence %g, want at most %g", recipe, kl, most)
			}
		}
	})
}

// quantised are the logits of a file with a recipe's types.
func (c *peer) quantised(t *testing.T, d *tensor.Device, lm model.LM, recipe string) []float32 {
	t.Helper()
	r, err := model.NewRecipe(recipe, lm, false)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), recipe+".gguf")
	if err := model.SaveGGUF(path, lm, model.GGUFOptions{Type: r.Type}); err != nil {
		t.Fatal(err)
	}
	l, err := model.Load(path, d)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	l.Pack()
	return c.logitsOf(d, l.LM)
}

// divergence is the mean of KL(p‖q) over rows of V logits.
func divergence(p, q []float32, V int) float64 {
	sum := 0.0
	for r := 0; r < len(p); r += V {
		lp, lq := logSoftmax(p[r:r+V]), logSoftmax(q[r:r+V])
		for i := range lp {
			sum += math.Exp(lp[i]) * (lp[i] - lq[i])
		}
	}
	return sum / float64(len(p)/V)
}

func logSoftmax(z []float32) []float64 {
	sum := 0.0
	for _, x := range z {
		sum += math.Exp(float64(x))
	}
	l := make([]float64, len(z))
	for i, x := range z {
		l[i] = float64(x) - math.Log(sum)
	}
	return l
}

// TestGGUFLayoutOfKin: rotary pairs lie side by side in some architectures alone, Gemma's
// gains are 1+w, experts are stacked.
func TestGGUFLayoutOfKin(t *testing.T) {
	d := tensor.CPU(1)
	defer d.Close()
	interleaved := map[string]bool{"llama3": true, "mistral": true, "mixtral": true, "smollm3": true, "qwen2": false, "qwen3": false, "qwen3-moe": false, "gemma2": false}
	for name, beside := range interleaved {
		config := []byte(peers(t)[name].Config)
		if tt := ggufPeers[name]; tt.key != "" {
			config = with(t, config, tt.key, tt.value)
		}
		if name == "smollm3" {
			config = with(t, config, "use_sliding_window", "false")
		}
		lm := peerModel(t, d, config)
		path := filepath.Join(t.TempDir(), "m.gguf")
		if err := model.SaveGGUF(path, lm, model.GGUFOptions{}); err != nil {
			t.Fatal(err)
		}
		g, err := format.OpenGGUF(path)
		if err != nil {
			t.Fatal(err)
		}
		defer g.Close()
		weights := map[string]*tensor.Tensor{}
		for _, p := range nn.Params(lm) {
			weights[p.Name] = p.Tensor
		}
		read := func(tensor string) ([]float32, []int) {
			x, ok := g.Tensor(tensor)
			f, err := format.F32s(x)
			if !ok || err != nil {
				t.Fatalf("%s: %s: %v %v", name, tensor, ok, err)
			}
			return f, x.Shape
		}
		const C = 256
		row := 1 // of the model, which is the file's row 1
		if beside {
			row = lm.Shape().HeadDim / 2
		}
		for file, own := range map[string]string{"attn_q": "q_proj", "attn_k": "k_proj"} {
			got, _ := read("blk.0." + file + ".weight")
			want := weights["model.layers.0.self_attn."+own+".weight"].Floats()
			testkit.SameBits(t, name+" "+file, got[C:2*C], want[row*C:][:C])
		}
		if name == "gemma2" {
			got, _ := read("blk.0.post_ffw_norm.weight")
			want := weights["model.layers.0.post_feedforward_layernorm.weight"].Floats()
			testkit.Close(t, "gain", []float32{got[3]}, []float32{want[3] + 1}, 1e-6, 0)
		}
		if strings.HasSuffix(name, "moe") || name == "mixtral" {
			got, shape := read("blk.0.ffn_down_exps.weight")
			own := "model.layers.0.mlp.experts.2.down_proj.weight"
			if name == "mixtral" {
				own = "model.layers.0.block_sparse_moe.experts.2.w2.weight"
			}
			if len(shape) != 3 || shape[0] != 4 {
				t.Fatalf("%s: experts of shape %v", name, shape)
			}
			testkit.SameBits(t, name+" expert", got[2*shape[1]*shape[2]:][:C], weights[own].Floats()[:C])
		}
	}
}

// sameGGUF compares two files, numbers to the last digits of a float32.
func sameGGUF(t *testing.T, a, b string) {
	t.Helper()
	x, err := format.OpenGGUF(a)
	if err != nil {
		t.Fatal(err)
	}
	defer x.Close()
	y, err := format.OpenGGUF(b)
	if err != nil {
		t.Fatal(err)
	}
	defer y.Close()
	mx, err1 := json.Marshal(x.Meta())
	my, err2 := json.Marshal(y.Meta())
	if err1 != nil || err2 != nil || string(mx) != string(my) {
		t.Errorf("metadata %s, then %s: %v %v", mx, my, err1, err2)
	}
	if len(x.Names()) != len(y.Names()) {
		t.Errorf("%d tensors, then %d", len(x.Names()), len(y.Names()))
	}
	for _, name := range x.Names() {
		tx, _ := x.Tensor(name)
		ty, ok := y.Tensor(name)
		if !ok {
			t.Errorf("%s is gone", name)
			continue
		}
		fx, err1 := format.F32s(tx)
		fy, err2 := format.F32s(ty)
		if err1 != nil || err2 != nil {
			t.Fatal(err1, err2)
		}
		testkit.Close(t, name, fy, fx, 1e-6, 0)
	}
}
