package gpt_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"slices"
	"testing"

	"github.com/inkstone-ai/inkstone/internal/testkit"
	"github.com/inkstone-ai/inkstone/model"
	"github.com/inkstone-ai/inkstone/nn"
	"github.com/inkstone-ai/inkstone/tensor"
)

// folderLogits are a folder's logits for sequences in one pass.
func folderLogits(t *testing.T, dir string, d *tensor.Device, ids []int32, spans ...nn.Span) []float32 {
	t.Helper()
	l, err := model.Load(dir, d)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	s := tensor.NewStep(d, tensor.StepOptions{})
	defer s.Close()
	s.Begin(0)
	var p nn.Pass
	p.Set(s, ids, spans...)
	return slices.Clone(l.LM.Logits(l.LM.Forward(&p)).Floats())
}

// TestNewForm: a config.json in the form of transformers 5 means what the older form means.
func TestNewForm(t *testing.T) {
	eachPeer(t, func(t *testing.T, c *peer, d *tensor.Device) {
		newer := *c
		newer.Config = newForm(t, c.Config)
		testkit.Close(t, "logits", folderLogits(t, newer.folder(t), d, c.IDs, c.spans()...), c.Logits, 0, 5e-5)
	})
}

// newForm writes a config.json as transformers 5 does: all that turns positions is in
// rope_parameters, which Gemma 3 has for each type of layer.
func newForm(t *testing.T, config []byte) []byte {
	t.Helper()
	keys := map[string]any{}
	if err := json.Unmarshal(config, &keys); err != nil {
		t.Fatal(err)
	}
	move := func(to map[string]any, key, as string) {
		if v, ok := keys[key]; ok {
			to[as] = v
			delete(keys, key)
		}
	}
	rope := map[string]any{"rope_type": "default"}
	for _, key := range []string{"rope_scaling", "rope_parameters"} {
		settings, _ := keys[key].(map[string]any)
		maps.Copy(rope, settings)
		delete(keys, key)
	}
	if kind, ok := rope["type"]; ok {
		rope["rope_type"] = kind
	}
	move(rope, "rope_theta", "rope_theta")
	move(rope, "partial_rotary_factor", "partial_rotary_factor")
	keys["rope_parameters"] = rope
	switch keys["model_type"] {
	case "gemma3_text":
		local := map[string]any{"rope_type": "default"}
		move(local, "rope_local_base_freq", "rope_theta")
		keys["rope_parameters"] = map[string]any{"full_attention": rope, "sliding_attention": local}
	case "qwen3_moe":
		move(keys, "num_experts", "num_local_experts")
	}
	keys["dtype"] = "bfloat16"
	b, err := json.Marshal(keys)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestGPT2ScoreScales: scores that a config.json scales in another way are those of queries
// that are scaled.
func TestGPT2ScoreScales(t *testing.T) {
	d := tensor.CPU(1)
	defer d.Close()
	tests := []struct {
		key, value string
		by         func(layer, headDim int) float64
	}{
		{"scale_attn_weights", "true", func(int, int) float64 { return 1 }},
		{"scale_attn_weights", "false", func(_, headDim int) float64 { return math.Sqrt(float64(headDim)) }},
		{"scale_attn_by_inverse_layer_idx", "true", func(layer, _ int) float64 { return 1 / float64(layer+1) }},
	}
	for _, tt := range tests {
		set, scaled := readGolden(t, "gpt2"), readGolden(t, "gpt2")
		set.Config = with(t, set.Config, tt.key, tt.value)
		lm, err := model.BuildLM(scaled.Config)
		if err != nil {
			t.Fatal(err)
		}
		for layer := range lm.Shape().Layers {
			scaled.scaleQueries(layer, float32(tt.by(layer, lm.Shape().HeadDim)))
		}
		got, want := folderLogits(t, set.folder(t), d, set.IDs, set.spans()...), folderLogits(t, scaled.folder(t), d, set.IDs, set.spans()...)
		testkit.Close(t, tt.key+" "+tt.value, got, want, 0, 1e-5)
	}
}

// scaleQueries multiplies the first third of the columns, and of the biases, that make a
// GPT-2's queries, keys and values.
func (g *golden) scaleQueries(layer int, by float32) {
	for _, part := range []string{"weight", "bias"} {
		name := fmt.Sprintf("transformer.h.%d.attn.c_attn.%s", layer, part)
		w, shape := g.Weights[name], g.Shapes[name]
		columns := shape[len(shape)-1]
		for i := range w {
			if i%columns < columns/3 {
				w[i] *= by
			}
		}
	}
}
