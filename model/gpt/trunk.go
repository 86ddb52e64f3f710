package gpt

import (
	"strings"

	"github.com/inkstone-ai/inkstone/format"
	"github.com/inkstone-ai/inkstone/model"
	"github.com/inkstone-ai/inkstone/nn"
	"github.com/inkstone-ai/inkstone/tensor"
)

// A trunk is what Llama and its kin have around their blocks: an embedding, a norm after
// the last block, and a head, which may be the embedding (Press & Wolf 2017,
// arXiv:1608.05859).
type trunk[B any, P interface {
	*B
	nn.Layer
}] struct {
	Embed  nn.Embedding `hf:"model.embed_tokens" gguf:"token_embd"`
	Blocks []B          `hf:"model.layers" gguf:"blk"`
	Norm   nn.RMSNorm   `hf:"model.norm" gguf:"output_norm"`
	Head   *nn.Linear   `hf:"lm_head" gguf:"output" role:"head"` // nil when tied to Embed

	shape model.Shape
}

// grow declares a trunk whose blocks have no weights yet.
func (m *trunk[B, P]) grow(s model.Shape, eps float32, tied bool) {
	m.shape = s
	m.Embed = nn.NewEmbedding(s.Vocab, s.Width)
	m.Blocks = make([]B, s.Layers)
	m.Norm = nn.NewRMSNorm(s.Width, eps)
	if !tied {
		head := nn.NewLinear(s.Width, s.Vocab, false)
		m.Head = &head
	}
}

// Forward returns the activations after the last norm, (N, C).
func (m *trunk[B, P]) Forward(p *nn.Pass) *tensor.Tensor { return m.layers(p, p.Embed(&m.Embed)) }

// layers continues from the embedded tokens x (N, C).
func (m *trunk[B, P]) layers(p *nn.Pass, x *tensor.Tensor) *tensor.Tensor {
	for i := range m.Blocks {
		x = p.Through(P(&m.Blocks[i]), x)
	}
	return m.Norm.Forward(x)
}

// Logits returns (R, V) for rows (R, C) of Forward's result.
func (m *trunk[B, P]) Logits(rows *tensor.Tensor) *tensor.Tensor {
	return rows.Linear(m.HeadWeight(), nil)
}

// HeadWeight is the matrix of Logits, (V, C).
func (m *trunk[B, P]) HeadWeight() *tensor.Tensor {
	if m.Head == nil {
		return m.Embed.W
	}
	return m.Head.W
}

// Shape tells the model's dimensions.
func (m *trunk[B, P]) Shape() model.Shape { return m.shape }

// Import accepts names without "model." in front, as the file of a model
// without a head has them, a tied head that is stored all the same, and the
// rotary frequencies, or their tables, that older files keep among the weights.
func (m *trunk[B, P]) Import(t format.Tensor) (format.Tensor, error) {
	_, buffer, _ := strings.Cut(t.Name, ".rotary_emb.")
	switch {
	case buffer == "inv_freq", buffer == "cos_cached", buffer == "sin_cached":
		t.Name = ""
	case t.Name == "lm_head.weight" && m.Head == nil:
		t.Name = "model.embed_tokens.weight"
	case t.Name != "lm_head.weight" && !strings.HasPrefix(t.Name, "model."):
		t.Name = "model." + t.Name
	}
	return t, nil
}
