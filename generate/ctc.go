package generate

import (
	"cmp"
	"fmt"
	"math"
	"slices"
)

// A CTCSpan is a label with the rows that say it, From to To−1.
type CTCSpan struct {
	Label    int32
	From, To int
}

// CTCPath returns the labels of the likeliest class of each row, repetitions made one and
// blanks left out, and where they are said: best path decoding (Graves et al. 2006, section 3.2).
// scores (T, V), logits or log-probabilities, are those of one sequence; of equals the first
// class wins.
func CTCPath(scores []float32, classes int, blank int32) (path []CTCSpan) {
	before := blank
	for t := range ctcRows(scores, classes, blank) {
		best := int32(0)
		row := scores[t*classes:][:classes]
		for k, v := range row {
			if v > row[best] {
				best = int32(k)
			}
		}
		switch {
		case best == before && best != blank:
			path[len(path)-1].To = t + 1
		case best != blank:
			path = append(path, CTCSpan{best, t, t + 1})
		}
		before = best
	}
	return path
}

// CTCGreedy returns the labels of [CTCPath].
func CTCGreedy(scores []float32, classes int, blank int32) (labels []int32) {
	for _, span := range CTCPath(scores, classes, blank) {
		labels = append(labels, span.Label)
	}
	return labels
}

// A Reading is what a sequence may say.
type Reading struct {
	Labels  []int32
	LogProb float64 // of all alignments that the search followed
}

// CTCBeam returns the width likeliest readings of one sequence, the best first: prefix beam
// search (Hannun et al. 2014, arXiv:1408.2873, algorithm 1, without a language model). It adds up
// the alignments of each prefix, those that end in a blank apart from the others, and keeps width
// prefixes from row to row; wide enough, that is every reading with its exact probability.
// scores (T, V) are log-probabilities.
func CTCBeam(scores []float32, classes int, blank int32, width int) []Reading {
	rows := ctcRows(scores, classes, blank)
	if width < 1 {
		panic(fmt.Sprintf("generate: CTCBeam of width %d", width))
	}
	beam := []*prefix{{blank: 0, label: math.Inf(-1)}}
	for t := range rows {
		next := map[string]*prefix{}
		for _, p := range beam {
			p.extend(next, scores[t*classes:][:classes], blank)
		}
		beam = beam[:0]
		for _, p := range next {
			beam = append(beam, p)
		}
		slices.SortFunc(beam, func(a, b *prefix) int { // the order of a map must not show
			return cmp.Or(cmp.Compare(b.total(), a.total()), slices.Compare(a.labels, b.labels))
		})
		beam = beam[:min(width, len(beam))]
	}
	readings := make([]Reading, len(beam))
	for i, p := range beam {
		readings[i] = Reading{p.labels, p.total()}
	}
	return readings
}

func ctcRows(scores []float32, classes int, blank int32) int {
	if classes < 1 || len(scores)%classes != 0 || blank < 0 || int(blank) >= classes {
		panic(fmt.Sprintf("generate: CTC: %d scores of %d classes, blank %d", len(scores), classes, blank))
	}
	return len(scores) / classes
}

// A prefix is the labels so far, with the logarithms of the probability of the alignments that
// end in a blank and of those that end in its last label.
type prefix struct {
	labels       []int32
	blank, label float64
}

func (p *prefix) total() float64 { return logAdd(p.blank, p.label) }

// extend adds to next what one row makes of p.
func (p *prefix) extend(next map[string]*prefix, row []float32, blank int32) {
	same := entry(next, p.labels)
	same.blank = logAdd(same.blank, p.total()+float64(row[blank]))
	last := int32(-1)
	if n := len(p.labels); n > 0 {
		last = p.labels[n-1]
		same.label = logAdd(same.label, p.label+float64(row[last]))
	}
	for k, v := range row {
		if int32(k) == blank {
			continue
		}
		from := p.total()
		if int32(k) == last { // a label twice needs a blank between
			from = p.blank
		}
		if math.IsInf(from, -1) {
			continue
		}
		longer := entry(next, append(slices.Clip(p.labels), int32(k)))
		longer.label = logAdd(longer.label, from+float64(v))
	}
}

func entry(next map[string]*prefix, labels []int32) *prefix {
	key := make([]byte, 0, 4*len(labels))
	for _, l := range labels {
		key = append(key, byte(l), byte(l>>8), byte(l>>16), byte(l>>24))
	}
	p := next[string(key)]
	if p == nil {
		p = &prefix{labels: labels, blank: math.Inf(-1), label: math.Inf(-1)}
		next[string(key)] = p
	}
	return p
}

// logAdd is log(eᵃ + eᵇ).
func logAdd(a, b float64) float64 {
	if a < b {
		a, b = b, a
	}
	if math.IsInf(b, -1) {
		return a
	}
	return a + math.Log1p(math.Exp(b-a))
}
