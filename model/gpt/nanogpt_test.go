package gpt_test

import (
	"encoding/json"
	"testing"

	"github.com/inkstone-ai/inkstone/internal/testkit"
	"github.com/inkstone-ai/inkstone/model/gpt"
	"github.com/inkstone-ai/inkstone/nn"
	"github.com/inkstone-ai/inkstone/tensor"
)

// stored is a tensor of the nanoGPT files.
type stored struct {
	Shape []int  `json:"shape"`
	DType string `json:"dtype"`
	Data  floats `json:"data"`
}

func readStored(t *testing.T, name string) map[string]stored {
	t.Helper()
	var raw map[string]json.RawMessage
	if err := json.Unmarshal(testkit.ReadFile(t, testkit.Data(t, name)), &raw); err != nil {
		t.Fatal(err)
	}
	tensors := map[string]stored{}
	for key, value := range raw {
		if key == "config" {
			continue
		}
		var s stored
		if err := json.Unmarshal(value, &s); err != nil {
			t.Fatalf("%s: %v", key, err)
		}
		tensors[key] = s
	}
	return tensors
}

// sorter is a trained model of somebody else's: nanoGPT, taught to sort three
// letters. Its maps are stored as (out, in), so no Import stands between.
func sorter(t *testing.T, d *tensor.Device) *gpt.GPT2 {
	t.Helper()
	m, err := gpt.NewGPT2(gpt.GPT2Config{Vocab: 3, Context: 11, Width: 48, Layers: 3, Heads: 3})
	if err != nil {
		t.Fatal(err)
	}
	weights := readStored(t, "weights-nanogpt-sort/gpt-nano-sort-model.json.gz")
	nn.Walk(m, func(p nn.Param) {
		w, ok := weights[p.Name]
		if !ok {
			t.Fatalf("%s is not in the file", p.Name)
		}
		p.Tensor.Bind(d)
		p.Tensor.WriteFloats(w.Data)
	})
	return m
}

// TestPublishedActivations compares every activation that the model's authors
// published and that is formed here (the attention matrix is not).
func TestPublishedActivations(t *testing.T) {
	want := readStored(t, "weights-nanogpt-sort/gpt-nano-sort-t0-partials.json.gz")
	devices(t, func(t *testing.T, d *tensor.Device) {
		m := sorter(t, d)
		s := tensor.NewStep(d, tensor.StepOptions{})
		defer s.Close()
		s.Begin(0)
		var p nn.Pass
		p.SetRows(s, ids(want["idx"].Data), 11)
		same := func(name string, x *tensor.Tensor) {
			t.Helper()
			testkit.Close(t, name, x.Floats(), want[name].Data, 0, 1e-5)
		}
		b := &m.Blocks[0]
		x := m.Embed.Forward(p.IDs)
		same("tok_emb", x)
		x = x.Add(m.Positions.Forward(p.Pos))
		same("x", x)
		h := b.AttnNorm.Forward(x)
		same("ln1", h)
		qkv := b.Attn.QKV.Forward(h)
		same("qkv", qkv)
		qkv = qkv.Reshape(33, 9, 16)
		y := nn.FlashAttention(p.Segments, qkv.Slice(1, 0, 3), qkv.Slice(1, 3, 6), qkv.Slice(1, 6, 9), nn.Attention{}).Reshape(33, 48)
		same("y", y)
		y = b.Attn.O.Forward(y)
		same("yProj", y)
		r := x.Add(y)
		same("attnResid", r)
		h = b.MLPNorm.Forward(r)
		same("ln2", h)
		h = b.MLP.Up.Forward(h)
		same("fc", h)
		h = h.GELU()
		same("gelu", h)
		h = b.MLP.Down.Forward(h)
		same("mlp", h)
		same("mlpResid", r.Add(h))
		for i, name := range []string{"block0", "block1", "block2"} {
			x = m.Blocks[i].Forward(&p, x)
			same(name, x)
		}
		x = m.Forward(&p)
		same("ln_f", x)
		same("lm_head", m.Logits(x))
		same("probs", m.Logits(x).Softmax())
	})
}

func ids(x []float32) []int32 {
	y := make([]int32, len(x))
	for i := range x {
		y[i] = int32(x[i])
	}
	return y
}
