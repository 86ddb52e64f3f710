package lstm_test

import (
	"fmt"
	"testing"

	"github.com/inkstone-ai/inkstone/model"
	_ "github.com/inkstone-ai/inkstone/model/lstm"
	"github.com/inkstone-ai/inkstone/nn"
	"github.com/inkstone-ai/inkstone/tensor"
)

// BenchmarkTrain is a training step of each cell, 2 layers of 512, batch 16, 64 steps.
func BenchmarkTrain(b *testing.B) {
	for _, kind := range []string{"rnn", "lstm", "gru"} {
		b.Run(kind, func(b *testing.B) {
			const V, H, L, B, T = 10000, 512, 2, 16, 64
			lm, err := model.BuildLM(fmt.Appendf(nil, `{"model_type":%q,"vocab_size":%d,"hidden_size":%d,"num_hidden_layers":%d}`, kind, V, H, L))
			if err != nil {
				b.Fatal(err)
			}
			d := tensor.CPU(2)
			defer d.Close()
			nn.Init(lm, d, 1)
			nn.Walk(lm, func(p nn.Param) { p.Tensor.SetTrainable(true) })
			carry := nn.NewCarry(d, B, lm.(model.Recurrent).StateWidths()...)
			s := tensor.NewStep(d, tensor.StepOptions{Grad: true})
			defer s.Close()
			ids, spans := make([]int32, B*T), make([]nn.Span, B)
			pass := nn.Pass{Cache: carry}
			step := func(i int) {
				for j := range ids {
					ids[j] = int32((i*7919 + j*104729) % V)
				}
				for j := range spans {
					spans[j] = nn.Span{Rows: T, Past: i * T}
				}
				s.Begin(uint64(i))
				pass.Set(s, ids, spans...)
				s.Backward(model.Loss(lm, &pass, s.Ints(ids, B*T), nil))
				nn.Walk(lm, func(p nn.Param) { p.Tensor.ZeroGrad() })
			}
			step(0)
			b.ResetTimer()
			for i := range b.N {
				step(i + 1)
			}
			b.ReportMetric(float64(B*T*b.N)/b.Elapsed().Seconds(), "tokens/s")
		})
	}
}
