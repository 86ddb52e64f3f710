package bench

import (
	"testing"

	"github.com/inkstone-ai/inkstone/model/gpt"
)

// TestStreamedOfMixture: of four experts a token meets two.
func TestStreamedOfMixture(t *testing.T) {
	c := gpt.MixtralConfig{LlamaConfig: gpt.LlamaConfig{Vocab: 10, Width: 8, Hidden: 16, Layers: 3, Heads: 2, KVHeads: 1, Context: 16, Eps: 1e-5}, Experts: 4, Top: 2}
	m, err := gpt.NewMixtral(c)
	if err != nil {
		t.Fatal(err)
	}
	attention, router, experts := 2*8*8+2*4*8, 4*8, 2*3*8*16
	if got, want := streamed(m), int64(4*(10*8+3*(attention+router+experts))); got != want {
		t.Errorf("a token reads %d bytes of weights, want %d", got, want)
	}
}
