package generate

// Speculative decoding (Leviathan et al. 2023, arXiv:2211.17192): tokens are guessed cheaply and
// read in one pass, which costs about what one token does while products are bound by memory.
// What the model draws at each place decides; the first guess that fails ends the row.

// A guess is a token that may come next. q is what it was drawn from, nil where it was
// not drawn: then it had probability 1.
type guess struct {
	id int32
	q  *distribution
}

// next draws token number index. Where a guess was drawn from q it is accepted with
// probability min(1, p/q), and else a token drawn from what p has above q (algorithm 1 of the paper):
// together that is p. A guess that was not drawn is accepted where it is what is drawn without it, which is
// the same rule, and the same token as without the guess.
func (w *sampler) next(s *Sampling, logits []float32, text []int32, index int, g *guess) (int32, error) {
	d, err := w.distribution(s, logits, text)
	if err != nil {
		return 0, err
	}
	u, v := uniforms(s, index)
	if g == nil || g.q == nil {
		return d.pick(u), nil
	}
	p, q := d.p(g.id), g.q.p(g.id)
	if v*q < p {
		return g.id, nil
	}
	return d.above(g.q).pick(u), nil
}

// above is max(0, d − q), not divided by its sum.
func (d distribution) above(q *distribution) (rest distribution) {
	share := make(map[int32]float64, len(q.kept))
	for _, x := range q.kept {
		share[x.id] = x.p / q.total
	}
	for _, x := range d.kept {
		if more := x.p/d.total - share[x.id]; more > 0 {
			x.p = more
			rest.kept, rest.total = append(rest.kept, x), rest.total+more
		}
	}
	if rest.total == 0 { // rounding: p and q are the same
		return d
	}
	return rest
}

// A guesser says how many tokens of a text to guess ahead: it begins with a few, doubles
// after a row that was right to its end, and halves after one that was wrong in its first half.
// It knows the text's own guesses alone, so that the text does not depend on the batch.
type guesser struct{ n int }

// mostGuesses is the longest row of guesses: past it a pass costs more than its tokens are worth.
const mostGuesses = 64

func (g *guesser) rows(most int) int {
	if g.n == 0 {
		g.n = 4
	}
	return min(g.n, most)
}

func (g *guesser) learn(guessed, right, most int) {
	switch {
	case guessed == 0:
	case right == guessed:
		g.n = min(2*g.n, most)
	case 2*right < guessed:
		g.n = max(1, g.n/2)
	}
}

// Prompt look-up (Saxena 2023, github.com/apoorvumang/prompt-lookup-decoding): the text goes on as it
// did after the last place where its last tokens stood, three of them, or two.
const (
	longestKey  = 3
	shortestKey = 2
)

// lookUp returns n tokens that followed the last tokens of text before, again from their
// beginning where they reach to the end of text; none where the last tokens are new.
func lookUp(text []int32, n int) (row []int32) {
	for key := longestKey; key >= shortestKey; key-- {
		at := before(text, key)
		if at < 0 {
			continue
		}
		for i := range n {
			row = append(row, text[at+i%(len(text)-at)])
		}
		return row
	}
	return nil
}

// before is the place behind the last n tokens of text where they stood last before; −1:
// they did not.
func before(text []int32, n int) int {
	for at := len(text) - 1; at >= n; at-- {
		if common(text[at-n:at], text[len(text)-n:]) == n {
			return at
		}
	}
	return -1
}

// guesses is how many tokens to guess: no more than may be written, and find room.
func (s *sequence) guesses() int {
	if s.Drafts == 0 {
		return 0
	}
	n := min(s.guesser.rows(s.Drafts), s.most-len(s.ids))
	if s.MaxTokens > 0 {
		n = min(n, s.MaxTokens-s.written-1)
	}
	return n
}

// guess returns what may follow the text of s, up to n tokens.
func (s *sequence) guess(n int) (row []guess) {
	for _, id := range lookUp(s.ids, n) {
		row = append(row, guess{id: id})
	}
	return row
}
