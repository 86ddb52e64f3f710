package tokenizer

import (
	"cmp"
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

// fitAdded refuses tokens whose ids or texts a vocabulary has otherwise.
func fitAdded(tokens []AddedToken, names map[string]int32) error {
	if err := checkAdded(tokens); err != nil {
		return err
	}
	owners := make(map[int32]string, len(names)+len(tokens))
	for name, id := range names {
		owners[id] = name
	}
	for _, t := range tokens {
		if name, ok := owners[t.ID]; ok && name != t.Content {
			return fmt.Errorf("added token %q has the id %d, which is that of %q", shorten(t.Content), t.ID, shorten(name))
		}
		if id, ok := names[t.Content]; ok && id != t.ID {
			return fmt.Errorf("added token %q has the id %d, and %d in the vocabulary", shorten(t.Content), t.ID, id)
		}
		owners[t.ID] = t.Content
	}
	return nil
}

// extend adds tokens to a finished tokenizer whose decoder has the names of its own.
func (p *pipeline) extend(tokens []AddedToken) error {
	if len(tokens) == 0 {
		return nil
	}
	names := make(map[string]int32, len(p.bytes))
	for id, name := range p.decoder.names {
		if name != "" {
			names[name] = int32(id)
		}
	}
	if err := fitAdded(tokens, names); err != nil {
		return err
	}
	if err := p.grow(tokens); err != nil {
		return err
	}
	all := slices.Clone(tokens)
	for _, t := range p.tokens {
		if !slices.ContainsFunc(tokens, func(a AddedToken) bool { return a.ID == t.ID }) {
			all = append(all, t)
		}
	}
	slices.SortFunc(all, func(a, b AddedToken) int { return cmp.Compare(a.ID, b.ID) })
	return p.finish(all, p.model)
}

// grow makes room for the ids of tokens, which may have gaps; but a few bytes must not ask for
// gigabytes.
func (p *pipeline) grow(tokens []AddedToken) error {
	size, limit := len(p.bytes), len(p.bytes)+100*len(tokens)
	for _, t := range tokens {
		if t.ID < 0 || int(t.ID) >= limit {
			return fmt.Errorf("added token %q has the id %d, outside 0 … %d, which is what a file of this size may have", shorten(t.Content), t.ID, limit-1)
		}
		size = max(size, int(t.ID)+1)
	}
	more := size - len(p.bytes)
	p.bytes = append(p.bytes, make([][]byte, more)...)
	p.decoder.names = append(p.decoder.names, make([]string, more)...)
	return nil
}
