package eval_test

import (
	"context"
	"testing"

	"github.com/inkstone-ai/inkstone/corpus"
	"github.com/inkstone-ai/inkstone/eval"
	"github.com/inkstone-ai/inkstone/internal/testkit"
	"github.com/inkstone-ai/inkstone/model/gpt"
	"github.com/inkstone-ai/inkstone/nn"
	"github.com/inkstone-ai/inkstone/tensor"
)

// TestCappedLogits: the loss of a model whose logits have a soft cap is that of its capped
// logits, though the evaluator goes by its head.
func TestCappedLogits(t *testing.T) {
	window, limit := 8, float32(1.5)
	m, err := gpt.NewGemma2(gpt.Gemma2Config{Vocab: 257, Context: context16, Layers: 2, Width: 32, Hidden: 64, Heads: 2, Window: &window, LogitCap: &limit, Tied: true})
	if err != nil {
		t.Fatal(err)
	}
	d := tensor.CPU(1)
	defer d.Close()
	nn.Init(m, d, 1)
	m.Embed.W.FillNormal(5, 0.4)
	ids := []int32{'a', 'b', 'c', 'a', 'b', 'd', 'a'}
	got, err := eval.Language(context.Background(), m, nil, corpus.IDs(ids), eval.Options{})
	if err != nil {
		t.Fatal(err)
	}
	want := 0.0
	for at := 1; at < len(ids); at++ {
		want += alone(m, ids, 0, at) / float64(len(ids)-1)
	}
	testkit.Close(t, "loss", []float64{got.Loss}, []float64{want}, 1e-5, 0)
}
