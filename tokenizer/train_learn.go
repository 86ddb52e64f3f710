package tokenizer

import (
	"container/heap"
	"fmt"
	"math"
)

// A learner holds every distinct piece once, as a linked list of its tokens,
// and for every pair of neighbours how often it occurs and where. A merge
// then costs as much as the pair has places, not as much as the text.
type learner struct {
	cells   []cell
	pieces  []int64          // by piece: how often it occurs
	index   map[uint64]int32 // pair → its place in pairs
	pairs   []pair
	fresh   []int32 // pairs that the current merge brought about
	queue   pairQueue
	tokens  []string        // by id
	known   map[string]bool // the same, as a set
	learned []merge
}

// A cell is a token at its place in a piece.
type cell struct {
	symbol     int32 // -1: joined to the one before
	prev, next int32 // cells of the same piece, -1: none
	piece      int32
}

// A pair is two tokens side by side. Its places are those where it once was:
// whoever visits one looks whether it is still there. They rise, because a
// merge visits its places from left to right, and a pair comes into being
// within a single merge: that of the younger of its tokens.
type pair struct {
	left, right int32
	count       int64 // exact at all times
	places      []int32
}

// newLearner lays out the pieces and counts their pairs.
func newLearner(counts map[string]int64) (*learner, error) {
	bytes := 0
	for piece := range counts {
		bytes += len(piece)
	}
	if bytes > math.MaxInt32 {
		return nil, fmt.Errorf("tokenizer: train: the distinct pieces have %d bytes, more than %d; give fewer texts or another split", bytes, math.MaxInt32)
	}
	l := &learner{cells: make([]cell, 0, bytes), index: map[uint64]int32{}, known: map[string]bool{}}
	for b := range 256 {
		l.tokens = append(l.tokens, string([]byte{byte(b)}))
		l.known[l.tokens[b]] = true
	}
	for piece, count := range counts {
		l.addPiece(piece, count)
	}
	l.findPairs()
	return l, nil
}

func (l *learner) addPiece(piece string, count int64) {
	for i := range len(piece) {
		at := int32(len(l.cells))
		c := cell{int32(piece[i]), at - 1, at + 1, int32(len(l.pieces))}
		if i == 0 {
			c.prev = -1
		}
		if i == len(piece)-1 {
			c.next = -1
		}
		l.cells = append(l.cells, c)
	}
	l.pieces = append(l.pieces, count)
}

// findPairs fills the pairs of bytes. There are at most 65,536, so it counts
// their places first and makes room once.
func (l *learner) findPairs() {
	places := make([]int32, 1<<16)
	for _, c := range l.cells {
		if c.next >= 0 {
			places[c.symbol<<8|l.cells[c.next].symbol]++
		}
	}
	for i, n := range places {
		if n > 0 {
			l.pairs[l.pair(int32(i>>8), int32(i&255))].places = make([]int32, 0, n)
		}
	}
	for at, c := range l.cells {
		if c.next >= 0 {
			l.gain(int32(at))
		}
	}
	l.enqueue()
}

// learn makes up to want merges of pairs that occur minCount times.
func (l *learner) learn(want int, minCount int64, progress func(done, total int)) []merge {
	for len(l.learned) < want && len(l.queue) > 0 {
		top := &l.queue[0]
		p := &l.pairs[top.pair]
		if top.count != p.count { // it has lost places since it was queued
			top.count = p.count
			heap.Fix(&l.queue, 0)
			continue
		}
		if p.count < minCount {
			break
		}
		heap.Pop(&l.queue)
		if bytes := l.tokens[p.left] + l.tokens[p.right]; !l.known[bytes] {
			l.merge(p, bytes)
			if n := len(l.learned); progress != nil && (n == want || n*100/want != (n-1)*100/want) {
				progress(n, want)
			}
		}
	}
	return l.learned
}

// merge joins the pair, whose bytes are given, wherever it is.
func (l *learner) merge(p *pair, bytes string) {
	id := int32(len(l.tokens))
	left, right, places := p.left, p.right, p.places
	l.learned = append(l.learned, merge{left, right, int32(len(l.learned)), id})
	l.tokens = append(l.tokens, bytes)
	l.known[bytes] = true
	for _, at := range places {
		c := &l.cells[at]
		if c.symbol == left && c.next >= 0 && l.cells[c.next].symbol == right {
			l.join(at, id)
		}
	}
	// A join touches the pairs around it, so it may lose places of this pair
	// (a a a has it twice) or, when right begins the next one, count them off.
	done := &l.pairs[l.pair(left, right)]
	done.count, done.places = 0, nil
	l.enqueue()
}

// join makes one token of the cell at a place and the next one.
func (l *learner) join(at, id int32) {
	c := &l.cells[at]
	next := &l.cells[c.next]
	if c.prev >= 0 {
		l.lose(c.prev)
	}
	if next.next >= 0 {
		l.lose(c.next)
		l.cells[next.next].prev = at
	}
	c.symbol, c.next, next.symbol = id, next.next, -1
	if c.prev >= 0 {
		l.gain(c.prev)
	}
	if c.next >= 0 {
		l.gain(at)
	}
}

// lose takes the pair at a place off the count.
func (l *learner) lose(at int32) {
	c := l.cells[at]
	l.pairs[l.pair(c.symbol, l.cells[c.next].symbol)].count -= l.pieces[c.piece]
}

// gain adds the pair at a place.
func (l *learner) gain(at int32) {
	c := l.cells[at]
	p := &l.pairs[l.pair(c.symbol, l.cells[c.next].symbol)]
	p.count += l.pieces[c.piece]
	p.places = append(p.places, at)
}

// pair returns the index of a pair; a new one is fresh.
func (l *learner) pair(left, right int32) int32 {
	key := uint64(left)<<32 | uint64(right)
	i, ok := l.index[key]
	if !ok {
		i = int32(len(l.pairs))
		l.index[key] = i
		l.pairs = append(l.pairs, pair{left: left, right: right})
		l.fresh = append(l.fresh, i)
	}
	return i
}

// enqueue queues the fresh pairs. The others have lost places at most, which
// is seen when they come to the top.
func (l *learner) enqueue() {
	for _, i := range l.fresh {
		p := &l.pairs[i]
		heap.Push(&l.queue, queued{p.count, p.left, p.right, i})
	}
	l.fresh = l.fresh[:0]
}

// pairQueue is a heap with the pair to merge next on top.
type pairQueue []queued

type queued struct {
	count       int64
	left, right int32
	pair        int32
}

func (q pairQueue) Len() int      { return len(q) }
func (q pairQueue) Swap(i, j int) { q[i], q[j] = q[j], q[i] }
func (q pairQueue) Less(i, j int) bool {
	a, b := &q[i], &q[j]
	switch {
	case a.count != b.count:
		return a.count > b.count
	case a.left != b.left:
		return a.left < b.left
	}
	return a.right < b.right
}
func (q *pairQueue) Push(v any) { *q = append(*q, v.(queued)) }
func (q *pairQueue) Pop() any {
	last := len(*q) - 1
	v := (*q)[last]
	*q = (*q)[:last]
	return v
}
