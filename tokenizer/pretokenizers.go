package tokenizer

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"
	"unsafe"
)

// A headed split wants to know whether its text begins the whole, and tells it
// of its pieces.
type headed interface {
	piecesAt(text string, first bool, yield func(piece string, first bool))
}

// cut calls yield with the pieces of text; first tells that a piece begins the
// whole text.
func cut(s Split, text string, first bool, yield func(piece string, first bool)) {
	if h, ok := s.(headed); ok {
		h.piecesAt(text, first, yield)
		return
	}
	s.Pieces(text, func(piece string) { yield(piece, first && begins(text, piece)) })
}

// begins tells whether a piece that was cut out of a text is its beginning: by
// its place in memory, since a text may have the same characters elsewhere.
func begins(text, piece string) bool { return unsafe.StringData(text) == unsafe.StringData(piece) }

// A foreign split is one that only files of others have, and its form there.
type foreign struct {
	cut  func(text string, yield func(piece string))
	form json.RawMessage
}

func (f foreign) Pieces(text string, yield func(string)) { f.cut(text, yield) }
func (f foreign) preTokenizer() []any                    { return []any{f.form} }

// foreignJSON has the fields of those splits.
type foreignJSON struct {
	Type      string  `json:"type"`
	Behavior  *string `json:"behavior"`
	Delimiter string  `json:"delimiter"`
	Length    *int    `json:"length"`
}

// parseForeign reads one of them.
func parseForeign(raw json.RawMessage) (Split, error) {
	var j foreignJSON
	if err := json.Unmarshal(raw, &j); err != nil {
		return nil, err
	}
	switch j.Type {
	case "Whitespace":
		return foreign{whitespace, raw}, nil
	case "WhitespaceSplit":
		return foreign{separated(unicode.IsSpace), raw}, nil
	case "UnicodeScripts":
		return foreign{byScript, raw}, nil
	case "CharDelimiterSplit":
		r, w := utf8.DecodeRuneInString(j.Delimiter)
		if w == 0 || w != len(j.Delimiter) {
			return nil, fmt.Errorf("delimiter %q of CharDelimiterSplit is not one character", j.Delimiter)
		}
		return foreign{separated(func(c rune) bool { return c == r }), raw}, nil
	case "Punctuation":
		return j.punctuation(raw)
	case "FixedLength":
		length := 5
		if j.Length != nil {
			length = *j.Length
		}
		if length < 1 {
			return nil, fmt.Errorf("length %d of FixedLength, which has at least 1", length)
		}
		return foreign{fixed(length), raw}, nil
	}
	return nil, fmt.Errorf("%q is not supported", j.Type)
}

// separated drops the characters that separate pieces.
func separated(by func(rune) bool) func(text string, yield func(string)) {
	return func(text string, yield func(string)) {
		for piece := range strings.FieldsFuncSeq(text, by) {
			yield(piece)
		}
	}
}

// fixed cuts pieces of so many characters.
func fixed(length int) func(text string, yield func(string)) {
	return func(text string, yield func(string)) {
		for text != "" {
			end := 0
			for n := 0; n < length && end < len(text); n++ {
				end += scanChar(text[end:])
			}
			yield(text[:end])
			text = text[end:]
		}
	}
}

// whitespace follows `\w+|[^\w\s]+`: words, and runs of what is neither word
// nor blank.
func whitespace(text string, yield func(string)) {
	from, was := 0, 0
	for at, r := range text {
		kind := 2
		switch {
		case inWord(r):
			kind = 1
		case unicode.IsSpace(r):
			kind = 0
		}
		if kind == was {
			continue
		}
		if was != 0 {
			yield(text[from:at])
		}
		from, was = at, kind
	}
	if was != 0 {
		yield(text[from:])
	}
}

// punctuation cuts out marks, by default each for itself.
func (j *foreignJSON) punctuation(raw json.RawMessage) (Split, error) {
	m := &matcher{behavior: "Isolated"}
	if j.Behavior != nil {
		m.behavior = *j.Behavior
	}
	if !slices.Contains(behaviors, m.behavior) {
		return nil, fmt.Errorf("behavior %q of Punctuation is not supported", m.behavior)
	}
	return foreign{func(text string, yield func(string)) {
		m.behave(markSpans(text), text, yield)
	}, raw}, nil
}

// markSpans lists each mark of a text, and what lies between.
func markSpans(text string) (spans []span) {
	from := 0
	for at, r := range text {
		if !isPunctuation(r) {
			continue
		}
		if at > from {
			spans = append(spans, span{from, at, false})
		}
		from = at + scanChar(text[at:])
		spans = append(spans, span{at, from, true})
	}
	if from < len(text) {
		spans = append(spans, span{from, len(text), false})
	}
	return spans
}

// byScript cuts where the script changes. Kana counts as Han, and a blank goes
// with what is before it; one that nothing is before is dropped.
func byScript(text string, yield func(string)) {
	from, last := -1, anyScript
	for at, r := range text {
		script := scriptOf(r)
		if script == anyScript || script == last {
			continue
		}
		if from >= 0 {
			yield(text[from:at])
		}
		from, last = at, script
	}
	if from >= 0 {
		yield(text[from:])
	}
}

// anyScript is that of blanks and unassigned characters.
const anyScript = ""

func scriptOf(r rune) string {
	switch {
	case r == ' ':
		return anyScript
	case r == 0x30FC: // the mark of a long vowel stands after either kana
		return "Han"
	}
	list := scripts()
	i, _ := slices.BinarySearchFunc(list, r, func(s scriptRange, r rune) int { return int(s.hi - r) })
	if i == len(list) || r < list[i].lo {
		return anyScript
	}
	if s := list[i].script; s != "Hiragana" && s != "Katakana" {
		return s
	}
	return "Han"
}

type scriptRange struct {
	lo, hi rune
	script string
}

// scripts lists the ranges of all scripts in order, built at the first use.
var scripts = sync.OnceValue(func() (list []scriptRange) {
	for name, table := range unicode.Scripts {
		for _, r := range table.R16 {
			list = appendRange(list, rune(r.Lo), rune(r.Hi), rune(r.Stride), name)
		}
		for _, r := range table.R32 {
			list = appendRange(list, rune(r.Lo), rune(r.Hi), rune(r.Stride), name)
		}
	}
	slices.SortFunc(list, func(a, b scriptRange) int { return int(a.lo - b.lo) })
	return list
})

func appendRange(list []scriptRange, lo, hi, stride rune, name string) []scriptRange {
	if stride == 1 {
		return append(list, scriptRange{lo, hi, name})
	}
	for r := lo; r <= hi; r += stride {
		list = append(list, scriptRange{r, r, name})
	}
	return list
}

// spelled cuts, and spells the bytes of the pieces as characters: ByteLevel for
// a model that has its tokens as they are spelled, and before other steps.
type spelled struct{ Split }

func (s spelled) Pieces(text string, yield func(string)) {
	s.Split.Pieces(text, func(piece string) { yield(spell([]byte(piece))) })
}

func (s spelled) piecesAt(text string, first bool, yield func(string, bool)) {
	cut(s.Split, text, first, func(piece string, first bool) { yield(spell([]byte(piece)), first) })
}

// bytesAgain undoes what spelled did to the pieces, for a model over bytes.
type bytesAgain struct{ Split }

func (s bytesAgain) Pieces(text string, yield func(string)) {
	s.Split.Pieces(text, func(piece string) { yield(string(unspell(nil, piece))) })
}

func (s bytesAgain) piecesAt(text string, first bool, yield func(string, bool)) {
	cut(s.Split, text, first, func(piece string, first bool) { yield(string(unspell(nil, piece)), first) })
}
