package corpus

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"unicode"
	"unicode/utf8"
)

const (
	clozeWords  = 110 // most words of a passage: with its question it fits a context of 128 or a little more
	clozeAsked  = 7   // fewest words of a sentence that is asked about
	clozeAnswer = 5   // most words of an answer
)

// Clozes makes n questions of plain text, whose answers the text itself holds: a
// passage is a few sentences in a row; of one of them some words, a name or a number
// where there is one, are the answer, and what is left of the sentence, thinned out
// and at times turned round, is the question. Who answers has to find the sentence
// that the question is from, and what is missing of it: an answer can be looked for
// before there is any question that a person asked (cloze translation: Lewis et al.
// 2019, arXiv:1906.04980; span selection: Glass et al. 2019, arXiv:1909.04120).
//
// The same seed gives the same questions. Questions of one passage have one Article.
// Text without a sentence of seven words is an error.
func Clozes(docs []Document, n int, seed uint64) ([]Question, error) {
	var passages []passage
	for _, d := range docs {
		for _, line := range lines(d.Text) {
			passages = appendPassages(passages, line)
		}
	}
	if len(passages) == 0 {
		return nil, fmt.Errorf("corpus: no sentence of %d words to ask about", clozeAsked)
	}
	all := make([]Question, n)
	for i := range all {
		draw := rand.New(rand.NewPCG(seed, uint64(i)))
		k := draw.IntN(len(passages))
		all[i] = passages[k].ask(draw)
		all[i].Number, all[i].Article = i+1, fmt.Sprintf("passage %d", k+1)
	}
	return all, nil
}

// A passage is a few sentences in a row.
type passage struct {
	text  string
	words []Span
	asked [][2]int // sentences that can be asked about: their first word, and the one after their last
}

// appendPassages cuts a line into passages.
func appendPassages(all []passage, line string) []passage {
	var p passage
	from := 0
	flush := func(to int) {
		if len(p.asked) > 0 {
			p.text = line[from:to]
			all = append(all, p)
		}
		p, from = passage{}, to
	}
	for _, s := range sentences(line) {
		words := WordSpans(line[s.From:s.To])
		if len(words) > clozeWords {
			flush(s.From)
			from = s.To
			continue
		}
		if len(p.words)+len(words) > clozeWords {
			flush(s.From)
		}
		first, n := len(p.words), 0
		for _, w := range words {
			p.words = append(p.words, Span{From: s.From - from + w.From, To: s.From - from + w.To})
			if isWord(line[s.From:s.To][w.From:w.To]) {
				n++
			}
		}
		if n >= clozeAsked {
			p.asked = append(p.asked, [2]int{first, len(p.words)})
		}
	}
	flush(len(line))
	return all
}

func (p passage) word(i int) string { return p.text[p.words[i].From:p.words[i].To] }

// ask draws a sentence, an answer in it, and a question.
func (p passage) ask(draw *rand.Rand) Question {
	s := p.asked[draw.IntN(len(p.asked))]
	first, last := p.answer(s, draw)
	at := Span{From: p.words[first].From, To: p.words[last].To}
	at.Label = p.text[at.From:at.To]
	thin := 0.2 + 0.5*draw.Float64()
	before, after := p.thinned(s[0], first, thin, draw), p.thinned(last+1, s[1], thin, draw)
	if draw.IntN(2) == 0 {
		before, after = after, before
	}
	words := append(before, after...)
	if len(words) == 0 { // all but the answer was left out
		words = []string{p.word(s[0])}
	}
	return Question{Context: p.text, Text: strings.Join(words, " "), Answers: []Span{at}}
}

// thinned are the words from one to another, some of them left out.
func (p passage) thinned(from, to int, share float64, draw *rand.Rand) (words []string) {
	for i := from; i < to; i++ {
		if isWord(p.word(i)) && draw.Float64() >= share {
			words = append(words, p.word(i))
		}
	}
	return words
}

// answer draws the first and the last word of an answer: three times in four a run of
// names and numbers, where the sentence has one behind its first word, else any run.
func (p passage) answer(s [2]int, draw *rand.Rand) (first, last int) {
	var runs [][2]int
	for i := s[0] + 1; i < s[1]; i++ {
		switch {
		case !isName(p.word(i)):
		case len(runs) > 0 && runs[len(runs)-1][1] == i-1 && i-runs[len(runs)-1][0] < clozeAnswer:
			runs[len(runs)-1][1] = i
		default:
			runs = append(runs, [2]int{i, i})
		}
	}
	if len(runs) > 0 && draw.IntN(4) > 0 {
		run := runs[draw.IntN(len(runs))]
		return run[0], run[1]
	}
	for {
		first = s[0] + draw.IntN(s[1]-s[0])
		last = min(first+draw.IntN(clozeAnswer), s[1]-1)
		if isWord(p.word(first)) && isWord(p.word(last)) {
			return first, last
		}
	}
}

// isName tells words that begin with a capital or a digit.
func isName(word string) bool {
	r, _ := utf8.DecodeRuneInString(word)
	return unicode.IsUpper(r) || unicode.IsDigit(r)
}
