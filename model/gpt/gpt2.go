package gpt

import (
	"errors"
	"fmt"

	"github.com/inkstone-ai/inkstone/model"
	"github.com/inkstone-ai/inkstone/nn"
	"github.com/inkstone-ai/inkstone/tensor"
)

func init() { model.Register("gpt2", NewGPT2) }

var _ model.LM = (*GPT2)(nil)

// GPT2 is the model of Radford et al. 2019, "Language Models are Unsupervised
// Multitask Learners": learned positions, LayerNorm before each half of a block
// and after the last, GELU, biases everywhere, a head tied to the embedding
// (Press & Wolf 2017, arXiv:1608.05859).
type GPT2 struct {
	Embed     nn.Embedding `hf:"transformer.wte" gguf:"token_embd"`
	Positions nn.Embedding `hf:"transformer.wpe" gguf:"position_embd"`
	Blocks    []gpt2Block  `hf:"transformer.h" gguf:"blk"`
	Norm      nn.LayerNorm `hf:"transformer.ln_f" gguf:"output_norm"`
	Head      *nn.Linear   `hf:"lm_head" gguf:"output" role:"head"` // nil when tied to Embed

	config GPT2Config
}

type gpt2Block struct {
	AttnNorm nn.LayerNorm  `hf:"ln_1" gguf:"attn_norm"`
	Attn     gpt2Attention `hf:"attn"`
	MLPNorm  nn.LayerNorm  `hf:"ln_2" gguf:"ffn_norm"`
	MLP      gpt2MLP       `hf:"mlp"`

	dropout float32
}

type gpt2Attention struct {
	QKV nn.Linear `hf:"c_attn" gguf:"attn_qkv"` // (3C, C): queries, keys, values
	O   nn.Linear `hf:"c_proj" gguf:"attn_output"`

	layer, heads int
	options      nn.Attention
}

type gpt2MLP struct {
	Up   nn.Linear `hf:"c_fc" gguf:"ffn_up"`
	Down nn.Linear `hf:"c_proj" gguf:"ffn_down"`

	act func(*tensor.Tensor) *tensor.Tensor
}

// NewGPT2 returns a GPT-2 whose weights have shapes but no values yet: nn.Init
// draws them for training, model.Load binds them to a file's pages.
//
// Errors: a dimension that is absent or absurd; a width that the heads do not
// divide; a variant of GPT-2 that is not this one.
func NewGPT2(c GPT2Config) (*GPT2, error) {
	act, err := c.complete()
	if err != nil {
		return nil, err
	}
	m := &GPT2{
		Embed:     nn.NewEmbedding(c.Vocab, c.Width),
		Positions: nn.NewEmbedding(c.Context, c.Width),
		Blocks:    make([]gpt2Block, c.Layers),
		Norm:      nn.NewLayerNorm(c.Width, c.Eps, true),
		config:    c,
	}
	if !c.Tied {
		head := nn.NewLinear(c.Width, c.Vocab, false)
		m.Head = &head
	}
	for i := range m.Blocks {
		m.Blocks[i] = gpt2Block{
			AttnNorm: nn.NewLayerNorm(c.Width, c.Eps, true),
			Attn: gpt2Attention{
				QKV:     nn.NewLinear(c.Width, 3*c.Width, true),
				O:       c.residual(c.Width),
				layer:   i,
				heads:   c.Heads,
				options: nn.Attention{Scale: c.scoreScale(i)},
			},
			MLPNorm: nn.NewLayerNorm(c.Width, c.Eps, true),
			MLP: gpt2MLP{
				Up:   nn.NewLinear(c.Width, c.Hidden, true),
				Down: c.residual(c.Hidden),
				act:  act,
			},
			dropout: c.ResidualDropout,
		}
	}
	return m, nil
}

// residual declares a map that ends in the residual stream. Radford et al. 2019
// scale its start by 1/√(2L), the number of maps that add up there.
func (c *GPT2Config) residual(in int) nn.Linear {
	l := nn.NewLinear(in, c.Width, true)
	l.Std = nn.Std * inverseRoot(2*c.Layers)
	return l
}

// scoreScale is by what layer i multiplies its scores. Karamcheti et al. 2021, "Mistral — A
// Journey towards Reproducible Language Model Training", divide them by the layer's number, too.
func (c *GPT2Config) scoreScale(i int) float32 {
	scale := inverseRoot(c.Width / c.Heads)
	if c.ScaleAttention != nil && !*c.ScaleAttention {
		scale = 1
	}
	if c.InverseLayerScale {
		scale /= float32(i + 1)
	}
	return scale
}

// Forward returns the activations after the last norm, (N, C).
func (m *GPT2) Forward(p *nn.Pass) *tensor.Tensor {
	x := p.Embed(&m.Embed).Add(m.Positions.Forward(p.Pos)) // (N, C)
	x = x.Dropout(m.config.EmbedDropout)
	for i := range m.Blocks {
		x = p.Through(&m.Blocks[i], x)
	}
	return m.Norm.Forward(x)
}

func (b *gpt2Block) Forward(p *nn.Pass, x *tensor.Tensor) *tensor.Tensor {
	x = x.Add(b.Attn.forward(p, b.AttnNorm.Forward(x)).Dropout(b.dropout))
	return x.Add(b.MLP.forward(b.MLPNorm.Forward(x)).Dropout(b.dropout))
}

func (a *gpt2Attention) forward(p *nn.Pass, x *tensor.Tensor) *tensor.Tensor {
	N, C, H := x.Dim(0), x.Dim(1), a.heads
	qkv := a.QKV.Forward(x).Reshape(N, 3*H, C/H) // three times H heads
	q, k, v := qkv.Slice(1, 0, H), qkv.Slice(1, H, 2*H), qkv.Slice(1, 2*H, 3*H)
	y := p.Attend(a.layer, q, k, v, a.options) // (N, H, D)
	return a.O.Forward(y.Reshape(N, C))
}

func (f *gpt2MLP) forward(x *tensor.Tensor) *tensor.Tensor {
	return f.Down.Forward(f.act(f.Up.Forward(x)))
}

// Logits returns (R, V) for rows (R, C) of Forward's result.
func (m *GPT2) Logits(rows *tensor.Tensor) *tensor.Tensor { return rows.Linear(m.HeadWeight(), nil) }

// HeadWeight is the matrix of Logits, (V, C).
func (m *GPT2) HeadWeight() *tensor.Tensor {
	if m.Head == nil {
		return m.Embed.W
	}
	return m.Head.W
}

// Shape tells the model's dimensions.
func (m *GPT2) Shape() model.Shape {
	c := &m.config
	return model.Shape{Vocab: c.Vocab, Context: c.Context, Layers: c.Layers, Width: c.Width, Hidden: c.Hidden,
		Heads: c.Heads, KVHeads: c.Heads, HeadDim: c.Width / c.Heads}
}

// Config returns a [GPT2Config].
func (m *GPT2) Config() any { return m.config }

// activations are Hugging Face's names of what GPT-2's feed-forward may use.
var activations = map[string]func(*tensor.Tensor) *tensor.Tensor{
	"gelu_new":          (*tensor.Tensor).GELU,
	"gelu_pytorch_tanh": (*tensor.Tensor).GELU,
	"gelu":              (*tensor.Tensor).GELUErf,
	"relu":              (*tensor.Tensor).ReLU,
	"silu":              (*tensor.Tensor).SiLU,
}

// complete fills in what an absent key means and refuses what does not fit.
func (c *GPT2Config) complete() (act func(*tensor.Tensor) *tensor.Tensor, err error) {
	c.Architectures, c.Type = []string{"GPT2LMHeadModel"}, "gpt2"
	c.Hidden = orDefault(c.Hidden, 4*c.Width)
	c.Activation = orDefault(c.Activation, "gelu_new")
	c.Eps = orDefault(c.Eps, 1e-5)
	c.DType = "float32"
	if err := inRange("gpt2", dim{"vocab_size", c.Vocab, mostVocab}, dim{"n_positions", c.Context, mostVocab},
		dim{"n_embd", c.Width, mostWidth}, dim{"n_layer", c.Layers, mostLayers}, dim{"n_head", c.Heads, mostWidth},
		dim{"n_inner", c.Hidden, mostWidth}); err != nil {
		return nil, err
	}
	if c.Width%c.Heads != 0 {
		return nil, fmt.Errorf("gpt: gpt2 config: n_embd %d is not a multiple of n_head %d", c.Width, c.Heads)
	}
	if c.CrossAttention {
		return nil, errors.New("gpt: gpt2 config: add_cross_attention is not supported")
	}
	if act = activations[c.Activation]; act == nil {
		return nil, fmt.Errorf("gpt: gpt2 config: activation_function %q is not supported", c.Activation)
	}
	return act, nil
}
