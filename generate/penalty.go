package generate

import (
	"math"
	"slices"
)

// bent returns the scores that the first steps of s leave of logits, in memory of w
// where they change any. text is what is there already.
func (w *sampler) bent(s *Sampling, logits []float32, text []int32) []float32 {
	if !s.bends() {
		return logits
	}
	w.scores = append(w.scores[:0], logits...)
	for id, x := range s.Bias {
		w.scores[id] += x
	}
	if s.penalises() {
		w.penalise(s, recent(text, s.PenaltyWindow))
	}
	if s.DRY.Multiplier > 0 {
		w.dry(&s.DRY, recent(text, s.DRY.Window))
	}
	return w.scores
}

// recent is the last n tokens of text; n = 0: all.
func recent(text []int32, n int) []int32 {
	if n == 0 {
		return text
	}
	return text[max(0, len(text)-n):]
}

// penalise lowers the scores of tokens that text has.
func (w *sampler) penalise(s *Sampling, text []int32) {
	if w.counts == nil {
		w.counts = map[int32]int{}
	}
	clear(w.counts)
	for _, id := range text {
		w.counts[id]++
	}
	for id, n := range w.counts {
		x := &w.scores[id]
		if r := s.RepetitionPenalty; r != 0 && *x > 0 {
			*x /= r
		} else if r != 0 {
			*x *= r
		}
		*x -= float32(float32(n)*s.FrequencyPenalty) + s.PresencePenalty
	}
}

// dry lowers the score of each token by the longest repetition that it would continue.
func (w *sampler) dry(d *DRY, text []int32) {
	allowed, base := or(d.Allowed, 2), float64(d.Base)
	if base == 0 {
		base = 1.75
	}
	w.longest(d, text)
	for id, n := range w.counts {
		if n >= allowed {
			w.scores[id] -= float32(float64(d.Multiplier) * math.Pow(base, float64(n-allowed)))
		}
	}
}

// longest sets counts to the length of the longest end of text that is there once more with
// the token behind it. Read backwards, that is the beginning which the text shares with
// its own rest from place i on: Z of Gusfield 1997, section 1.3, in linear time.
func (w *sampler) longest(d *DRY, text []int32) {
	if w.counts == nil {
		w.counts = map[int32]int{}
	}
	clear(w.counts)
	last := len(text) - 1
	most := len(text)
	for i := range text {
		if slices.Contains(d.Breakers, text[last-i]) {
			most = i
			break
		}
	}
	w.z = append(w.z[:0], make([]int, len(text))...)
	left, right := 0, 0 // the match that reaches furthest is text[left:right), backwards
	for i := 1; i < len(text); i++ {
		n := 0
		if i < right {
			n = min(w.z[i-left], right-i)
		}
		for i+n < len(text) && text[last-n] == text[last-i-n] {
			n++
		}
		if w.z[i] = n; i+n > right {
			left, right = i, i+n
		}
		id := text[last-i+1]
		w.counts[id] = max(w.counts[id], min(n, most))
	}
}
