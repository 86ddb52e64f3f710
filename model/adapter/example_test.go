package adapter_test

import (
	"fmt"

	"github.com/inkstone-ai/inkstone/model"
	"github.com/inkstone-ai/inkstone/model/adapter"
	_ "github.com/inkstone-ai/inkstone/model/gpt"
	"github.com/inkstone-ai/inkstone/tensor"
)

// A model with the weights of an adapter added.
func Example() {
	stack, err := adapter.OpenStack("testdata/llama/adapter")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer stack.Close()
	d := tensor.CPU(1)
	defer d.Close()
	l, err := model.Load("testdata/llama/base", d, stack)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer l.Close()
	fmt.Println(l.Type, stack.Adapters[0].Weights(), "weights changed")
	// Output: llama 13 weights changed
}
