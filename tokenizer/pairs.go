package tokenizer

import "math/bits"

// A merge says that the pair (left, right) becomes the token id.
type merge struct {
	left, right int32
	rank        int32 // lower ranks join first
	id          int32
}

// joined is what becomes of a pair.
type joined struct{ rank, id int32 }

// noRank is greater than any rank.
const noRank = 1<<31 - 1

// A pairTable finds the merge of a pair: open addressing with linear probing,
// at most half full. It is the innermost look-up of encoding, and most pairs
// have no merge, so a slot has a tag of two bytes in a list of its own, which
// stays in the processor's cache: a tag that is not the pair's says so.
type pairTable struct {
	tags  []uint16 // of the pair's hash; 0: empty
	slots []merge
	shift uint // 64 - log2(len(tags))
}

func newPairTable(merges []merge) pairTable {
	log := bits.Len(uint(len(merges))) + 1
	p := pairTable{make([]uint16, 1<<log), make([]merge, 1<<log), uint(64 - log)}
	for _, m := range merges {
		p.add(m)
	}
	return p
}

// hash is Fibonacci hashing: the golden ratio's bits spread the pair over the
// high bits of the product (Knuth, The Art of Computer Programming, 6.4). The
// tag is of bits below.
func (p *pairTable) hash(left, right int32) (home uint, tag uint16) {
	h := (uint64(uint32(left))<<32 | uint64(uint32(right))) * 0x9E3779B97F4A7C15
	return uint(h >> p.shift), uint16(h>>20) | 1
}

// add keeps the first merge of a pair: it has the lowest rank.
func (p *pairTable) add(m merge) {
	i, tag := p.hash(m.left, m.right)
	for ; p.tags[i] != 0; i = (i + 1) & uint(len(p.tags)-1) {
		if s := &p.slots[i]; s.left == m.left && s.right == m.right {
			return
		}
	}
	p.tags[i], p.slots[i] = tag, m
}

// find returns what becomes of a pair, with the rank noRank if nothing does.
func (p *pairTable) find(left, right int32) joined {
	i, tag := p.hash(left, right)
	for tags := p.tags; ; i++ {
		i &= uint(len(tags) - 1)
		switch tags[i] {
		case 0:
			return joined{rank: noRank}
		case tag:
			if s := &p.slots[i]; s.left == left && s.right == right {
				return joined{s.rank, s.id}
			}
		}
	}
}
