// Package model names architectures, builds them from a config.json, fills
// their weights from files and writes them back. A model is a pointer to a
// struct whose tagged fields are its weights (see [nn.Walk]); what it can do is
// told by the interfaces it implements, of which [LM] is the one for text.
//
// It holds no architecture itself: a program imports those it wants, for
// example
//
//	import _ "github.com/inkstone-ai/inkstone/model/gpt"
//
// as one imports the drivers of a database.
//
// Dimensions, in comments throughout:
//
//	N tokens of a pass   R rows of them   C channels   V vocabulary
package model

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/inkstone-ai/inkstone/nn"
	"github.com/inkstone-ai/inkstone/tensor"
)

// An LM continues sequences. It is all that training and generation need to
// know of a model.
type LM interface {
	// Forward returns the activations after the last norm, (N, C), a row a token.
	Forward(p *nn.Pass) *tensor.Tensor
	// Logits returns (R, V) for R rows of Forward's result: the last row of each
	// sequence in generation. Training never asks for them, see [Loss].
	Logits(rows *tensor.Tensor) *tensor.Tensor
	// HeadWeight is the matrix of Logits, (V, C); of a tied model, its embedding.
	HeadWeight() *tensor.Tensor
	// Shape tells the model's dimensions.
	Shape() Shape
	// Config returns what is written to config.json: a struct that JSON encodes.
	Config() any
}

// A Recurrent is an LM whose past is a state instead of a window: the cache of a
// pass that has a past is an [nn.Stateful], and training goes along texts rather than
// over windows of them.
type Recurrent interface {
	LM
	// StateWidths are the channels of each layer's state.
	StateWidths() []int
}

// A Shape is what planners and caches ask of a language model's dimensions.
type Shape struct {
	Vocab   int // V
	Context int // most positions that a sequence may have; 0: no end, as of a [Recurrent]
	Layers  int
	Width   int // C
	Hidden  int // channels inside the feed-forward
	Heads   int // H, of queries
	KVHeads int // G, of keys and values
	HeadDim int // D
	Inputs  int // channels of the convolutions along the text, all together: a cache keeps their inputs in float32

	// What some have beside Llama's parts, for a plan of their memory.
	HeadNorms bool // norms of each head's queries and keys
	PostNorms bool // norms behind both halves of a block
	Fused     bool // one matrix for queries, keys and values, and one for gate and up
	Experts   int  // experts of a token in a mixture, whose channels Hidden counts together
}

var builders = map[string]func(config []byte) (any, error){}

// Register makes an architecture known by its config.json "model_type". It is
// called from init functions; a name that is there twice panics.
func Register[C, M any](name string, build func(C) (M, error)) {
	if builders[name] != nil {
		panic(fmt.Sprintf("model: %s is registered twice", name))
	}
	builders[name] = func(b []byte) (any, error) {
		var c C
		if err := json.Unmarshal(b, &c); err != nil {
			return nil, fmt.Errorf("model: %s config: %w", name, err)
		}
		m, err := build(c)
		if err != nil {
			return nil, err
		}
		return m, nil
	}
}

// Types returns the registered architectures in lexical order.
func Types() []string { return slices.Sorted(maps.Keys(builders)) }

// Type returns the "model_type" of a config.json.
func Type(config []byte) (string, error) {
	var c struct {
		Type string `json:"model_type"`
	}
	if err := json.Unmarshal(config, &c); err != nil {
		return "", fmt.Errorf("model: config: %w", err)
	}
	if c.Type == "" {
		return "", fmt.Errorf("model: config has no model_type; it may be one of %s", strings.Join(Types(), ", "))
	}
	return c.Type, nil
}

// typed is Type, for errors about a model that was built.
func typed(config []byte) string {
	name, _ := Type(config)
	return name
}

// Build returns the model of a config.json, whose weights have shapes and no
// values yet: [nn.Init] draws them, [Load] binds a file's.
//
// Errors: no or an unknown model_type; dimensions that do not fit each other;
// a setting that the architecture here does not have; weights that another program
// has quantised.
func Build(config []byte) (any, error) {
	name, err := Type(config)
	if err != nil {
		return nil, err
	}
	build := builders[name]
	if build == nil {
		return nil, fmt.Errorf("model: unknown model_type %q; known are %s", name, strings.Join(Types(), ", "))
	}
	if err := errors.Join(unquantised(config), uniform(config)); err != nil {
		return nil, err
	}
	return build(config)
}

// unquantised refuses folders whose weights are packed by another program: their tensors are not
// what their names say.
func unquantised(config []byte) error {
	var c struct {
		Quantization *struct {
			Method string `json:"quant_method"`
		} `json:"quantization_config"`
		MLX *struct {
			Bits int `json:"bits"`
		} `json:"quantization"`
	}
	if err := json.Unmarshal(config, &c); err != nil {
		return fmt.Errorf("model: config: %w", err)
	}
	switch {
	case c.MLX != nil:
		return fmt.Errorf("model: config has a quantization, of %d bits, as MLX writes it, which is not supported: take the model that is not quantised, or a GGUF file of it", c.MLX.Bits)
	case c.Quantization == nil:
		return nil
	}
	return fmt.Errorf("model: config has a quantization_config of quant_method %q, which is not supported: take the model that is not quantised, or a GGUF file of it", c.Quantization.Method)
}

// BuildLM is [Build] for language models.
func BuildLM(config []byte) (LM, error) {
	m, err := Build(config)
	if err != nil {
		return nil, err
	}
	lm, ok := m.(LM)
	if !ok {
		return nil, fmt.Errorf("model: a %s is no language model that continues a text: a GPT, an RNN, an LSTM or a GRU is", typed(config))
	}
	return lm, nil
}

// Parameters returns the number of weights' elements; tied ones count once.
func Parameters(m any) int {
	n := 0
	nn.Walk(m, func(p nn.Param) { n += p.Tensor.Len() })
	return n
}

// CheckVocabulary compares a model with a tokenizer of size ids. A model may
// have more rows than the tokenizer has ids, as many are padded to a round
// number; fewer are an error.
func CheckVocabulary(lm LM, size int) error {
	if v := lm.Shape().Vocab; v < size {
		return fmt.Errorf("model: the tokenizer has %d ids, the model's vocabulary only %d", size, v)
	}
	return nil
}
