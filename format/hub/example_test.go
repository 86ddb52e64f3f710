package hub_test

import (
	"fmt"

	"github.com/inkstone-ai/inkstone/format/hub"
)

// Of a model's files those are fetched that it needs.
func ExampleChoose() {
	files := []hub.File{{Path: "README.md"}, {Path: "config.json"}, {Path: "model.safetensors"}, {Path: "pytorch_model.bin"}, {Path: "onnx/model.onnx"}}
	chosen, err := hub.Choose(files, nil, []string{"*.md"})
	if err != nil {
		panic(err)
	}
	for _, f := range chosen {
		fmt.Println(f.Path)
	}
	// Output:
	// config.json
	// model.safetensors
}

func ExampleParseName() {
	n, err := hub.ParseName("Qwen/Qwen3-0.6B@refs/pr/2")
	fmt.Println(n.Repo, n.Revision, err)
	_, err = hub.ParseName("../model")
	fmt.Println(err)
	// Output:
	// Qwen/Qwen3-0.6B refs/pr/2 <nil>
	// hub: "../model" is not a name of a model: give ORG/NAME or ORG/NAME@REVISION
}
