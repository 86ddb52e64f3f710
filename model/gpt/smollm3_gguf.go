package gpt

import (
	"errors"
	"slices"

	"github.com/inkstone-ai/inkstone/format"
	"github.com/inkstone-ai/inkstone/model"
)

func init() {
	model.RegisterGGUF("smollm3", model.GGUF[SmolLM3Config]{Arch: "smollm3", Read: readSmolLM3, Write: writeSmolLM3,
		Extra: func(c SmolLM3Config) []format.Tensor { return ropeExtra(&c.LlamaConfig) }})
}

func readSmolLM3(file *format.GGUF, k *format.Keys) (c SmolLM3Config, err error) {
	c.LlamaConfig, err = readKin(file, k, "smollm3")
	return c, err
}

// writeSmolLM3 writes what has every fourth layer without positions and no window: no key
// says otherwise.
func writeSmolLM3(c SmolLM3Config, set func(key string, value any)) error {
	for i, has := range c.Positions {
		if (has == 0) != ((i+1)%4 == 0) {
			return errors.New("no_rope_layers: a smollm3 of a GGUF file has positions in all but every fourth layer")
		}
	}
	if c.UseWindow && slices.Contains(c.LayerTypes, slidingAttention) {
		return errors.New("use_sliding_window: a smollm3 of a GGUF file has no window")
	}
	return writeKin(c.LlamaConfig, set)
}
