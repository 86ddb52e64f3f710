package gpt

import (
	"fmt"

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

	Theta       float64 `json:"rope_theta"`                      // 0 means 10,000
	RopeScaling *Rope   `json:"rope_scaling"`                    // nil: frequencies as they are
	Rope        *Rope   `json:"rope_parameters,omitempty"`       // the two above in newer files
	Partial     float64 `json:"partial_rotary_factor,omitempty"` // share of a head's channels that turn; 0 means 1, and others are Phi3's alone

	AttentionBias bool `json:"attention_bias"`
	MLPBias       bool `json:"mlp_bias"`

	BOS   *int32    `json:"bos_token_id"`
	EOS   model.IDs `json:"eos_token_id"`
	Pad   *int32    `json:"pad_token_id,omitempty"`
	DType string    `json:"torch_dtype"`
}

// complete fills in what an absent key means and refuses what does not fit.
func (c *LlamaConfig) complete(name, architecture string) error {
	if err := c.dimensions(name, architecture); err != nil {
		return err
	}
	c.Theta = orDefault(c.Theta, 10000)
	c.Theta = c.rope().Theta
	r := c.rope()
	if r.Partial != 1 {
		return fmt.Errorf("gpt: %s config: partial_rotary_factor %g is not of this architecture", name, r.Partial)
	}
	return c.checkRope(name, r)
}

// dimensions is complete but for the rotary frequencies.
func (c *LlamaConfig) dimensions(name, architecture string) error {
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
	}
	return nil
}

func (c *LlamaConfig) checkRope(name string, r Rope) error {
	if c.RopeScaling != nil && c.Rope != nil {
		return fmt.Errorf("gpt: %s config: both rope_scaling and rope_parameters", name)
	}
	if err := r.check(c.HeadDim); err != nil {
		return fmt.Errorf("gpt: %s config: %w", name, err)
	}
	return nil
}

// rope is the setting of the frequencies, whichever key has it.
func (c *LlamaConfig) rope() Rope {
	r := either(c.RopeScaling, c.Rope, c.Theta, c.Context)
	r.Partial = orDefault(c.Partial, r.Partial)
	return r
}

func (c *LlamaConfig) rotary() *nn.Rotary { return c.rope().rotary(c.HeadDim, c.Context) }

// shape is what the model tells of its dimensions.
func (c *LlamaConfig) shape() model.Shape {
	return model.Shape{Vocab: c.Vocab, Context: c.rope().reach(c.Context), Layers: c.Layers, Width: c.Width, Hidden: c.Hidden,
		Heads: c.Heads, KVHeads: c.KVHeads, HeadDim: c.HeadDim}
}
