package gpt

import (
	"encoding/json"
	"slices"

	"github.com/inkstone-ai/inkstone/model"
	"github.com/inkstone-ai/inkstone/nn"
	"github.com/inkstone-ai/inkstone/tensor"
)

func init() { model.Register("qwen3_moe", NewQwen3MoE) }

var _ model.LM = (*Qwen3MoE)(nil)

// Qwen3MoE is the mixture of experts of Yang et al. 2025, arXiv:2505.09388: a [Qwen3]
// whose feed-forward parts are many, of which a router chooses a few for each token.
type Qwen3MoE struct {
	trunk[qwenMoEBlock, *qwenMoEBlock]

	config Qwen3MoEConfig
}

type qwenMoEBlock struct {
	AttnNorm nn.RMSNorm     `hf:"input_layernorm" gguf:"attn_norm"`
	Attn     llamaAttention `hf:"self_attn"`
	MLPNorm  nn.RMSNorm     `hf:"post_attention_layernorm" gguf:"ffn_norm"`
	MLP      *swiGLU        `hf:"mlp"` // of a dense layer, else nil
	Experts  *qwenExperts   `hf:"mlp"` // of a sparse one, else nil
}

// qwenExpert is a swiGLU, stacked with its like in GGUF files.
type qwenExpert struct {
	Gate nn.Linear `hf:"gate_proj" gguf:"ffn_gate_exps"`
	Up   nn.Linear `hf:"up_proj" gguf:"ffn_up_exps"`
	Down nn.Linear `hf:"down_proj" gguf:"ffn_down_exps"`
}

type qwenExperts struct {
	Router  nn.Linear    `hf:"gate" gguf:"ffn_gate_inp"` // (E, C)
	Experts []qwenExpert `hf:"experts"`

	mixture nn.Mixture
}

// Qwen3MoEConfig is the config.json of Hugging Face's Qwen3MoeForCausalLM.
type Qwen3MoEConfig struct {
	LlamaConfig
	UseWindow bool `json:"use_sliding_window"`
	Window    *int `json:"sliding_window"` // with UseWindow, of all layers

	Experts      int   `json:"num_experts"`           // E
	Top          int   `json:"num_experts_per_tok"`   // experts of a token
	ExpertHidden int   `json:"moe_intermediate_size"` // F of an expert
	Normalise    bool  `json:"norm_topk_prob"`        // their weights add up to 1
	SparseStep   int   `json:"decoder_sparse_step"`   // every so many layers one is sparse; 0 means 1
	DenseLayers  []int `json:"mlp_only_layers"`       // that are dense all the same

	// RouterLoss adds a loss to training that nothing here adds; outputs are the same.
	RouterLoss bool `json:"output_router_logits,omitempty"`
}

// UnmarshalJSON reads a config.json; an absent key means what it means in transformers,
// whose newer files call num_experts num_local_experts.
func (c *Qwen3MoEConfig) UnmarshalJSON(b []byte) error {
	type plain Qwen3MoEConfig
	window := 4096
	newer := struct {
		Experts int `json:"num_local_experts"`
	}{128}
	if err := json.Unmarshal(b, &newer); err != nil {
		return err
	}
	p := plain{Window: &window, Experts: newer.Experts, Top: 8, ExpertHidden: 768,
		LlamaConfig: LlamaConfig{Vocab: 151936, Width: 2048, Hidden: 6144, Layers: 24, Heads: 32, KVHeads: 4, Context: 32768}}
	err := json.Unmarshal(b, &p)
	p.nulls(b)
	*c = Qwen3MoEConfig(p)
	return err
}

// NewQwen3MoE returns a mixture whose weights have shapes but no values yet: nn.Init
// draws them for training, model.Load binds them to a file's pages. Training adds no
// loss that balances the load of the experts.
//
// Errors: a dimension that is absurd; heads that do not divide; a variant that is not
// this one.
func NewQwen3MoE(c Qwen3MoEConfig) (*Qwen3MoE, error) {
	const name = "qwen3_moe"
	window, err := c.complete(name)
	if err != nil {
		return nil, err
	}
	m := &Qwen3MoE{config: c}
	shape, rotary := c.shape(), c.rotary()
	shape.Hidden, shape.Experts, shape.HeadNorms = c.Top*c.ExpertHidden, c.Top, true
	m.grow(shape, c.Eps, c.Tied)
	for i := range m.Blocks {
		b := &m.Blocks[i]
		*b = qwenMoEBlock{AttnNorm: nn.NewRMSNorm(c.Width, c.Eps), Attn: c.attention(i, rotary), MLPNorm: nn.NewRMSNorm(c.Width, c.Eps)}
		b.Attn.normalise(c.Eps)
		b.Attn.options.Window = window
		if c.sparse(i) {
			b.Experts = c.experts()
			continue
		}
		m.shape.Hidden = max(m.shape.Hidden, c.Hidden)
		dense := c.swiGLU(c.Hidden)
		b.MLP = &dense
	}
	return m, nil
}

// complete fills in what an absent key means, refuses what does not fit and returns the
// window of all layers, 0 for none.
func (c *Qwen3MoEConfig) complete(name string) (window int, err error) {
	c.MLPBias, c.SparseStep = false, orDefault(c.SparseStep, 1)
	if err := c.LlamaConfig.complete(name, "Qwen3MoeForCausalLM"); err != nil {
		return 0, err
	}
	if err := checkExperts(name, c.Layers, dim{"num_experts", c.Experts, mostExperts}, dim{"num_experts_per_tok", c.Top, c.Experts}); err != nil {
		return 0, err
	}
	if err := inRange(name, dim{"moe_intermediate_size", c.ExpertHidden, mostWidth}, dim{"decoder_sparse_step", c.SparseStep, mostLayers}); err != nil {
		return 0, err
	}
	if !c.UseWindow {
		return 0, nil
	}
	return positive(name, c.Window)
}

// mostExperts is far above any model that is known, for all layers together.
const mostExperts = 1 << 15

// checkExperts sees that the experts, of layers that are in range, and those of a token
// are in range.
func checkExperts(name string, layers int, experts, top dim) error {
	experts.most = mostExperts / layers
	return inRange(name, experts, top)
}

// sparse reports whether layer i has experts.
func (c *Qwen3MoEConfig) sparse(i int) bool {
	return (i+1)%c.SparseStep == 0 && !slices.Contains(c.DenseLayers, i)
}

func (c *Qwen3MoEConfig) experts() *qwenExperts {
	x := &qwenExperts{Router: fanIn(c.Width, c.Experts, false), mixture: nn.Mixture{Top: c.Top, Normalise: c.Normalise}}
	for range c.Experts {
		x.Experts = append(x.Experts, qwenExpert(c.swiGLU(c.ExpertHidden)))
	}
	return x
}

func (b *qwenMoEBlock) Forward(p *nn.Pass, x *tensor.Tensor) *tensor.Tensor {
	x = x.Add(b.Attn.forward(p, b.AttnNorm.Forward(x)))
	h := b.MLPNorm.Forward(x)
	if b.MLP != nil {
		return x.Add(b.MLP.forward(h))
	}
	return x.Add(b.Experts.forward(p, h))
}

func (m *qwenExperts) forward(p *nn.Pass, x *tensor.Tensor) *tensor.Tensor {
	return m.mixture.Forward(p, x, m.Router.Forward(x), func(e int, rows *tensor.Tensor) *tensor.Tensor {
		return (*swiGLU)(&m.Experts[e]).forward(rows)
	})
}

// Config returns a [Qwen3MoEConfig].
func (m *Qwen3MoE) Config() any { return m.config }
