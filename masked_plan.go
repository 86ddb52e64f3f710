package inkstone

import (
	"context"
	"time"

	"github.com/inkstone-ai/inkstone/tensor"
	"github.com/inkstone-ai/inkstone/train"
)

// planned is the plan of a declared model's run. The head is asked for the hidden tokens,
// a share of those that are text.
func (p *maskedTraining) planned() train.Plan {
	s, shape := p.settings, p.model.Shape()
	return train.Make(s.groups(p.model), train.Dimensions{
		Layers: shape.Layers, Width: shape.Width, Hidden: shape.Hidden, Heads: shape.Heads, Vocab: shape.Vocab, Encoder: true, Drops: s.Dropout > 0,
	}, train.Load{
		Rows: s.Rows, Context: s.Row, Micro: s.Micro, Tokens: s.tokensPerStep() * int64(s.Steps), Checkpoint: p.checkpoint,
		Asked: s.MaskShare * float64(p.text()) / float64(s.Row), Adversary: s.Adversarial,
	})
}

// PlanMasked is [Plan] of [TrainMasked]; no held-out loss is foretold.
func PlanMasked(ctx context.Context, o MaskedOptions, measure time.Duration) (train.Plan, error) {
	if err := tensor.CheckCPU(); err != nil {
		return train.Plan{}, err
	}
	p, err := prepareMasked(ctx, o)
	if err != nil {
		return train.Plan{}, err
	}
	d := tensor.CPU(o.Threads)
	defer d.Close()
	p.announce(d)
	tight := false
	if p.checkpoint, err = fit(p.planned(), o.Force, p.Notice); err != nil {
		tight = true
	}
	plan := p.planned()
	switch {
	case measure <= 0:
		return plan, nil
	case tight:
		p.Notice("the speed is not measured, for the run does not fit the memory")
		return plan, nil
	}
	p.start(d)
	s, done, err := p.stepper(d)
	if err != nil {
		return plan, err
	}
	defer done()
	m, err := train.Speed(ctx, d, p.settings.precision(), s, measure)
	if err != nil {
		return plan, err
	}
	plan.Measured(m)
	return plan, nil
}
