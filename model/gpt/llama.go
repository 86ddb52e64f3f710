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
	Embed  nn.Embedding `hf:"model.embed_tokens" gguf:"token_embd"`
	Blocks []llamaBlock `hf:"model.layers" gguf:"blk"`
	Norm   nn.RMSNorm   `hf:"model.norm" gguf:"output_norm"`
	Head   *nn.Linear   `hf:"lm_head" gguf:"output" role:"head"` // nil when tied to Embed

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

	layer, heads, kvHeads, dim int
	rotary                     *nn.Rotary
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
	m := &Llama{
		Embed:  nn.NewEmbedding(c.Vocab, c.Width),
		Blocks: make([]llamaBlock, c.Layers),
		Norm:   nn.NewRMSNorm(c.Width, c.Eps),
		config: c,
	}
	if !c.Tied {
		head := nn.NewLinear(c.Width, c.Vocab, false)
		m.Head = &head
	}
	rotary := nn.NewRotary(c.HeadDim, c.Theta, c.ropeScale())
	q, kv := c.Heads*c.HeadDim, c.KVHeads*c.HeadDim
	for i := range m.Blocks {
		m.Blocks[i] = llamaBlock{
			AttnNorm: nn.NewRMSNorm(c.Width, c.Eps),
			Attn: llamaAttention{
				Q:       fanIn(c.Width, q, c.AttentionBias),
				K:       fanIn(c.Width, kv, c.AttentionBias),
				V:       fanIn(c.Width, kv, c.AttentionBias),
				O:       c.residual(q, c.AttentionBias),
				layer:   i,
				heads:   c.Heads,
				kvHeads: c.KVHeads,
				dim:     c.HeadDim,
				rotary:  rotary,
			},
			MLPNorm: nn.NewRMSNorm(c.Width, c.Eps),
			MLP: swiGLU{
				Gate: fanIn(c.Width, c.Hidden, c.MLPBias),
				Up:   fanIn(c.Width, c.Hidden, c.MLPBias),
				Down: c.residual(c.Hidden, c.MLPBias),
			},
		}
	}
	return m
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

// Forward returns the activations after the last norm, (N, C).
func (m *Llama) Forward(p *nn.Pass) *tensor.Tensor { return m.layers(p, p.Embed(&m.Embed)) }

// layers continues from the embedded tokens x (N, C).
func (m *Llama) layers(p *nn.Pass, x *tensor.Tensor) *tensor.Tensor {
	for i := range m.Blocks {
		x = p.Through(&m.Blocks[i], x)
	}
	return m.Norm.Forward(x)
}

func (b *llamaBlock) Forward(p *nn.Pass, x *tensor.Tensor) *tensor.Tensor {
	x = x.Add(b.Attn.forward(p, b.AttnNorm.Forward(x)))
	return x.Add(b.MLP.forward(b.MLPNorm.Forward(x)))
}

func (a *llamaAttention) forward(p *nn.Pass, x *tensor.Tensor) *tensor.Tensor {
	N, D := x.Dim(0), a.dim
	q := a.rotary.Rotate(a.Q.Forward(x).Reshape(N, a.heads, D), p.Pos)
	k := a.rotary.Rotate(a.K.Forward(x).Reshape(N, a.kvHeads, D), p.Pos)
	v := a.V.Forward(x).Reshape(N, a.kvHeads, D)
	y := p.Attend(a.layer, q, k, v, nn.Attention{}) // (N, H, D)
	return a.O.Forward(y.Reshape(N, a.heads*D))
}

func (f *swiGLU) forward(x *tensor.Tensor) *tensor.Tensor {
	return f.Down.Forward(f.Gate.Forward(x).SiLUMul(f.Up.Forward(x)))
}

// Logits returns (R, V) for rows (R, C) of Forward's result.
func (m *Llama) Logits(rows *tensor.Tensor) *tensor.Tensor { return rows.Linear(m.HeadWeight(), nil) }

// HeadWeight is the matrix of Logits, (V, C).
func (m *Llama) HeadWeight() *tensor.Tensor {
	if m.Head == nil {
		return m.Embed.W
	}
	return m.Head.W
}

// Shape tells the model's dimensions.
func (m *Llama) Shape() model.Shape {
	c := &m.config
	return model.Shape{Vocab: c.Vocab, Context: c.Context, Layers: c.Layers, Width: c.Width, Hidden: c.Hidden,
		Heads: c.Heads, KVHeads: c.KVHeads, HeadDim: c.HeadDim}
}

// Config returns a [LlamaConfig].
func (m *Llama) Config() any { return m.config }
