package corpus

// thin is the middle of the strokes after Zhang & Suen 1984, A fast parallel algorithm for
// thinning digital patterns: pixels of 128 and more are ink; in two turns by turns, ink is
// taken away at the edges on two sides where it neither ends a line nor joins two.
func (c canvas) thin() []uint8 {
	ink := c.each(func(y, x int) int { return c.at(y, x) / 128 })
	for {
		before := ink
		for turn := range 2 {
			from := ink
			ink = from.each(func(y, x int) int { return from.kept(y, x, turn) })
		}
		if string(ink.pixels) == string(before.pixels) {
			return ink.each(func(y, x int) int { return 255 * ink.at(y, x) }).pixels
		}
	}
}

// kept is 1 where the ink of a pixel stays.
func (c canvas) kept(y, x, turn int) int {
	if c.at(y, x) == 0 {
		return 0
	}
	// p2 … p9 of the paper, from above and clockwise.
	p := [8]int{c.at(y-1, x), c.at(y-1, x+1), c.at(y, x+1), c.at(y+1, x+1), c.at(y+1, x), c.at(y+1, x-1), c.at(y, x-1), c.at(y-1, x-1)}
	ink, starts := 0, 0 // B and A of the paper
	for i, v := range p {
		ink += v
		if v == 0 && p[(i+1)%8] == 1 {
			starts++
		}
	}
	above, right, below, left := p[0], p[2], p[4], p[6]
	sides := above*right*below + right*below*left
	if turn == 1 {
		sides = above*right*left + above*below*left
	}
	if ink >= 2 && ink <= 6 && starts == 1 && sides == 0 {
		return 0
	}
	return 1
}
