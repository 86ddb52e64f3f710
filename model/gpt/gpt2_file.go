package gpt

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/inkstone-ai/inkstone/format"
	"github.com/inkstone-ai/inkstone/model"
)

// GPT2Config is the config.json of Hugging Face's GPT2LMHeadModel.
type GPT2Config struct {
	Architectures []string `json:"architectures"` // set by NewGPT2, as Type and DType are
	Type          string   `json:"model_type"`

	Vocab      int     `json:"vocab_size"`  // V
	Context    int     `json:"n_positions"` // most tokens in a sequence
	Width      int     `json:"n_embd"`      // C
	Layers     int     `json:"n_layer"`     // L
	Heads      int     `json:"n_head"`      // H
	Hidden     int     `json:"n_inner"`     // F, 0 means 4C
	Activation string  `json:"activation_function"`
	Eps        float32 `json:"layer_norm_epsilon"`
	Tied       bool    `json:"tie_word_embeddings"` // the head is the embedding; a config.json that lacks the key means true

	EmbedDropout    float32 `json:"embd_pdrop"`
	ResidualDropout float32 `json:"resid_pdrop"`
	// AttentionDropout is kept for other programs. Attention that never forms
	// its probabilities drops none of them, here as in other fused kernels.
	AttentionDropout float32 `json:"attn_pdrop"`

	BOS   *int32    `json:"bos_token_id"`
	EOS   model.IDs `json:"eos_token_id"`
	DType string    `json:"torch_dtype"`

	ScaleAttention    *bool `json:"scale_attn_weights,omitempty"`              // by 1/√D; nil means true
	InverseLayerScale bool  `json:"scale_attn_by_inverse_layer_idx,omitempty"` // scores of layer i by 1/(i+1) as well, i from 0
	CrossAttention    bool  `json:"add_cross_attention,omitempty"`             // refused
}

// UnmarshalJSON reads a config.json, in which an absent tie_word_embeddings
// means true.
func (c *GPT2Config) UnmarshalJSON(b []byte) error {
	type plain GPT2Config
	p := plain{Tied: true}
	err := json.Unmarshal(b, &p)
	*c = GPT2Config(p)
	return err
}

// GPT2Preset returns the dimensions of a published model: gpt2, gpt2-medium,
// gpt2-large and gpt2-xl of Radford et al. 2019; gpt3-175b of Brown et al.
// 2020, arXiv:2005.14165, whose alternating sparse layers count as dense here.
func GPT2Preset(name string) (GPT2Config, error) {
	c := GPT2Config{Vocab: 50257, Context: 1024, Tied: true, Activation: "gelu_new", Eps: 1e-5}
	switch name {
	case "gpt2":
		c.Width, c.Layers, c.Heads = 768, 12, 12
	case "gpt2-medium":
		c.Width, c.Layers, c.Heads = 1024, 24, 16
	case "gpt2-large":
		c.Width, c.Layers, c.Heads = 1280, 36, 20
	case "gpt2-xl":
		c.Width, c.Layers, c.Heads = 1600, 48, 25
	case "gpt3-175b":
		c.Width, c.Layers, c.Heads, c.Context = 12288, 96, 96, 2048
	default:
		return c, fmt.Errorf("gpt: no preset %q; there are gpt2, gpt2-medium, gpt2-large, gpt2-xl and gpt3-175b", name)
	}
	return c, nil
}

// Import undoes what GPT-2's files are known for: names may lack the
// "transformer." in front, the causal mask is stored among the weights, a tied
// head may be stored too, and the maps of a block are transposed (in, out), as
// the Conv1D of the original TensorFlow code has them.
func (m *GPT2) Import(t format.Tensor) (format.Tensor, error) {
	if strings.HasSuffix(t.Name, ".attn.bias") || strings.HasSuffix(t.Name, ".attn.masked_bias") {
		t.Name = ""
		return t, nil
	}
	switch {
	case t.Name == "lm_head.weight" && m.Head == nil:
		t.Name = "transformer.wte.weight"
	case t.Name != "lm_head.weight" && !strings.HasPrefix(t.Name, "transformer."):
		t.Name = "transformer." + t.Name
	}
	return conv1D(t)
}

// Export transposes a block's maps again.
func (m *GPT2) Export(t format.Tensor) (format.Tensor, error) { return conv1D(t) }

// conv1D transposes the weights that are Conv1D in the original.
func conv1D(t format.Tensor) (format.Tensor, error) {
	for _, name := range []string{".c_attn.weight", ".c_proj.weight", ".c_fc.weight"} {
		if strings.HasSuffix(t.Name, name) {
			return transposed(t)
		}
	}
	return t, nil
}

// transposed turns (R, C) into (C, R). Without data it turns the shape alone.
func transposed(t format.Tensor) (format.Tensor, error) {
	if len(t.Shape) != 2 {
		return t, fmt.Errorf("has shape %v, want a matrix", t.Shape)
	}
	R, C, size := t.Shape[0], t.Shape[1], t.DType.Size()
	out := format.Tensor{Name: t.Name, DType: t.DType, Shape: []int{C, R}}
	if t.Data == nil {
		return out, nil
	}
	out.Data = make([]byte, len(t.Data))
	for r := range R {
		for c := range C {
			copy(out.Data[(c*R+r)*size:][:size], t.Data[(r*C+c)*size:])
		}
	}
	t.Release()
	return out, nil
}
