package gpt

import (
	"github.com/inkstone-ai/inkstone/format"
	"github.com/inkstone-ai/inkstone/model"
)

func init() {
	model.RegisterGGUF("inkstone_canon_llama", model.GGUF[CanonLlamaConfig]{Arch: "inkstone_canon_llama", Read: readCanon, Write: writeCanon,
		Extra: func(c CanonLlamaConfig) []format.Tensor { return ropeExtra(&c.LlamaConfig) }})
}

// canonWidth is the key of the convolution's tokens. Other programs do not know the
// architecture; here its files are read and quantised as others' are.
const canonWidth = "canon.width"

func readCanon(file *format.GGUF, k *format.Keys) (c CanonLlamaConfig, err error) {
	c.LlamaConfig, err = readKin(file, k, "inkstone_canon_llama")
	c.CanonWidth = k.Int(canonWidth)
	return c, err
}

func writeCanon(c CanonLlamaConfig, set func(key string, value any)) error {
	set(canonWidth, c.CanonWidth)
	return writeKin(c.LlamaConfig, set)
}
