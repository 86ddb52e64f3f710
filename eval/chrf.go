package eval

import (
	"fmt"
	"strings"
)

// chrF's parameters: the order of the longest character n-grams, and β, by which
// recall weighs β times as much as precision.
const (
	chrFOrder = 6
	chrFBeta  = 2
)

// A ChrFScore is corpus chrF.
type ChrFScore struct {
	Score     float64 `json:"score"` // 0 … 100
	Signature string  `json:"signature"`
}

// ChrF returns the chrF2 of hypotheses, one reference each, over the whole corpus
// (Popović 2015, W15-3049): the F-score of character n-grams, n = 1 … 6, white
// space left out, averaged over the orders that both sides have, as sacreBLEU
// computes it. It panics where the numbers of sentences differ.
func ChrF(hypotheses, references []string) ChrFScore {
	if len(hypotheses) != len(references) {
		panic(fmt.Sprintf("eval: ChrF of %d hypotheses and %d references", len(hypotheses), len(references)))
	}
	var matched, hyps, refs [chrFOrder]int
	for i, h := range hypotheses {
		hyp, ref := signs(h), signs(references[i])
		for n := range chrFOrder {
			want := characterNgrams(ref, n+1)
			m, all := overlap(characterNgrams(hyp, n+1), want)
			if len(want) == 0 {
				continue // an order that the reference has not counts nothing
			}
			matched[n] += m
			hyps[n] += all
			refs[n] += len(ref) - n
		}
	}
	return ChrFScore{
		Score:     100 * fScore(matched, hyps, refs),
		Signature: fmt.Sprintf("nrefs:1|case:mixed|eff:yes|nc:%d|nw:0|space:no|version:%s", chrFOrder, SacreBLEUVersion),
	}
}

// fScore is the F-score of the mean precision and the mean recall.
func fScore(matched, hyps, refs [chrFOrder]int) float64 {
	precision, recall, orders := 0.0, 0.0, 0
	for n := range chrFOrder {
		if hyps[n] > 0 && refs[n] > 0 {
			precision += float64(matched[n]) / float64(hyps[n])
			recall += float64(matched[n]) / float64(refs[n])
			orders++
		}
	}
	if precision+recall == 0 {
		return 0
	}
	precision, recall = precision/float64(orders), recall/float64(orders)
	const factor = chrFBeta * chrFBeta
	return (1 + factor) * precision * recall / (factor*precision + recall)
}

// signs are the characters of a sentence without white space.
func signs(s string) []rune { return []rune(strings.Join(strings.FieldsFunc(s, isSpace), "")) }

func characterNgrams(s []rune, n int) map[string]int {
	counts := map[string]int{}
	for i := range max(0, len(s)-n+1) {
		counts[string(s[i:i+n])]++
	}
	return counts
}
