package gpt

import (
	"errors"
	"fmt"
	"strings"

	"github.com/inkstone-ai/inkstone/format"
	"github.com/inkstone-ai/inkstone/model"
	"github.com/inkstone-ai/inkstone/nn"
)

// LlamaConfig is the config.json of Hugging Face's LlamaForCausalLM.
type LlamaConfig struct {
	Architectures []string `json:"architectures"` // set by NewLlama, as Type and DType are
	Type          string   `json:"model_type"`

	Vocab      int     `json:"vocab_size"`              // V
	Context    int     `json:"max_position_embeddings"` // most tokens in a sequence; 0 means 2048
	Layers     int     `json:"num_hidden_layers"`       // L
	Width      int     `json:"hidden_size"`             // C
	Hidden     int     `json:"intermediate_size"`       // F
	Heads      int     `json:"num_attention_heads"`     // H
	KVHeads    int     `json:"num_key_value_heads"`     // G, 0 means H
	HeadDim    int     `json:"head_dim"`                // D, 0 means C/H
	Activation string  `json:"hidden_act"`              // "silu"; the empty string means it
	Eps        float32 `json:"rms_norm_eps"`            // 0 means 1e-6
	Tied       bool    `json:"tie_word_embeddings"`     // the head is the embedding

	Theta       float64 `json:"rope_theta"`                // 0 means 10,000
	RopeScaling *Rope   `json:"rope_scaling"`              // nil: frequencies as they are
	Rope        *Rope   `json:"rope_parameters,omitempty"` // the two above in newer files

	AttentionBias bool `json:"attention_bias"`
	MLPBias       bool `json:"mlp_bias"`

	BOS   *int32    `json:"bos_token_id"`
	EOS   model.IDs `json:"eos_token_id"`
	DType string    `json:"torch_dtype"`
}

// Rope is how a config.json changes the rotary frequencies for longer contexts.
type Rope struct {
	Type    string  `json:"rope_type,omitempty"` // default, linear or llama3
	OldType string  `json:"type,omitempty"`      // where older files have it
	Theta   float64 `json:"rope_theta,omitempty"`
	Factor  float64 `json:"factor,omitempty"`
	Low     float64 `json:"low_freq_factor,omitempty"`
	High    float64 `json:"high_freq_factor,omitempty"`
	Context int     `json:"original_max_position_embeddings,omitempty"`
}

// complete fills in what an absent key means and refuses what does not fit.
func (c *LlamaConfig) complete(name, architecture string) error {
	c.Architectures, c.Type, c.DType = []string{architecture}, name, "float32"
	c.Context = orDefault(c.Context, 2048)
	c.KVHeads = orDefault(c.KVHeads, c.Heads)
	if c.HeadDim == 0 && c.Heads > 0 {
		if c.Width%c.Heads != 0 {
			return fmt.Errorf("gpt: %s config: hidden_size %d is not a multiple of num_attention_heads %d, and there is no head_dim", name, c.Width, c.Heads)
		}
		c.HeadDim = c.Width / c.Heads
	}
	c.Activation = orDefault(c.Activation, "silu")
	c.Eps = orDefault(c.Eps, 1e-6)
	c.Theta = orDefault(orDefault(c.rope().Theta, c.Theta), 10000)
	if err := inRange(name, dim{"vocab_size", c.Vocab, mostVocab}, dim{"max_position_embeddings", c.Context, mostVocab},
		dim{"num_hidden_layers", c.Layers, mostLayers}, dim{"hidden_size", c.Width, mostWidth},
		dim{"intermediate_size", c.Hidden, mostWidth}, dim{"num_attention_heads", c.Heads, mostWidth},
		dim{"num_key_value_heads", c.KVHeads, mostWidth}, dim{"head_dim", c.HeadDim, mostWidth}); err != nil {
		return err
	}
	return c.fits(name)
}

func (c *LlamaConfig) fits(name string) error {
	switch {
	case c.Heads%c.KVHeads != 0:
		return fmt.Errorf("gpt: %s config: num_attention_heads %d is not a multiple of num_key_value_heads %d", name, c.Heads, c.KVHeads)
	case c.HeadDim%2 != 0:
		return fmt.Errorf("gpt: %s config: head_dim %d is odd, rotary positions turn pairs", name, c.HeadDim)
	case c.Activation != "silu":
		return fmt.Errorf("gpt: %s config: hidden_act %q is not supported, only silu", name, c.Activation)
	case c.RopeScaling != nil && c.Rope != nil:
		return fmt.Errorf("gpt: %s config: both rope_scaling and rope_parameters", name)
	}
	if err := c.rope().check(); err != nil {
		return fmt.Errorf("gpt: %s config: %w", name, err)
	}
	return nil
}

// rope is the change of frequencies, whichever key has it.
func (c *LlamaConfig) rope() Rope {
	var r Rope
	if c.RopeScaling != nil {
		r = *c.RopeScaling
	}
	if c.Rope != nil {
		r = *c.Rope
	}
	r.Type = orDefault(orDefault(r.Type, r.OldType), "default")
	return r
}

func (r Rope) check() error {
	switch r.Type {
	case "default":
		return nil
	case "linear":
		if r.Factor <= 0 {
			return fmt.Errorf("rope factor is %g, want more than 0", r.Factor)
		}
		return nil
	case "llama3":
		if r.Factor <= 0 || r.Low <= 0 || r.High <= r.Low || r.Context < 1 {
			return errors.New("rope_type llama3 needs factor, low_freq_factor < high_freq_factor and original_max_position_embeddings")
		}
		return nil
	}
	return fmt.Errorf("rope_type %q is not supported; default, linear and llama3 are", r.Type)
}

func (c *LlamaConfig) ropeScale() func(float64) float64 {
	switch r := c.rope(); r.Type {
	case "linear": // positions shrink by the factor (Chen et al. 2023, arXiv:2306.15595)
		return func(f float64) float64 { return f / r.Factor }
	case "llama3":
		return nn.ScaleLlama3(r.Factor, r.Low, r.High, r.Context)
	}
	return nil
}

// Import accepts names without "model." in front, as the file of a model
// without a head has them, a tied head that is stored all the same, and the
// rotary frequencies that older files keep among the weights.
func (m *Llama) Import(t format.Tensor) (format.Tensor, error) {
	switch {
	case strings.HasSuffix(t.Name, ".rotary_emb.inv_freq"):
		t.Name = ""
	case t.Name == "lm_head.weight" && m.Head == nil:
		t.Name = "model.embed_tokens.weight"
	case t.Name != "lm_head.weight" && !strings.HasPrefix(t.Name, "model."):
		t.Name = "model." + t.Name
	}
	return t, nil
}
