package train_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/inkstone-ai/inkstone/model/seq2seq"
	"github.com/inkstone-ai/inkstone/nn"
	"github.com/inkstone-ai/inkstone/tensor"
	"github.com/inkstone-ai/inkstone/train"
)

// pairDimensions is what a caller makes of an encoder–decoder's config.
func pairDimensions(c seq2seq.Config) train.Dimensions {
	d := train.Dimensions{Layers: c.DecoderLayers, Width: c.Width, Hidden: c.Hidden, Heads: c.Heads, Vocab: c.Vocab}
	cell := map[string]nn.Cell{seq2seq.FixedArchitecture: nn.LSTM, seq2seq.AttentionArchitecture: nn.GRU}
	if k, ok := cell[c.Architecture]; ok {
		d.Cell, d.Hidden, d.Attends = &k, c.Width, c.Architecture == seq2seq.AttentionArchitecture
	}
	return d
}

// The formula of an encoder–decoder's activations against what the arena holds: never
// less than 2 % below, and above by no more than buffers of sources and targets that
// happen to have one size.
func TestActivationsPairs(t *testing.T) {
	d := cpu(t, 1)
	for _, c := range []seq2seq.Config{
		{Architecture: "transformer", Vocab: 512, Width: 128, DecoderLayers: 2, Heads: 2, Hidden: 512},
		{Architecture: "transformer", Vocab: 700, Width: 64, DecoderLayers: 3, Heads: 1, Hidden: 256},
		{Architecture: "fixed", Vocab: 512, Width: 64, DecoderLayers: 1},
		{Architecture: "fixed", Vocab: 700, Width: 128, DecoderLayers: 2},
		{Architecture: "attention", Vocab: 512, Width: 64, DecoderLayers: 1},
		{Architecture: "attention", Vocab: 700, Width: 128, DecoderLayers: 1},
	} {
		c.Context, c.EncoderLayers, c.Dropout = 64, c.DecoderLayers, 0.1
		m, err := seq2seq.New(c)
		if err != nil {
			t.Fatal(err)
		}
		nn.Init(m, d, 1)
		nn.Walk(m, func(p nn.Param) { p.Tensor.SetTrainable(true) })
		for _, l := range []train.Load{{Rows: 16, Source: 20, Context: 18}, {Rows: 16, Source: 14, Context: 22}, {Rows: 32, Source: 24, Context: 18}} {
			s := &train.Stepper{Groups: train.AdamWGroups(nn.Params(m), train.AdamW{}, 1e-3, 0.1), Tokens: l.Rows * (l.Source + l.Context)}
			s.Loss = seq2seq.BatchLoss(evenPairs(l, c.Vocab), 0, 0.1, m)
			measured, err := train.Speed(context.Background(), d, tensor.F32, s, 0)
			if err != nil {
				t.Fatal(err)
			}
			plan := train.Make(s.Groups, pairDimensions(c), l)
			ratio := float64(plan.Activations) / float64(measured.Activations)
			what := fmt.Sprintf("%s of %d, %d layers, %+v", c.Architecture, c.Width, c.DecoderLayers, l)
			t.Logf("%s: %d bytes planned, %.3f of the arena's", what, plan.Activations, ratio)
			if ratio < 0.98 || ratio > 1.08 {
				t.Errorf("%s: %d bytes planned, the arena holds %d: %.3f of it", what, plan.Activations, measured.Activations, ratio)
			}
			if plan.TokensPerUpdate != int64(s.Tokens) || plan.Checkpoints() || plan.FLOPsPerToken <= 0 {
				t.Errorf("%s: %+v", what, plan)
			}
			if err := plan.Fit(plan.Total - 1); err == nil || !strings.Contains(err.Error(), fmt.Sprintf("an update of %d pairs instead of %d fits", l.Rows-1, l.Rows)) {
				t.Errorf("%s, a byte too few: %v", what, err)
			}
		}
	}
}

// evenPairs are pairs of the load's lengths.
func evenPairs(l train.Load, vocab int) (pairs [][2][]int32) {
	for i := range l.Rows {
		source, target := make([]int32, l.Source), make([]int32, l.Context-1)
		for k := range source {
			source[k] = int32((i*7 + k*3) % vocab)
		}
		pairs = append(pairs, [2][]int32{source, target})
	}
	return pairs
}
