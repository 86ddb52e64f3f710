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
// at most half full. It is the innermost look-up of encoding. Most pairs have
// no merge, so the keys lie by themselves, eight in a line of the processor's
// cache.
type pairTable struct {
	keys   []uint64 // left and right; noPair: empty
	values []joined
	shift  uint // 64 - log2(len(keys))
}

const noPair = 1<<64 - 1 // ids are not negative

func newPairTable(merges []merge) pairTable {
	log := bits.Len(uint(2*len(merges))) + 1
	p := pairTable{make([]uint64, 1<<log), make([]joined, 1<<log), uint(64 - log)}
	for i := range p.keys {
		p.keys[i] = noPair
	}
	for _, m := range merges {
		p.add(m)
	}
	return p
}

func pairKey(left, right int32) uint64 { return uint64(uint32(left))<<32 | uint64(uint32(right)) }

// home is Fibonacci hashing: the golden ratio's bits spread the pair over the
// high bits of the product (Knuth, The Art of Computer Programming, 6.4).
func (p *pairTable) home(key uint64) uint { return uint(key * 0x9E3779B97F4A7C15 >> p.shift) }

// add keeps the first merge of a pair: it has the lowest rank.
func (p *pairTable) add(m merge) {
	key, mask := pairKey(m.left, m.right), uint(len(p.keys)-1)
	i := p.home(key)
	for p.keys[i] != noPair {
		if p.keys[i] == key {
			return
		}
		i = (i + 1) & mask
	}
	p.keys[i], p.values[i] = key, joined{m.rank, m.id}
}

// find returns what becomes of a pair, with the rank noRank if nothing does.
func (p *pairTable) find(left, right int32) joined {
	key, keys := pairKey(left, right), p.keys
	mask := uint(len(keys) - 1)
	for i := p.home(key) & mask; ; i = (i + 1) & mask {
		switch k := keys[i]; k {
		case key:
			return p.values[i]
		case noPair:
			return joined{rank: noRank}
		}
	}
}
