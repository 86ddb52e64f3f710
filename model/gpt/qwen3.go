package gpt

import (
	"encoding/json"

	"github.com/inkstone-ai/inkstone/model"
	"github.com/inkstone-ai/inkstone/nn"
)

func init() { model.Register("qwen3", NewQwen3) }

var _ model.LM = (*Qwen3)(nil)

// Qwen3 is the dense model of Yang et al. 2025, arXiv:2505.09388: a [Llama] that
// normalises the queries and keys of each head (Dehghani et al. 2023,
// arXiv:2302.05442, section 2) instead of adding biases to them.
type Qwen3 struct {
	Llama

	config Qwen3Config
}

// Qwen3Config is the config.json of Hugging Face's Qwen3ForCausalLM.
type Qwen3Config struct {
	LlamaConfig
	QwenWindow
}

// UnmarshalJSON reads a config.json; an absent key means what it means in
// transformers: head_dim 128, for one.
func (c *Qwen3Config) UnmarshalJSON(b []byte) error {
	type plain Qwen3Config
	window := 4096
	p := plain{QwenWindow: QwenWindow{Window: &window}, LlamaConfig: LlamaConfig{Vocab: 151936, Width: 4096, Hidden: 22016, Layers: 32, Heads: 32, KVHeads: 32,
		HeadDim: 128, Context: 32768}}
	err := json.Unmarshal(b, &p)
	p.nulls(b)
	*c = Qwen3Config(p)
	return err
}

// NewQwen3 is [NewLlama] with the norms of queries and keys.
func NewQwen3(c Qwen3Config) (*Qwen3, error) {
	const name = "qwen3"
	c.MLPBias = false
	if err := c.complete(name, "Qwen3ForCausalLM"); err != nil {
		return nil, err
	}
	m := &Qwen3{Llama: *newLlama(c.LlamaConfig)}
	m.shape.HeadNorms = true
	for i := range m.Blocks {
		m.Blocks[i].Attn.normalise(c.Eps)
	}
	if err := c.apply(name, &m.Llama); err != nil {
		return nil, err
	}
	m.config = c
	return m, nil
}

// normalise declares norms of each head's queries and keys.
func (a *llamaAttention) normalise(eps float32) {
	q, k := nn.NewRMSNorm(a.dim, eps), nn.NewRMSNorm(a.dim, eps)
	a.QNorm, a.KNorm = &q, &k
}

// Config returns a [Qwen3Config].
func (m *Qwen3) Config() any { return m.config }
