package tokenizer

import "unicode/utf8"

// A Stream decodes ids one by one, as a model writes them, and holds back the
// bytes of a character until it is whole. What Next and Flush return, joined,
// is Decode of all the ids; but where Decode takes a blank off the beginning
// of a text (tokenizers of Llama 2's kind), a Stream does not, since it is
// mostly the middle of a text that is streamed.
type Stream struct {
	t       Tokenizer
	steps   *decodeStream // nil: a token is its bytes
	pending []byte
}

// NewStream returns a Stream that decodes with t.
func NewStream(t Tokenizer) *Stream {
	s := &Stream{t: t}
	if p := baseOf(t); p != nil {
		s.steps = p.stream()
	}
	return s
}

// Next takes the next id and returns the text that is now complete, which may
// be none. Bytes that cannot become a character are returned as they are.
func (s *Stream) Next(id int32) string {
	if s.steps != nil {
		s.pending = append(s.pending, s.steps.next(id)...)
	} else if b, ok := s.t.Token(id); ok {
		s.pending = append(s.pending, b...)
	} else {
		s.pending = append(s.pending, replacement...)
	}
	whole := len(s.pending) - len(halfCharacter(s.pending))
	text := string(s.pending[:whole])
	s.pending = append(s.pending[:0], s.pending[whole:]...)
	return text
}

// Flush returns what was held back, because the last character never became
// whole or because its end makes a difference, and begins anew.
func (s *Stream) Flush() string {
	if s.steps != nil {
		s.pending = append(s.pending, s.steps.flush()...)
	}
	text := string(s.pending)
	s.pending = s.pending[:0]
	return text
}

// halfCharacter returns the end of b that may be the start of a character.
func halfCharacter(b []byte) []byte {
	for n := 1; n < utf8.UTFMax && n <= len(b); n++ {
		end := b[len(b)-n:]
		if utf8.RuneStart(end[0]) {
			if !utf8.FullRune(end) {
				return end
			}
			return nil
		}
	}
	return nil
}
