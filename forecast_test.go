package inkstone_test

import (
	"math"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/inkstone-ai/inkstone"
	"github.com/inkstone-ai/inkstone/corpus/world"
)

// stories is a text of about n bytes.
func stories(n int) string {
	w, r := world.New(3), rand.New(rand.NewPCG(3, 3))
	var b strings.Builder
	for b.Len() < n {
		b.WriteString(w.Prose(r).Text() + "\n")
	}
	return b.String()
}

// TestPlanExpects trains what was planned: the loss ends near what was expected, and
// what the study does not have is named. The text is this project's own source, which
// the study does not have either; seed and text are fixed, so that this is no game of
// chance.
func TestPlanExpects(t *testing.T) {
	o := inkstone.TrainOptions{
		Data: []string{"tokenizer/*.go", "train/*.go", "corpus/*.go"}, Out: filepath.Join(t.TempDir(), "model"),
		Settings: inkstone.Settings{Depth: 1, Context: 64, Rows: 16, Micro: 1, Steps: 60, Vocab: 512, Seed: 1},
	}
	p, err := inkstone.Plan(t.Context(), o, 0)
	if err != nil {
		t.Fatal(err)
	}
	e := p.Expected
	if e == nil || len(e.Outside) > 0 {
		t.Fatalf("expected %+v, want an expectation inside the study", e)
	}
	if want := e.Loss / math.Ln2 / p.Trial.BytesPerToken; math.Abs(e.BitsPerByte[0]-want) > 1e-9 || p.Trial.BytesPerToken < 1 {
		t.Errorf("%g bits per byte at %g bytes a token, want %g", e.BitsPerByte[0], p.Trial.BytesPerToken, want)
	}
	r := mustTrain(t, o)
	if ratio := *r.Best / e.Loss; ratio < 0.8 || ratio > 1.25 {
		t.Errorf("loss %g, expected %g (%g to %g)", *r.Best, e.Loss, e.Low, e.High)
	}
	o.Settings.Model, o.Settings.Optimizer, o.Settings.LR = "gpt2", "adamw", 1e-4
	if p, err = inkstone.Plan(t.Context(), o, 0); err != nil {
		t.Fatal(err)
	}
	got := strings.Join(p.Expected.Outside, "; ")
	for _, want := range []string{"model gpt2 (study: llama)", "optimizer adamw (study: muon)", "lr 0.0001 (study: "} {
		if !strings.Contains(got, want) {
			t.Errorf("outside: %q, want %q in it", got, want)
		}
	}
}

// TestPlanExpectsOfAnyText: a text of one letter has no logarithm of its own.
func TestPlanExpectsOfAnyText(t *testing.T) {
	s := tiny()
	p, err := inkstone.Plan(t.Context(), inkstone.TrainOptions{Data: []string{book(t, strings.Repeat("a", 1000))}, Settings: s}, 0)
	if err != nil {
		t.Fatal(err)
	}
	if e := p.Expected; math.IsNaN(e.Loss) || math.IsInf(e.High, 0) || e.Loss <= 0 {
		t.Errorf("expected %+v", e)
	}
}

// TestPlanMinutes: more time never makes a shorter run, and what is proposed fits the
// budget by the speed that was measured.
func TestPlanMinutes(t *testing.T) {
	s := inkstone.Settings{Context: 32, Rows: 4, Tokenizer: "byte", EvalTokens: 1000}
	o := inkstone.TrainOptions{Data: []string{book(t, stories(60_000))}, Settings: s, Threads: 1}
	budget := 2 * time.Second
	choices, best, err := inkstone.PlanMinutes(t.Context(), o, budget, 50*time.Millisecond)
	if err != nil {
		t.Fatal(err)
	}
	for i, c := range choices {
		if c.Depth != i+1 || c.Tokens != int64(c.Steps)*4*32 || c.Seconds > 1.001*budget.Seconds() || c.TokensPerSecond <= 0 {
			t.Errorf("choice %d: %+v", i, c)
		}
		if c.Expected.Loss < choices[best].Expected.Loss {
			t.Errorf("depth %d is expected to end better than the best, %d", c.Depth, choices[best].Depth)
		}
		if !c.Whole && c.Seconds < 0.7*budget.Seconds() {
			t.Errorf("depth %d uses %g s of %v", c.Depth, c.Seconds, budget)
		}
	}
}

func TestPlanMinutesRefuses(t *testing.T) {
	text := book(t, stories(60_000))
	short := book(t, "too short")
	tests := []struct {
		name, data, want string
		s                inkstone.Settings
		budget, measure  time.Duration
	}{
		{"no time", text, "want more than none", inkstone.Settings{}, 0, time.Second},
		{"no measurement", text, "needs the speed", inkstone.Settings{}, time.Minute, 0},
		{"a depth", text, "leave both away", inkstone.Settings{Depth: 3}, time.Minute, time.Second},
		{"steps", text, "leave both away", inkstone.Settings{Steps: 3}, time.Minute, time.Second},
		{"too little time", text, "give more time", inkstone.Settings{Context: 32, Rows: 1}, time.Microsecond, time.Millisecond},
		{"too little text", short, "too few for one context of 256", inkstone.Settings{Tokenizer: "byte"}, time.Minute, time.Second},
	}
	for _, test := range tests {
		o := inkstone.TrainOptions{Data: []string{test.data}, Settings: test.s, Threads: 1}
		_, _, err := inkstone.PlanMinutes(t.Context(), o, test.budget, test.measure)
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v, want %q", test.name, err, test.want)
		}
	}
}
