package gpt

import (
	"math"

	"github.com/inkstone-ai/inkstone/model"
	"github.com/inkstone-ai/inkstone/nn"
	"github.com/inkstone-ai/inkstone/tensor"
)

func init() { model.Register("llama", NewLlama) }

var _ model.LM = (*Llama)(nil)

// Llama is the model of Touvron et al. 2023, arXiv:2302.13971, with the
// grouped queries of Ainslie et al. 2023, arXiv:2305.13245. It differs from
// [GPT2] in four places: RMSNorm, rotary positions, SwiGLU, and no biases.
type Llama struct {
	trunk[llamaBlock, *llamaBlock]

	config LlamaConfig
}

type llamaBlock struct {
	AttnNorm nn.RMSNorm     `hf:"input_layernorm" gguf:"attn_norm"`
	Attn     llamaAttention `hf:"self_attn"`
	MLPNorm  nn.RMSNorm     `hf:"post_attention_layernorm" gguf:"ffn_norm"`
	MLP      swiGLU         `hf:"mlp"`
}

type llamaAttention struct {
	Q nn.Linear `hf:"q_proj" gguf:"attn_q"`
	K nn.Linear `hf:"k_proj" gguf:"attn_k"`
	V nn.Linear `hf:"v_proj" gguf:"attn_v"`
	O nn.Linear `hf:"o_proj" gguf:"attn_output"`

	// Norms of each head's queries and keys: Qwen3's, else nil.
	QNorm *nn.RMSNorm `hf:"q_norm" gguf:"attn_q_norm"`
	KNorm *nn.RMSNorm `hf:"k_norm" gguf:"attn_k_norm"`

	layer, heads, kvHeads, dim int
	rotary                     *nn.Rotary // nil: positions are not told (SmolLM3)
	options                    nn.Attention
}

// swiGLU is the gated feed-forward of Shazeer 2020, arXiv:2002.05202, eq. 6.
type swiGLU struct {
	Gate nn.Linear `hf:"gate_proj" gguf:"ffn_gate"`
	Up   nn.Linear `hf:"up_proj" gguf:"ffn_up"`
	Down nn.Linear `hf:"down_proj" gguf:"ffn_down"`
}

// NewLlama returns a Llama whose weights have shapes but no values yet: nn.Init
// draws them for training, model.Load binds them to a file's pages.
//
// Errors: a dimension that is absent or absurd; heads that do not divide; a
// variant of Llama that is not this one.
func NewLlama(c LlamaConfig) (*Llama, error) {
	if err := c.complete("llama", "LlamaForCausalLM"); err != nil {
		return nil, err
	}
	return newLlama(c), nil
}

func newLlama(c LlamaConfig) *Llama {
	m := &Llama{config: c}
	m.grow(c.shape(), c.Eps, c.Tied)
	rotary := c.rotary()
	for i := range m.Blocks {
		m.Blocks[i] = llamaBlock{
			AttnNorm: nn.NewRMSNorm(c.Width, c.Eps),
			Attn:     c.attention(i, rotary),
			MLPNorm:  nn.NewRMSNorm(c.Width, c.Eps),
			MLP:      c.swiGLU(c.Hidden),
		}
	}
	return m
}

// attention declares that of layer i.
func (c *LlamaConfig) attention(i int, rotary *nn.Rotary) llamaAttention {
	q, kv := c.Heads*c.HeadDim, c.KVHeads*c.HeadDim
	return llamaAttention{
		Q:       fanIn(c.Width, q, c.AttentionBias),
		K:       fanIn(c.Width, kv, c.AttentionBias),
		V:       fanIn(c.Width, kv, c.AttentionBias),
		O:       c.residual(q, c.AttentionBias),
		layer:   i,
		heads:   c.Heads,
		kvHeads: c.KVHeads,
		dim:     c.HeadDim,
		rotary:  rotary,
	}
}

// swiGLU declares a feed-forward part with so many channels inside.
func (c *LlamaConfig) swiGLU(hidden int) swiGLU {
	return swiGLU{
		Gate: fanIn(c.Width, hidden, c.MLPBias),
		Up:   fanIn(c.Width, hidden, c.MLPBias),
		Down: c.residual(hidden, c.MLPBias),
	}
}

// fanIn declares a map that starts with variance 1/(3·in), which is what 0.02
// is for a width of 833: narrower models start with larger weights.
func fanIn(in, out int, bias bool) nn.Linear {
	l := nn.NewLinear(in, out, bias)
	l.Std = inverseRoot(3 * in)
	return l
}

// residual declares a map that ends in the residual stream, where 2L of them
// add up.
func (c *LlamaConfig) residual(in int, bias bool) nn.Linear {
	l := fanIn(in, c.Width, bias)
	l.Std /= float32(math.Sqrt(float64(2 * c.Layers)))
	return l
}

func (b *llamaBlock) Forward(p *nn.Pass, x *tensor.Tensor) *tensor.Tensor {
	x = x.Add(b.Attn.forward(p, b.AttnNorm.Forward(x)))
	return x.Add(b.MLP.forward(b.MLPNorm.Forward(x)))
}

func (a *llamaAttention) forward(p *nn.Pass, x *tensor.Tensor) *tensor.Tensor {
	N, D := x.Dim(0), a.dim
	all := nn.Linears(x, &a.Q, &a.K, &a.V)
	q, k, v := all[0].Reshape(N, a.heads, D), all[1].Reshape(N, a.kvHeads, D), all[2].Reshape(N, a.kvHeads, D)
	if a.QNorm != nil {
		q, k = a.QNorm.Forward(q), a.KNorm.Forward(k)
	}
	q, k = a.rotary.Turn(p, q), a.rotary.Turn(p, k)
	y := p.Attend(a.layer, q, k, v, a.options) // (N, H, D)
	return a.O.Forward(y.Reshape(N, a.heads*D))
}

func (f *swiGLU) forward(x *tensor.Tensor) *tensor.Tensor {
	both := nn.Linears(x, &f.Gate, &f.Up)
	return f.Down.Forward(both[0].SiLUMul(both[1]))
}

// Config returns a [LlamaConfig].
func (m *Llama) Config() any { return m.config }
