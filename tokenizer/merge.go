package tokenizer

import "slices"

// shortPiece is the number of symbols up to which a scan for the lowest rank
// beats a queue. Ordinary words have 5; a long run of letters has a million.
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
	var found [shortPiece]joined // found[i] is what becomes of symbols i and i+1
	for i := 0; i+1 < len(symbols); i++ {
		found[i] = p.find(symbols[i], symbols[i+1])
	}
	return p.mergeFound(symbols, &found)
}

// mergeFound merges symbols whose pairs have been looked up.
func (p *pairTable) mergeFound(symbols []int32, found *[shortPiece]joined) []int32 {
	for len(symbols) > 1 {
		pairs := found[:len(symbols)-1]
		best, rank := 0, int32(noRank)
		for i := range pairs {
			if r := pairs[i].rank; r < rank {
				best, rank = i, r
			}
		}
		if rank == noRank {
			break
		}
		symbols[best] = pairs[best].id
		for i := best + 1; i < len(pairs); i++ {
			symbols[i], pairs[i-1] = symbols[i+1], pairs[i]
		}
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

// last merges symbols and returns the merge that makes one of them all, with the rank noRank if none does.
func (p *pairTable) last(symbols []int32) merge {
	for len(symbols) > 1 {
		best, found := 0, joined{rank: noRank}
		for i := range symbols[1:] {
			if j := p.find(symbols[i], symbols[i+1]); j.rank < found.rank {
				best, found = i, j
			}
		}
		if found.rank == noRank {
			break
		}
		if len(symbols) == 2 {
			return merge{symbols[0], symbols[1], found.rank, found.id}
		}
		symbols[best] = found.id
		symbols = slices.Delete(symbols, best+1, best+2)
	}
	return merge{rank: noRank}
}
