package gpt_test

import (
	"encoding/json"
	"testing"

	"github.com/inkstone-ai/inkstone/model"
)

// FuzzConfig: whatever a config.json says, it is refused or builds a model whose own
// config.json builds the same.
func FuzzConfig(f *testing.F) {
	for _, c := range peers(f) {
		f.Add([]byte(c.Config))
	}
	f.Add([]byte(`{"model_type":"gemma3","text_config":{"num_hidden_layers":2}}`))
	f.Add([]byte(`{"model_type":"phi3","rope_scaling":{"type":"su","short_factor":[],"long_factor":[1e309]}}`))
	f.Fuzz(func(t *testing.T, config []byte) {
		lm, err := model.BuildLM(config)
		if err != nil {
			return
		}
		saved, err := json.Marshal(lm.Config())
		if err != nil {
			t.Fatalf("config %+v: %v", lm.Config(), err)
		}
		again, err := model.BuildLM(saved)
		if err != nil {
			t.Fatalf("%s was built, and not from what it saves, %s: %v", config, saved, err)
		}
		if again.Shape() != lm.Shape() || model.Parameters(again) != model.Parameters(lm) {
			t.Fatalf("%s: %+v, saved and built again %+v", config, lm.Shape(), again.Shape())
		}
	})
}
