package eval

import (
	"testing"

	"github.com/inkstone-ai/inkstone/model"
	_ "github.com/inkstone-ai/inkstone/model/gpt"
)

// TestPastBytes: what is printed of a past has the inputs of convolutions beside keys and values.
func TestPastBytes(t *testing.T) {
	const rest = `,"vocab_size":11,"max_position_embeddings":20,"hidden_size":12,"intermediate_size":8,"num_hidden_layers":3,"num_attention_heads":4,"num_key_value_heads":2,"head_dim":6}`
	for kind, want := range map[string]int64{"llama": 4 * 20 * 2 * 3 * 2 * 6, "inkstone_canon_llama": 4 * 20 * (2*3*2*6 + 12)} {
		lm, err := model.BuildLM([]byte(`{"model_type":"` + kind + `"` + rest))
		if err != nil {
			t.Fatal(err)
		}
		if got := pastBytes(lm); got != want {
			t.Errorf("%s: %d bytes, want %d", kind, got, want)
		}
	}
}
