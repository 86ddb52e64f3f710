package corpus_test

import (
	"fmt"
	"strings"

	"github.com/inkstone-ai/inkstone/corpus"
	"github.com/inkstone-ai/inkstone/tokenizer"
)

// From text to the batch of a training step.
func Example() {
	docs, _, err := corpus.Read(strings.NewReader("to be, or not to be: that is the question"), "-")
	if err != nil {
		fmt.Println(err)
		return
	}
	tok, err := tokenizer.NewByte("<|endoftext|>")
	if err != nil {
		fmt.Println(err)
		return
	}
	end, _ := tok.ID("<|endoftext|>")
	const B, T = 2, 8
	loader, err := corpus.NewLoader(corpus.Encode(tok, docs, end), B, T, 1)
	if err != nil {
		fmt.Println(err)
		return
	}
	ids, targets := make([]int32, B*T), make([]int32, B*T)
	if err := loader.Batch(0, ids, targets); err != nil {
		fmt.Println(err)
		return
	}
	for b := range B {
		fmt.Printf("%q → %q\n", tok.Decode(ids[b*T:b*T+T]), tok.Decode(targets[b*T:b*T+T]))
	}
	// Output:
	// "to be, o" → "o be, or"
	// " be: tha" → "be: that"
}
