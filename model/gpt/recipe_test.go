package gpt_test

import (
	"testing"

	"github.com/inkstone-ai/inkstone/format"
	"github.com/inkstone-ai/inkstone/internal/testkit"
	"github.com/inkstone-ai/inkstone/model"
	"github.com/inkstone-ai/inkstone/nn"
)

// TestRecipes: every matrix gets the type that llama.cpp's llama-quantize gives it, of models with a
// tied and an own head, with fused and with grouped keys, and with rows that are no multiple of 256.
func TestRecipes(t *testing.T) {
	configs := map[string]string{
		"gpt2":   `{"model_type":"gpt2","vocab_size":256,"n_positions":32,"n_embd":256,"n_layer":17,"n_head":4,"n_inner":256}`,
		"llama":  `{"model_type":"llama","vocab_size":256,"max_position_embeddings":64,"hidden_size":256,"num_hidden_layers":17,"intermediate_size":512,"num_attention_heads":4,"num_key_value_heads":2}`,
		"narrow": `{"model_type":"llama","vocab_size":256,"max_position_embeddings":64,"hidden_size":128,"num_hidden_layers":9,"intermediate_size":256,"num_attention_heads":4,"num_key_value_heads":2}`,
	}
	var golden map[string]map[string]map[string]format.DType
	testkit.Golden(t, "../testdata/recipes.json.gz", &golden)
	for name, presets := range golden {
		lm, err := model.BuildLM([]byte(configs[name]))
		if err != nil {
			t.Fatal(err)
		}
		if len(presets) != 10 {
			t.Errorf("%s: %d presets, want 10", name, len(presets))
		}
		for preset, want := range presets {
			r, err := model.NewRecipe(preset, lm, false)
			if err != nil {
				t.Fatal(err)
			}
			seen := 0
			nn.Walk(lm, func(p nn.Param) {
				if len(p.Tensor.Shape()) < 2 || p.GGUF == "position_embd.weight" {
					return
				}
				seen++
				if got, err := r.Type(format.Tensor{Name: p.GGUF, Shape: p.Tensor.Shape()}); err != nil || got != want[p.GGUF] {
					t.Errorf("%s as %s: %s is %s, %v, want %s", name, preset, p.GGUF, got, err, want[p.GGUF])
				}
			})
			if want["position_embd.weight"] != "" {
				seen++
			}
			if seen != len(want) {
				t.Errorf("%s as %s: %d matrices, want %d", name, preset, seen, len(want))
			}
		}
	}
}
