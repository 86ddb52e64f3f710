package inkstone

import (
	"context"
	"fmt"
	"time"

	"github.com/inkstone-ai/inkstone/model"
	"github.com/inkstone-ai/inkstone/model/gpt"
	"github.com/inkstone-ai/inkstone/tensor"
	"github.com/inkstone-ai/inkstone/train"
)

// planned is the plan of a declared model's run.
func (p *pretraining) planned() train.Plan {
	s := p.settings
	return train.Make(s.groups(p.lm), dimensions(p.lm, s.Model), train.Load{
		Rows: s.Rows, Context: s.Context, Micro: s.Micro,
		Tokens: int64(s.Rows) * int64(s.Context) * int64(s.Micro) * int64(s.Steps),
	})
}

func dimensions(lm model.LM, kind string) train.Dimensions {
	s := lm.Shape()
	return train.Dimensions{
		Layers: s.Layers, Width: s.Width, Hidden: s.Hidden, Heads: s.Heads, KVHeads: s.KVHeads, HeadDim: s.HeadDim,
		Vocab: s.Vocab, Gated: kind != "gpt2", Conv: kind == "inkstone_canon_llama",
	}
}

// fits refuses a run whose plan exceeds the memory that is there.
func (p *pretraining) fits() error {
	free, known := train.Available()
	if !known {
		p.Notice("how much memory is free can not be read here: the plan is not checked")
		return nil
	}
	plan := p.planned()
	if err := plan.Fit(free); err != nil {
		return fmt.Errorf("%w; --force starts all the same", err)
	}
	return nil
}

// Plan says what [Train] with the same options would need: parameters,
// operations, memory by kind, and, measured by a few real steps within about
// the given time, tokens per second, time to the end and energy where the
// processor's counters can be read. It writes nothing.
func Plan(ctx context.Context, o TrainOptions, measure time.Duration) (train.Plan, error) {
	p, err := prepare(o)
	if err != nil {
		return train.Plan{}, err
	}
	defer p.close()
	plan := p.planned()
	if measure <= 0 {
		return plan, nil
	}
	if err := p.fits(); err != nil && !o.Force {
		p.Notice(err.Error() + "; the speed is not measured")
		return plan, nil
	}
	d := tensor.CPU(o.Threads)
	defer d.Close()
	start(p.lm, d, p.settings.Seed)
	s, err := p.stepper()
	if err != nil {
		return plan, err
	}
	m, err := train.Speed(ctx, d, s, measure)
	if err != nil {
		return plan, err
	}
	plan.Measured(m)
	return plan, nil
}

// Presets are the published sizes that [PlanPreset] knows.
var presets = []struct {
	name                 string
	layers, width, heads int
	context              int
}{
	// Radford et al. 2019, table 2, with the parameters as they were counted later.
	{"gpt2", 12, 768, 12, 1024},
	{"gpt2-medium", 24, 1024, 16, 1024},
	{"gpt2-large", 36, 1280, 20, 1024},
	{"gpt2-xl", 48, 1600, 25, 1024},
	// Brown et al. 2020, arXiv:2005.14165, table 2.1.
	{"gpt3-175b", 96, 12288, 96, 2048},
}

// Presets lists the names that [PlanPreset] knows.
func Presets() []string {
	names := make([]string, len(presets))
	for i, p := range presets {
		names[i] = p.name
	}
	return names
}

// PlanPreset is the plan of pretraining a published model with AdamW, one row
// at a time, on 20 tokens for each parameter (Hoffmann et al. 2022). Nothing is
// allocated and nothing is measured.
func PlanPreset(name string) (train.Plan, error) {
	for _, p := range presets {
		if p.name != name {
			continue
		}
		lm, err := gpt.NewGPT2(gpt.GPT2Config{Vocab: 50257, Context: p.context, Width: p.width, Layers: p.layers, Heads: p.heads, Tied: true})
		if err != nil {
			return train.Plan{}, err
		}
		s := Settings{Optimizer: "adamw", LR: 6e-4, Decay: 0.1, Beta2: 0.95}
		return train.Make(s.groups(lm), dimensions(lm, "gpt2"), train.Load{
			Rows: 1, Context: p.context, Tokens: 20 * int64(model.Parameters(lm)),
		}), nil
	}
	return train.Plan{}, fmt.Errorf("plan: preset %q is none of %v", name, Presets())
}
