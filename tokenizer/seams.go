package tokenizer

import "strings"

// seams tell where a long piece may be cut although its split does not: before
// a ▁ that stands behind a character which no token has before a ▁, so that
// nothing merges across. The tokenizers of Llama 2 and Gemma do not cut a text;
// in words it is in the cache for the most part.
type seams struct {
	joined [256]bool // last bytes of the characters that some token has before a ▁
}

// newSeams returns nil where a cut could make a difference.
func newSeams(t *BPE) *seams {
	c := t.chars
	if _, ok := c.runes['▁']; !ok || t.whole || c.prefix != "" || c.suffix != "" {
		return nil
	}
	s := new(seams)
	for name := range c.names {
		for at := 0; ; {
			i := strings.Index(name[at:], blank)
			if i < 0 {
				break
			}
			if at += i; at > 0 {
				s.joined[name[at-1]] = true
			}
			at += len(blank)
		}
	}
	return s
}

// next is the length of the part before the first seam.
func (s *seams) next(piece string) int {
	for at := 1; at < len(piece); at += len(blank) {
		i := strings.Index(piece[at:], blank)
		if i < 0 {
			break
		}
		if at += i; !s.joined[piece[at-1]] {
			return at
		}
	}
	return len(piece)
}
