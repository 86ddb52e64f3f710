package gpt

import (
	"encoding/json"
	"fmt"

	"github.com/inkstone-ai/inkstone/model"
	"github.com/inkstone-ai/inkstone/nn"
	"github.com/inkstone-ai/inkstone/tensor"
)

func init() { model.Register("phi3", NewPhi3) }

var _ model.LM = (*Phi3)(nil)

// Phi3 is the model of Abdin et al. 2024, arXiv:2404.14219, and of Phi-4
// (arXiv:2412.08905): a [Llama] with one matrix for queries, keys and values and one for
// gate and up, of whose heads a part of the channels may turn.
type Phi3 struct {
	trunk[phi3Block, *phi3Block]

	config Phi3Config
}

type phi3Block struct {
	AttnNorm nn.RMSNorm    `hf:"input_layernorm" gguf:"attn_norm"`
	Attn     phi3Attention `hf:"self_attn"`
	MLPNorm  nn.RMSNorm    `hf:"post_attention_layernorm" gguf:"ffn_norm"`
	MLP      phi3MLP       `hf:"mlp"`

	dropout float32
}

type phi3Attention struct {
	QKV nn.Linear `hf:"qkv_proj" gguf:"attn_qkv"` // (H·D + 2·G·D, C): queries, keys, values
	O   nn.Linear `hf:"o_proj" gguf:"attn_output"`

	layer, heads, kvHeads, dim int
	rotary                     *nn.Rotary
	options                    nn.Attention
}

type phi3MLP struct {
	GateUp nn.Linear `hf:"gate_up_proj" gguf:"ffn_up"` // (2F, C)
	Down   nn.Linear `hf:"down_proj" gguf:"ffn_down"`
}

// Phi3Config is the config.json of Hugging Face's Phi3ForCausalLM.
type Phi3Config struct {
	LlamaConfig
	Original int     `json:"original_max_position_embeddings"` // context before longrope's stretch; 0 means 4096
	Window   *int    `json:"sliding_window"`                   // tokens that a token sees, its own included; nil: all
	Dropout  float32 `json:"resid_pdrop"`
}

// UnmarshalJSON reads a config.json; an absent key means what it means in transformers.
func (c *Phi3Config) UnmarshalJSON(b []byte) error {
	type plain Phi3Config
	p := plain{LlamaConfig: LlamaConfig{Vocab: 32064, Width: 3072, Hidden: 8192, Layers: 32, Heads: 32, Context: 4096, Eps: 1e-5}}
	err := json.Unmarshal(b, &p)
	*c = Phi3Config(p)
	return err
}

// NewPhi3 returns a Phi-3 whose weights have shapes but no values yet: nn.Init
// draws them for training, model.Load binds them to a file's pages. A model with
// longrope ends at the context before the stretch, see [Rope].
//
// Errors: a dimension that is absurd; heads that do not divide; a variant of Phi-3 that
// is not this one.
func NewPhi3(c Phi3Config) (*Phi3, error) {
	rope, err := c.complete()
	if err != nil {
		return nil, err
	}
	window, err := positive("phi3", c.Window)
	if err != nil {
		return nil, err
	}
	m := &Phi3{config: c}
	shape := c.shape()
	shape.Context, shape.Fused = rope.reach(c.Context), true
	m.grow(shape, c.Eps, c.Tied)
	rotary, q, kv := rope.rotary(c.HeadDim, c.Context), c.Heads*c.HeadDim, c.KVHeads*c.HeadDim
	for i := range m.Blocks {
		m.Blocks[i] = phi3Block{
			AttnNorm: nn.NewRMSNorm(c.Width, c.Eps),
			Attn: phi3Attention{
				QKV:     fanIn(c.Width, q+2*kv, false),
				O:       c.residual(q, false),
				layer:   i,
				heads:   c.Heads,
				kvHeads: c.KVHeads,
				dim:     c.HeadDim,
				rotary:  rotary,
				options: nn.Attention{Window: window},
			},
			MLPNorm: nn.NewRMSNorm(c.Width, c.Eps),
			MLP:     phi3MLP{GateUp: fanIn(c.Width, 2*c.Hidden, false), Down: c.residual(c.Hidden, false)},
			dropout: c.Dropout,
		}
	}
	return m, nil
}

// complete is LlamaConfig's, with the frequencies that differ from a Llama's.
func (c *Phi3Config) complete() (Rope, error) {
	const name = "phi3"
	if err := c.dimensions(name, "Phi3ForCausalLM"); err != nil {
		return Rope{}, err
	}
	c.Original = orDefault(c.Original, 4096)
	rope := c.rope()
	c.Theta, c.Partial = rope.Theta, rope.Partial // in transformers a factor of 0 is 0
	switch {
	case rope.Type != "default" && rope.Type != "longrope":
		return rope, fmt.Errorf("gpt: phi3 config: rope_type %q is not supported; default and longrope are", rope.Type)
	case c.Dropout < 0 || c.Dropout >= 1:
		return rope, fmt.Errorf("gpt: phi3 config: resid_pdrop is %g, want 0 to less than 1", c.Dropout)
	}
	return rope, c.checkRope(name, rope)
}

// rope is the setting of the frequencies. The first files call longrope yarn, too; keys
// beside rope_scaling count more than those in it.
func (c *Phi3Config) rope() Rope {
	r := either(c.RopeScaling, c.Rope, orDefault(c.Theta, 10000), c.Original)
	if r.Type == "yarn" {
		r.Type = "longrope"
	}
	r.Partial = orDefault(c.Partial, r.Partial)
	if r.Type == "longrope" {
		r.Context = c.Original
	}
	return r
}

func (b *phi3Block) Forward(p *nn.Pass, x *tensor.Tensor) *tensor.Tensor {
	x = x.Add(b.Attn.forward(p, b.AttnNorm.Forward(x)).Dropout(b.dropout))
	return x.Add(b.MLP.forward(b.MLPNorm.Forward(x)).Dropout(b.dropout))
}

func (a *phi3Attention) forward(p *nn.Pass, x *tensor.Tensor) *tensor.Tensor {
	N, H, G, D := x.Dim(0), a.heads, a.kvHeads, a.dim
	qkv := a.QKV.Forward(x).Reshape(N, H+2*G, D)
	q, k, v := qkv.Slice(1, 0, H), qkv.Slice(1, H, H+G), qkv.Slice(1, H+G, H+2*G)
	q, k = a.rotary.Turn(p, q), a.rotary.Turn(p, k)
	y := p.Attend(a.layer, q, k, v, a.options) // (N, H, D)
	return a.O.Forward(y.Reshape(N, H*D))
}

func (f *phi3MLP) forward(x *tensor.Tensor) *tensor.Tensor {
	gateUp := f.GateUp.Forward(x) // (N, 2F)
	F := gateUp.Dim(1) / 2
	return f.Down.Forward(gateUp.Slice(1, 0, F).SiLUMul(gateUp.Slice(1, F, 2*F)))
}

// Config returns a [Phi3Config].
func (m *Phi3) Config() any { return m.config }
