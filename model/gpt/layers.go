package gpt

import (
	"encoding/json"
	"fmt"
)

// The two layer_types of config.json that are known here.
const (
	fullAttention    = "full_attention"
	slidingAttention = "sliding_attention"
)

// windows returns how far each layer sees by its type: window tokens, its own included,
// where it is sliding, and 0, all, where it is not.
func windows(model string, types []string, layers int, window *int) ([]int, error) {
	if len(types) != layers {
		return nil, fmt.Errorf("gpt: %s config: %d layer_types for %d layers", model, len(types), layers)
	}
	w := make([]int, layers)
	for i, t := range types {
		switch {
		case t == fullAttention:
		case t != slidingAttention:
			return nil, fmt.Errorf("gpt: %s config: layer_types has %q, known are %s and %s", model, t, fullAttention, slidingAttention)
		case window == nil || *window < 1:
			return nil, fmt.Errorf("gpt: %s config: layer %d slides, but sliding_window is absent or not positive", model, i)
		default:
			w[i] = *window
		}
	}
	return w, nil
}

// layerTypes names every layer's type, as files name them.
func layerTypes(layers int, sliding func(i int) bool) []string {
	t := make([]string, layers)
	for i := range t {
		t[i] = fullAttention
		if sliding(i) {
			t[i] = slidingAttention
		}
	}
	return t
}

// positive checks a window that all layers have, nil being none.
func positive(model string, window *int) (int, error) {
	switch {
	case window == nil:
		return 0, nil
	case *window < 1:
		return 0, fmt.Errorf("gpt: %s config: sliding_window is %d, want more than 0, or null for none", model, *window)
	}
	return *window, nil
}

// isNull reports whether a config.json sets key to null, which differs from leaving it
// out where an absent key means a number.
func isNull(config []byte, key string) bool {
	var keys map[string]json.RawMessage
	return json.Unmarshal(config, &keys) == nil && string(keys[key]) == "null"
}

// nulls makes 0, which means derived, of the dimensions that a config.json sets to null.
func (c *LlamaConfig) nulls(config []byte) {
	if isNull(config, "num_key_value_heads") {
		c.KVHeads = 0
	}
	if isNull(config, "head_dim") {
		c.HeadDim = 0
	}
}
