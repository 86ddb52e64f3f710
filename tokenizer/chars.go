package tokenizer

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// chars is what a BPE over characters has and one over bytes has not: the
// form of Llama 2, Mistral and Gemma, after SentencePiece (Kudo and
// Richardson, arXiv 1808.06226). Blanks are written as ▁ in the text itself,
// and a character that the vocabulary lacks becomes the tokens of its bytes,
// <0x00> … <0xFF>, or else the unknown token.
type chars struct {
	runes     map[rune]int32   // ids of single characters
	names     map[string]int32 // ids of tokens as they are written
	fallback  [256]int32       // ids of <0x00> …; -1: none
	unknown   int32            // -1: what is unknown is left out
	fuse      bool             // unknown characters side by side are one token
	metaspace *metaspace       // nil: none
	strip     int              // blanks that Decode takes off the beginning
}

// A metaspace writes blanks as its replacement, and one before the text.
type metaspace struct {
	replacement string
	scheme      string // "always", "first" (not after an added token), "never"
	split       bool   // cut before each replacement
}

// mark does what the metaspace says to text; first tells whether it is the
// beginning of the whole.
func (m *metaspace) mark(text string, first bool) string {
	text = strings.ReplaceAll(text, " ", m.replacement)
	if m.scheme == "always" || m.scheme == "first" && first {
		if !strings.HasPrefix(text, m.replacement) {
			text = m.replacement + text
		}
	}
	return text
}

// pieces cuts before each replacement.
func (m *metaspace) pieces(text string, yield func(string)) {
	for m.split {
		at := strings.Index(text[min(1, len(text)):], m.replacement)
		if at < 0 {
			break
		}
		yield(text[:at+1])
		text = text[at+1:]
	}
	if text != "" {
		yield(text)
	}
}

// append appends the first symbols of a piece: characters, bytes, unknowns.
func (c *chars) append(dst []int32, piece string) []int32 {
	unknown := false // the last symbol is an unknown character
	for piece != "" {
		r, w := utf8.DecodeRuneInString(piece)
		id, ok := c.runes[r]
		switch {
		case ok && (r != utf8.RuneError || w > 1):
			dst, unknown = append(dst, id), false
		case c.hasBytes(piece[:w]):
			for i := range w {
				dst = append(dst, c.fallback[piece[i]])
			}
			unknown = false
		case c.unknown >= 0 && (!unknown || !c.fuse):
			dst, unknown = append(dst, c.unknown), true
		}
		piece = piece[w:]
	}
	return dst
}

func (c *chars) hasBytes(s string) bool {
	for i := range len(s) {
		if c.fallback[s[i]] < 0 {
			return false
		}
	}
	return true
}

// byteName spells a byte's token.
func byteName(b int) string { return fmt.Sprintf("<0x%02X>", b) }
