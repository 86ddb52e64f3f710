package eval

import (
	"cmp"
	"maps"
	"math"
	"slices"
	"strings"

	"github.com/inkstone-ai/inkstone/corpus/ngram"
)

// An IBM1 is the first of the translation models of Brown et al. 1993 (The
// Mathematics of Statistical Machine Translation, section 4.2): every target word
// comes from a source word, or from none, with a probability t(target|source) that
// expectation–maximisation finds. It knows no order of words.
//
// It decodes from left to right: a source word becomes as many target words as it
// has had on average, rounded, chosen among its likeliest so that t times the
// probability of a bigram model of the targets (Kneser–Ney) is largest.
type IBM1 struct {
	options   map[string][]option // of a source word, the likeliest first
	fertility map[string]float64  // target words that a source word stands for
	ids       map[string]int32    // of target words, for the bigrams
	bigrams   *ngram.Model
}

// An option is a target word with log t.
type option struct {
	word string
	logT float64
}

// Parameters of [TrainIBM1] and of decoding.
const (
	ibm1Rounds  = 8  // of expectation–maximisation: the likelihood hardly changes after
	ibm1Options = 10 // target words that are tried for a source word
	ibm1Most    = 4  // target words of a source word
)

// nothing is the source word that target words without one come from.
const nothing = ""

// TrainIBM1 learns from pairs of token lists, sources[i] and targets[i]. A pair
// without words on one side teaches nothing.
func TrainIBM1(sources, targets [][]string) (*IBM1, error) {
	t := newLexicon(sources, targets)
	for range ibm1Rounds {
		t.round(sources, targets)
	}
	m := &IBM1{options: map[string][]option{}, fertility: t.fertility(sources, targets), ids: map[string]int32{}}
	for source, row := range t.p {
		var list []option
		for word, p := range row {
			list = append(list, option{word, math.Log(p)})
		}
		slices.SortFunc(list, func(a, b option) int { return cmp.Or(cmp.Compare(b.logT, a.logT), cmp.Compare(a.word, b.word)) })
		m.options[source] = slices.Clone(list[:min(len(list), ibm1Options)])
	}
	docs := make([][]int32, 0, len(targets))
	for _, target := range targets {
		var ids []int32
		for _, word := range target {
			if _, ok := m.ids[word]; !ok {
				m.ids[word] = int32(len(m.ids))
			}
			ids = append(ids, m.ids[word])
		}
		docs = append(docs, ids)
	}
	var err error
	m.bigrams, err = ngram.Train(docs, len(m.ids), 2)
	return m, err
}

// A lexicon is t(target|source) on its way.
type lexicon struct {
	p map[string]map[string]float64 // source, target
}

// newLexicon gives every target word that occurs with a source word the same probability.
func newLexicon(sources, targets [][]string) *lexicon {
	t := &lexicon{map[string]map[string]float64{}}
	for i, source := range sources {
		for _, s := range withNothing(source) {
			row := t.p[s]
			if row == nil {
				row = map[string]float64{}
				t.p[s] = row
			}
			for _, word := range targets[i] {
				row[word] = 1
			}
		}
	}
	for _, row := range t.p {
		for word := range row {
			row[word] = 1 / float64(len(row))
		}
	}
	return t
}

// round is one of expectation–maximisation: a target word is divided among the
// source words by t, and t becomes the share of what each was given.
func (t *lexicon) round(sources, targets [][]string) {
	counts := map[string]map[string]float64{}
	for s, row := range t.p {
		counts[s] = make(map[string]float64, len(row))
	}
	t.divide(sources, targets, func(source, target string, share float64) { counts[source][target] += share })
	for s, row := range counts {
		sum := 0.0
		for _, word := range slices.Sorted(maps.Keys(row)) {
			sum += row[word]
		}
		for word, n := range row {
			t.p[s][word] = max(n/sum, 1e-12)
		}
	}
}

// divide calls give with the share of each target word that falls to each source word.
func (t *lexicon) divide(sources, targets [][]string, give func(source, target string, share float64)) {
	for i, source := range sources {
		all := withNothing(source)
		for _, word := range targets[i] {
			sum := 0.0
			for _, s := range all {
				sum += t.p[s][word]
			}
			for _, s := range all {
				give(s, word, t.p[s][word]/sum)
			}
		}
	}
}

// fertility is the mean number of target words that a source word is given.
func (t *lexicon) fertility(sources, targets [][]string) map[string]float64 {
	given, seen := map[string]float64{}, map[string]float64{}
	t.divide(sources, targets, func(source, _ string, share float64) { given[source] += share })
	for _, source := range sources {
		for _, s := range source {
			seen[s]++
		}
	}
	for s := range given {
		given[s] /= max(seen[s], 1)
	}
	return given
}

func withNothing(source []string) []string { return append([]string{nothing}, source...) }

// Translate returns the words of the target. A source word that was never seen
// stands for itself, as a name would.
func (m *IBM1) Translate(source []string) []string {
	beams := []partial{{state: m.bigrams.Start()}}
	for _, s := range source {
		options := m.options[s]
		if options == nil {
			for i := range beams {
				beams[i].words = append(slices.Clip(beams[i].words), s)
			}
			continue
		}
		for n := range min(ibm1Most, int(math.Round(m.fertility[s]))) {
			beams = m.extend(beams, options, n)
		}
	}
	return beams[0].words
}

// A partial is the beginning of a target.
type partial struct {
	words []string
	score float64
	state ngram.State
}

// extend adds a word to every beginning: word number n of a source word, none twice.
func (m *IBM1) extend(beams []partial, options []option, n int) []partial {
	var next []partial
	for _, b := range beams {
		for _, o := range options {
			if slices.Contains(b.words[len(b.words)-n:], o.word) {
				continue
			}
			state := slices.Clone(b.state)
			score := b.score + o.logT + math.Log(m.bigrams.Next(state, m.ids[o.word]))
			next = append(next, partial{append(slices.Clip(b.words), o.word), score, state})
		}
	}
	if len(next) == 0 {
		return beams
	}
	slices.SortStableFunc(next, func(a, b partial) int { return cmp.Compare(b.score, a.score) })
	return next[:min(len(next), ibm1Options)]
}

// Joined is a target's words as a text: Chinese signs without blanks between.
func Joined(words []string) string {
	var b strings.Builder
	wide := true
	for _, w := range words {
		r := []rune(w)[0]
		if !chinese(r) && !wide {
			b.WriteByte(' ')
		}
		wide = chinese(r)
		b.WriteString(w)
	}
	return b.String()
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
