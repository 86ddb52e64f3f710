package tokenizer

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
