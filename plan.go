package inkstone

import (
	"context"
	"fmt"
	"time"

	"github.com/inkstone-ai/inkstone/model"
	"github.com/inkstone-ai/inkstone/model/gpt"
	"github.com/inkstone-ai/inkstone/nn"
	"github.com/inkstone-ai/inkstone/tensor"
	"github.com/inkstone-ai/inkstone/train"
)

// planned is the plan of a declared model's run.
func (p *pretraining) planned() train.Plan {
	s := p.settings
	d := dimensions(p.lm)
	d.Drops = s.Dropout > 0
	return train.Make(s.groups(p.lm), d, train.Load{
		Rows: s.Rows, Context: s.Context, Micro: s.Micro, Tokens: s.tokensPerStep() * int64(s.Steps), Checkpoint: s.Checkpoint, Adversary: s.Adversarial,
	})
}

func dimensions(lm model.LM) train.Dimensions {
	s := lm.Shape()
	_, gpt2 := lm.(*gpt.GPT2)
	_, canon := lm.(*gpt.CanonLlama)
	var cell *tensor.Cell
	if r, ok := lm.(interface{ Cell() nn.Cell }); ok {
		c := r.Cell()
		cell = &c
	}
	return train.Dimensions{
		Cell: cell, Layers: s.Layers, Width: s.Width, Hidden: s.Hidden, Heads: s.Heads, KVHeads: s.KVHeads, HeadDim: s.HeadDim,
		Vocab: s.Vocab, Gated: !gpt2, Conv: canon, HeadNorms: s.HeadNorms, PostNorms: s.PostNorms, Fused: s.Fused, Experts: s.Experts,
	}
}

// fits refuses a run that exceeds the memory, and turns block checkpointing on where
// it is what makes the run fit.
func (p *pretraining) fits() (err error) {
	p.settings.Checkpoint, err = fit(p.planned(), p.Force, p.Notice)
	return err
}

// fit refuses a plan that exceeds the memory that is there, unless force, and says
// whether the run is to checkpoint its blocks.
func fit(plan train.Plan, force bool, notice func(string)) (checkpoint bool, err error) {
	free, known := train.Available()
	switch {
	case force:
		return plan.Checkpoint, nil
	case !known:
		notice("how much memory is free can not be read here: the plan is not checked")
		return plan.Checkpoint, nil
	}
	if checkpoint, err = fitInto(plan, free, notice); err != nil {
		return checkpoint, fmt.Errorf("%w; --force starts all the same", err)
	}
	return checkpoint, nil
}

// fitInto is fit for so many free bytes. The weights do not depend on checkpoints, so
// a run that needs them gets them rather than a refusal.
func fitInto(plan train.Plan, free int64, notice func(string)) (checkpoint bool, err error) {
	err = plan.Fit(free)
	less := plan.Checkpointed()
	if err == nil || !plan.Checkpoints() || less.Fit(free) != nil {
		return plan.Checkpoint, err
	}
	notice(fmt.Sprintf("the run needs %s and %s are free: it checkpoints its blocks, which needs %s and a third more time; the weights are the same",
		train.Bytes(plan.Total), train.Bytes(free), train.Bytes(less.Total)))
	return true, nil
}

// Plan says what [Train] with the same options would need: parameters,
// operations, memory by kind, and, measured by a few real steps within about
// the given time, tokens per second, time to the end and energy where the
// processor's counters can be read; and the held-out loss that it is expected to
// end with (see [train.Law]). It writes nothing and calls Planned as Train does.
func Plan(ctx context.Context, o TrainOptions, measure time.Duration) (train.Plan, error) {
	if err := tensor.CheckCPU(); err != nil {
		return train.Plan{}, err
	}
	p, err := prepare(ctx, o)
	if err != nil {
		return train.Plan{}, err
	}
	defer p.close()
	d := tensor.CPU(o.Threads)
	defer d.Close()
	p.announce(d)
	tight := p.fits()
	plan := p.planned()
	if err := p.foresee(&plan); err != nil {
		return plan, err
	}
	if measure <= 0 {
		return plan, nil
	}
	if tight != nil {
		p.Notice("the speed is not measured, for the run does not fit the memory")
		return plan, nil
	}
	start(p.lm, d, p.settings.Seed)
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

// foresee completes the plan with the expected loss.
func (p *pretraining) foresee(plan *train.Plan) error {
	w, err := p.worth()
	if err != nil {
		return err
	}
	e, err := p.expect(w)
	if err != nil {
		return err
	}
	plan.Trial, plan.Expected = p.trial(w), &e
	return nil
}

// Presets lists the published models that [PlanPreset] knows.
func Presets() []string {
	return []string{"gpt2", "gpt2-medium", "gpt2-large", "gpt2-xl", "gpt3-175b"}
}

// PlanPreset is the plan of pretraining a published model (see [gpt.GPT2Preset])
// with AdamW, one row at a time, on 20 tokens for each parameter (Hoffmann et al.
// 2022). Nothing is allocated and nothing is measured.
func PlanPreset(name string) (train.Plan, error) {
	c, err := gpt.GPT2Preset(name)
	if err != nil {
		return train.Plan{}, fmt.Errorf("plan: %w", err)
	}
	lm, err := gpt.NewGPT2(c)
	if err != nil {
		return train.Plan{}, fmt.Errorf("plan: %w", err)
	}
	s := Settings{Optimizer: "adamw", LR: 6e-4, Decay: 0.1, Beta2: 0.95}
	return train.Make(s.groups(lm), dimensions(lm), train.Load{
		Rows: 1, Context: c.Context, Tokens: 20 * int64(model.Parameters(lm)),
	}), nil
}
