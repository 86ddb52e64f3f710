package gpt

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/inkstone-ai/inkstone/format"
	"github.com/inkstone-ai/inkstone/model"
	"github.com/inkstone-ai/inkstone/nn"
)

func init() {
	model.RegisterGGUF("llama", model.GGUF[LlamaConfig]{Arch: "llama", Read: readLlama, Write: writeLlama, Extra: llamaExtra})
}

var (
	_ model.GGUFImporter = (*Llama)(nil)
	_ model.GGUFExporter = (*Llama)(nil)
)

func readLlama(file *format.GGUF, k *format.Keys) (c LlamaConfig, err error) {
	c.Type = "llama"
	if n := k.IntOr("expert_count", 0); n > 0 {
		return c, fmt.Errorf("a llama with %d experts, a Mixtral, is not known here", n)
	}
	c.Context = k.Int("context_length")
	c.Width = k.Int("embedding_length")
	c.Layers = k.Int("block_count")
	c.Hidden = k.Int("feed_forward_length")
	c.Heads = k.Int("attention.head_count")
	c.KVHeads = k.IntOr("attention.head_count_kv", c.Heads)
	c.HeadDim = k.IntOr("attention.key_length", c.Width/max(c.Heads, 1))
	c.Eps = float32(k.Float("attention.layer_norm_rms_epsilon"))
	c.Theta = k.FloatOr("rope.freq_base", 10000)
	c.AttentionBias = ggufHas(file, "attn_q.bias")
	c.MLPBias = ggufHas(file, "ffn_up.bias")
	if n := k.IntOr("rope.dimension_count", c.HeadDim); k.Err() == nil && n != c.HeadDim {
		return c, fmt.Errorf("llama.rope.dimension_count is %d of %d channels per head; all turn here", n, c.HeadDim)
	}
	if c.RopeScaling, err = readRope(file, k, c.HeadDim, c.Theta); err != nil {
		return c, err
	}
	c.Vocab, c.Tied, err = ggufVocab(file)
	return c, err
}

func writeLlama(c LlamaConfig, set func(key string, value any)) error {
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
	return writeRope(c.rope(), set)
}

// ropeFactors is the tensor by which the frequencies are divided, a number for each pair of
// channels: how GGUF files have the rope_type llama3.
const ropeFactors = "rope_freqs.weight"

// Keys of the change of frequencies. The last three are ours: other programs need the tensor
// alone, and a config.json the numbers that it was made of.
const (
	ropeType    = "rope.scaling.type"
	ropeFactor  = "rope.scaling.factor"
	ropeContext = "rope.scaling.original_context_length"
	ropeLow     = "rope.scaling.low_freq_factor"
	ropeHigh    = "rope.scaling.high_freq_factor"
)

// readRope is the change of frequencies, nil for none.
func readRope(file *format.GGUF, k *format.Keys, dim int, theta float64) (*Rope, error) {
	kind := k.StringOr(ropeType, "none")
	if t, ok := file.Tensor(ropeFactors); ok {
		factors, err := format.F32s(t)
		if err != nil || len(factors) == 0 || len(factors) != dim/2 {
			return nil, errors.Join(err, fmt.Errorf("%s has %d numbers, %d channels per head have %d pairs", ropeFactors, len(factors), dim, dim/2))
		}
		r := Rope{Type: "llama3", Factor: float64(slices.Max(factors)), Low: k.FloatOr(ropeLow, 1), High: k.FloatOr(ropeHigh, 4), Context: k.IntOr(ropeContext, 8192)}
		return &r, r.explains(factors, theta)
	}
	switch kind {
	case "none":
		return nil, nil
	case "linear":
		return &Rope{Type: "linear", Factor: k.Float(ropeFactor)}, nil
	}
	return nil, fmt.Errorf("llama.%s is %q; none and linear are supported, and llama3 by the tensor %s", ropeType, kind, ropeFactors)
}

// explains sees that the numbers of a file are those of r.
func (r *Rope) explains(factors []float32, theta float64) error {
	if err := r.check(); err != nil {
		return err
	}
	for i, want := range r.factors(2*len(factors), theta) {
		if !(math.Abs(float64(factors[i]/want-1)) <= 1e-4) { // also of NaN
			return fmt.Errorf("%s is not Llama 3's change of frequencies with factor %g, low %g, high %g and context %d: number %d is %g, not %g",
				ropeFactors, r.Factor, r.Low, r.High, r.Context, i, factors[i], want)
		}
	}
	return nil
}

// factors are what the frequencies of dim channels are divided by.
func (r *Rope) factors(dim int, theta float64) []float32 {
	scale := nn.ScaleLlama3(r.Factor, r.Low, r.High, r.Context)
	x := make([]float32, dim/2)
	for i := range x {
		f := math.Pow(theta, -2*float64(i)/float64(dim))
		x[i] = float32(f / scale(f))
	}
	return x
}

func writeRope(r Rope, set func(key string, value any)) error {
	switch r.Type {
	case "linear":
		set(ropeType, "linear")
		set(ropeFactor, r.Factor)
	case "llama3":
		set(ropeContext, r.Context)
		set(ropeLow, r.Low)
		set(ropeHigh, r.High)
	}
	return nil
}

// llamaExtra is the tensor of the rope_type llama3.
func llamaExtra(c LlamaConfig) []format.Tensor {
	r := c.rope()
	if r.Type != "llama3" {
		return nil
	}
	factors := r.factors(c.HeadDim, c.Theta)
	return []format.Tensor{format.FromF32(ropeFactors, factors, len(factors))}
}

// ImportGGUF undoes ExportGGUF.
func (m *Llama) ImportGGUF(t format.Tensor) (format.Tensor, error) { return m.permuted(t, true) }

// ExportGGUF lays the rows of queries and keys as GGUF's llama has them: the two channels of a rotary pair
// beside each other, where Hugging Face's files have them half a head apart.
func (m *Llama) ExportGGUF(t format.Tensor) (format.Tensor, error) { return m.permuted(t, false) }

func (m *Llama) permuted(t format.Tensor, back bool) (format.Tensor, error) {
	c := &m.config
	switch {
	case strings.Contains(t.Name, ".self_attn.q_proj."):
		return model.PermuteRows(t, pairs(c.Heads, c.HeadDim, back))
	case strings.Contains(t.Name, ".self_attn.k_proj."):
		return model.PermuteRows(t, pairs(c.KVHeads, c.HeadDim, back))
	}
	return t, nil
}

// pairs is the order that puts rotary pairs side by side, or takes them apart again.
func pairs(heads, dim int, back bool) []int {
	order := make([]int, heads*dim)
	for h := range heads {
		for i := range dim / 2 {
			for half := range 2 {
				apart, beside := h*dim+half*dim/2+i, h*dim+2*i+half
				if back {
					order[apart] = beside
				} else {
					order[beside] = apart
				}
			}
		}
	}
	return order
}
