package generate

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"github.com/inkstone-ai/inkstone/internal/kernel"
)

// Sampling says how a token is drawn from the model's distribution. The zero
// value is greedy: the likeliest token, the lowest id of equals.
//
// The steps are taken in the order of the fields. Zero turns a step off.
type Sampling struct {
	// RepetitionPenalty divides the positive scores of tokens that the prompt or
	// the text has already, and multiplies the negative ones (Keskar et al. 2019,
	// arXiv:1909.05858, section 4.1). 1 is off too.
	RepetitionPenalty float32
	Temperature       float32 // divides the scores; 0 is greedy
	TopK              int     // keeps the k likeliest
	TopP              float32 // keeps the likeliest that together have probability p (Holtzman et al. 2019, arXiv:1904.09751); 1 is off too
	MinP              float32 // keeps those at least this share as likely as the likeliest (Nguyen et al. 2024, arXiv:2407.01082)

	Seed   uint64 // same seed, same text
	Stream uint64 // tells several texts of one seed apart: 0, 1, … n−1
}

// Check refuses a number that is out of its range; the zero value is valid.
func (s *Sampling) Check() error {
	for _, f := range []struct {
		name   string
		value  float32
		lo, hi float32
	}{
		{"repetition penalty", s.RepetitionPenalty, 0, math.MaxFloat32},
		{"temperature", s.Temperature, 0, math.MaxFloat32},
		{"top-p", s.TopP, 0, 1},
		{"min-p", s.MinP, 0, 1},
	} {
		if !(f.value >= f.lo && f.value <= f.hi) { // also refuses NaN
			return fmt.Errorf("generate: %s is %g, want %g to %g", f.name, f.value, f.lo, f.hi)
		}
	}
	if s.TopK < 0 {
		return fmt.Errorf("generate: top-k is %d, want 0 or more", s.TopK)
	}
	return nil
}

// A candidate is a token that may be drawn.
type candidate struct {
	id    int32
	score float32
	p     float64
}

// better orders candidates by score, then by id, so that there is one order.
func better(a, b candidate) int {
	return cmp.Or(cmp.Compare(b.score, a.score), cmp.Compare(a.id, b.id))
}

// A sampler draws tokens; it keeps its scratch memory.
type sampler struct {
	candidates []candidate
	scores     []float32
}

// draw returns token number index of a text. logits (V) are the model's, seen
// the ids that the repetition penalty counts. The error: a NaN among logits.
func (w *sampler) draw(s *Sampling, logits []float32, seen map[int32]bool, index int) (int32, error) {
	scores := w.penalised(s, logits, seen)
	best, err := argMax(scores)
	if err != nil || s.Temperature == 0 {
		return best, err
	}
	w.candidates = w.candidates[:0]
	for id, x := range scores {
		w.candidates = append(w.candidates, candidate{id: int32(id), score: x})
	}
	kept := topK(w.candidates, s.TopK)
	total := weigh(kept, scores[best], s.Temperature)
	if s.TopP > 0 && s.TopP < 1 {
		kept, total = topP(kept, total*float64(s.TopP))
	}
	if s.MinP > 0 {
		kept, total = minP(kept, float64(s.MinP)) // the likeliest has weight 1
	}
	return pick(kept, total*uniform(s, index)), nil
}

// penalised applies the repetition penalty to a copy of logits.
func (w *sampler) penalised(s *Sampling, logits []float32, seen map[int32]bool) []float32 {
	if s.RepetitionPenalty == 0 || s.RepetitionPenalty == 1 {
		return logits
	}
	w.scores = append(w.scores[:0], logits...)
	for id := range seen {
		if x := &w.scores[id]; *x > 0 {
			*x /= s.RepetitionPenalty
		} else {
			*x *= s.RepetitionPenalty
		}
	}
	return w.scores
}

// argMax returns the first of the largest scores.
func argMax(scores []float32) (int32, error) {
	best := 0
	for id, x := range scores {
		if x != x {
			return 0, fmt.Errorf("generate: the score of token %d is not a number", id)
		}
		if x > scores[best] {
			best = id
		}
	}
	if math.IsInf(float64(scores[best]), 0) {
		return 0, fmt.Errorf("generate: the best score, of token %d, is %g", best, scores[best])
	}
	return int32(best), nil
}

// topK keeps the k best of c, in any order: quickselect about random-looking,
// but fixed, pivots.
func topK(c []candidate, k int) []candidate {
	if k == 0 || k >= len(c) {
		return c
	}
	for lo, hi := 0, len(c); hi-lo > 1; {
		at := partition(c[lo:hi]) + lo
		if at == k {
			break
		}
		if at < k {
			lo = at + 1
		} else {
			hi = at
		}
	}
	return c[:k]
}

// partition moves what is better than the middle one of c before it and
// returns the place where that then stands.
func partition(c []candidate) int {
	last := len(c) - 1
	c[len(c)/2], c[last] = c[last], c[len(c)/2]
	at := 0
	for i := range last {
		if better(c[i], c[last]) < 0 {
			c[at], c[i] = c[i], c[at]
			at++
		}
	}
	c[at], c[last] = c[last], c[at]
	return at
}

// weigh sets p to e^((score−best)/temperature), 1 for the best, and returns the
// sum. The maximum is subtracted so that no exponential overflows.
func weigh(c []candidate, best, temperature float32) (total float64) {
	for i := range c {
		c[i].p = math.Exp((float64(c[i].score) - float64(best)) / float64(temperature))
		total += c[i].p
	}
	return total
}

// topP keeps the shortest list of the best whose weights reach want.
func topP(c []candidate, want float64) ([]candidate, float64) {
	slices.SortFunc(c, better)
	sum := 0.0
	for i := range c {
		if sum += c[i].p; sum >= want {
			return c[:i+1], sum
		}
	}
	return c, sum
}

// minP drops what weighs less than least.
func minP(c []candidate, least float64) (kept []candidate, total float64) {
	kept = c[:0]
	for _, x := range c {
		if x.p >= least {
			kept, total = append(kept, x), total+x.p
		}
	}
	return kept, total
}

// pick returns the candidate at which the running sum of weights passes at.
func pick(c []candidate, at float64) int32 {
	for _, x := range c {
		if at -= x.p; at < 0 {
			return x.id
		}
	}
	return c[len(c)-1].id // rounding: at was the sum itself
}

// uniform is a number in [0, 1) of 53 bits that belongs to token index of a
// text, whoever computes it and when.
func uniform(s *Sampling, index int) float64 {
	w := kernel.PhiloxWords([4]uint32{uint32(index), uint32(index >> 32), uint32(s.Stream), uint32(s.Stream >> 32)},
		uint32(s.Seed), uint32(s.Seed>>32))
	return float64((uint64(w[0])<<32|uint64(w[1]))>>11) / (1 << 53)
}

// logProb returns log softmax(logits)[id] and the n likeliest tokens.
func (w *sampler) logProb(logits []float32, id int32, n int) (float32, []Ranked) {
	best := float64(slices.Max(logits))
	sum := 0.0
	for _, x := range logits {
		sum += math.Exp(float64(x) - best)
	}
	norm := best + math.Log(sum)
	if n == 0 {
		return float32(float64(logits[id]) - norm), nil
	}
	w.candidates = w.candidates[:0]
	for id, x := range logits {
		w.candidates = append(w.candidates, candidate{id: int32(id), score: x})
	}
	kept := topK(w.candidates, n)
	slices.SortFunc(kept, better)
	top := make([]Ranked, len(kept))
	for i, c := range kept {
		top[i] = Ranked{c.id, float32(float64(c.score) - norm)}
	}
	return float32(float64(logits[id]) - norm), top
}
