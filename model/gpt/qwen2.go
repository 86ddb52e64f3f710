package gpt

import (
	"encoding/json"

	"github.com/inkstone-ai/inkstone/model"
	"github.com/inkstone-ai/inkstone/tensor"
)

func init() { model.Register("qwen2", NewQwen2) }

var _ model.LM = (*Qwen2)(nil)

// Qwen2 is the model of Yang et al. 2024, arXiv:2407.10671, and of Qwen2.5
// (arXiv:2412.15115): a [Llama] with biases on queries, keys and values (Su 2023).
type Qwen2 struct {
	Llama

	config Qwen2Config
}

// Qwen2Config is the config.json of Hugging Face's Qwen2ForCausalLM.
type Qwen2Config struct {
	LlamaConfig
	QwenWindow
}

// QwenWindow is which layers of a Qwen see a window alone.
type QwenWindow struct {
	UseWindow    bool     `json:"use_sliding_window"`
	Window       *int     `json:"sliding_window"`
	WindowLayers *int     `json:"max_window_layers"` // with UseWindow, the first layers, which see all; nil: 28
	LayerTypes   []string `json:"layer_types"`       // nil: by the three above
}

// apply completes w and sets the windows of m's layers.
func (w *QwenWindow) apply(name string, m *Llama) error {
	if w.WindowLayers == nil {
		most := 28
		w.WindowLayers = &most
	}
	if w.LayerTypes == nil {
		w.LayerTypes = layerTypes(len(m.Blocks), func(i int) bool { return w.UseWindow && w.Window != nil && i >= *w.WindowLayers })
	}
	window := w.Window
	if !w.UseWindow {
		window = nil
	}
	all, err := windows(name, w.LayerTypes, len(m.Blocks), window)
	if err != nil {
		return err
	}
	for i := range m.Blocks {
		m.Blocks[i].Attn.options.Window = all[i]
	}
	return nil
}

// UnmarshalJSON reads a config.json; an absent key means what it means in transformers.
func (c *Qwen2Config) UnmarshalJSON(b []byte) error {
	type plain Qwen2Config
	window := 4096
	p := plain{QwenWindow: QwenWindow{Window: &window}, LlamaConfig: LlamaConfig{Vocab: 151936, Width: 4096, Hidden: 22016, Layers: 32, Heads: 32, KVHeads: 32, Context: 32768}}
	err := json.Unmarshal(b, &p)
	p.nulls(b)
	*c = Qwen2Config(p)
	return err
}

// NewQwen2 is [NewLlama] with the biases and windows.
func NewQwen2(c Qwen2Config) (*Qwen2, error) {
	const name = "qwen2"
	c.AttentionBias, c.MLPBias = false, false
	if err := c.complete(name, "Qwen2ForCausalLM"); err != nil {
		return nil, err
	}
	m := &Qwen2{Llama: *newLlama(c.LlamaConfig)}
	for i := range m.Blocks {
		a := &m.Blocks[i].Attn
		a.Q.B, a.K.B, a.V.B = tensor.Declare(a.heads*a.dim), tensor.Declare(a.kvHeads*a.dim), tensor.Declare(a.kvHeads*a.dim)
	}
	if err := c.apply(name, &m.Llama); err != nil {
		return nil, err
	}
	m.config = c
	return m, nil
}

// Config returns a [Qwen2Config].
func (m *Qwen2) Config() any { return m.config }
