package tokenizer

import "sync"

// shortPiece is the number of symbols up to which a scan for the lowest rank
// beats a heap. Ordinary words have 5; a long run of letters has a million.
const shortPiece = 48

// mergeAll joins the pairs of symbols in the order of their ranks, of equal
// ranks the leftmost first, until no pair has a merge, and returns the
// symbols that are left, in the memory of the argument.
func (p *pairTable) mergeAll(symbols []int32) []int32 {
	if len(symbols) <= shortPiece {
		return p.mergeShort(symbols)
	}
	l := longPieces.Get().(*longPiece)
	defer longPieces.Put(l)
	return l.mergeAll(p, symbols)
}

// mergeShort is quadratic in the number of symbols, and quick for few.
func (p *pairTable) mergeShort(symbols []int32) []int32 {
	var found [shortPiece]merge // found[i] is the merge of symbols i and i+1
	for i := 0; i+1 < len(symbols); i++ {
		found[i] = p.find(symbols[i], symbols[i+1])
	}
	for len(symbols) > 1 {
		best := 0
		for i := 1; i+1 < len(symbols); i++ {
			if found[i].rank < found[best].rank {
				best = i
			}
		}
		if found[best].rank == noRank {
			break
		}
		symbols[best] = found[best].id
		copy(symbols[best+1:], symbols[best+2:])
		copy(found[best:len(symbols)-1], found[best+1:len(symbols)-1])
		symbols = symbols[:len(symbols)-1]
		if best > 0 {
			found[best-1] = p.find(symbols[best-1], symbols[best])
		}
		if best+1 < len(symbols) {
			found[best] = p.find(symbols[best], symbols[best+1])
		}
	}
	return symbols
}

// A longPiece merges in O(n log n): symbols in a doubly linked list, the
// pairs that can merge in a heap. A heap entry whose pair has changed since
// is found stale when it is taken out.
type longPiece struct {
	nodes []node
	heap  []uint64 // rank<<32 | position
}

type node struct {
	symbol     int32
	prev, next int32 // positions, -1: none
	rank       int32 // of the pair (symbol, next symbol); noRank: does not merge
}

var longPieces = sync.Pool{New: func() any { return new(longPiece) }}

func (l *longPiece) mergeAll(p *pairTable, symbols []int32) []int32 {
	l.load(p, symbols)
	for len(l.heap) > 0 {
		top := l.pop()
		at, rank := int32(uint32(top)), int32(top>>32)
		if l.nodes[at].rank != rank {
			continue
		}
		l.join(p, at)
	}
	symbols = symbols[:0]
	for at := int32(0); at >= 0; at = l.nodes[at].next {
		symbols = append(symbols, l.nodes[at].symbol)
	}
	return symbols
}

// load fills the list and the heap.
func (l *longPiece) load(p *pairTable, symbols []int32) {
	l.nodes, l.heap = l.nodes[:0], l.heap[:0]
	for i, s := range symbols {
		n := node{s, int32(i) - 1, int32(i) + 1, noRank}
		if i+1 < len(symbols) {
			n.rank = p.find(s, symbols[i+1]).rank
		} else {
			n.next = -1
		}
		if n.rank != noRank {
			l.heap = append(l.heap, uint64(n.rank)<<32|uint64(i))
		}
		l.nodes = append(l.nodes, n)
	}
	for i := len(l.heap)/2 - 1; i >= 0; i-- {
		l.down(i)
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
	l.look(p, at)
	if n.prev >= 0 {
		l.look(p, n.prev)
	}
}

// look finds the rank of the pair at a position anew.
func (l *longPiece) look(p *pairTable, at int32) {
	n := &l.nodes[at]
	n.rank = noRank
	if n.next >= 0 {
		n.rank = p.find(n.symbol, l.nodes[n.next].symbol).rank
	}
	if n.rank != noRank {
		l.push(uint64(n.rank)<<32 | uint64(at))
	}
}

// The heap is container/heap's on plain numbers, which is four times faster
// without the interface.

func (l *longPiece) push(v uint64) {
	l.heap = append(l.heap, v)
	i := len(l.heap) - 1
	for i > 0 && v < l.heap[(i-1)/2] {
		l.heap[i] = l.heap[(i-1)/2]
		i = (i - 1) / 2
	}
	l.heap[i] = v
}

func (l *longPiece) pop() uint64 {
	top := l.heap[0]
	last := len(l.heap) - 1
	l.heap[0] = l.heap[last]
	l.heap = l.heap[:last]
	if last > 0 {
		l.down(0)
	}
	return top
}

func (l *longPiece) down(i int) {
	h, v := l.heap, l.heap[i]
	for {
		child := 2*i + 1
		if child >= len(h) {
			break
		}
		if child+1 < len(h) && h[child+1] < h[child] {
			child++
		}
		if v <= h[child] {
			break
		}
		h[i] = h[child]
		i = child
	}
	h[i] = v
}
