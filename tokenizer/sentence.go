package tokenizer

import "strings"

// A sentence is SentencePiece's normaliser (Kudo and Richardson, arXiv
// 1808.06226, 3.2): it replaces characters by its table, makes one blank of
// several, puts one before a text and writes blanks as ▁.
type sentence struct {
	table   *charsMap // nil: none
	defined trie      // pieces that the user defined: they stay as they are
	prefix  bool      // add_dummy_prefix: a blank before a text
	suffix  bool      // that blank goes behind the text
	shrink  bool      // remove_extra_whitespaces
	escape  bool      // escape_whitespaces
}

// blank is how a blank is written in pieces.
const blank = "▁"

// normalize does all that to a text.
func (n *sentence) normalize(text string) string {
	text = n.replaced(text)
	if n.shrink {
		text = shrunk(text)
	}
	if text == "" {
		return ""
	}
	if n.prefix && !n.suffix {
		text = " " + text
	}
	if n.escape {
		text = strings.ReplaceAll(text, " ", blank)
		if n.shrink { // a text may have ▁ of its own
			text = strings.TrimRight(text, blank)
		}
	}
	switch {
	case !n.prefix || !n.suffix:
	case n.escape:
		text += blank
	default:
		text += " "
	}
	return text
}

// replaced is a text with the replacements of the table, of which the longest
// that fits is taken, and with U+FFFD for bytes that are not UTF-8.
func (n *sentence) replaced(text string) string {
	if n.table == nil {
		return text
	}
	out := make([]byte, 0, len(text)+8)
	for text != "" {
		width := n.defined.longest(text)
		if width > 0 {
			out = append(out, text[:width]...)
		} else if w, t := n.table.longest(text); w > 0 {
			out, width = append(out, t...), w
		} else {
			width = scanChar(text)
			out = append(out, strings.ToValidUTF8(text[:width], replacement)...)
		}
		text = text[width:]
	}
	return string(out)
}

// shrunk is a text without blanks at its ends, and with one blank for several.
func shrunk(text string) string {
	text = strings.Trim(text, " ")
	if !strings.Contains(text, "  ") {
		return text
	}
	var b strings.Builder
	for word := range strings.FieldsFuncSeq(text, func(r rune) bool { return r == ' ' }) {
		if b.Len() > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(word)
	}
	return b.String()
}
