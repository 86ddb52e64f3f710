// Package gpt holds the decoder-only transformers, one file per paper: [GPT2];
// [Llama] and those that differ from it in a sentence, [CanonLlama], [Mistral],
// [SmolLM3], [Qwen2] and [Qwen3]; [Phi3]; [Gemma2] and [Gemma3]; and the mixtures of
// experts [Mixtral] and [Qwen3MoE]. Importing it makes their model types known to
// package model.
//
// Each is written as its paper draws it. What papers share is in package nn, or in
// the file of the first of them here; the settings of a paper are its own. An absent
// key of a config.json means what it means in transformers, and a setting that is not
// implemented is an error that names it, but for what only training has.
// testdata/transformers.py writes the numbers that transformers' own code computes, with
// which all but GPT2 and CanonLlama, which have golden.py, are compared.
//
// Dimensions, in comments throughout:
//
//	N tokens of a pass   C channels   F feed-forward channels   V vocabulary
//	H query heads   G key/value heads   D channels per head   L layers
package gpt

import (
	"fmt"
	"math"
)

// A dim is a number of config.json with the key that holds it.
type dim struct {
	key   string
	value int
	most  int
}

// The largest dimensions that a config may ask for: far above any model that
// is known, and low enough that products fit an int and that a file of a few
// bytes cannot ask for gigabytes.
const (
	mostLayers = 1 << 10
	mostWidth  = 1 << 20
	mostVocab  = 1 << 26
)

// inRange sees that every dimension is positive and not absurd.
func inRange(model string, dims ...dim) error {
	for _, d := range dims {
		if d.value < 1 || d.value > d.most {
			return fmt.Errorf("gpt: %s config: %s is %d, want 1 to %d", model, d.key, d.value, d.most)
		}
	}
	return nil
}

// orDefault is value unless that is zero, the value of an absent key.
func orDefault[T comparable](value, absent T) T {
	var zero T
	if value == zero {
		return absent
	}
	return value
}

// inverseRoot is 1/√n.
func inverseRoot(n int) float32 { return float32(1 / math.Sqrt(float64(n))) }
