package gpt

import (
	"fmt"
	"strings"

	"github.com/inkstone-ai/inkstone/format"
	"github.com/inkstone-ai/inkstone/model"
)

func init() {
	model.RegisterGGUF("llama", model.GGUF[any]{Arch: "llama", Read: readLlama, Write: writeLlama, Extra: llamaExtra})
	model.RegisterGGUF("mistral", model.GGUF[MistralConfig]{Arch: "llama", Write: writeMistral,
		Extra: func(c MistralConfig) []format.Tensor { return ropeExtra(&c.LlamaConfig) }})
	model.RegisterGGUF("mixtral", model.GGUF[MixtralConfig]{Arch: "llama", Write: writeMixtral,
		Extra: func(c MixtralConfig) []format.Tensor { return ropeExtra(&c.LlamaConfig) }})
}

var (
	_ model.GGUFImporter = (*Llama)(nil)
	_ model.GGUFExporter = (*Llama)(nil)
	_ model.GGUFImporter = (*Mixtral)(nil)
	_ model.GGUFExporter = (*Mixtral)(nil)
)

// readLlama returns the config of a Llama, of a Mistral where there is a window, and of a
// Mixtral where there are experts.
func readLlama(file *format.GGUF, k *format.Keys) (any, error) {
	c, err := readKin(file, k, "llama")
	if err != nil {
		return nil, err
	}
	for _, name := range []string{"attn_q.bias", "attn_k.bias", "attn_v.bias"} {
		if ggufHas(file, name) && !c.AttentionBias {
			return nil, fmt.Errorf("blk.0.%s without blk.0.attn_output.bias: a llama has biases of queries, keys, values and output here, or none of them", name)
		}
	}
	var window *int
	if n := k.IntOr(slidingWindow, 0); n > 0 {
		window = &n
	}
	if n := k.IntOr(expertCount, 0); n > 0 {
		c.Type = "mixtral"
		return MixtralConfig{LlamaConfig: c, Window: window, Experts: n, Top: k.Int(expertTop)}, nil
	}
	if window != nil {
		c.Type = "mistral"
		return MistralConfig{LlamaConfig: c, Window: window}, nil
	}
	return c, nil
}

func writeLlama(config any, set func(key string, value any)) error {
	return writeKin(config.(LlamaConfig), set)
}

// writeMistral tells the window, which programs that know none in a llama do not heed: up to
// it they compute the same.
func writeMistral(c MistralConfig, set func(key string, value any)) error {
	if c.Window != nil {
		set(slidingWindow, *c.Window)
	}
	return writeKin(c.LlamaConfig, set)
}

func writeMixtral(c MixtralConfig, set func(key string, value any)) error {
	if c.Window != nil {
		set(slidingWindow, *c.Window)
	}
	set(expertCount, c.Experts)
	set(expertTop, c.Top)
	return writeKin(c.LlamaConfig, set)
}

// ImportGGUF undoes ExportGGUF.
func (m *Llama) ImportGGUF(t format.Tensor) (format.Tensor, error) { return m.config.permuted(t, true) }

// ExportGGUF lays the rows of queries and keys as GGUF's llama has them: the two channels of a rotary pair
// beside each other, where Hugging Face's files have them half a head apart.
func (m *Llama) ExportGGUF(t format.Tensor) (format.Tensor, error) {
	return m.config.permuted(t, false)
}

// ImportGGUF undoes ExportGGUF.
func (m *Mixtral) ImportGGUF(t format.Tensor) (format.Tensor, error) {
	return m.config.permuted(t, true)
}

// ExportGGUF is [Llama.ExportGGUF].
func (m *Mixtral) ExportGGUF(t format.Tensor) (format.Tensor, error) {
	return m.config.permuted(t, false)
}

// permuted lays rows out where the model's type asks for it.
func (c *LlamaConfig) permuted(t format.Tensor, back bool) (format.Tensor, error) {
	switch c.Type {
	case "llama", "mistral", "mixtral", "smollm3":
	default:
		return t, nil
	}
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
