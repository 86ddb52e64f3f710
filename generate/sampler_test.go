package generate_test

import (
	"cmp"
	"math"
	"slices"
	"testing"

	"github.com/inkstone-ai/inkstone/generate"
	"github.com/inkstone-ai/inkstone/tensor"
	"gonum.org/v1/gonum/stat/distuv"
)

// TestSamplerDistribution draws 20,000 tokens for each setting and compares
// their counts with probabilities computed from the definitions, by Pearson's
// chi-square: a right sampler fails one test in 10,000.
func TestSamplerDistribution(t *testing.T) {
	scores := []float32{1.2, -0.5, 0.3, 2.0, 0.9, -1.5, 0.3, 1.9}
	tests := []struct {
		name     string
		sampling generate.Sampling
	}{
		{"temperature 1", generate.Sampling{Temperature: 1}},
		{"temperature 0.5", generate.Sampling{Temperature: 0.5}},
		{"temperature 3", generate.Sampling{Temperature: 3}},
		{"top-k 3", generate.Sampling{Temperature: 1, TopK: 3}},
		{"top-k 5, equal scores at the border", generate.Sampling{Temperature: 1, TopK: 5}},
		{"top-k beyond the vocabulary", generate.Sampling{Temperature: 1, TopK: 99}},
		{"top-p 0.7", generate.Sampling{Temperature: 1, TopP: 0.7}},
		{"top-p 0.05", generate.Sampling{Temperature: 1, TopP: 0.05}},
		{"min-p 0.2", generate.Sampling{Temperature: 1, MinP: 0.2}},
		{"typical 0.5", generate.Sampling{Temperature: 1, Typical: 0.5}},
		{"typical 0.9 of the 6 likeliest", generate.Sampling{Temperature: 0.7, TopK: 6, Typical: 0.9}},
		{"typical 0.2, min-p", generate.Sampling{Temperature: 2, Typical: 0.2, MinP: 0.9}},
		{"all", generate.Sampling{Temperature: 1.5, TopK: 6, Typical: 0.95, TopP: 0.9, MinP: 0.3}},
	}
	const draws = 20000
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tt.sampling.Seed = 42
			want := distribution(scores, tt.sampling)
			counts := draw(t, scores, tt.sampling, draws)
			chi, freedom := 0.0, -1.0
			for id, p := range want {
				if p == 0 {
					if counts[id] > 0 {
						t.Errorf("token %d was drawn %d times and has no probability", id, counts[id])
					}
					continue
				}
				freedom++
				chi += math.Pow(float64(counts[id])-draws*p, 2) / (draws * p)
			}
			if freedom > 0 {
				if limit := (distuv.ChiSquared{K: freedom}).Quantile(1 - 1e-4); chi > limit {
					t.Errorf("chi-square %.1f with %v degrees of freedom, want at most %.1f; counts %v of %v", chi, freedom, limit, counts, want)
				}
			}
		})
	}
}

// draw counts the tokens of streams of 500 tokens each.
func draw(t *testing.T, scores []float32, s generate.Sampling, n int) []int {
	t.Helper()
	e := newEngine(t, newFixed(tensor.Reference(), 501, scores...), generate.Options{Slots: 40})
	var requests []generate.Request
	for i := range n / 500 {
		s.Stream = uint64(i)
		requests = append(requests, generate.Request{Prompt: []int32{0}, MaxTokens: 500, Sampling: s})
	}
	results, err := e.Run(t.Context(), requests)
	if err != nil {
		t.Fatal(err)
	}
	counts := make([]int, len(scores))
	for _, r := range results {
		for _, x := range r.Tokens {
			counts[x.ID]++
		}
	}
	return counts
}

// distribution is what the definitions say, in the plainest way and in llama.cpp's order.
func distribution(scores []float32, s generate.Sampling) []float64 {
	p := make([]float64, len(scores))
	order := make([]int, len(scores))
	for i, x := range scores {
		p[i], order[i] = math.Exp(float64(x)), i
	}
	likelier := func(a, b int) int { return cmp.Compare(p[b], p[a]) }
	slices.SortStableFunc(order, likelier)
	normalise(p)
	if s.TopK > 0 && s.TopK < len(p) {
		strike(p, order[s.TopK:])
	}
	if s.Typical > 0 {
		mean := 0.0
		for _, x := range p {
			if x > 0 {
				mean -= x * math.Log(x)
			}
		}
		byInformation := slices.Clone(order)
		slices.SortStableFunc(byInformation, func(a, b int) int {
			return cmp.Compare(math.Abs(-math.Log(p[a])-mean), math.Abs(-math.Log(p[b])-mean))
		})
		strike(p, byInformation[leading(p, byInformation, float64(s.Typical)):])
	}
	if s.TopP > 0 {
		strike(p, order[leading(p, order, float64(s.TopP)):])
	}
	if s.MinP > 0 {
		most := slices.Max(p)
		for i := range p {
			if p[i] < float64(s.MinP)*most {
				p[i] = 0
			}
		}
	}
	for i := range p {
		p[i] = math.Pow(p[i], 1/float64(s.Temperature))
	}
	normalise(p)
	return p
}

// leading is how many of an order have probability want together.
func leading(p []float64, order []int, want float64) (n int) {
	sum := 0.0
	for _, i := range order {
		if sum >= want {
			break
		}
		sum += p[i]
		n++
	}
	return n
}

func strike(p []float64, out []int) {
	for _, i := range out {
		p[i] = 0
	}
	normalise(p)
}

func normalise(p []float64) {
	sum := 0.0
	for _, x := range p {
		sum += x
	}
	for i := range p {
		p[i] /= sum
	}
}

// TestTypicalCold: where typical strikes the likeliest out, a temperature so low that nothing has a weight beside that
// one draws the best that is left.
func TestTypicalCold(t *testing.T) {
	scores := make([]float32, 3000)
	for i := range scores {
		scores[i] = float32(i%7) / 10
	}
	scores[5], scores[50] = 8, 0.65
	counts := draw(t, scores, generate.Sampling{Temperature: 1e-3, Typical: 0.5}, 1000)
	if counts[50] != 1000 {
		t.Errorf("the best that is left was drawn %d times of 1000", counts[50])
	}
}

// TestRepetitionPenalty: greedy decoding of constant scores walks down the
// tokens as each is penalised, positive and negative scores alike.
func TestRepetitionPenalty(t *testing.T) {
	e := newEngine(t, newFixed(tensor.Reference(), 20, -0.1, 4, 3, -1), generate.Options{})
	got, err := e.Run(t.Context(), []generate.Request{{
		Prompt: []int32{0}, MaxTokens: 4, Sampling: generate.Sampling{RepetitionPenalty: 100},
	}})
	if err != nil {
		t.Fatal(err)
	}
	// 4 → 0.04, then 3 → 0.03, then again the first, which is not penalised twice.
	if ids := got[0].IDs(); !slices.Equal(ids, []int32{1, 2, 1, 1}) {
		t.Errorf("tokens %v, want [1 2 1 1]", ids)
	}
	negative := newEngine(t, newFixed(tensor.Reference(), 20, -0.1, -4), generate.Options{})
	got, err = negative.Run(t.Context(), []generate.Request{{
		Prompt: []int32{0}, MaxTokens: 1, Sampling: generate.Sampling{RepetitionPenalty: 100},
	}})
	if err != nil {
		t.Fatal(err)
	}
	if ids := got[0].IDs(); ids[0] != 1 {
		t.Errorf("token %d, want 1: −0.1 becomes −10", ids[0])
	}
}

// TestPenalties: hand-computed scores. Token 0 is the prompt; scores never change, so that what
// is written tells what was subtracted.
func TestPenalties(t *testing.T) {
	inf := float32(math.Inf(-1))
	tests := []struct {
		name     string
		sampling generate.Sampling
		want     []int32
	}{
		// Scores are 3, 2.5, 1.2, 0.
		{"presence", generate.Sampling{PresencePenalty: 1}, []int32{1, 0, 0, 0, 0, 0}},   // 2·2.5·1.2 | 2·1.5·1.2 from then on
		{"frequency", generate.Sampling{FrequencyPenalty: 1}, []int32{1, 0, 1, 2, 0, 1}}, // 2·2.5 | 2·1.5 | 1·1.5·1.2 | 1·0.5·1.2 | 1·0.5·0.2 | 0·0.5·0.2
		{"presence of the last two", generate.Sampling{PresencePenalty: 1, PenaltyWindow: 1}, []int32{1, 0, 1, 0, 1, 0}},
		{"bias", generate.Sampling{Bias: map[int32]float32{0: -2, 3: 2.75}}, []int32{3, 3, 3, 3, 3, 3}},
		{"forbidden", generate.Sampling{Bias: map[int32]float32{0: inf, 1: inf}}, []int32{2, 2, 2, 2, 2, 2}},
		{"forbidden, drawn", generate.Sampling{Temperature: 100, Bias: map[int32]float32{0: inf, 1: inf, 3: inf}}, []int32{2, 2, 2, 2, 2, 2}},
		// 0 0 0 | the next 0 would continue "0 0", seen at the beginning: 3 − 1·2^(2−2) = 2 < 2.5. Behind
		// 0 0 0 1 0 0 both 0 (2) and 1 (1.5) would continue one.
		{"DRY", generate.Sampling{DRY: generate.DRY{Multiplier: 1, Base: 2, Allowed: 2}}, []int32{0, 0, 1, 0, 0, 0}},
		{"DRY across a breaker", generate.Sampling{DRY: generate.DRY{Multiplier: 1, Base: 2, Allowed: 2, Breakers: []int32{0}}}, []int32{0, 0, 0, 0, 0, 0}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			e := newEngine(t, newFixed(tensor.Reference(), 20, 3, 2.5, 1.2, 0), generate.Options{})
			got, err := e.Run(t.Context(), []generate.Request{{Prompt: []int32{0}, MaxTokens: 6, Sampling: tt.sampling}})
			if err != nil {
				t.Fatal(err)
			}
			if ids := got[0].IDs(); !slices.Equal(ids, tt.want) {
				t.Errorf("tokens %v, want %v", ids, tt.want)
			}
		})
	}
}

// TestSeeds: one seed and stream, one text; another of either, another text.
func TestSeeds(t *testing.T) {
	scores := make([]float32, 50)
	text := func(seed, stream uint64) []int32 {
		e := newEngine(t, newFixed(tensor.Reference(), 30, scores...), generate.Options{})
		got, err := e.Run(t.Context(), []generate.Request{{
			Prompt: []int32{0}, MaxTokens: 20, Sampling: generate.Sampling{Temperature: 1, Seed: seed, Stream: stream},
		}})
		if err != nil {
			t.Fatal(err)
		}
		return got[0].IDs()
	}
	if a, b := text(1, 0), text(1, 0); !slices.Equal(a, b) {
		t.Errorf("one seed, two texts: %v and %v", a, b)
	}
	if slices.Equal(text(1, 0), text(2, 0)) || slices.Equal(text(1, 0), text(1, 1)) {
		t.Error("two seeds or streams, one text")
	}
}
