package generate

import (
	"fmt"
	"math"
	"slices"

	"github.com/inkstone-ai/inkstone/internal/kernel"
)

// A candidate is a token that may be drawn.
type candidate struct {
	id    int32
	score float32
	p     float64 // its weight
	away  float64 // from what is typical
}

// better orders candidates by score, then by id, so that there is one order.
func better(a, b candidate) int {
	switch {
	case a.score > b.score:
		return -1
	case a.score < b.score:
		return 1
	}
	return int(a.id) - int(b.id)
}

// nearer orders them by how typical they are, then as better does.
func nearer(a, b candidate) int {
	switch {
	case a.away < b.away:
		return -1
	case a.away > b.away:
		return 1
	}
	return better(a, b)
}

// A sampler draws tokens; it keeps its scratch memory.
type sampler struct {
	candidates []candidate
	scores     []float32
	counts     map[int32]int
	z          []int
}

// draw returns token number index of a text. logits (V) are the model's, text the ids that
// penalties count. The error: a NaN among logits.
func (w *sampler) draw(s *Sampling, logits []float32, text []int32, index int) (int32, error) {
	d, err := w.distribution(s, logits, text)
	if err != nil {
		return 0, err
	}
	return d.pick(uniform(s, index)), nil
}

// A distribution is what tokens are drawn from: weights that add up to total.
type distribution struct {
	kept  []candidate
	total float64
}

// distribution is the model's after the steps of s, in memory of w; greedy, one token.
func (w *sampler) distribution(s *Sampling, logits []float32, text []int32) (distribution, error) {
	scores := w.bent(s, logits, text)
	best, err := argMax(scores)
	if err != nil {
		return distribution{}, err
	}
	top := scores[best]
	if s.Temperature == 0 {
		w.candidates = append(w.candidates[:0], candidate{id: best, score: top, p: 1})
		return distribution{w.candidates, 1}, nil
	}
	kept := w.first(s, scores, top)
	if s.Typical > 0 && s.Typical < 1 {
		kept = typical(kept, top, float64(s.Typical))
		top = slices.MinFunc(kept, better).score // the likeliest of all may be struck out
	}
	if s.TopP > 0 && s.TopP < 1 {
		total := weigh(kept, top, 1)
		kept = lead(weighty(kept, total, float64(s.TopP)), better, total*float64(s.TopP))
	}
	if s.MinP > 0 {
		kept = minP(kept, top, s.MinP)
	}
	return distribution{kept, weigh(kept, top, s.Temperature)}, nil
}

// first lists the candidates that the first of the steps leaves: the k likeliest where
// there is a top-k; where min-p is the only step it is taken at once.
func (w *sampler) first(s *Sampling, scores []float32, top float32) []candidate {
	w.candidates = w.candidates[:0]
	least := float32(math.Inf(-1))
	if s.TopK > 0 && s.TopK < len(scores) {
		least = w.threshold(scores, s.TopK)
	} else if s.MinP > 0 && !(s.Typical > 0 && s.Typical < 1) && !(s.TopP > 0 && s.TopP < 1) {
		least = floor(top, s.MinP)
	}
	for id, x := range scores {
		if x >= least && !math.IsInf(float64(x), -1) {
			w.candidates = append(w.candidates, candidate{id: int32(id), score: x})
		}
	}
	if s.TopK > 0 {
		return topK(w.candidates, s.TopK)
	}
	return w.candidates
}

// threshold is a score that at least k of scores reach, and not many more: the k-th best of a
// sample's share, so that hardly any of a large vocabulary become candidates.
func (w *sampler) threshold(scores []float32, k int) float32 {
	const few = 1 << 12
	if len(scores) <= few || k > len(scores)/16 {
		return float32(math.Inf(-1))
	}
	// The best of each of n stretches; the k-th best of these is reached k times at least.
	n := min(len(scores)/4, max(4*k, 256))
	for i := range n {
		part := scores[i*len(scores)/n : (i+1)*len(scores)/n]
		w.candidates = append(w.candidates, candidate{id: int32(i), score: slices.Max(part)})
	}
	best := topK(w.candidates, k)
	least := best[0].score
	for _, c := range best {
		least = min(least, c.score)
	}
	w.candidates = w.candidates[:0]
	return least
}

// argMax returns the first of the largest scores.
func argMax(scores []float32) (int32, error) {
	best := 0
	for id, x := range scores {
		if x != x {
			return 0, fmt.Errorf("generate: the score of token %d is not a number: the weights have such, or the model's keys or values exceed an f16 cache and want one of f32", id)
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

// topK keeps the k best of c, in any order.
func topK(c []candidate, k int) []candidate {
	if k == 0 || k >= len(c) {
		return c
	}
	selectFirst(c, k, better)
	return c[:k]
}

// selectFirst moves the k that come first in an order to the front, in any order: quickselect about
// random-looking, but fixed, pivots.
func selectFirst(c []candidate, k int, order func(a, b candidate) int) {
	for lo, hi := 0, len(c); hi-lo > 1; {
		at := partition(c[lo:hi], order) + lo
		if at == k {
			break
		}
		if at < k {
			lo = at + 1
		} else {
			hi = at
		}
	}
}

// partition moves what comes before the middle one of c to its front and
// returns the place where that then stands.
func partition(c []candidate, order func(a, b candidate) int) int {
	last := len(c) - 1
	c[len(c)/2], c[last] = c[last], c[len(c)/2]
	at := 0
	for i := range last {
		if order(c[i], c[last]) < 0 {
			c[at], c[i] = c[i], c[at]
			at++
		}
	}
	c[at], c[last] = c[last], c[at]
	return at
}

// lead keeps the shortest list of the first whose weights reach want, in order. A few are
// sorted, and more only where these do not reach: no vocabulary is sorted for ten tokens.
func lead(c []candidate, order func(a, b candidate) int, want float64) []candidate {
	for n := 64; ; n *= 8 {
		n = min(n, len(c))
		if n < len(c) {
			selectFirst(c, n, order)
		}
		slices.SortFunc(c[:n], order)
		sum := 0.0
		for i := range n {
			if sum += c[i].p; sum >= want {
				return c[:i+1]
			}
		}
		if n == len(c) {
			return c
		}
	}
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

// weighty drops candidates that weigh less than a share of what is left beside want: all of them
// together weigh less than that, so that those which reach want, the best first, are among the others.
func weighty(c []candidate, total, want float64) (kept []candidate) {
	least := (1 - want) * total / float64(len(c))
	kept = c[:0]
	for _, x := range c {
		if x.p >= least {
			kept = append(kept, x)
		}
	}
	return kept
}

// typical keeps the candidates whose −log p is nearest to the entropy, until they have
// probability want together.
func typical(c []candidate, best float32, want float64) []candidate {
	total := weigh(c, best, 1)
	norm, entropy := float64(best)+math.Log(total), 0.0
	for _, x := range c {
		entropy += x.p / total * (norm - float64(x.score))
	}
	// What weighs too little is further away than everything else, unless the entropy is large.
	if math.Log(float64(len(c))/(1-want)) > 2*entropy {
		c = weighty(c, total, want)
	}
	for i := range c {
		c[i].away = math.Abs(norm - float64(c[i].score) - entropy)
	}
	return lead(c, nearer, want*total)
}

// floor is the score of what is least times as likely as top.
func floor(top, least float32) float32 {
	return float32(float64(top) + math.Log(float64(least)))
}

// minP drops what is less than least times as likely as top, the best of c.
func minP(c []candidate, top, least float32) (kept []candidate) {
	limit := floor(top, least)
	kept = c[:0]
	for _, x := range c {
		if x.score >= limit {
			kept = append(kept, x)
		}
	}
	return kept
}

// pick returns the candidate at which the running sum of weights passes u of the total.
func (d distribution) pick(u float64) int32 {
	at, last := u*d.total, d.kept[0].id
	for _, x := range d.kept {
		if at -= x.p; at < 0 {
			return x.id
		}
		if x.p > 0 {
			last = x.id
		}
	}
	return last // rounding: at was the sum itself
}

// p is the probability of a token.
func (d distribution) p(id int32) float64 {
	for _, x := range d.kept {
		if x.id == id {
			return x.p / d.total
		}
	}
	return 0
}

// uniform is a number in [0, 1) of 53 bits that belongs to token index of a
// text, whoever computes it and when.
func uniform(s *Sampling, index int) float64 { u, _ := uniforms(s, index); return u }

// uniforms are two of them, independent.
func uniforms(s *Sampling, index int) (u, v float64) {
	w := kernel.PhiloxWords([4]uint32{uint32(index), uint32(index >> 32), uint32(s.Stream), uint32(s.Stream >> 32)},
		uint32(s.Seed), uint32(s.Seed>>32))
	number := func(a, b uint32) float64 { return float64((uint64(a)<<32|uint64(b))>>11) / (1 << 53) }
	return number(w[0], w[1]), number(w[2], w[3])
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
