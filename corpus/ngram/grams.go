package ngram

// grams are the n-grams of a text as positions where they begin, sorted.
type grams struct {
	text  []int32
	end   int32
	order int
	at    []int32 // positions, in the lexical order of the n-grams of length order
	same  []uint8 // same[i]: ids that the n-grams at at[i-1] and at[i] share, at most order
	room  []uint8 // room[i]: ids from at[i] to the end of its document, at most order
}

// sort orders the positions by the last id of their n-grams, then stably by
// the one before, and so on (radix sort from the least significant digit).
func (g *grams) sort(symbols int) {
	n := len(g.text)
	g.at = make([]int32, n)
	for i := range g.at {
		g.at[i] = int32(i)
	}
	next, place := make([]int32, n), make([]int32, symbols+1)
	for digit := g.order - 1; digit >= 0; digit-- {
		clear(place)
		for _, p := range g.at {
			place[g.symbol(p, digit)+1]++
		}
		for i := range symbols {
			place[i+1] += place[i]
		}
		for _, p := range g.at {
			s := g.symbol(p, digit)
			next[place[s]] = p
			place[s]++
		}
		g.at, next = next, g.at
	}
}

// symbol is the id at a distance from position p; behind the text all is end.
func (g *grams) symbol(p int32, distance int) int32 {
	if i := int(p) + distance; i < len(g.text) {
		return g.text[i]
	}
	return g.end
}

// compare finds how far neighbours agree and how long their n-grams can be.
func (g *grams) compare() {
	g.same, g.room = make([]uint8, len(g.at)), make([]uint8, len(g.at))
	for i, p := range g.at {
		for int(g.room[i]) < g.order && g.symbol(p, int(g.room[i])) != g.end {
			g.room[i]++
		}
		if i == 0 {
			continue
		}
		before, n := g.at[i-1], 0
		for n < g.order && g.symbol(p, n) == g.symbol(before, n) {
			n++
		}
		g.same[i] = uint8(n)
	}
}

// fresh reports whether the n-gram of length k at sorted place i is another
// than the one before it.
func (g *grams) fresh(i, k int) bool { return i == 0 || int(g.same[i]) < k }

// each calls f for every sorted place i with an n-gram of length k: with the
// n-gram's index in its level, and whether it occurs there first.
func (g *grams) each(k int, f func(i, node int, first bool)) {
	node := -1
	for i := range g.at {
		if int(g.room[i]) < k {
			continue
		}
		first := g.fresh(i, k)
		if first {
			node++
		}
		f(i, node, first)
	}
}
