package eval

import (
	"fmt"
	"math"
	"regexp"
	"strings"
	"unicode"
)

// A Tokenization is how [BLEU] cuts sentences into tokens.
type Tokenization string

// Tokenizations, under the names that a signature has.
const (
	Tokens13a Tokenization = "13a" // of mteval-v13a: for languages that set blanks
	TokensZh  Tokenization = "zh"  // every Chinese sign alone, the rest as 13a
)

// SacreBLEUVersion is the sacreBLEU whose numbers these are, which a signature
// names: the tests compare with numbers that this version printed.
const SacreBLEUVersion = "2.6.0"

// bleuOrder is the length of the longest n-grams.
const bleuOrder = 4

// A BLEUScore is corpus BLEU and what it is made of.
type BLEUScore struct {
	Score      float64            `json:"score"`      // 0 … 100
	Precisions [bleuOrder]float64 `json:"precisions"` // of n-grams, n = 1 … 4, 0 … 100
	Brevity    float64            `json:"brevity"`    // the penalty, 1 where the hypotheses are no shorter than the references
	HypLength  int                `json:"hyp_length"` // tokens
	RefLength  int                `json:"ref_length"`
	Signature  string             `json:"signature"`
}

// BLEU returns the BLEU of hypotheses, one reference each, over the whole corpus
// (Papineni et al. 2002), as sacreBLEU computes it (Post 2018, arXiv:1804.08771):
// case counts, and orders without a match are smoothed exponentially (Chen &
// Cherry 2014, method 3). It panics where the numbers of sentences differ.
func BLEU(hypotheses, references []string, t Tokenization) BLEUScore {
	if len(hypotheses) != len(references) {
		panic(fmt.Sprintf("eval: BLEU of %d hypotheses and %d references", len(hypotheses), len(references)))
	}
	var matched, total [bleuOrder]int
	s := BLEUScore{Signature: fmt.Sprintf("nrefs:1|case:mixed|eff:no|tok:%s|smooth:exp|version:%s", t, SacreBLEUVersion)}
	for i, h := range hypotheses {
		hyp, ref := t.Cut(h), t.Cut(references[i])
		s.HypLength += len(hyp)
		s.RefLength += len(ref)
		for n := range bleuOrder {
			m, all := overlap(ngrams(hyp, n+1), ngrams(ref, n+1))
			matched[n] += m
			total[n] += all
		}
	}
	s.finish(matched, total)
	return s
}

// finish computes the score from counts.
func (s *BLEUScore) finish(matched, total [bleuOrder]int) {
	s.Brevity = 1
	if s.HypLength < s.RefLength {
		s.Brevity = 0
		if s.HypLength > 0 {
			s.Brevity = math.Exp(1 - float64(s.RefLength)/float64(s.HypLength))
		}
	}
	if matched == [bleuOrder]int{} {
		return
	}
	logs, halved := 0.0, 1.0
	for n := range bleuOrder {
		if total[n] == 0 {
			return // no n-gram of this order: the mean is of an order that is 0
		}
		s.Precisions[n] = 100 * float64(matched[n]) / float64(total[n])
		if matched[n] == 0 {
			halved *= 2
			s.Precisions[n] = 100 / (halved * float64(total[n]))
		}
		logs += math.Log(s.Precisions[n])
	}
	s.Score = s.Brevity * math.Exp(logs/bleuOrder)
}

// ngrams counts the runs of n tokens.
func ngrams(tokens []string, n int) map[string]int {
	counts := map[string]int{}
	for i := range max(0, len(tokens)-n+1) {
		counts[strings.Join(tokens[i:i+n], " ")]++
	}
	return counts
}

// overlap returns how many of got are in want, each as often as it is there, and
// how many got are.
func overlap(got, want map[string]int) (matched, total int) {
	for gram, n := range got {
		matched += min(n, want[gram])
		total += n
	}
	return matched, total
}

// Cut returns the tokens of a sentence.
func (t Tokenization) Cut(s string) []string {
	s = strings.TrimRightFunc(s, isSpace)
	switch t {
	case Tokens13a:
		return western(" " + unescape(s) + " ")
	case TokensZh:
		var b strings.Builder
		for _, r := range strings.TrimFunc(s, isSpace) {
			if chinese(r) {
				b.WriteString(" " + string(r) + " ")
			} else {
				b.WriteRune(r)
			}
		}
		return western(b.String())
	}
	panic(fmt.Sprintf("eval: tokenization %q is neither %s nor %s", t, Tokens13a, TokensZh))
}

// unescape undoes what mteval does not count as text: marks of skipped parts,
// hyphens at ends of lines, SGML's escapes.
func unescape(s string) string {
	for _, r := range [][2]string{{"<skipped>", ""}, {"-\n", ""}, {"\n", " "}, {"&quot;", `"`}, {"&amp;", "&"}, {"&lt;", "<"}, {"&gt;", ">"}} {
		s = strings.ReplaceAll(s, r[0], r[1])
	}
	return s
}

// western cuts off punctuation: signs always; a period or comma unless digits
// stand on the side in question; a dash after a digit.
func western(s string) []string {
	for _, c := range cuts {
		s = c.pattern.ReplaceAllString(s, c.with)
	}
	return strings.FieldsFunc(s, isSpace)
}

var cuts = []struct {
	pattern *regexp.Regexp
	with    string
}{
	{regexp.MustCompile("([{-~\\[-` -&(-+:-@/])"), " $1 "},
	{regexp.MustCompile(`([^0-9])([.,])`), "$1 $2 "},
	{regexp.MustCompile(`([.,])([^0-9])`), " $1 $2"},
	{regexp.MustCompile(`([0-9])(-)`), "$1 $2 "},
}

// chinese reports what sacreBLEU's zh takes for a Chinese sign. Two ranges that
// it means for planes beyond the first are read by Python as U+2001 to U+2A6D and
// U+2F81 to U+2FA1, so that quotation marks and dashes count too; its published
// numbers are made so.
func chinese(r rune) bool {
	for _, span := range chineseSigns {
		if r >= span[0] && r <= span[1] {
			return true
		}
	}
	return false
}

var chineseSigns = [][2]rune{
	{0x3400, 0x4db5}, {0x4e00, 0x9fa5}, {0x9fa6, 0x9fbb}, {0xf900, 0xfa2d}, {0xfa30, 0xfa6a}, {0xfa70, 0xfad9}, // ideographs
	{0x2001, 0x2a6d}, {0x2f81, 0x2fa1}, // see above
	{0xff00, 0xffef}, // full-width letters and punctuation
	{0x2e80, 0x2eff}, {0x3000, 0x303f}, {0x31c0, 0x31ef}, {0x2f00, 0x2fdf}, {0x2ff0, 0x2fff}, {0x3100, 0x312f}, {0x31a0, 0x31bf},
	{0xfe10, 0xfe1f}, {0xfe30, 0xfe4f}, {0x2600, 0x26ff}, {0x2700, 0x27bf}, {0x3200, 0x32ff}, {0x3300, 0x33ff},
}

// isSpace is Python's str.isspace, which has four separators more than Unicode's
// White_Space.
func isSpace(r rune) bool { return unicode.IsSpace(r) || r >= 0x1c && r <= 0x1f }
