package gpt

import (
	"encoding/json"
	"fmt"

	"github.com/inkstone-ai/inkstone/model"
)

func init() { model.Register("mistral", NewMistral) }

var _ model.LM = (*Mistral)(nil)

// Mistral is the model of Jiang et al. 2023, arXiv:2310.06825: a [Llama] whose tokens
// see the newest of a window alone. Later models of the name have no window, and are
// Llamas.
type Mistral struct {
	Llama

	config MistralConfig
}

// MistralConfig is the config.json of Hugging Face's MistralForCausalLM.
type MistralConfig struct {
	LlamaConfig
	Window *int `json:"sliding_window"` // tokens that a token sees, its own included; nil: all

	// LayerTypes is what the architecture does not have, and is refused where it says another thing than Window.
	LayerTypes []string `json:"layer_types,omitempty"`
}

// UnmarshalJSON reads a config.json; an absent key means what it means in
// transformers, which for sliding_window is 4096 and for null none.
func (c *MistralConfig) UnmarshalJSON(b []byte) error {
	type plain MistralConfig
	window := 4096
	p := plain{Window: &window, LlamaConfig: LlamaConfig{Vocab: 32000, Width: 4096, Hidden: 14336, Layers: 32, Heads: 32, KVHeads: 8, Context: 1 << 17}}
	err := json.Unmarshal(b, &p)
	p.nulls(b)
	*c = MistralConfig(p)
	return err
}

// NewMistral is [NewLlama] with the window.
func NewMistral(c MistralConfig) (*Mistral, error) {
	if err := c.complete("mistral", "MistralForCausalLM"); err != nil {
		return nil, err
	}
	window, err := positive("mistral", c.Window)
	if err != nil {
		return nil, err
	}
	for i, t := range c.LayerTypes {
		if (t == slidingAttention) != (window > 0) {
			return nil, fmt.Errorf("gpt: mistral config: layer_types has %q for layer %d: all layers have the sliding_window of the config here, or none has one", t, i)
		}
	}
	m := &Mistral{Llama: *newLlama(c.LlamaConfig), config: c}
	for i := range m.Blocks {
		m.Blocks[i].Attn.options.Window = window
	}
	return m, nil
}

// Config returns a [MistralConfig].
func (m *Mistral) Config() any { return m.config }
