package inkstone_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/inkstone-ai/inkstone"
	"github.com/inkstone-ai/inkstone/train"
)

// TestPlanHolds: what a plan says of the activations of a run, made from settings and
// text, is within a twentieth of what the arena holds after two steps of it.
func TestPlanHolds(t *testing.T) {
	adversaries := map[string]train.Adversary{"": {}, "fgm": {Method: "fgm", Epsilon: 0.1}, "virtual": {Method: "virtual", Epsilon: 0.1}}
	text, rhymes, pairs := book(t, strings.Repeat(counting, 200)), rhymes(t), numbers(t, 400)
	runs := map[string]func(a train.Adversary) (train.Plan, int64, error){
		"bert": func(a train.Adversary) (train.Plan, int64, error) {
			return inkstone.PlanAndHeldMasked(t.Context(), inkstone.MaskedOptions{Data: []string{rhymes}, Settings: inkstone.MaskedSettings{
				Depth: 2, Width: 64, Context: 64, Row: 48, Rows: 16, Vocab: 64, Steps: 2, Dropout: 0.1, Adversarial: a,
			}})
		},
	}
	for _, kind := range []string{"gpt2", "rnn", "lstm", "gru"} {
		runs[kind] = func(a train.Adversary) (train.Plan, int64, error) {
			s := inkstone.Settings{Model: kind, Depth: 2, Width: 64, Context: 64, Rows: 12, Tokenizer: "char", Steps: 2, Dropout: 0.1, Adversarial: a}
			return inkstone.PlanAndHeldLanguage(t.Context(), inkstone.TrainOptions{Data: []string{text}, Settings: s})
		}
	}
	for _, kind := range []string{"transformer", "attention", "fixed"} {
		runs[kind] = func(a train.Adversary) (train.Plan, int64, error) {
			s := inkstone.TranslatorSettings{Architecture: kind, Tokenizer: "char", Width: 64, Layers: 1, Rows: 16, Steps: 2, Adversarial: a}
			return inkstone.PlanAndHeldTranslator(t.Context(), inkstone.TranslatorOptions{Data: []string{pairs}, Settings: s})
		}
	}
	for name, run := range runs {
		for method, a := range adversaries {
			plan, held, err := run(a)
			if err != nil {
				t.Fatalf("%s, %q: %v", name, method, err)
			}
			ratio := float64(plan.Activations) / float64(held)
			t.Logf("%s, %q: %d bytes planned, %.3f of the arena's", name, method, plan.Activations, ratio)
			if ratio < 0.95 || ratio > 1.05 {
				t.Errorf("%s, %q: %d bytes planned, the arena holds %d: %.3f of it", name, method, plan.Activations, held, ratio)
			}
			if (plan.Noise > 0) != (method != "") {
				t.Errorf("%s, %q: %d bytes of noise", name, method, plan.Noise)
			}
		}
	}
}

// TestPlanMasked: the plan is of the run that would be, and measures its steps.
func TestPlanMasked(t *testing.T) {
	o := maskedOptions(rhymes(t), "", 1, 7)
	var a inkstone.Announcement
	o.Planned = func(x inkstone.Announcement) { a = x }
	p, err := inkstone.PlanMasked(t.Context(), o, time.Millisecond)
	if err != nil {
		t.Fatal(err)
	}
	if p.Parameters != a.Parameters || p.Tokens != 7*8*18 || p.TokensPerUpdate != 8*18 || p.TokensPerSecond == nil || p.Expected != nil || p.Checkpoint {
		t.Errorf("the plan is %+v, the run would be %+v", p, a)
	}
	if o.Planned = nil; p.FLOPsPerToken <= 0 {
		t.Errorf("%g operations a token", p.FLOPsPerToken)
	}
	if p, err = inkstone.PlanMasked(t.Context(), o, 0); err != nil || p.TokensPerSecond != nil {
		t.Errorf("not to be measured: %+v, %v", p, err)
	}
	over, end := context.WithCancel(t.Context())
	end()
	if _, err := inkstone.PlanMasked(over, o, 0); err == nil {
		t.Error("an interrupted plan gave no error")
	}

	// More than any machine has: nothing is measured, and the run is refused with a word of what to change.
	var notices []string
	o.Notice = func(text string) { notices = append(notices, text) }
	o.Settings.Depth, o.Settings.Width = 90, 1<<16
	if p, err = inkstone.PlanMasked(t.Context(), o, time.Minute); err != nil || p.TokensPerSecond != nil || len(notices) != 1 || !strings.Contains(notices[0], "speed is not measured") {
		t.Errorf("too large: %+v, %v, %q", p, err, notices)
	}
	o.Out = t.TempDir()
	if _, err = inkstone.TrainMasked(t.Context(), o); err == nil || !strings.Contains(err.Error(), " too few: the model alone does not fit") {
		t.Errorf("training what is too large: %v", err)
	}
}
