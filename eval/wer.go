package eval

import (
	"fmt"
	"strings"
)

// ErrorRate counts the edits that make references of hypotheses (Levenshtein 1966): the word
// error rate of speech recognition over words, the label or character error rate over those.
type ErrorRate struct {
	Substitutions int `json:"substitutions"`
	Deletions     int `json:"deletions"`  // of the reference, which the hypothesis lacks
	Insertions    int `json:"insertions"` // in the hypothesis alone
	Length        int `json:"length"`     // of the references
}

// Edits is the number of all edits.
func (e ErrorRate) Edits() int { return e.Substitutions + e.Deletions + e.Insertions }

// Rate is the edits for each element of the references; above 1 where hypotheses are much too
// long. Of references without an element it is 0 without edits, else +Inf.
func (e ErrorRate) Rate() float64 {
	if e.Edits() == 0 {
		return 0
	}
	return float64(e.Edits()) / float64(e.Length)
}

func (e *ErrorRate) add(one ErrorRate) {
	e.Substitutions += one.Substitutions
	e.Deletions += one.Deletions
	e.Insertions += one.Insertions
	e.Length += one.Length
}

// LabelErrors counts over a whole corpus, one reference for each hypothesis, with the fewest
// edits for each; of equals a substitution goes before a deletion and that before an insertion,
// step by step. It panics where the
// numbers of sequences differ.
func LabelErrors[T comparable](hypotheses, references [][]T) (e ErrorRate) {
	if len(hypotheses) != len(references) {
		panic(fmt.Sprintf("eval: LabelErrors of %d hypotheses and %d references", len(hypotheses), len(references)))
	}
	for i, h := range hypotheses {
		e.add(edits(h, references[i]))
	}
	return e
}

// WordErrors is [LabelErrors] over the words of sentences: what white space parts.
func WordErrors(hypotheses, references []string) ErrorRate {
	words := func(sentences []string) (all [][]string) {
		for _, s := range sentences {
			all = append(all, strings.Fields(s))
		}
		return all
	}
	return LabelErrors(words(hypotheses), words(references))
}

// edits compares one hypothesis with its reference. Row i of the table, of which two are kept,
// has for each beginning of the reference the fewest edits from the first i of the hypothesis.
func edits[T comparable](hypothesis, reference []T) ErrorRate {
	before, row := make([]ErrorRate, len(reference)+1), make([]ErrorRate, len(reference)+1)
	for j := range before {
		before[j].Deletions = j
	}
	for i, h := range hypothesis {
		row[0] = ErrorRate{Insertions: i + 1}
		for j, r := range reference {
			best := before[j]
			if h != r {
				best.Substitutions++
			}
			deletion, insertion := row[j], before[j+1]
			deletion.Deletions++
			insertion.Insertions++
			for _, e := range []ErrorRate{deletion, insertion} {
				if e.Edits() < best.Edits() {
					best = e
				}
			}
			row[j+1] = best
		}
		before, row = row, before
	}
	e := before[len(reference)]
	e.Length = len(reference)
	return e
}
