package inkstone

import (
	"context"
	"fmt"
	"time"

	"github.com/inkstone-ai/inkstone/tensor"
	"github.com/inkstone-ai/inkstone/train"
)

// A Choice is one depth for a budget of time, and what to expect of it.
type Choice struct {
	Depth           int               `json:"depth"`
	Parameters      int64             `json:"parameters"`
	TokensPerSecond float64           `json:"tokens_per_second"`
	Measured        bool              `json:"measured"` // else the speed follows from a smaller depth's by operations
	Steps           int               `json:"steps"`
	Tokens          int64             `json:"tokens"`
	Seconds         float64           `json:"seconds"` // evaluations included
	Whole           bool              `json:"whole"`   // the recipe's whole horizon fits: more time would not be used
	Expected        train.Expectation `json:"expected"`
}

// Limits of what [PlanMinutes] looks at.
const (
	fewestUpdates = 20 // below that a run has hardly begun
	deepest       = 24
	slowUpdates   = 10 * time.Second // two updates that take longer are not measured
)

// PlanMinutes says for each depth what a training of o would reach within budget on
// this machine, whose speed it measures for about the given time a depth. The
// deepest choice is the last that makes enough updates and fits the memory, or the
// second in a row that is expected to end worse than a smaller one. Best is the
// place of the choice with the lowest expected loss.
//
// Errors: those of [Train] about data and settings, settings that fix the depth or
// the steps, and a budget in which no depth gets anywhere.
func PlanMinutes(ctx context.Context, o TrainOptions, budget, measure time.Duration) (choices []Choice, best int, err error) {
	switch {
	case budget <= 0:
		return nil, 0, fmt.Errorf("plan: a budget of %v: want more than none", budget)
	case measure <= 0:
		return nil, 0, fmt.Errorf("plan: a budget of time needs the speed: measure it for a second or more")
	case o.Settings.Depth != 0 || o.Settings.Steps != 0:
		return nil, 0, fmt.Errorf("plan: a budget of time chooses depth and steps: leave both away, in the config too")
	}
	given := o.Settings
	o.Settings.Depth = 1
	p, err := prepare(ctx, o)
	if err != nil {
		return nil, 0, err
	}
	defer p.close()
	w, err := p.worth()
	if err != nil {
		return nil, 0, err
	}
	b := &budgeted{p: p, given: given, worth: w, budget: budget, measure: measure}
	for depth := 1; depth <= deepest && best >= len(choices)-2; depth++ {
		c, err := b.try(ctx, depth)
		if err != nil {
			return nil, 0, err
		}
		if c == nil {
			break
		}
		if choices = append(choices, *c); c.Expected.Loss < choices[best].Expected.Loss {
			best = len(choices) - 1
		}
	}
	if len(choices) == 0 {
		return nil, 0, fmt.Errorf("plan: in %v not even depth 1 makes %d updates that fit the memory: give more time, or smaller batches in a config",
			budget, fewestUpdates)
	}
	return choices, best, nil
}

// budgeted tries one depth after another on the same tokens.
type budgeted struct {
	p               *pretraining
	given           Settings // before anything was derived
	worth           worth
	budget, measure time.Duration
	flops           float64 // operations a second of the depth measured last
}

// try returns what depth reaches; nil where it gets nowhere.
func (b *budgeted) try(ctx context.Context, depth int) (*Choice, error) {
	q := *b.p
	q.settings = b.given
	q.settings.Depth = depth
	q.settings.HeldOut, q.settings.EvalTokens = b.p.settings.HeldOut, b.p.settings.EvalTokens
	q.settings.Tokenizer, q.settings.Vocab, q.settings.Split = b.p.settings.Tokenizer, b.p.settings.Vocab, b.p.settings.Split
	if err := q.declare(); err != nil {
		if depth > 1 {
			return nil, nil // the text has no context as long as this depth's
		}
		return nil, err
	}
	plan := q.planned()
	free, known := train.Available()
	if known && plan.Fit(free) != nil {
		return nil, nil
	}
	if b.flops > 0 && b.tokens(b.flops/plan.FLOPsPerToken, &q) < fewestUpdates*q.settings.tokensPerStep()/2 {
		return nil, nil // not worth measuring
	}
	speed, measured, err := b.speed(ctx, &q, plan)
	if err != nil {
		return nil, err
	}
	whole := q.settings.Steps
	q.settings.Steps = min(whole, int(b.tokens(speed, &q)/q.settings.tokensPerStep()))
	if q.settings.Steps < min(whole, fewestUpdates) {
		return nil, nil
	}
	c := &Choice{
		Depth: depth, Parameters: plan.Parameters, TokensPerSecond: speed, Measured: measured, Steps: q.settings.Steps,
		Tokens: q.settings.tokensPerStep() * int64(q.settings.Steps), Whole: q.settings.Steps == whole,
	}
	c.Seconds = (float64(c.Tokens) + min(q.evaluations(), float64(c.Tokens)/4)) / speed
	c.Expected, err = q.expect(b.worth)
	return c, err
}

// evaluations is what ten evaluations cost, in tokens of training: a third each.
func (p *pretraining) evaluations() float64 { return 10 * float64(p.evalTokens().Len()) / 3 }

// tokens are what the budget pays for at a speed, evaluations taken off: they
// cost what [Settings.intervals] allows.
func (b *budgeted) tokens(speed float64, p *pretraining) int64 {
	all := speed * b.budget.Seconds()
	return int64(max(all-p.evaluations(), all/1.25))
}

// speed measures tokens a second, or where two updates would take too long, takes
// them from the operations a second of the depth before.
func (b *budgeted) speed(ctx context.Context, q *pretraining, plan train.Plan) (float64, bool, error) {
	if b.flops > 0 {
		speed := b.flops / plan.FLOPsPerToken
		if 2*float64(q.settings.tokensPerStep())/speed > slowUpdates.Seconds() {
			return speed, false, nil
		}
	}
	d := tensor.CPU(q.Threads)
	defer d.Close()
	start(q.lm, d, q.settings.Seed)
	s, done, err := q.stepper(d)
	if err != nil {
		return 0, false, err
	}
	defer done()
	m, err := train.Speed(ctx, d, q.settings.precision(), s, b.measure)
	if err != nil {
		return 0, false, err
	}
	b.flops = m.TokensPerSecond * plan.FLOPsPerToken
	return m.TokensPerSecond, true, nil
}
