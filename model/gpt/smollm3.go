package gpt

import (
	"encoding/json"
	"fmt"

	"github.com/inkstone-ai/inkstone/model"
)

func init() { model.Register("smollm3", NewSmolLM3) }

var _ model.LM = (*SmolLM3)(nil)

// SmolLM3 is the model of Bakouch et al. 2025, a [Llama] in which every fourth layer is
// told no positions: NoPE, Kazemnejad et al. 2023, arXiv:2305.19466, mixed with rotary
// layers as in Yang et al. 2025, arXiv:2501.18795.
type SmolLM3 struct {
	Llama

	config SmolLM3Config
}

// SmolLM3Config is the config.json of Hugging Face's SmolLM3ForCausalLM.
type SmolLM3Config struct {
	LlamaConfig
	Positions  []int    `json:"no_rope_layers"`         // of each layer 1 where it has positions, whatever the name says; nil: by Interval
	Interval   int      `json:"no_rope_layer_interval"` // every so many layers one has none; 0 means 4
	UseWindow  bool     `json:"use_sliding_window"`
	Window     *int     `json:"sliding_window"`
	LayerTypes []string `json:"layer_types"` // nil: with UseWindow the layers without positions slide
}

// UnmarshalJSON reads a config.json; an absent key means what it means in transformers.
func (c *SmolLM3Config) UnmarshalJSON(b []byte) error {
	type plain SmolLM3Config
	p := plain{LlamaConfig: LlamaConfig{Vocab: 128256, Width: 2048, Hidden: 11008, Layers: 36, Heads: 16, KVHeads: 4, Context: 32768, Tied: true}}
	err := json.Unmarshal(b, &p)
	p.nulls(b)
	*c = SmolLM3Config(p)
	return err
}

// NewSmolLM3 is [NewLlama] with the layers that are told no positions.
func NewSmolLM3(c SmolLM3Config) (*SmolLM3, error) {
	const name = "smollm3"
	c.Theta = orDefault(c.Theta, 2e6)
	if err := c.complete(name, "SmolLM3ForCausalLM"); err != nil {
		return nil, err
	}
	if err := c.layers(); err != nil {
		return nil, err
	}
	window, err := windows(name, c.LayerTypes, c.Layers, c.Window)
	if err != nil {
		return nil, err
	}
	m := &SmolLM3{Llama: *newLlama(c.LlamaConfig), config: c}
	for i := range m.Blocks {
		a := &m.Blocks[i].Attn
		if c.Positions[i] == 0 {
			a.rotary = nil
		}
		if c.UseWindow {
			a.options.Window = window[i]
		}
	}
	return m, nil
}

// layers completes what is said of single layers.
func (c *SmolLM3Config) layers() error {
	if c.Interval = orDefault(c.Interval, 4); c.Interval < 0 {
		return fmt.Errorf("gpt: smollm3 config: no_rope_layer_interval is %d, want more than 0", c.Interval)
	}
	if c.Positions == nil {
		c.Positions = make([]int, c.Layers)
		for i := range c.Positions {
			if (i+1)%c.Interval != 0 {
				c.Positions[i] = 1
			}
		}
	}
	if len(c.Positions) != c.Layers {
		return fmt.Errorf("gpt: smollm3 config: %d no_rope_layers for %d layers", len(c.Positions), c.Layers)
	}
	if c.LayerTypes == nil {
		c.LayerTypes = layerTypes(c.Layers, func(i int) bool { return c.UseWindow && c.Window != nil && c.Positions[i] == 0 })
	}
	return nil
}

// Config returns a [SmolLM3Config].
func (m *SmolLM3) Config() any { return m.config }
