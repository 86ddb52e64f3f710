package tokenizer

import (
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// An AddedToken is a token that is found in the text before any splitting,
// as tokenizer.json's added_tokens are.
type AddedToken struct {
	ID         int32  `json:"id"`
	Content    string `json:"content"`
	SingleWord bool   `json:"single_word"` // only where no word character touches it
	LStrip     bool   `json:"lstrip"`      // takes the blanks before it
	RStrip     bool   `json:"rstrip"`      // takes the blanks after it
	Normalized bool   `json:"normalized"`  // looked for in the normalised text
	Special    bool   `json:"special"`     // looked for by EncodeSpecial only
}

// added finds added tokens in a text: the leftmost first, of those that start
// at one place the longest.
type added struct {
	tokens  []AddedToken
	byFirst [256][]*AddedToken // by first byte, the longest first
	firsts  string             // the bytes that some token starts with
}

func newAdded(tokens []AddedToken) *added {
	a := &added{tokens: slices.Clone(tokens)}
	for i := range a.tokens {
		c := a.tokens[i].Content[0]
		a.byFirst[c] = append(a.byFirst[c], &a.tokens[i])
	}
	for c, list := range a.byFirst {
		if len(list) > 0 {
			a.firsts += string([]byte{byte(c)})
		}
		slices.SortStableFunc(list, func(x, y *AddedToken) int { return len(y.Content) - len(x.Content) })
	}
	return a
}

// cut calls plain on the text between added tokens and appends theirs; plain
// is told the token before its text, at the beginning the one given.
func (a *added) cut(dst []int32, text string, after *AddedToken, plain func(dst []int32, text string, after *AddedToken) []int32) []int32 {
	for from := 0; len(a.tokens) > 0; {
		start, end, t := a.find(text, from)
		if t == nil {
			return plain(dst, text[from:], after)
		}
		dst = append(plain(dst, text[from:start], after), t.ID)
		from, after = end, t
	}
	return plain(dst, text, after)
}

// find returns the first added token in text[from:] and where it stands.
func (a *added) find(text string, from int) (start, end int, t *AddedToken) {
	for at := from; ; at++ {
		i := a.candidate(text[at:])
		if i < 0 {
			return 0, 0, nil
		}
		at += i
		for _, t := range a.byFirst[text[at]] {
			if strings.HasPrefix(text[at:], t.Content) && t.fits(text, at) {
				start, end = t.widen(text, from, at)
				return start, end, t
			}
		}
	}
}

// candidate returns the first place where a token may start. Most
// vocabularies' tokens all start with '<', which has a fast search.
func (a *added) candidate(text string) int {
	switch len(a.firsts) {
	case 0:
		return -1
	case 1:
		return strings.IndexByte(text, a.firsts[0])
	}
	for i := 0; i < len(text); i++ {
		if a.byFirst[text[i]] != nil {
			return i
		}
	}
	return -1
}

// fits tells whether the token may stand at text[at:].
func (t *AddedToken) fits(text string, at int) bool {
	if !t.SingleWord {
		return true
	}
	before, _ := utf8.DecodeLastRuneInString(text[:at])
	after, _ := utf8.DecodeRuneInString(text[at+len(t.Content):])
	return !inWord(before) && !inWord(after)
}

// inWord is \w of Unicode's regular expressions (UTS 18, annex C).
func inWord(r rune) bool {
	return unicode.IsLetter(r) || unicode.IsMark(r) || unicode.In(r, unicode.Nd, unicode.Nl, unicode.Pc, unicode.Other_Alphabetic) ||
		r == 0x200C || r == 0x200D
}

// widen takes the blanks that the token strips, but none before from.
func (t *AddedToken) widen(text string, from, at int) (start, end int) {
	start, end = at, at+len(t.Content)
	if t.LStrip {
		start = from + len(strings.TrimRightFunc(text[from:at], unicode.IsSpace))
	}
	if t.RStrip {
		end = run(text, end, space)
	}
	return start, end
}

// check refuses tokens that cannot be found or that say two things.
func checkAdded(tokens []AddedToken) error {
	seen := map[string]int32{}
	for _, t := range tokens {
		if t.Content == "" {
			return fmt.Errorf("added token %d is empty", t.ID)
		}
		if id, ok := seen[t.Content]; ok && id != t.ID {
			return fmt.Errorf("added token %q has two ids, %d and %d", t.Content, id, t.ID)
		}
		seen[t.Content] = t.ID
	}
	return nil
}
