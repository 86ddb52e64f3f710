package gpt

import (
	"errors"
	"fmt"
	"slices"

	"github.com/inkstone-ai/inkstone/format"
	"github.com/inkstone-ai/inkstone/model"
)

// What the decoders' GGUF files have in common: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md,
// and the names of tensors in llama.cpp.

// tokenTable is the embedding, whose rows are the vocabulary; outputHead is absent where it is tied.
const (
	tokenTable = "token_embd.weight"
	outputHead = "output.weight"
)

// ggufVocab is V and whether the head is tied.
func ggufVocab(file *format.GGUF) (vocab int, tied bool, err error) {
	t, ok := file.Tensor(tokenTable)
	t.Shape = model.DropOnes(t.Shape, 2)
	if !ok || len(t.Shape) != 2 {
		return 0, false, fmt.Errorf("the file has no matrix %s: it is a vocabulary alone, or no language model", tokenTable)
	}
	_, own := file.Tensor(outputHead)
	return t.Shape[0], !own, nil
}

// ggufHas reports whether the first block has a tensor.
func ggufHas(file *format.GGUF, name string) bool {
	_, ok := file.Tensor("blk.0." + name)
	return ok
}

// Keys of what only some have.
const (
	slidingWindow  = "attention.sliding_window"         // tokens that a token of a sliding layer sees
	slidingPattern = "attention.sliding_window_pattern" // every so many layers one sees all; or a truth value for each layer
	expertCount    = "expert_count"
	expertTop      = "expert_used_count"
	expertHidden   = "expert_feed_forward_length"
)

// causal refuses a model whose tokens see what comes after them.
func causal(k *format.Keys) error {
	const key = "attention.causal"
	if !k.BoolOr(key, true) {
		return fmt.Errorf("%s is false: tokens see those before them alone here", key)
	}
	return nil
}

// ggufLayers is k's error, or that of a number of layers for which nothing ought to be made.
func ggufLayers(k *format.Keys, layers int) error {
	if k.Err() != nil {
		return k.Err()
	}
	return inRange("GGUF", dim{"block_count", layers, mostLayers})
}

// readKin reads what Llama and its kin have in common.
func readKin(file *format.GGUF, k *format.Keys, kind string) (c LlamaConfig, err error) {
	c.Type = kind
	c.Context = k.Int("context_length")
	c.Width = k.Int("embedding_length")
	c.Layers = k.Int("block_count")
	c.Hidden = k.IntOfEach("feed_forward_length", c.Layers)
	c.Heads = k.IntOfEach("attention.head_count", c.Layers)
	c.KVHeads = k.IntOfEachOr("attention.head_count_kv", c.Layers, c.Heads)
	c.HeadDim = k.IntOr("attention.key_length", c.Width/max(c.Heads, 1))
	c.Eps = float32(k.Float("attention.layer_norm_rms_epsilon"))
	c.Theta = k.FloatOr("rope.freq_base", 10000)
	c.AttentionBias = ggufHas(file, "attn_output.bias")
	c.MLPBias = ggufHas(file, "ffn_up.bias")
	if err := errors.Join(causal(k), ggufLayers(k, c.Layers)); err != nil {
		return c, err
	}
	if n := k.IntOr("rope.dimension_count", c.HeadDim); n != c.HeadDim {
		return c, fmt.Errorf("rope.dimension_count is %d of %d channels per head; all turn here", n, c.HeadDim)
	}
	if c.RopeScaling, err = readRope(file, k, c.HeadDim, c.Theta); err != nil {
		return c, err
	}
	c.Vocab, c.Tied, err = ggufVocab(file)
	return c, err
}

// writeKin undoes readKin.
func writeKin(c LlamaConfig, set func(key string, value any)) error {
	set("vocab_size", c.Vocab)
	set("context_length", c.Context)
	set("embedding_length", c.Width)
	set("block_count", c.Layers)
	set("feed_forward_length", c.Hidden)
	set("attention.head_count", c.Heads)
	set("attention.head_count_kv", c.KVHeads)
	set("attention.key_length", c.HeadDim)
	set("attention.value_length", c.HeadDim)
	set("attention.layer_norm_rms_epsilon", c.Eps)
	set("rope.dimension_count", c.HeadDim)
	set("rope.freq_base", c.Theta)
	return writeRope(c.rope(), c.Context, set)
}

// readLayers reads the layers' types, nil where no window is told. An absent pattern is
// one of period, a number its period, and a list says it of each layer.
func readLayers(k *format.Keys, layers, period int) (window *int, types []string) {
	n := k.IntOr(slidingWindow, 0)
	if n <= 0 {
		return nil, nil
	}
	if !k.Has(slidingPattern) {
		return &n, periodic(layers, period)
	}
	if k.IsList(slidingPattern) {
		slides := k.Bools(slidingPattern)
		return &n, layerTypes(len(slides), func(i int) bool { return slides[i] })
	}
	return &n, periodic(layers, max(k.Int(slidingPattern), 1))
}

// setLayers undoes readLayers, by a list.
func setLayers(set func(key string, value any), window *int, types []string) {
	slides := make([]bool, len(types))
	for i, t := range types {
		slides[i] = t == slidingAttention
	}
	if window != nil && slices.Contains(slides, true) {
		set(slidingWindow, *window)
		set(slidingPattern, slides)
	}
}

// periodic are layers of which one in period sees all; period 0: none slides.
func periodic(layers, period int) []string {
	return layerTypes(layers, func(i int) bool { return period > 0 && (i+1)%period != 0 })
}

// periodOf is the period of the types, 0 where they have none.
func periodOf(types []string) int {
	for period := 1; period <= len(types)+1; period++ {
		if slices.Equal(types, periodic(len(types), period)) {
			return period
		}
	}
	return 0
}
