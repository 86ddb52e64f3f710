package bench_test

import (
	"context"
	"slices"
	"testing"

	"github.com/inkstone-ai/inkstone/model"
	"github.com/inkstone-ai/inkstone/model/gpt"
	"github.com/inkstone-ai/inkstone/nn"
	"github.com/inkstone-ai/inkstone/tensor"
	"github.com/inkstone-ai/inkstone/train"
)

// configurations are GPT-2s as nanoGPT's users train them: a head tied to the
// embedding, biases, no dropout. bench/train.py has the same list; the letters
// are those of the reports.
var configurations = []struct {
	name                                       string
	layers, width, heads, context, rows, vocab int
}{
	{"A", 4, 128, 4, 64, 12, 65},
	{"B", 6, 384, 6, 256, 8, 65},
	{"C", 12, 768, 12, 64, 4, 50304},
	{"D", 12, 768, 12, 256, 4, 50304},
}

// BenchmarkTrain reports the tokens per second of the median step: batch,
// forward, backward, clipping, AdamW. -cpu sets the threads.
func BenchmarkTrain(b *testing.B) {
	for _, c := range configurations {
		b.Run(c.name, func(b *testing.B) {
			d := tensor.CPU(0)
			defer d.Close()
			m, err := gpt.NewGPT2(gpt.GPT2Config{
				Vocab: c.vocab, Context: c.context, Layers: c.layers, Width: c.width, Heads: c.heads, Tied: true,
			})
			if err != nil {
				b.Fatal(err)
			}
			nn.Init(m, d, 1)
			nn.Walk(m, func(p nn.Param) { p.Tensor.SetTrainable(true) })
			var speeds []float64
			_, err = train.Run(context.Background(), train.Config{
				Device: d, Steps: b.N + 1,
				Progress: func(m train.Metrics) { speeds = append(speeds, m.TokensPerSecond) },
			}, stepper(m, c.rows, c.context))
			if err != nil {
				b.Fatal(err)
			}
			speeds = speeds[1:] // the first step gets its memory
			slices.Sort(speeds)
			b.ReportMetric(speeds[len(speeds)/2], "tokens/s")
		})
	}
}

// stepper trains m on tokens without meaning: speed does not depend on them.
func stepper(m model.LM, rows, context int) *train.Stepper {
	n := rows * context
	ids, targets, weights := make([]int32, n), make([]int32, n), make([]float32, n)
	for i := range weights {
		weights[i] = 1 / float32(n)
	}
	vocab := uint32(m.Shape().Vocab)
	var pass nn.Pass
	return &train.Stepper{
		Groups: train.AdamWGroups(nn.Params(m), train.AdamW{Beta2: 0.99}, 1e-3, 0.1), Clip: 1, Tokens: n,
		Loss: func(s *tensor.Step, index, _ int) (*tensor.Tensor, error) {
			for i := range ids {
				at := uint32(index*n + i)
				ids[i], targets[i] = int32(at*2654435761%vocab), int32((at+1)*2654435761%vocab)
			}
			pass.SetRows(s, ids, context)
			return model.Loss(m, &pass, s.Ints(targets, n), s.Floats(weights, n)), nil
		},
	}
}
