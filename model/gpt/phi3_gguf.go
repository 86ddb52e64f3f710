package gpt

import (
	"errors"
	"fmt"

	"github.com/inkstone-ai/inkstone/format"
	"github.com/inkstone-ai/inkstone/model"
)

func init() {
	model.RegisterGGUF("phi3", model.GGUF[Phi3Config]{Arch: "phi3", Read: readPhi3, Write: writePhi3, Extra: phi3Extra})
}

// What GGUF files have of longrope: a factor for each pair of channels, up to the original
// context and beyond. What queries and keys are multiplied by is a key.
const (
	ropeShort = "rope_factors_short.weight"
	ropeLong  = "rope_factors_long.weight"
)

func readPhi3(file *format.GGUF, k *format.Keys) (c Phi3Config, err error) {
	c.Type = "phi3"
	c.Context = k.Int("context_length")
	c.Width = k.Int("embedding_length")
	c.Layers = k.Int("block_count")
	c.Hidden = k.IntOfEach("feed_forward_length", c.Layers)
	c.Heads = k.IntOfEach("attention.head_count", c.Layers)
	c.KVHeads = k.IntOfEachOr("attention.head_count_kv", c.Layers, c.Heads)
	c.Eps = float32(k.Float("attention.layer_norm_rms_epsilon"))
	c.Theta = k.FloatOr("rope.freq_base", 10000)
	c.Original = k.IntOr(ropeContext, c.Context)
	if c.HeadDim = c.Width / max(c.Heads, 1); c.HeadDim > 0 {
		c.Partial = float64(k.IntOr("rope.dimension_count", c.HeadDim)) / float64(c.HeadDim)
	}
	if n := k.IntOr(slidingWindow, 0); n > 0 {
		c.Window = &n
	}
	if err := causal(k); err != nil {
		return c, err
	}
	if c.RopeScaling, err = readLongrope(file, k); err != nil {
		return c, err
	}
	c.Vocab, c.Tied, err = ggufVocab(file)
	return c, err
}

// readLongrope is nil where there are no factors.
func readLongrope(file *format.GGUF, k *format.Keys) (*Rope, error) {
	short, ok1 := file.Tensor(ropeShort)
	long, ok2 := file.Tensor(ropeLong)
	r := readRopeKeys(k)
	if r.kind != "longrope" && r.kind != "none" && r.kind != "linear" || r.factor != 1 {
		return nil, fmt.Errorf("%s %q with factor %g: a phi3 has the tensors %s and %s at most", ropeType, r.kind, r.factor, ropeShort, ropeLong)
	}
	if !ok1 && !ok2 {
		if !r.isDefault() {
			return nil, fmt.Errorf("%s %q and %s %g without the tensors %s and %s", ropeType, r.kind, ropeGain, r.gain, ropeShort, ropeLong)
		}
		return nil, nil
	}
	if !ok1 || !ok2 {
		return nil, fmt.Errorf("of %s and %s one alone is there", ropeShort, ropeLong)
	}
	s, err1 := format.F32s(short)
	l, err2 := format.F32s(long)
	return &Rope{Type: "longrope", Short: widened(s), Long: widened(l), Gain: r.gain}, errors.Join(err1, err2)
}

func widened(x []float32) []float64 {
	y := make([]float64, len(x))
	for i, v := range x {
		y[i] = float64(v)
	}
	return y
}

func narrowed(x []float64) []float32 {
	y := make([]float32, len(x))
	for i, v := range x {
		y[i] = float32(v)
	}
	return y
}

// writePhi3 tells the window, which other programs do not heed: up to it they compute the
// same.
func writePhi3(c Phi3Config, set func(key string, value any)) error {
	rope := c.rope()
	if c.HeadDim*c.Heads != c.Width {
		return fmt.Errorf("head_dim %d of %d heads: a phi3 of a GGUF file has hidden_size/num_attention_heads", c.HeadDim, c.Heads)
	}
	set("vocab_size", c.Vocab)
	set("context_length", c.Context)
	set("embedding_length", c.Width)
	set("block_count", c.Layers)
	set("feed_forward_length", c.Hidden)
	set("attention.head_count", c.Heads)
	set("attention.head_count_kv", c.KVHeads)
	set("attention.layer_norm_rms_epsilon", c.Eps)
	set("rope.dimension_count", rope.turned(c.HeadDim))
	set("rope.freq_base", c.Theta)
	set(ropeContext, c.Original)
	if c.Window != nil {
		set(slidingWindow, *c.Window)
	}
	if rope.Type == "longrope" {
		set(ropeGain, orDefault(rope.Gain, rope.longGain(c.Context)))
	}
	return nil
}

// phi3Extra are longrope's factors.
func phi3Extra(c Phi3Config) []format.Tensor {
	r := c.rope()
	if r.Type != "longrope" {
		return nil
	}
	return []format.Tensor{format.FromF32(ropeLong, narrowed(r.Long), len(r.Long)), format.FromF32(ropeShort, narrowed(r.Short), len(r.Short))}
}
