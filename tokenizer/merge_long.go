package tokenizer

import (
	"container/heap"
	"slices"
	"sync"
)

// A longPiece merges in little more than linear time: symbols in a doubly
// linked list, the places of pairs that can merge in one bucket for each rank,
// the ranks in a heap. A piece has few ranks and many places, so this does
// what a heap of places would do in a tenth of the steps, and walks through
// memory from left to right.
type longPiece struct {
	nodes   []node
	buckets []bucket
	free    []int32         // buckets that may be used again
	byRank  map[int32]int32 // rank → its bucket
	ranks   rankHeap        // the ranks in byRank, the lowest on top
}

type node struct {
	symbol     int32
	prev, next int32 // positions, -1: none
	rank       int32 // of the pair (symbol, next symbol); noRank: does not merge
}

// A bucket holds the places where a pair of a rank stood when they were put
// there; whoever takes one out looks whether it still does.
type bucket struct {
	places []int32
	taken  int  // places[:taken] are done
	mixed  bool // places[taken:] are not in order
}

var longPieces = sync.Pool{New: func() any { return &longPiece{byRank: map[int32]int32{}} }}

func (l *longPiece) mergeAll(p *pairTable, symbols []int32) []int32 {
	l.load(p, symbols)
	for {
		at, rank, ok := l.take()
		if !ok {
			break
		}
		if l.nodes[at].rank == rank {
			l.join(p, at)
		}
	}
	symbols = symbols[:0]
	for at := int32(0); at >= 0; at = l.nodes[at].next {
		symbols = append(symbols, l.nodes[at].symbol)
	}
	return symbols
}

// load fills the list and the buckets. Both are empty: mergeAll leaves no
// bucket before it ends.
func (l *longPiece) load(p *pairTable, symbols []int32) {
	l.nodes = slices.Grow(l.nodes[:0], len(symbols))
	for i, s := range symbols {
		l.nodes = append(l.nodes, node{s, int32(i) - 1, int32(i) + 1, noRank})
	}
	l.nodes[len(symbols)-1].next = -1
	for i := range symbols {
		l.look(p, int32(i))
	}
}

// join merges the symbol at a position with the next one.
func (l *longPiece) join(p *pairTable, at int32) {
	n := &l.nodes[at]
	right := &l.nodes[n.next]
	n.symbol = p.find(n.symbol, right.symbol).id
	n.next, right.rank = right.next, noRank
	if n.next >= 0 {
		l.nodes[n.next].prev = at
	}
	if n.prev >= 0 {
		l.look(p, n.prev)
	}
	l.look(p, at)
}

// look finds the rank of the pair at a position, and queues it.
func (l *longPiece) look(p *pairTable, at int32) {
	n := &l.nodes[at]
	n.rank = noRank
	if n.next >= 0 {
		n.rank = p.find(n.symbol, l.nodes[n.next].symbol).rank
	}
	if n.rank != noRank {
		l.put(n.rank, at)
	}
}

// put adds a place to the bucket of a rank.
func (l *longPiece) put(rank, at int32) {
	i, ok := l.byRank[rank]
	if !ok {
		i = l.newBucket()
		l.byRank[rank] = i
		heap.Push(&l.ranks, rank)
	}
	b := &l.buckets[i]
	if n := len(b.places); n > b.taken && b.places[n-1] > at {
		b.mixed = true
	}
	b.places = append(b.places, at)
}

// newBucket returns an empty bucket, if there is one with memory of its own.
func (l *longPiece) newBucket() (i int32) {
	if n := len(l.free); n > 0 {
		i, l.free = l.free[n-1], l.free[:n-1]
		return i
	}
	l.buckets = append(l.buckets, bucket{})
	return int32(len(l.buckets) - 1)
}

// take removes the leftmost place of the lowest rank.
func (l *longPiece) take() (at, rank int32, ok bool) {
	for len(l.ranks) > 0 {
		rank := l.ranks[0]
		i := l.byRank[rank]
		b := &l.buckets[i]
		if b.taken < len(b.places) {
			if b.mixed {
				slices.Sort(b.places[b.taken:])
				b.mixed = false
			}
			b.taken++
			return b.places[b.taken-1], rank, true
		}
		heap.Pop(&l.ranks)
		delete(l.byRank, rank)
		*b = bucket{places: b.places[:0]}
		l.free = append(l.free, i)
	}
	return 0, 0, false
}

// rankHeap is a heap for container/heap.
type rankHeap []int32

func (h rankHeap) Len() int           { return len(h) }
func (h rankHeap) Less(i, j int) bool { return h[i] < h[j] }
func (h rankHeap) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }
func (h *rankHeap) Push(v any)        { *h = append(*h, v.(int32)) }
func (h *rankHeap) Pop() any {
	last := len(*h) - 1
	v := (*h)[last]
	*h = (*h)[:last]
	return v
}
