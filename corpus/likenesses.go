package corpus

import (
	"errors"
	"math"
	"math/rand/v2"
	"strings"
)

// likeWords are the fewest and the most words of a sentence that is compared.
var likeWords = [2]int{4, 48}

// Likenesses makes n pairs of sentences out of plain text, each with a score from low to
// high that says how much of their words the two share, rare words counting more: a
// sentence stands beside one that has been harmed, one that has a rare word in common
// with it, one that was put together of two, or any other. Who says the score has to
// look for each word on the other side, which is where a judgement of likeness begins
// (synthetic pairs before people's ratings: Sellam et al. 2020, arXiv:2004.04696, 4).
//
// The same seed gives the same pairs. Text of fewer than two sentences is an error.
func Likenesses(docs []Document, n int, low, high float64, seed uint64) ([]Labelled, error) {
	m := newMatcher(docs)
	if len(m.sentences) < 2 {
		return nil, errors.New("corpus: fewer than two sentences to compare")
	}
	all := make([]Labelled, n)
	for i := range all {
		draw := rand.New(rand.NewPCG(seed, uint64(i)))
		at := draw.IntN(len(m.sentences))
		a := m.sentences[at]
		b := m.partner(at, draw)
		all[i] = Labelled{Line: i + 1, Text: m.join(a), Pair: m.join(b), Score: low + (high-low)*m.likeness(a, b)}
	}
	return all, nil
}

// SharedWords is the likeness of two texts that [Likenesses] gives: the share of the words
// that both have, from 0 to 1, each weighted by how rare it is among the sentences of docs.
func SharedWords(docs []Document) func(a, b string) float64 {
	m := newMatcher(docs)
	return func(a, b string) float64 { return m.likeness(m.cut(a), m.cut(b)) }
}

// A matcher knows sentences by their words.
type matcher struct {
	sentences [][]string
	in        map[string][]int // places of the sentences that have a word
}

func newMatcher(docs []Document) *matcher {
	m := &matcher{in: map[string][]int{}}
	for _, d := range docs {
		for _, line := range lines(d.Text) {
			for _, s := range sentences(line) {
				m.add(m.cut(line[s.From:s.To]))
			}
		}
	}
	return m
}

func (m *matcher) add(words []string) {
	if len(words) < likeWords[0] || len(words) > likeWords[1] {
		return
	}
	at := len(m.sentences)
	m.sentences = append(m.sentences, words)
	for _, w := range words {
		key := strings.ToLower(w)
		if l := m.in[key]; len(l) == 0 || l[len(l)-1] != at {
			m.in[key] = append(l, at)
		}
	}
}

// cut returns the words of a text and its signs.
func (m *matcher) cut(text string) (words []string) {
	for _, w := range WordSpans(text) {
		words = append(words, text[w.From:w.To])
	}
	return words
}

// join is a text of words: blanks stand between those that are not Han signs.
func (m *matcher) join(words []string) string {
	var b strings.Builder
	for i, w := range words {
		if i > 0 && isWord(w) && !endsHan(words[i-1]) && !endsHan(w) {
			b.WriteByte(' ')
		}
		b.WriteString(w)
	}
	return b.String()
}

// weight is how much a word says: the logarithm of one in how many sentences has it.
func (m *matcher) weight(key string) float64 {
	return 0.1 + math.Log(float64(len(m.sentences)+1)/float64(len(m.in[key])+1))
}

// likeness is the weighted Dice coefficient of two bags of words.
func (m *matcher) likeness(a, b []string) float64 {
	count, common, sum := map[string]int{}, 0.0, 0.0
	for _, w := range a {
		key := strings.ToLower(w)
		count[key]++
		sum += m.weight(key)
	}
	for _, w := range b {
		key := strings.ToLower(w)
		sum += m.weight(key)
		if count[key] > 0 {
			count[key]--
			common += m.weight(key)
		}
	}
	return 2 * common / math.Max(sum, 1e-9)
}

// partner draws what stands beside a sentence.
func (m *matcher) partner(at int, draw *rand.Rand) []string {
	a, other := m.sentences[at], m.sentences[draw.IntN(len(m.sentences))]
	switch k := draw.IntN(8); {
	case k < 3:
		return m.harmed(a, draw)
	case k < 6:
		return m.sentences[m.neighbour(at, draw)]
	case k == 6:
		return append(append([]string{}, a[:1+draw.IntN(len(a))]...), other[draw.IntN(len(other)):]...)
	}
	return other
}

// harmed leaves words out, puts others in their place and turns parts round.
func (m *matcher) harmed(a []string, draw *rand.Rand) (b []string) {
	out, other := 0.5*draw.Float64(), 0.4*draw.Float64()
	for _, w := range a {
		switch x := draw.Float64(); {
		case x < out:
		case x < out+(1-out)*other:
			s := m.sentences[draw.IntN(len(m.sentences))]
			b = append(b, s[draw.IntN(len(s))])
		default:
			b = append(b, w)
		}
	}
	if len(b) == 0 {
		return a
	}
	if draw.IntN(3) == 0 {
		k := draw.IntN(len(b))
		b = append(append([]string{}, b[k:]...), b[:k]...)
	}
	return b
}

// neighbour is a sentence that has the rarer of two words of a sentence, at times itself.
func (m *matcher) neighbour(at int, draw *rand.Rand) int {
	a := m.sentences[at]
	x, y := strings.ToLower(a[draw.IntN(len(a))]), strings.ToLower(a[draw.IntN(len(a))])
	if len(m.in[y]) > 1 && (len(m.in[y]) < len(m.in[x]) || len(m.in[x]) < 2) {
		x = y
	}
	l := m.in[x]
	return l[draw.IntN(len(l))]
}
