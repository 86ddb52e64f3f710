package tokenizer

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// chars is the first step of a BPE over characters, the form of Llama 2,
// Mistral and Gemma, after SentencePiece (Kudo and Richardson, arXiv
// 1808.06226), and of older ones whose tokens say where a word goes on or
// ends. A character that the vocabulary lacks becomes the tokens of its bytes,
// <0x00> … <0xFF>, or else the unknown token.
type chars struct {
	runes    map[rune]int32   // ids of single characters
	names    map[string]int32 // ids of tokens as they are written
	fallback [256]int32       // ids of <0x00> …; -1: none
	unknown  int32            // -1: what is unknown is left out
	fuse     bool             // unknown characters side by side are one token
	prefix   string           // of characters that do not begin a piece
	suffix   string           // of the character that ends a piece
	defined  trie             // pieces that are one symbol wherever they stand
}

// A metaspace writes blanks as its replacement, and one before the text.
type metaspace struct {
	replacement string
	scheme      string // "always", "first" (not after an added token), "never"
	split       bool   // cut before each replacement
}

func (m *metaspace) Pieces(text string, yield func(string)) {
	m.piecesAt(text, true, func(piece string, _ bool) { yield(piece) })
}

func (m *metaspace) piecesAt(text string, first bool, yield func(string, bool)) {
	text = m.mark(text, first)
	for m.split {
		width := min(len(m.replacement), len(text))
		if !strings.HasPrefix(text, m.replacement) {
			width = min(1, len(text))
		}
		at := strings.Index(text[width:], m.replacement)
		if at < 0 {
			break
		}
		yield(text[:width+at], first)
		text, first = text[width+at:], false
	}
	if text != "" {
		yield(text, first)
	}
}

func (m *metaspace) preTokenizer() []any {
	return []any{map[string]any{"type": "Metaspace", "replacement": m.replacement, "prepend_scheme": m.scheme, "split": m.split}}
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

// append appends the first symbols of a piece: characters, bytes, unknowns.
func (c *chars) append(dst []int32, piece string) []int32 {
	unknown := false // the last symbol is an unknown character
	for begin := true; piece != ""; begin = false {
		if n := c.defined.longest(piece); n > 0 {
			dst, piece, unknown = append(dst, c.names[piece[:n]]), piece[n:], false
			continue
		}
		r, w := utf8.DecodeRuneInString(piece)
		id, ok := c.symbol(piece[:w], r, begin, w == len(piece))
		switch {
		case ok:
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

// symbol returns the id of a character at its place in a piece.
func (c *chars) symbol(char string, r rune, begin, end bool) (id int32, ok bool) {
	if (c.prefix == "" || begin) && (c.suffix == "" || !end) {
		id, ok = c.runes[r]
		return id, ok && (r != utf8.RuneError || len(char) > 1)
	}
	if !begin {
		char = c.prefix + char
	}
	if end {
		char += c.suffix
	}
	id, ok = c.names[char]
	return id, ok
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
