package model

import (
	"encoding/json"
	"errors"
	"fmt"
)

// uniform refuses what transformers lets a config.json of any model_type say, and what is not
// computed here: tokens that see those after them, and layers with settings of their own.
func uniform(config []byte) error {
	var c struct {
		Causal *bool                      `json:"is_causal"`
		Layers map[string]json.RawMessage `json:"per_layer_config"`
		Text   json.RawMessage            `json:"text_config"` // of a model of images and texts
	}
	if err := json.Unmarshal(config, &c); err != nil {
		return fmt.Errorf("model: config: %w", err)
	}
	switch {
	case c.Causal != nil && !*c.Causal:
		return errors.New("model: config has is_causal false: tokens see those before them alone here")
	case len(c.Layers) > 0:
		return errors.New("model: config has a per_layer_config, which is not supported: all layers have the same settings here")
	case len(c.Text) > 0:
		return uniform(c.Text)
	}
	return nil
}
