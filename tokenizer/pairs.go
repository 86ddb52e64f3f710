package tokenizer

import "math/bits"

// A merge says that the pair (left, right) becomes the token id.
type merge struct {
	left, right int32
	rank        int32 // lower ranks join first
	id          int32
}

// pairTable finds the merge of a pair: open addressing with linear probing,
// at most half full. It is the innermost look-up of encoding, where Go's map
// takes three times as long.
type pairTable struct {
	slots []merge // left < 0: empty
	shift uint    // 64 - log2(len(slots))
}

func newPairTable(merges []merge) pairTable {
	log := bits.Len(uint(2*len(merges))) + 1
	p := pairTable{make([]merge, 1<<log), uint(64 - log)}
	for i := range p.slots {
		p.slots[i].left = -1
	}
	for _, m := range merges {
		p.add(m)
	}
	return p
}

// add keeps the first merge of a pair: it has the lowest rank.
func (p *pairTable) add(m merge) {
	for i := p.home(m.left, m.right); ; i = (i + 1) & (len(p.slots) - 1) {
		switch s := &p.slots[i]; {
		case s.left < 0:
			*s = m
			return
		case s.left == m.left && s.right == m.right:
			return
		}
	}
}

// find returns the merge of a pair, or one with the rank noRank.
func (p *pairTable) find(left, right int32) merge {
	for i := p.home(left, right); ; i = (i + 1) & (len(p.slots) - 1) {
		switch s := &p.slots[i]; {
		case s.left == left && s.right == right:
			return *s
		case s.left < 0:
			return merge{rank: noRank}
		}
	}
}

// noRank is greater than any rank.
const noRank = 1<<31 - 1

// home is Fibonacci hashing: the golden ratio's bits spread the pair over the
// high bits of the product (Knuth, The Art of Computer Programming, 6.4).
func (p *pairTable) home(left, right int32) int {
	key := uint64(uint32(left))<<32 | uint64(uint32(right))
	return int(key * 0x9E3779B97F4A7C15 >> p.shift)
}
