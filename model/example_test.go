package model_test

import (
	"fmt"
	"os"

	"github.com/inkstone-ai/inkstone/model"
	"github.com/inkstone-ai/inkstone/nn"
	"github.com/inkstone-ai/inkstone/tensor"
)

// A model is built from its config.json, drawn, written as a Hugging Face
// folder, and opened again.
func Example() {
	dir, err := os.MkdirTemp("", "model")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	d := tensor.CPU(1)
	defer d.Close()

	lm, err := model.BuildLM([]byte(`{"model_type": "llama", "vocab_size": 100, "hidden_size": 16,
		"intermediate_size": 40, "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2}`))
	if err != nil {
		panic(err)
	}
	nn.Init(lm, d, 1)
	end := model.Generation{EOS: model.IDs{99}}
	if err := model.Save(dir, lm, end); err != nil {
		panic(err)
	}

	loaded, err := model.Load(dir, d)
	if err != nil {
		panic(err)
	}
	defer loaded.Close()
	fmt.Println(loaded.Type, model.Parameters(loaded.LM), "parameters, ends with", loaded.Generation.EOS)
	// Output: llama 8656 parameters, ends with [99]
}
