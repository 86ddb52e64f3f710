package gpt

import (
	"fmt"

	"github.com/inkstone-ai/inkstone/format"
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
