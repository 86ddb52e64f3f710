package tokenizer

import (
	"fmt"
	"slices"
)

// A Split cuts text into pieces before any merging. GPT2, CL100K, Qwen2,
// O200K and Tekken are the published ones; Regexp, Func, Digits and Sequence make others.
type Split interface {
	// Pieces calls yield with the pieces of text, in order.
	Pieces(text string, yield func(piece string))

	// preTokenizer is the split as tokenizer.json writes it.
	preTokenizer() []any
}

// The published splits.
var (
	// GPT2 keeps words with the blank before them, numbers, punctuation.
	GPT2 Split = &scanner{patternGPT2, scanGPT2, false}
	// CL100K (GPT-4, Llama 3) also cuts numbers into three digits and lets
	// any one sign lead a word.
	CL100K Split = &scanner{patternCL100K, func(s string) int { return scanCL100K(s, 3) }, false}
	// Qwen2 is CL100K with single digits.
	Qwen2 Split = &scanner{patternQwen2, func(s string) int { return scanCL100K(s, 1) }, false}
	// qwen35 is Qwen2 with marks as parts of words.
	qwen35 Split = &scanner{patternQwen35, scanQwen35, false}
	// O200K (GPT-4o) also cuts camelCase.
	O200K Split = &scanner{patternO200K, func(s string) int { return scanO200K(s, 3, true) }, false}
	// Tekken (Mistral Nemo) is O200K with single digits and without contractions.
	Tekken Split = &scanner{patternTekken, func(s string) int { return scanO200K(s, 1, false) }, false}
	// Whole does not cut: the text is one piece.
	Whole Split = sequence(nil)
)

// A scanner is a pattern and the hand-written function that returns the length
// of the first piece, 1 … len(s): of the first match, where matches cover any text.
type scanner struct {
	pattern string
	next    func(s string) int
	between bool // they do not: what lies between two is a piece too
}

// Func returns a Split by the function next, which is given a text that is
// not empty and returns the length in bytes of its first piece. The pattern
// says the same as a regular expression: files are written with it, and who
// reads them back gets the pattern, so the two must agree.
func Func(pattern string, next func(text string) int) Split {
	return &scanner{pattern, next, false}
}

func (c *scanner) Pieces(text string, yield func(string)) {
	for len(text) > 0 {
		n := c.next(text)
		if n < 1 || n > len(text) {
			panic(fmt.Sprintf("tokenizer: split %q gives a piece of %d bytes of %d", c.pattern, n, len(text)))
		}
		yield(text[:n])
		text = text[n:]
	}
}

func (c *scanner) preTokenizer() []any {
	return []any{splitJSON{"Split", patternJSON{Regex: &c.pattern}, "Isolated", false}}
}

// Regexp returns a Split by a regular expression in the syntax of .NET and
// Perl, with look-ahead: each match is a piece, and so is what lies between
// two matches. The published patterns get their scanners. Others run on a
// backtracking engine at a tenth of the speed, so a pattern must not come from a
// stranger unread.
func Regexp(pattern string) (Split, error) {
	if s := published(pattern); s != nil {
		return s, nil
	}
	return newMatcher(pattern, "Isolated", false)
}

// published returns the scanner of a published pattern, or nil.
func published(pattern string) *scanner {
	pattern = breaks.Replace(pattern)
	for _, s := range slices.Concat([]Split{GPT2, CL100K, Qwen2, qwen35, O200K, Tekken, splitChars, splitWords}, parts) {
		if s := s.(*scanner); s.pattern == pattern {
			return s
		}
	}
	return nil
}

// sequence cuts with the first split, the pieces with the second, and so on.
type sequence []Split

// Sequence returns the Split that cuts with the first, then each piece with
// the second, and so on.
func Sequence(splits ...Split) Split {
	if len(splits) == 1 {
		return splits[0]
	}
	return sequence(splits)
}

func (q sequence) Pieces(text string, yield func(string)) {
	q.piecesAt(text, true, func(piece string, _ bool) { yield(piece) })
}

func (q sequence) piecesAt(text string, first bool, yield func(string, bool)) {
	switch {
	case text == "":
	case len(q) == 0:
		yield(text, first)
	default:
		cut(q[0], text, first, func(piece string, first bool) { q[1:].piecesAt(piece, first, yield) })
	}
}

func (q sequence) preTokenizer() (steps []any) {
	for _, s := range q {
		steps = append(steps, s.preTokenizer()...)
	}
	return steps
}

// digits cuts out numbers.
type digits struct{ individual bool }

// Digits returns the Split that cuts out runs of numbers (\p{N}), or each of
// them alone.
func Digits(individual bool) Split { return digits{individual} }

func (d digits) Pieces(text string, yield func(string)) {
	for len(text) > 0 {
		end := run(text, 0, ^number)
		if end == 0 {
			if end = run(text, 0, number); d.individual {
				_, end = classAt(text, 0)
			}
		}
		yield(text[:end])
		text = text[end:]
	}
}

func (d digits) preTokenizer() []any {
	return []any{digitsJSON{"Digits", d.individual}}
}

// prefixed puts a blank before a text that has none, and then cuts.
type prefixed struct{ Split }

func (p prefixed) Pieces(text string, yield func(string)) {
	p.piecesAt(text, true, func(piece string, _ bool) { yield(piece) })
}

func (p prefixed) piecesAt(text string, first bool, yield func(string, bool)) {
	if text != "" && text[0] != ' ' {
		text = " " + text
	}
	cut(p.Split, text, first, yield)
}
