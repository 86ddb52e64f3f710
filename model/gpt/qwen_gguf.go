package gpt

import (
	"errors"
	"fmt"

	"github.com/inkstone-ai/inkstone/format"
	"github.com/inkstone-ai/inkstone/model"
)

func init() {
	model.RegisterGGUF("qwen2", model.GGUF[Qwen2Config]{Arch: "qwen2", Read: readQwen2, Write: writeQwen2,
		Extra: func(c Qwen2Config) []format.Tensor { return ropeExtra(&c.LlamaConfig) }})
	model.RegisterGGUF("qwen3", model.GGUF[Qwen3Config]{Arch: "qwen3", Read: readQwen3, Write: writeQwen3,
		Extra: func(c Qwen3Config) []format.Tensor { return ropeExtra(&c.LlamaConfig) }})
	model.RegisterGGUF("qwen3_moe", model.GGUF[Qwen3MoEConfig]{Arch: "qwen3moe", Read: readQwen3MoE, Write: writeQwen3MoE,
		Extra: func(c Qwen3MoEConfig) []format.Tensor { return ropeExtra(&c.LlamaConfig) }})
}

func readQwen2(file *format.GGUF, k *format.Keys) (c Qwen2Config, err error) {
	if c.LlamaConfig, err = readKin(file, k, "qwen2"); err == nil {
		c.read(k, c.Layers)
	}
	return c, err
}

func writeQwen2(c Qwen2Config, set func(key string, value any)) error {
	setLayers(set, c.Window, c.LayerTypes)
	return writeKin(c.LlamaConfig, set)
}

func readQwen3(file *format.GGUF, k *format.Keys) (c Qwen3Config, err error) {
	if c.LlamaConfig, err = readKin(file, k, "qwen3"); err == nil {
		c.read(k, c.Layers)
	}
	return c, err
}

func writeQwen3(c Qwen3Config, set func(key string, value any)) error {
	setLayers(set, c.Window, c.LayerTypes)
	return writeKin(c.LlamaConfig, set)
}

// read takes the windows from the keys of [setLayers], which programs that know none in a
// Qwen do not heed: up to the window they compute the same.
func (w *QwenWindow) read(k *format.Keys, layers int) {
	w.Window, w.LayerTypes = readLayers(k, layers, 0)
	w.UseWindow = w.Window != nil
}

func readQwen3MoE(file *format.GGUF, k *format.Keys) (c Qwen3MoEConfig, err error) {
	c.LlamaConfig, err = readKin(file, k, "qwen3_moe")
	c.Experts, c.Top, c.Normalise = k.Int(expertCount), k.Int(expertTop), true
	c.ExpertHidden = k.IntOr(expertHidden, c.Hidden/max(c.Top, 1))
	if n := k.IntOr(slidingWindow, 0); n > 0 {
		c.UseWindow, c.Window = true, &n
	}
	return c, err
}

func writeQwen3MoE(c Qwen3MoEConfig, set func(key string, value any)) error {
	if !c.Normalise {
		return errors.New("norm_topk_prob false: a qwen3moe of a GGUF file has weights that add up to 1")
	}
	for i := range c.Layers {
		if !c.sparse(i) {
			return fmt.Errorf("layer %d is dense: a qwen3moe of a GGUF file has experts in every layer", i)
		}
	}
	set(expertCount, c.Experts)
	set(expertTop, c.Top)
	set(expertHidden, c.ExpertHidden)
	if c.UseWindow && c.Window != nil {
		set(slidingWindow, *c.Window)
	}
	return writeKin(c.LlamaConfig, set)
}
