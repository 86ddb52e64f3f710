package gpt

import (
	"encoding/json"

	"github.com/inkstone-ai/inkstone/model"
	"github.com/inkstone-ai/inkstone/nn"
	"github.com/inkstone-ai/inkstone/tensor"
)

func init() { model.Register("mixtral", NewMixtral) }

var _ model.LM = (*Mixtral)(nil)

// Mixtral is the mixture of experts of Jiang et al. 2024, arXiv:2401.04088: a [Mistral]
// with eight feed-forward parts a layer, of which a router chooses two for each token.
type Mixtral struct {
	trunk[mixtralBlock, *mixtralBlock]

	config MixtralConfig
}

type mixtralBlock struct {
	AttnNorm nn.RMSNorm     `hf:"input_layernorm" gguf:"attn_norm"`
	Attn     llamaAttention `hf:"self_attn"`
	MLPNorm  nn.RMSNorm     `hf:"post_attention_layernorm" gguf:"ffn_norm"`
	Experts  mixtralExperts `hf:"block_sparse_moe"`
}

type mixtralExperts struct {
	Router  nn.Linear       `hf:"gate" gguf:"ffn_gate_inp"` // (E, C)
	Experts []mixtralExpert `hf:"experts"`

	mixture nn.Mixture
}

// mixtralExpert is a swiGLU with names of its own.
type mixtralExpert struct {
	Gate nn.Linear `hf:"w1" gguf:"ffn_gate_exps"`
	Down nn.Linear `hf:"w2" gguf:"ffn_down_exps"`
	Up   nn.Linear `hf:"w3" gguf:"ffn_up_exps"`
}

// MixtralConfig is the config.json of Hugging Face's MixtralForCausalLM.
type MixtralConfig struct {
	LlamaConfig
	Window  *int `json:"sliding_window"`      // tokens that a token sees, its own included; nil: all
	Experts int  `json:"num_local_experts"`   // E; 0 means 8
	Top     int  `json:"num_experts_per_tok"` // experts of a token; 0 means 2

	// What only training has, and nothing here does: a loss more, and noise on what experts see.
	RouterLoss bool    `json:"output_router_logits,omitempty"`
	Jitter     float64 `json:"router_jitter_noise,omitempty"`
}

// UnmarshalJSON reads a config.json; an absent key means what it means in transformers.
func (c *MixtralConfig) UnmarshalJSON(b []byte) error {
	type plain MixtralConfig
	p := plain{LlamaConfig: LlamaConfig{Vocab: 32000, Width: 4096, Hidden: 14336, Layers: 32, Heads: 32, KVHeads: 8, Context: 1 << 17, Eps: 1e-5}}
	err := json.Unmarshal(b, &p)
	p.nulls(b)
	*c = MixtralConfig(p)
	return err
}

// NewMixtral returns a mixture whose weights have shapes but no values yet: nn.Init
// draws them for training, model.Load binds them to a file's pages. Training adds no
// loss that balances the load of the experts.
//
// Errors: a dimension that is absurd; heads that do not divide; a variant that is not
// this one.
func NewMixtral(c MixtralConfig) (*Mixtral, error) {
	const name = "mixtral"
	window, err := c.complete(name)
	if err != nil {
		return nil, err
	}
	m := &Mixtral{config: c}
	shape, rotary := c.shape(), c.rotary()
	shape.Hidden, shape.Experts = c.Top*c.Hidden, c.Top
	m.grow(shape, c.Eps, c.Tied)
	for i := range m.Blocks {
		m.Blocks[i] = mixtralBlock{AttnNorm: nn.NewRMSNorm(c.Width, c.Eps), Attn: c.attention(i, rotary), MLPNorm: nn.NewRMSNorm(c.Width, c.Eps), Experts: c.experts()}
		m.Blocks[i].Attn.options.Window = window
	}
	return m, nil
}

// complete fills in what an absent key means, refuses what does not fit and returns the
// window, 0 for none.
func (c *MixtralConfig) complete(name string) (window int, err error) {
	c.Theta, c.AttentionBias, c.MLPBias = orDefault(c.Theta, 1e6), false, false
	c.Experts, c.Top = orDefault(c.Experts, 8), orDefault(c.Top, 2)
	if err := c.LlamaConfig.complete(name, "MixtralForCausalLM"); err != nil {
		return 0, err
	}
	if err := checkExperts(name, c.Layers, dim{"num_local_experts", c.Experts, mostExperts}, dim{"num_experts_per_tok", c.Top, c.Experts}); err != nil {
		return 0, err
	}
	return positive(name, c.Window)
}

func (c *MixtralConfig) experts() mixtralExperts {
	x := mixtralExperts{Router: fanIn(c.Width, c.Experts, false), mixture: nn.Mixture{Top: c.Top, Normalise: true}}
	for range c.Experts {
		x.Experts = append(x.Experts, mixtralExpert{
			Gate: fanIn(c.Width, c.Hidden, false), Down: c.residual(c.Hidden, false), Up: fanIn(c.Width, c.Hidden, false),
		})
	}
	return x
}

func (b *mixtralBlock) Forward(p *nn.Pass, x *tensor.Tensor) *tensor.Tensor {
	x = x.Add(b.Attn.forward(p, b.AttnNorm.Forward(x)))
	return x.Add(b.Experts.forward(p, b.MLPNorm.Forward(x)))
}

func (m *mixtralExperts) forward(p *nn.Pass, x *tensor.Tensor) *tensor.Tensor {
	return m.mixture.Forward(p, x, m.Router.Forward(x), func(e int, rows *tensor.Tensor) *tensor.Tensor {
		f := &m.Experts[e]
		both := nn.Linears(rows, &f.Gate, &f.Up)
		return f.Down.Forward(both[0].SiLUMul(both[1]))
	})
}

// Config returns a [MixtralConfig].
func (m *Mixtral) Config() any { return m.config }
