package generate_test

import (
	"iter"
	"math"
	"slices"
	"strings"
	"testing"

	"gonum.org/v1/gonum/stat/distuv"

	"github.com/inkstone-ai/inkstone/generate"
	"github.com/inkstone-ai/inkstone/tensor"
)

// TestGuessesChangeNothing: greedy text and text by look-up have the bits that they have
// without guesses; alone and in a batch, with guesses that are right and wrong.
func TestGuessesChangeNothing(t *testing.T) {
	d := tensor.CPU(2)
	defer d.Close()
	lm, other := lively(t, long["llama"], d), lively(t, long["canon"], d)
	for i, draft := range []generate.Options{{}, {Draft: lm}, {Draft: other}} {
		requests := related()
		for j := range requests {
			requests[j].MaxTokens = 60
			if i > 0 {
				requests[j].Sampling = generate.Sampling{}
			}
		}
		want := alone(t, lm, generate.Options{}, requests)
		for j := range requests {
			requests[j].Drafts = 1 + 2*j
		}
		drafted, accepted := 0, 0
		for _, o := range []generate.Options{{}, {Slots: 3, Rows: 16}} {
			o.Draft = draft.Draft
			got, err := newEngine(t, lm, o).Run(t.Context(), requests)
			if err != nil {
				t.Fatal(err)
			}
			same(t, "with guesses", want, got)
			for _, r := range got {
				drafted, accepted = drafted+r.Usage.Drafted, accepted+r.Usage.Accepted
			}
		}
		t.Logf("setting %d: %d of %d guesses right", i, accepted, drafted)
		switch {
		case i == 1 && accepted != drafted:
			t.Errorf("the model itself guesses wrong: %d of %d", accepted, drafted)
		case drafted == 0 || i != 1 && accepted == drafted:
			t.Errorf("%d of %d guesses right: there is nothing to take back", accepted, drafted)
		}
	}
}

// TestDraftsKeepTheDistribution: with a draft model of another distribution the tokens are
// those of the model, by Pearson's chi-square: a right sampler fails one test in 10,000.
func TestDraftsKeepTheDistribution(t *testing.T) {
	scores := []float32{1.2, -0.5, 0.3, 2.0, 0.9, -1.5, 0.3, 1.9}
	drafts := []float32{2.2, 0.5, 0.3, -1.0, 0.9, 1.5, 0.3, 1.0}
	d := tensor.Reference()
	for _, s := range []generate.Sampling{{Temperature: 1}, {Temperature: 0.7, TopK: 5}, {Temperature: 2, TopP: 0.8}, {Temperature: 1, MinP: 0.2, Typical: 0.9}} {
		s.Seed = 7
		want := distribution(scores, s)
		e := newEngine(t, newFixed(d, 501, scores...), generate.Options{Slots: 40, Draft: newFixed(d, 501, drafts...)})
		var requests []generate.Request
		for i := range 40 {
			s.Stream = uint64(i)
			requests = append(requests, generate.Request{Prompt: []int32{0}, MaxTokens: 500, Sampling: s, Drafts: 5})
		}
		results, err := e.Run(t.Context(), requests)
		if err != nil {
			t.Fatal(err)
		}
		counts, pairs, accepted, drafted := make([]int, len(scores)), make([]int, len(scores)*len(scores)), 0, 0
		for _, r := range results {
			for i, x := range r.IDs() {
				counts[x]++
				if i%2 == 1 {
					pairs[int(r.IDs()[i-1])*len(scores)+int(x)]++
				}
			}
			accepted, drafted = accepted+r.Usage.Accepted, drafted+r.Usage.Drafted
		}
		chiSquare(t, "tokens", counts, want)
		both := make([]float64, len(pairs))
		for i := range both {
			both[i] = want[i/len(want)] * want[i%len(want)]
		}
		chiSquare(t, "pairs of tokens", pairs, both)
		if accepted < drafted/10 || accepted > drafted*9/10 {
			t.Errorf("%d of %d guesses accepted", accepted, drafted)
		}
	}
}

// chiSquare fails where counts are no draws from want.
func chiSquare(t *testing.T, what string, counts []int, want []float64) {
	t.Helper()
	n, chi, freedom := 0.0, 0.0, -1.0
	for _, c := range counts {
		n += float64(c)
	}
	for id, p := range want {
		if p == 0 {
			if counts[id] > 0 {
				t.Errorf("%s: %d was drawn %d times and has no probability", what, id, counts[id])
			}
			continue
		}
		freedom++
		chi += math.Pow(float64(counts[id])-n*p, 2) / (n * p)
	}
	if limit := (distuv.ChiSquared{K: max(1, freedom)}).Quantile(1 - 1e-4); freedom > 0 && chi > limit {
		t.Errorf("%s: chi-square %.1f with %v degrees of freedom, want at most %.1f", what, chi, freedom, limit)
	}
}

// TestGuessErrors: what can not guess is refused.
func TestGuessErrors(t *testing.T) {
	d := tensor.Reference()
	lstm, lm := lively(t, configs["lstm"], d), lively(t, configs["llama"], d)
	for says, o := range map[string]generate.Options{
		"vocabulary of 3 tokens, the model of 17": {Draft: newFixed(d, 24, 0, 1, 2)},
		"can not take back":                       {Draft: lstm},
	} {
		if _, err := generate.NewEngine(lm, o); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("error %v, want %q", err, says)
		}
	}
	if _, err := generate.NewEngine(lstm, generate.Options{Draft: lm}); err == nil {
		t.Error("a recurrent model with a draft model")
	}
	if _, err := newEngine(t, lstm, generate.Options{}).Run(t.Context(), []generate.Request{{Prompt: []int32{1}, Drafts: 3}}); err == nil {
		t.Error("a recurrent model that guesses")
	}
}

// TestLookUpPays: a text that repeats itself is guessed.
func TestLookUpPays(t *testing.T) {
	lm := &counted{fixed: newFixed(tensor.Reference(), 400, 0, 1)}
	got, err := newEngine(t, lm, generate.Options{}).Run(t.Context(), []generate.Request{{Prompt: []int32{1, 1, 1, 1}, MaxTokens: 200, Drafts: 16}})
	if err != nil {
		t.Fatal(err)
	}
	if u := got[0].Usage; u.Accepted < 150 || !slices.Equal(got[0].IDs(), slices.Repeat([]int32{1}, 200)) || lm.passes > 30 {
		t.Errorf("%+v in %d passes", u, lm.passes)
	}
}

// TestABrokenGuessEndsItsOwnText: a request for which the draft model has no token to draw fails, and
// one beside it in the same passes goes on.
func TestABrokenGuessEndsItsOwnText(t *testing.T) {
	d := tensor.Reference()
	e := newEngine(t, newFixed(d, 100, 0, 1, 2), generate.Options{Draft: newFixed(d, 100, 0, 1, 2)})
	next, stop := iter.Pull2(e.Stream(t.Context(), generate.Request{Prompt: []int32{0}, MaxTokens: 40, Drafts: 2}))
	defer stop()
	if _, err, _ := next(); err != nil {
		t.Fatal(err)
	}
	none := float32(math.Inf(-1))
	bad := generate.Request{Prompt: []int32{0}, MaxTokens: 5, Drafts: 2, Sampling: generate.Sampling{Bias: map[int32]float32{0: none, 1: none, 2: none}}}
	if _, err := e.Run(t.Context(), []generate.Request{bad}); err == nil || !strings.Contains(err.Error(), "the draft model: ") {
		t.Errorf("error %v, want the draft model's", err)
	}
	n := 1
	for _, err, more := next(); more; _, err, more = next() {
		if err != nil {
			t.Fatalf("the request beside it, after %d tokens: %v", n, err)
		}
		n++
	}
	if n != 40 {
		t.Errorf("%d tokens, want 40", n)
	}
}

// TestGuessesAreBounded: a pass has no more guesses than Options.Rows, a text no more than 64 in one.
func TestGuessesAreBounded(t *testing.T) {
	for _, tt := range []struct {
		o                generate.Options
		requests, beside int
	}{
		{generate.Options{Slots: 1, Rows: 4096}, 1, 1 + 64},
		{generate.Options{Slots: 8, Rows: 40}, 8, 8 + 40 + 10}, // and a quarter of prompts
	} {
		lm := &counted{fixed: newFixed(tensor.Reference(), 1000, 0, 1)}
		r := generate.Request{Prompt: []int32{1, 1, 1, 1}, MaxTokens: 900, Drafts: math.MaxInt}
		got, err := newEngine(t, lm, tt.o).Run(t.Context(), slices.Repeat([]generate.Request{r}, tt.requests))
		if err != nil {
			t.Fatal(err)
		}
		if lm.widest > tt.beside || got[0].Usage.Accepted < 500 {
			t.Errorf("%+v: passes of %d rows, want at most %d; %+v", tt.o, lm.widest, tt.beside, got[0].Usage)
		}
	}
}
