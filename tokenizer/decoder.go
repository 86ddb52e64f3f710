package tokenizer

import (
	"slices"
	"strings"
)

// A decoder leads from the spelled tokens of a vocabulary to text, step by
// step as tokenizer.json's decoder says: each step changes every token, until
// Fuse makes one string of them, which later steps change as a whole.
type decoder struct {
	names  []string // tokens as they are spelled, by id; empty: none
	tokens []decodeStep
	whole  []decodeStep // after Fuse
	plain  bool         // no step of tokens looks at more than the token itself
}

// A decodeStep changes one token. It may ask whether that is the first or the
// last, and leave out a token because of the one before it.
type decodeStep struct {
	each    func(token string, first, last bool) string
	drop    func(before, token string) bool // nil: none is left out
	begins  bool                            // each asks for first
	ends    bool                            // each asks for last
	resumes bool                            // first means the beginning of a text, where a stream seldom begins
	written bool                            // the change belongs between tokens: Token shows them as they are written
}

// apply does a step to all tokens, in their memory.
func (s *decodeStep) apply(tokens []string) []string {
	if s.drop != nil {
		kept, before := tokens[:0], ""
		for i, t := range tokens {
			if i == 0 || !s.drop(before, t) {
				kept = append(kept, t)
			}
			before = t
		}
		tokens = kept
	}
	for i, t := range tokens {
		tokens[i] = s.each(t, i == 0, i == len(tokens)-1)
	}
	return tokens
}

// newDecoder completes a decoder and gives the vocabulary the bytes of tokens.
// Of two tokens with the same bytes, such as ▁ and <0x20>, the first is the
// one that ID finds.
func newDecoder(names map[string]int32, tokens, whole []decodeStep, v *vocabulary) *decoder {
	d := &decoder{names: make([]string, len(v.bytes)), tokens: tokens, whole: whole}
	d.plain = !slices.ContainsFunc(tokens, func(s decodeStep) bool { return s.begins || s.ends || s.drop != nil || s.written })
	for name, id := range names {
		d.names[id] = name
		v.set(id, []byte(d.inside(name)))
	}
	return d
}

// add gives added tokens their bytes: the steps change them as they do others,
// Gemma's ▁▁ for example, though a text is searched for them as they are written.
func (d *decoder) add(tokens []AddedToken, v *vocabulary) {
	for _, t := range tokens {
		d.names[t.ID] = t.Content
		v.bytes[t.ID] = []byte(d.inside(t.Content))
	}
}

// inside is a token as it stands in the middle of a text.
func (d *decoder) inside(name string) string {
	for i := range d.tokens {
		if s := &d.tokens[i]; !s.written {
			name = s.each(name, false, false)
		}
	}
	return name
}

// name is a token as it is spelled.
func (d *decoder) name(v *vocabulary, id int32) string {
	if id < 0 || int(id) >= len(v.bytes) || v.bytes[id] == nil {
		return replacement
	}
	return d.names[id]
}

func (d *decoder) decode(v *vocabulary, ids []int32) string {
	if d.plain {
		return d.finish(v.Decode(ids))
	}
	tokens := make([]string, len(ids))
	for i, id := range ids {
		tokens[i] = d.name(v, id)
	}
	for i := range d.tokens {
		tokens = d.tokens[i].apply(tokens)
	}
	return d.finish(strings.Join(tokens, ""))
}

// finish does the steps after Fuse.
func (d *decoder) finish(text string) string {
	for i := range d.whole {
		text = d.whole[i].each(text, true, true)
	}
	return text
}

// A decodeStream does the work of a decoder token by token.
type decodeStream struct {
	d      *decoder
	v      *vocabulary
	before []string // the token before, as it came to each step
	begun  bool
	held   string // a token that waits for the next, if holds
	holds  bool
	text   strings.Builder // all of the text, where a step changes it as a whole
}

// stream returns nil where the bytes of tokens are all that a stream needs.
func (p *pipeline) stream() *decodeStream {
	if p.decoder == nil || p.decoder.plain && !p.decoder.late() {
		return nil
	}
	return &decodeStream{d: p.decoder, v: &p.vocabulary, before: make([]string, len(p.decoder.tokens))}
}

// late tells whether a step changes the text as a whole, but for the blanks
// at its beginning.
func (d *decoder) late() bool {
	return slices.ContainsFunc(d.whole, func(s decodeStep) bool { return !s.resumes })
}

// next returns the text that the next id makes certain.
func (s *decodeStream) next(id int32) string {
	token := s.d.name(s.v, id)
	if !slices.ContainsFunc(s.d.tokens, func(s decodeStep) bool { return s.ends }) {
		return s.out(s.change(token, false))
	}
	text := ""
	if s.holds {
		text = s.change(s.held, false)
	}
	s.held, s.holds = token, true
	return s.out(text)
}

// change takes a token through the steps.
func (s *decodeStream) change(token string, last bool) string {
	first := !s.begun
	s.begun = true
	for i := range s.d.tokens {
		step := &s.d.tokens[i]
		before := s.before[i]
		s.before[i] = token
		if step.drop != nil && !first && step.drop(before, token) {
			return ""
		}
		token = step.each(token, first && !step.resumes, last)
	}
	return token
}

// out holds the text back where it is changed as a whole.
func (s *decodeStream) out(text string) string {
	if !s.d.late() {
		return text
	}
	s.text.WriteString(text)
	return ""
}

// flush returns the rest and begins anew.
func (s *decodeStream) flush() string {
	text := ""
	if s.holds {
		text = s.change(s.held, true)
	}
	if s.d.late() {
		s.text.WriteString(text)
		text = s.d.finish(s.text.String())
	}
	*s = decodeStream{d: s.d, v: s.v, before: make([]string, len(s.before))}
	return text
}
