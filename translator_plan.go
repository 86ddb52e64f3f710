package inkstone

import (
	"context"
	"time"

	"github.com/inkstone-ai/inkstone/model/seq2seq"
	"github.com/inkstone-ai/inkstone/nn"
	"github.com/inkstone-ai/inkstone/tensor"
	"github.com/inkstone-ai/inkstone/train"
)

// planned is the plan of a declared model's run, for its first batches and the pairs' mean
// lengths. A run whose end is a time has no number of tokens.
func (t *translatorTraining) planned() train.Plan {
	s := &t.settings
	source, target := t.train.Sides()
	batches := 256 // of more, the memory comes to no more: all sizes have been seen
	if s.Steps > 0 {
		batches = min(batches, s.Steps)
	}
	return train.Make(t.groups(), t.dimensions(), train.Load{
		Rows: s.Rows, Source: source, Context: target, Tokens: int64(t.tokensPerStep()) * int64(s.Steps),
		Lengths: t.train.Lengths(batches * s.Rows), Longest: t.train.Longest(), Adversary: s.Adversarial,
	})
}

func (t *translatorTraining) dimensions() train.Dimensions {
	s := &t.settings
	d := train.Dimensions{Layers: s.Layers, Width: s.Width, Hidden: s.Hidden, Heads: s.Heads, Vocab: t.tok.Size()}
	cell := map[string]tensor.Cell{seq2seq.FixedArchitecture: nn.LSTM, seq2seq.AttentionArchitecture: nn.GRU}
	if c, ok := cell[s.Architecture]; ok {
		d.Cell, d.Hidden, d.Attends = &c, s.Width, s.Architecture == seq2seq.AttentionArchitecture
	}
	return d
}

// PlanTranslator is [Plan] of [TrainTranslator]; no held-out loss is foretold.
func PlanTranslator(ctx context.Context, o TranslatorOptions, measure time.Duration) (train.Plan, error) {
	if err := tensor.CheckCPU(); err != nil {
		return train.Plan{}, err
	}
	t, err := prepareTranslator(ctx, o)
	if err != nil {
		return train.Plan{}, err
	}
	d := tensor.CPU(o.Threads)
	defer d.Close()
	precision, _ := tensor.ParsePrecision(t.settings.Precision)
	t.announce(d, precision)
	plan := t.planned()
	if measure <= 0 {
		return plan, nil
	}
	if _, err := fit(plan, o.Force, t.Notice); err != nil {
		t.Notice("the speed is not measured, for the run does not fit the memory")
		return plan, nil
	}
	start(t.model, d, t.settings.Seed)
	s, done, err := t.stepper()
	if err != nil {
		return plan, err
	}
	defer done()
	m, err := train.Speed(ctx, d, precision, s, measure)
	if err != nil {
		return plan, err
	}
	plan.Measured(m)
	return plan, nil
}
