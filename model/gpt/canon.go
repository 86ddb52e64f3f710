package gpt

import (
	"github.com/inkstone-ai/inkstone/model"
	"github.com/inkstone-ai/inkstone/nn"
	"github.com/inkstone-ai/inkstone/tensor"
)

func init() { model.Register("inkstone_canon_llama", NewCanonLlama) }

var _ model.LM = (*CanonLlama)(nil)

// CanonLlama is a [Llama] whose token embeddings pass a short causal
// convolution, channel by channel, before the first block:
//
//	h[t] = Σ_k w[k]·e[t−k]
//
// It is the Canon layer of Allen-Zhu 2025, "Physics of Language Models: Part
// 4.1, Architecture Design and the Magic of Canon Layers", at one place instead
// of four in every block. Neighbouring tokens then reach a block already
// mixed, and a small model binds a name to its fact after far fewer steps than
// when its first layers must learn to look one token back.
//
// Other programs do not know this architecture; its config.json says so.
type CanonLlama struct {
	Llama
	Canon nn.CausalConv `hf:"model.canon" gguf:"canon"`

	config CanonLlamaConfig
}

// CanonLlamaConfig is the config.json of a [CanonLlama].
type CanonLlamaConfig struct {
	LlamaConfig
	CanonWidth int    `json:"canon_width"` // tokens that the convolution sees, its own included; 0 means 4
	Note       string `json:"note"`        // set by NewCanonLlama
}

const canonNote = "An architecture of Inkstone: a Llama with a causal convolution on its embeddings " +
	"(model.canon.weight, row k belongs to the token k places back). Other programs do not load it."

// NewCanonLlama is [NewLlama] with the convolution.
func NewCanonLlama(c CanonLlamaConfig) (*CanonLlama, error) {
	const name = "inkstone_canon_llama"
	if err := c.complete(name, "InkstoneCanonLlama"); err != nil {
		return nil, err
	}
	c.CanonWidth, c.Note = orDefault(c.CanonWidth, 4), canonNote
	if err := inRange(name, dim{"canon_width", c.CanonWidth, 64}); err != nil {
		return nil, err
	}
	m := &CanonLlama{
		Llama:  *newLlama(c.LlamaConfig),
		Canon:  nn.NewCausalConv(0, c.CanonWidth, c.Width),
		config: c,
	}
	m.shape.Inputs = c.Width
	if !c.Tied {
		// Embeddings that outweigh what untrained blocks add to them, and a head
		// of its own that reads them: a look-up is a copy of an embedding.
		m.Embed.Std, m.Head.Std = 1, inverseRoot(c.Width)
	}
	return m, nil
}

// Forward returns the activations after the last norm, (N, C).
func (m *CanonLlama) Forward(p *nn.Pass) *tensor.Tensor {
	return m.layers(p, m.Canon.Forward(p, p.Embed(&m.Embed)))
}

// Config returns a [CanonLlamaConfig].
func (m *CanonLlama) Config() any { return m.config }
