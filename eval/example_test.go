package eval_test

import (
	"context"
	"fmt"
	"os"

	"github.com/inkstone-ai/inkstone/eval"
	"github.com/inkstone-ai/inkstone/model/gpt"
	"github.com/inkstone-ai/inkstone/nn"
	"github.com/inkstone-ai/inkstone/tensor"
	"github.com/inkstone-ai/inkstone/tokenizer"
)

// A model that was never trained guesses among 256 bytes: 8 bits for each.
func ExampleText() {
	m, err := gpt.NewLlama(gpt.LlamaConfig{Vocab: 256, Context: 16, Layers: 1, Width: 16, Hidden: 16, Heads: 2, Tied: true})
	if err != nil {
		fmt.Println(err)
		return
	}
	d := tensor.CPU(1)
	defer d.Close()
	nn.Init(m, d, 1)
	bytes, err := tokenizer.NewByte()
	if err != nil {
		fmt.Println(err)
		return
	}
	got, err := eval.Text(context.Background(), m, bytes, "床前明月光,疑是地上霜。", eval.Options{Stride: 8})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%d bytes, %d characters, %.0f bits per byte\n", got.Bytes, got.Chars, *got.BitsPerByte)
	// Output: 33 bytes, 11 characters, 8 bits per byte
}

func ExampleReport() {
	var r eval.Report
	r.Title = "two tasks, held-out items"
	r.Share("where", 97, 100)
	r.Share("translation", 40, 80)
	r.Note("the text is synthetic")
	r.WriteText(os.Stdout)
	// Output:
	// two tasks, held-out items
	//   where        97.0 % of 100 (95 % interval 91.5 to 99.0)
	//   translation  50.0 % of 80 (95 % interval 39.3 to 60.7)
	//   (the text is synthetic)
}
