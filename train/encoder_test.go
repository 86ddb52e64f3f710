package train_test

import (
	"context"
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/inkstone-ai/inkstone/model"
	"github.com/inkstone-ai/inkstone/model/bert"
	"github.com/inkstone-ai/inkstone/nn"
	"github.com/inkstone-ai/inkstone/tensor"
	"github.com/inkstone-ai/inkstone/train"
)

func newBERT(t *testing.T, layers int, dropout float32) *bert.BERT {
	t.Helper()
	m, err := bert.New(bert.Config{Architectures: []string{string(bert.FillMask)}, Vocab: 1500, Context: 64, Width: 96, Hidden: 512, Layers: layers, Heads: 3, Dropout: dropout})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// encoderDimensions is what a caller makes of an encoder's shape.
func encoderDimensions(m *bert.BERT) train.Dimensions {
	s := m.Shape()
	return train.Dimensions{Layers: s.Layers, Width: s.Width, Hidden: s.Hidden, Heads: s.Heads, Vocab: s.Vocab,
		Encoder: true, Drops: m.Config().(bert.Config).Dropout > 0}
}

// maskedStepper trains m on B rows of T arbitrary tokens, of which every sixth is asked for.
func maskedStepper(m *bert.BERT, B, T int, checkpoint bool) *train.Stepper {
	ids, V := make([]int32, B*T), int32(m.Shape().Vocab)
	var rows, were []int32
	for i := range ids {
		if ids[i] = int32(i*7) % V; i%6 == 0 {
			rows, were = append(rows, int32(i)), append(were, int32(i*11)%V)
		}
	}
	p := nn.Pass{Checkpoint: checkpoint}
	return &train.Stepper{
		Groups: train.AdamWGroups(nn.Params(m), train.AdamW{}, 1e-3, 0.1), Tokens: B * T,
		Loss: func(s *tensor.Step, _, _ int) (*tensor.Tensor, error) {
			p.SetRows(s, ids, T)
			return model.MaskedLoss(m, &p, p.Ints(rows), p.Ints(were), s.Full(1/float32(len(rows)), len(rows))), nil
		},
	}
}

// The formula of an encoder's activations against what the arena holds.
func TestActivationsEncoder(t *testing.T) {
	d := cpu(t, 2)
	for _, layers := range []int{2, 4} {
		for _, dropout := range []float32{0, 0.1} {
			m := newBERT(t, layers, dropout)
			nn.Init(m, d, 1)
			nn.Walk(m, func(p nn.Param) { p.Tensor.SetTrainable(true) })
			for _, l := range []train.Load{{Rows: 16, Context: 64}, {Rows: 10, Context: 32}, {Rows: 16, Context: 64, Checkpoint: true}} {
				l.Asked = 1. / 6
				s := maskedStepper(m, l.Rows, l.Context, l.Checkpoint)
				measured, err := train.Speed(context.Background(), d, tensor.F32, s, 0)
				if err != nil {
					t.Fatal(err)
				}
				plan := train.Make(s.Groups, encoderDimensions(m), l)
				ratio, what := float64(plan.Activations)/float64(measured.Activations), fmt.Sprintf("%d layers, dropout %g, %+v", layers, dropout, l)
				t.Logf("%s: %d bytes planned, %.3f of the arena's", what, plan.Activations, ratio)
				if ratio < 0.95 || ratio > 1.05 {
					t.Errorf("%s: %d bytes planned, the arena holds %d: %.3f of it", what, plan.Activations, measured.Activations, ratio)
				}
				if l.Checkpoint {
					continue
				}
				if err := plan.Fit(plan.Checkpointed().Total); err == nil || !strings.Contains(err.Error(), "checkpoint the blocks") {
					t.Errorf("%s: what fits with checkpoints: %v", what, err)
				}
			}
		}
	}
}

// Operations are counted here from the weights themselves: those of the head, a layer and
// the table, are asked for a sixth of the tokens.
func TestFLOPsEncoder(t *testing.T) {
	m, T := newBERT(t, 3, 0), 48
	got := train.Make(maskedStepper(m, 2, T, false).Groups, encoderDimensions(m), train.Load{Rows: 2, Context: T, Asked: 1. / 6}).FLOPsPerToken
	want := 0.0
	nn.Walk(m, func(p nn.Param) {
		switch n := 6 * float64(p.Tensor.Len()); {
		case p.Tensor == m.Masked.Transform.W || p.Tensor == m.Embed.Words.W:
			want += n / 6
		case p.Role == nn.Matrix:
			want += n
		}
	})
	want += 3 * 2 * 2 * 3 * 96 * float64(T) // a query against all keys, scores and sums, forward and twice that backward, three layers
	if math.Abs(got/want-1) > 1e-12 {
		t.Errorf("%g operations a token, want %g", got, want)
	}
}
