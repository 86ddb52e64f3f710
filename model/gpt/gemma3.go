package gpt

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/inkstone-ai/inkstone/format"
	"github.com/inkstone-ai/inkstone/model"
	"github.com/inkstone-ai/inkstone/nn"
)

func init() {
	model.Register("gemma3_text", NewGemma3)
	model.Register("gemma3", func(c Gemma3Nested) (*Gemma3, error) { return NewGemma3(c.Text) })
}

var (
	_ model.LM         = (*Gemma3)(nil)
	_ model.SoftCapped = (*Gemma3)(nil)
)

// Gemma3 is the text model of the Gemma team 2025, arXiv:2503.19786: a [Gemma2] with
// norms of each head's queries and keys instead of a cap on scores, one layer in six that
// sees all, and other rotary frequencies there than in those that slide.
//
// Of a folder that holds a model of images and texts it is the texts' part.
type Gemma3 struct {
	Gemma2

	config Gemma3Config
}

// Gemma3Config is the config.json of Hugging Face's Gemma3ForCausalLM.
type Gemma3Config struct {
	Gemma2Config
	Pattern    int         `json:"sliding_window_pattern,omitempty"` // every so many layers one sees all; 0 means 6
	LocalTheta float64     `json:"rope_local_base_freq,omitempty"`   // of layers that slide; 0 means 10,000
	Ropes      *gemmaRopes `json:"rope_parameters,omitempty"`        // of each type of layer, in newer files
}

// gemmaRopes are the frequencies of each type of layer.
type gemmaRopes struct {
	Full    *Rope `json:"full_attention"`
	Sliding *Rope `json:"sliding_attention"`
}

// Gemma3Nested is the config.json of Hugging Face's Gemma3ForConditionalGeneration.
type Gemma3Nested struct {
	Text Gemma3Config `json:"text_config"`
}

// UnmarshalJSON reads a config.json; an absent key means what it means in transformers.
func (c *Gemma3Config) UnmarshalJSON(b []byte) error {
	type base Gemma2Config
	inner := base(gemma2Absent())
	inner.Vocab, inner.Context, inner.ScoreCap, inner.LogitCap = 262208, 1<<17, nil, nil
	outer := struct {
		Pattern    int         `json:"sliding_window_pattern"`
		LocalTheta float64     `json:"rope_local_base_freq"`
		Ropes      *gemmaRopes `json:"rope_parameters"`
	}{}
	err := errors.Join(json.Unmarshal(b, &inner), json.Unmarshal(b, &outer))
	inner.Rope = nil // it is outer's, of another form
	*c = Gemma3Config{Gemma2Config: Gemma2Config(inner), Pattern: outer.Pattern, LocalTheta: outer.LocalTheta, Ropes: outer.Ropes}
	return err
}

// NewGemma3 is [NewGemma2] for a Gemma 3.
func NewGemma3(c Gemma3Config) (*Gemma3, error) {
	const name = "gemma3_text"
	if c.Pattern = orDefault(c.Pattern, 6); c.Pattern < 1 {
		return nil, fmt.Errorf("gpt: %s config: sliding_window_pattern is %d, want more than 0", name, c.Pattern)
	}
	if err := c.complete(name, "Gemma3ForCausalLM", func(i int) bool { return (i+1)%c.Pattern != 0 }); err != nil {
		return nil, err
	}
	switch {
	case c.ScoreCap != nil:
		return nil, fmt.Errorf("gpt: %s config: attn_logit_softcapping is not of this architecture", name)
	case c.Rope != nil:
		return nil, fmt.Errorf("gpt: %s config: one rope_parameters for all layers, want one for each type", name)
	}
	full, sliding, err := c.ropes(name)
	if err != nil {
		return nil, err
	}
	m := &Gemma3{config: c}
	if err := m.declare(name, c.Gemma2Config, func(i int) *nn.Rotary {
		if c.LayerTypes[i] == slidingAttention {
			return sliding
		}
		return full
	}); err != nil {
		return nil, err
	}
	m.shape.HeadNorms = true
	for i := range m.Blocks {
		q, k := c.norm(c.HeadDim), c.norm(c.HeadDim)
		m.Blocks[i].Attn.QNorm, m.Blocks[i].Attn.KNorm = &q, &k
	}
	return m, nil
}

// ropes are the rotations of layers that see all and of those that slide.
func (c *Gemma3Config) ropes(name string) (full, sliding *nn.Rotary, err error) {
	c.Theta, c.LocalTheta = orDefault(c.Theta, 1e6), orDefault(c.LocalTheta, 1e4)
	global, local := c.RopeScaling, (*Rope)(nil)
	if c.Ropes != nil {
		if c.RopeScaling != nil {
			return nil, nil, fmt.Errorf("gpt: %s config: both rope_scaling and rope_parameters", name)
		}
		if c.Ropes.Full == nil || c.Ropes.Sliding == nil {
			return nil, nil, fmt.Errorf("gpt: %s config: rope_parameters without %s and %s", name, fullAttention, slidingAttention)
		}
		global, local = c.Ropes.Full, c.Ropes.Sliding
	}
	rotary := func(r *Rope, theta float64) (*nn.Rotary, error) {
		whole := either(r, nil, theta, c.Context)
		if whole.Type == "dynamic" || whole.Type == "longrope" {
			return nil, fmt.Errorf("gpt: %s config: rope_type %s is not supported", name, whole.Type)
		}
		if err := whole.check(c.HeadDim); err != nil {
			return nil, fmt.Errorf("gpt: %s config: %w", name, err)
		}
		return whole.rotary(c.HeadDim, c.Context), nil
	}
	full, err = rotary(global, c.Theta)
	if err != nil {
		return nil, nil, err
	}
	sliding, err = rotary(local, c.LocalTheta)
	return full, sliding, err
}

// Import takes the texts' part of a model of images and texts, whose names have more in
// front, and leaves the images' part. It accepts what a Llama's does.
func (m *Gemma3) Import(t format.Tensor) (format.Tensor, error) {
	for _, images := range []string{"vision_tower.", "multi_modal_projector."} {
		if strings.HasPrefix(strings.TrimPrefix(t.Name, "model."), images) {
			t.Name = ""
			return t, nil
		}
	}
	if rest, ok := strings.CutPrefix(t.Name, "language_model."); ok {
		t.Name = rest
	}
	if rest, ok := strings.CutPrefix(t.Name, "model.language_model."); ok {
		t.Name = "model." + rest
	}
	return m.trunk.Import(t)
}

// Config returns a [Gemma3Config].
func (m *Gemma3) Config() any { return m.config }
