package ngram

import "fmt"

// Train counts the n-grams of up to order ids in documents of ids below
// vocab. No n-gram reaches over the border of documents; a document's first
// ids are predicted from a mark of its start. An id outside the vocabulary and
// documents without any id are errors.
//
// It sorts all positions by the n-grams that begin there, by counting sort one
// id at a time: time and memory grow with the number of ids, about 60 bytes each.
func Train(docs [][]int32, vocab, order int) (*Model, error) {
	if order < 1 || vocab < 1 {
		panic(fmt.Sprintf("ngram: Train: order %d, vocabulary of %d", order, vocab))
	}
	m := &Model{vocab: vocab, levels: make([]level, order+1)}
	text, err := m.lay(docs)
	if err != nil {
		return nil, err
	}
	g := &grams{text: text, end: m.end(), order: order}
	g.sort(vocab + 2)
	g.compare()
	m.count(g)
	for k := range order {
		m.levels[k+1].discount()
		m.levels[k].sum(&m.levels[k+1])
	}
	return m, nil
}

// lay puts the documents end to end, each between its marks.
func (m *Model) lay(docs [][]int32) ([]int32, error) {
	n := 0
	for _, d := range docs {
		n += len(d)
	}
	if n == 0 {
		return nil, fmt.Errorf("ngram: no token to train on")
	}
	if n+2*len(docs) > 1<<31-1 {
		return nil, fmt.Errorf("ngram: %d tokens are more than positions of 32 bits reach", n)
	}
	text := make([]int32, 0, n+2*len(docs))
	for i, d := range docs {
		text = append(text, m.start())
		for _, id := range d {
			if id < 0 || int(id) >= m.vocab {
				return nil, fmt.Errorf("ngram: document %d: id %d is not in the vocabulary of %d", i, id, m.vocab)
			}
			text = append(text, id)
		}
		text = append(text, m.end())
	}
	return text, nil
}

// count fills words, counts and first of all levels.
func (m *Model) count(g *grams) {
	m.levels[0].word = []int32{-1} // the empty n-gram
	for k := range g.order {
		m.levels[k+1].list(g, k+1)
		m.levels[k].link(g, k)
	}
	for k := 1; k < g.order; k++ {
		m.levels[k].countBefore(g, k, m.start())
	}
	if i := m.find(0, 0, m.start()); i >= 0 {
		m.levels[1].count[i] = 0 // the mark is a context, never predicted
	}
}

// list gives the level its n-grams, of length k, and how often they occur.
func (l *level) list(g *grams, k int) {
	n := 0
	g.each(k, func(_, node int, _ bool) { n = node + 1 })
	l.word, l.count = make([]int32, 0, n), make([]uint32, 0, n)
	g.each(k, func(i, node int, first bool) {
		if first {
			l.word = append(l.word, g.symbol(g.at[i], k-1))
			l.count = append(l.count, 0)
		}
		l.count[node]++
	})
}

// link finds where the continuations of each n-gram of length k begin.
func (l *level) link(g *grams, k int) {
	l.first = make([]uint32, 0, len(l.word)+1)
	longer := uint32(0)
	g.each(k, func(i, _ int, first bool) {
		if first {
			l.first = append(l.first, longer)
		}
		if int(g.room[i]) > k && g.fresh(i, k+1) {
			longer++
		}
	})
	l.first = append(l.first, longer)
}

// countBefore makes the count of each n-gram of length k the number of
// different ids before it, which is the number of n-grams one longer that end
// in it. Nothing precedes an n-gram that begins with the mark of a document:
// it keeps its plain count.
func (l *level) countBefore(g *grams, k int, mark int32) {
	index := make([]int32, len(g.text)) // of the n-gram at each position
	g.each(k, func(i, node int, first bool) {
		index[g.at[i]] = int32(node)
		if first && g.text[g.at[i]] != mark {
			l.count[node] = 0
		}
	})
	g.each(k+1, func(i, _ int, first bool) {
		if first {
			l.count[index[g.at[i]+1]]++
		}
	})
}

// discount sets what is taken from counts of 1, 2, and 3 or more, by how many
// n-grams have counts of 1 to 4 (Chen and Goodman 1999, eq. 26). Where those
// are too few for the formula, it is a half for each up to 3.
func (l *level) discount() {
	var n [5]float64
	for _, c := range l.count {
		if c <= 4 {
			n[c]++
		}
	}
	y := n[1] / (n[1] + 2*n[2])
	l.take = [4]float64{0, 1 - 2*y*n[2]/n[1], 2 - 3*y*n[3]/n[2], 3 - 4*y*n[4]/n[3]}
	for c := 1; c <= 3; c++ {
		if !(n[c] > 0 && n[c+1] > 0 && l.take[c] >= 0) { // NaN too
			l.take = [4]float64{0, 0.5, 1, 1.5}
			return
		}
	}
}

// sum adds up, for each context of the level, the counts of its
// continuations in the next level and the discounts taken from them.
func (l *level) sum(next *level) {
	n := len(l.word)
	l.total, l.back = make([]uint32, n), make([]float64, n)
	for i := range n {
		taken := 0.0
		for _, c := range next.count[l.first[i]:l.first[i+1]] {
			l.total[i] += c
			taken += next.take[min(c, 3)]
		}
		if l.total[i] > 0 {
			l.back[i] = taken / float64(l.total[i])
		}
	}
}
