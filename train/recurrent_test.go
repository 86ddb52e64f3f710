package train_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/inkstone-ai/inkstone/model/lstm"
	"github.com/inkstone-ai/inkstone/nn"
	"github.com/inkstone-ai/inkstone/tensor"
	"github.com/inkstone-ai/inkstone/train"
)

// The formula of a recurrent network's activations against what the arena holds, and
// its operations against the weights'.
func TestActivationsRecurrent(t *testing.T) {
	d := cpu(t, 2)
	for kind, cell := range map[string]nn.Cell{"rnn": nn.RNN, "lstm": nn.LSTM, "gru": nn.GRU} {
		for _, dropout := range []float32{0, 0.1} {
			c := lstm.Config{Vocab: 700, Hidden: 128, Layers: 3, Tied: true, Dropout: dropout}
			lm, err := lstm.New(kind, c)
			if err != nil {
				t.Fatal(err)
			}
			nn.Init(lm, d, 1)
			nn.Walk(lm, func(p nn.Param) { p.Tensor.SetTrainable(true) })
			dims := train.Dimensions{Layers: c.Layers, Width: c.Hidden, Hidden: c.Hidden, Vocab: c.Vocab, Cell: &cell, Drops: dropout > 0}
			for _, B := range []int{4, 16} {
				m, err := train.Speed(context.Background(), d, tensor.F32, stepperOf(lm, B, 64, false), 0)
				if err != nil {
					t.Fatal(err)
				}
				what, want := fmt.Sprintf("%s, %d rows, dropout %g", kind, B, dropout), dims.Activations(B, 64, false)
				t.Logf("%s: formula %d, arena %d, in floats a token %.2f and %.2f widths", what, want, m.Activations, float64(want)/float64(4*64*B*128), float64(m.Activations)/float64(4*64*B*128))
				if ratio := float64(m.Activations) / float64(want); ratio < 0.95 || ratio > 1.05 {
					t.Errorf("%s: the formula has %d bytes, the arena holds %d, %.3f of it", what, want, m.Activations, ratio)
				}
			}
			products := 0
			nn.Walk(lm, func(p nn.Param) {
				if p.Role == nn.Matrix || p.Role == nn.Table {
					products += p.Tensor.Len()
				}
			})
			if got := dims.FLOPs(64); got != float64(6*products) {
				t.Errorf("%s: %v operations a token, want %d", kind, got, 6*products)
			}
		}
	}
}
