package adapter

import (
	"errors"
	"strings"
)

// A part is what a tensor of the file is to its module.
type part int

const (
	first     part = iota // A
	second                // B
	magnitude             // m
	whole                 // a weight that replaces the model's
	original              // the base's own weight beside one that replaces it
)

// parts are the words of PEFT's names.
var parts = map[string]struct {
	part      part
	embedding bool
}{
	"lora_A": {first, false}, "lora_B": {second, false}, "lora_magnitude_vector": {magnitude, false},
	"lora_embedding_A": {first, true}, "lora_embedding_B": {second, true},
}

// A name is what the name of a tensor says.
type name struct {
	module    string // the way to it in the model: "model.layers.0.self_attn.q_proj"
	adapter   string // "default", where the name has one
	part      part
	embedding bool
	weight    string // of a whole one: "lm_head.weight"
}

const prefix = "base_model.model."

// parseName reads base_model.model.MODULE.lora_A.weight, with the adapter's name before the weight in files that
// were not written by save_pretrained; lora_embedding_A and lora_magnitude_vector stand alone. What else ends in
// weight or bias is a whole one.
func parseName(key string) (name, error) {
	rest, ok := strings.CutPrefix(key, prefix)
	if !ok {
		return name{}, errors.New("does not begin with " + prefix + " as PEFT's do: convert the adapter to PEFT's form")
	}
	words := strings.Split(rest, ".")
	for i, w := range words {
		if w == "" {
			return name{}, errors.New("has an empty part in its name")
		}
		if p, ok := parts[w]; ok && i > 0 {
			n := name{module: strings.Join(words[:i], "."), part: p.part, embedding: p.embedding}
			return n, n.tail(words[i+1:])
		}
	}
	return wholeName(words)
}

// tail reads what follows the word of a part: [adapter] [weight].
func (n *name) tail(words []string) error {
	last := ""
	if len(words) > 0 {
		last = words[len(words)-1]
	}
	bare := n.embedding || n.part == magnitude
	switch {
	case last == "bias":
		return errors.New("is a bias of the adapter itself (lora_bias), which is not supported: merge the adapter with PEFT")
	case last == "weight" && !n.embedding:
		words = words[:len(words)-1]
	case !bare:
		return errors.New("is not known: after lora_A and lora_B comes weight")
	}
	if len(words) > 1 {
		return errors.New("is not known: too much follows the name of the part")
	}
	n.adapter = strings.Join(words, "")
	return nil
}

// wholeName reads MODULE.weight or .bias, and the forms that PEFT's wrappers give it: MODULE.base_layer.weight,
// MODULE.modules_to_save.NAME.weight, and MODULE.original_module.weight of the base.
func wholeName(words []string) (name, error) {
	last := len(words) - 1
	if words[last] != "weight" && words[last] != "bias" {
		return name{}, errors.New("is not known: its name has no lora_A or lora_B, and does not end in weight or bias")
	}
	module, part := words[:last], whole
	for i, w := range module {
		if w == "original_module" && i == len(module)-1 {
			part = original
		}
		if w == "original_module" && i == len(module)-1 || w == "modules_to_save" && len(module)-i <= 2 || w == "base_layer" && i == len(module)-1 {
			module = module[:i]
			break
		}
	}
	if len(module) == 0 {
		return name{}, errors.New("names no module")
	}
	path := strings.Join(module, ".")
	return name{module: path, part: part, weight: path + "." + words[last]}, nil
}

func isBaseLayer(key string) bool {
	module, _ := cutLast(key)
	return strings.HasSuffix(module, ".base_layer")
}

// cutLast splits a path before its last word.
func cutLast(path string) (before, last string) {
	i := strings.LastIndexByte(path, '.')
	return path[:max(i, 0)], path[i+1:]
}
