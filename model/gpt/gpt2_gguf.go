package gpt

import (
	"errors"
	"fmt"

	"github.com/inkstone-ai/inkstone/format"
	"github.com/inkstone-ai/inkstone/model"
)

func init() {
	model.RegisterGGUF("gpt2", model.GGUF[GPT2Config]{Arch: "gpt2", Read: readGPT2, Write: writeGPT2})
}

func readGPT2(file *format.GGUF, k *format.Keys) (c GPT2Config, err error) {
	c.Type = "gpt2"
	c.Context = k.Int("context_length")
	c.Width = k.Int("embedding_length")
	c.Layers = k.Int("block_count")
	c.Heads = k.IntOfEach("attention.head_count", c.Layers)
	c.Hidden = k.IntOfEach("feed_forward_length", c.Layers)
	c.Eps = float32(k.Float("attention.layer_norm_epsilon"))
	c.Activation = "gelu_new"
	if err := causal(k); err != nil {
		return c, err
	}
	c.Vocab, c.Tied, err = ggufVocab(file)
	return c, err
}

func writeGPT2(c GPT2Config, set func(key string, value any)) error {
	if c.Activation != "gelu_new" && c.Activation != "gelu_pytorch_tanh" {
		return fmt.Errorf("activation_function %q: a gpt2 of a GGUF file has gelu_new", c.Activation)
	}
	if c.InverseLayerScale || c.ScaleAttention != nil && !*c.ScaleAttention {
		return errors.New("scale_attn_by_inverse_layer_idx, or scale_attn_weights false: a gpt2 of a GGUF file scales the scores of all layers by 1/√D")
	}
	set("context_length", c.Context)
	set("embedding_length", c.Width)
	set("block_count", c.Layers)
	set("feed_forward_length", c.Hidden)
	set("attention.head_count", c.Heads)
	set("attention.layer_norm_epsilon", c.Eps)
	return nil
}
