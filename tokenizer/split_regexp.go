package tokenizer

import (
	"fmt"

	"github.com/dlclark/regexp2/v2"
)

// A matcher is a pattern without a scanner.
type matcher struct {
	pattern  string
	literal  bool // the pattern is the text itself, not a regular expression
	behavior string
	invert   bool
	re       *regexp2.Regexp
}

// maxPattern bounds the patterns of files: the longest of published files has
// 1,600 bytes, a list of ten thousand words has 60,000.
const maxPattern = 1 << 20

func newMatcher(pattern, behavior string, invert bool) (*matcher, error) {
	if len(pattern) > maxPattern {
		return nil, fmt.Errorf("tokenizer: split: pattern has %d bytes, more than %d", len(pattern), maxPattern)
	}
	re, err := regexp2.Compile(pattern, regexp2.OptionMaxCachedRuneBufferLength(1<<16))
	if err != nil {
		return nil, fmt.Errorf("tokenizer: split: pattern %q: %w", shorten(pattern), err)
	}
	return &matcher{pattern: pattern, behavior: behavior, invert: invert, re: re}, nil
}

// newLiteral makes the matcher of a pattern that is the text itself.
func newLiteral(text, behavior string, invert bool) (*matcher, error) {
	m, err := newMatcher(regexp2.Escape(text), behavior, invert)
	if err != nil {
		return nil, err
	}
	m.pattern, m.literal = text, true
	return m, nil
}

func (m *matcher) preTokenizer() []any {
	p := patternJSON{Regex: &m.pattern}
	if m.literal {
		p = patternJSON{String: &m.pattern}
	}
	return []any{splitJSON{"Split", p, m.behavior, m.invert}}
}

func (m *matcher) Pieces(text string, yield func(string)) {
	m.behave(m.spans(text), text, yield)
}

// A span is a part of a text that is a match or lies between two.
type span struct {
	start, end int
	match      bool
}

// spans cuts text at its matches; empty matches cut nothing out.
func (m *matcher) spans(text string) (spans []span) {
	found, err := m.re.FindAllStringIndex(text, -1)
	if err != nil { // only a time-out is an error, and none is set
		panic(fmt.Sprintf("tokenizer: split: pattern %q: %v", shorten(m.pattern), err))
	}
	at := 0
	for _, f := range found {
		if f[0] > at {
			spans = append(spans, span{at, f[0], m.invert})
		}
		if f[1] > f[0] {
			spans = append(spans, span{f[0], f[1], !m.invert})
		}
		at = f[1]
	}
	if at < len(text) {
		spans = append(spans, span{at, len(text), m.invert})
	}
	return spans
}

// behaviors are tokenizer.json's names for what becomes of a match.
var behaviors = []string{"Isolated", "Removed", "MergedWithPrevious", "MergedWithNext", "Contiguous"}

// behave joins or drops spans as the behavior says and yields the rest.
func (m *matcher) behave(spans []span, text string, yield func(string)) {
	for i := 0; i < len(spans); i++ {
		s := spans[i]
		for i+1 < len(spans) && m.joins(s, spans[i], spans[i+1]) {
			i++
			s.end = spans[i].end
		}
		if m.behavior != "Removed" || !s.match {
			yield(text[s.start:s.end])
		}
	}
}

// joins tells whether the span next goes to the piece that began with first
// and has last as its last span so far.
func (m *matcher) joins(first, last, next span) bool {
	switch m.behavior {
	case "MergedWithPrevious":
		return !last.match && next.match
	case "MergedWithNext":
		return last.match && !next.match
	case "Contiguous":
		return first.match == next.match
	}
	return false
}

// shorten keeps messages readable.
func shorten(s string) string {
	if len(s) > 60 {
		return s[:60] + "…"
	}
	return s
}
