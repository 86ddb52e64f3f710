// Package ngram has the language models that need no gradient: a byte model
// with two bytes of context, and interpolated modified Kneser-Ney over token
// ids (Chen and Goodman 1999, "An Empirical Study of Smoothing Techniques for
// Language Modeling", Computer Speech and Language 13, eq. 9 and following). They are baselines
// that a neural model has to beat on the same held-out text, and cheap judges
// for filtering a corpus.
//
// Letters: V ids of the vocabulary, w an id, h its context (the ids before it),
// h' the context without its oldest id, c a count, k the length of an n-gram.
package ngram

import (
	"math"
	"sort"
)

// A Model is an interpolated modified Kneser-Ney model of some order: it
// predicts an id from at most order-1 ids before it. Safe for concurrent use.
//
// Its n-grams form a trie in sorted arrays: level k has the n-grams of length
// k in lexical order, and those that continue one n-gram stand together.
type Model struct {
	vocab  int
	levels []level // levels[k] has the n-grams of length k; level 0 the empty one
}

// level has one entry per n-gram of its length.
type level struct {
	word []int32 // the last id of the n-gram
	// count is the n-gram's count at the highest level and for n-grams at the
	// start of a document; below, the number of different ids that precede it.
	count []uint32
	first []uint32   // where the n-grams that continue it begin in the next level; one entry more than n-grams
	total []uint32   // sum of the counts of those
	back  []float64  // γ(h): the mass their discounts leave to the shorter context
	take  [4]float64 // the discount of a count of 0, 1, 2, 3 and more
}

// Order is the length of the longest n-gram.
func (m *Model) Order() int { return len(m.levels) - 1 }

// Size is the number of n-grams of all lengths.
func (m *Model) Size() (n int) {
	for _, l := range m.levels[1:] {
		n += len(l.word)
	}
	return n
}

// A State is the context at one place of a text: for each length the n-gram
// that ends there, -1 where training has none.
type State []int32

// Start is the state before the first id of a document.
func (m *Model) Start() State {
	s := make(State, m.Order())
	for i := range s {
		s[i] = -1
	}
	s[0] = 0 // the empty context
	if len(s) > 1 {
		s[1] = m.find(0, 0, m.start())
	}
	return s
}

// start is the mark before each document, which is never predicted; end the
// one after it, which is in no n-gram.
func (m *Model) start() int32 { return int32(m.vocab) }
func (m *Model) end() int32   { return int32(m.vocab) + 1 }

// Next returns the probability of id in the state and moves the state on.
// Over all ids below the vocabulary's size it sums to 1.
//
// From the empty context up: P(w|h) = max(c(hw)-D, 0)/Σc + γ(h)·P(w|h'),
// where the shortest context falls back on 1/V. The n-gram hw found for the
// probability is the longer context of the next id, so a step is one search a
// length.
func (m *Model) Next(s State, id int32) float64 {
	p := 1 / float64(m.vocab)
	longer := int32(0) // the n-gram of length k that ends in id
	for k, context := range s {
		found := int32(-1)
		if context >= 0 {
			found = m.find(k, context, id)
			p = m.levels[k].interpolate(context, m.discounted(k+1, found), p)
		}
		if k > 0 {
			s[k] = longer
		}
		longer = found
	}
	return p
}

// interpolate mixes a discounted count with the shorter context's p; a context that
// nothing followed leaves p as it is.
func (l *level) interpolate(context int32, count, p float64) float64 {
	total := float64(l.total[context])
	if total == 0 {
		return p
	}
	return count/total + l.back[context]*p
}

// discounted is the count of n-gram i of length k less its discount, 0 for -1.
func (m *Model) discounted(k int, i int32) float64 {
	if i < 0 {
		return 0
	}
	l := &m.levels[k]
	c := l.count[i]
	return float64(c) - l.take[min(c, 3)]
}

// find searches among the continuations of n-gram i of length k for the one
// by id; -1 if there is none.
func (m *Model) find(k int, i, id int32) int32 {
	from, to := m.levels[k].first[i], m.levels[k].first[i+1]
	words := m.levels[k+1].word[from:to]
	at := sort.Search(len(words), func(j int) bool { return words[j] >= id })
	if at == len(words) || words[at] != id {
		return -1
	}
	return int32(from) + int32(at)
}

// Bits is what the model needs to code the document ids, -Σ log₂ P.
func (m *Model) Bits(ids []int32) float64 {
	s, bits := m.Start(), 0.0
	for _, id := range ids {
		bits -= math.Log2(m.Next(s, id))
	}
	return bits
}
