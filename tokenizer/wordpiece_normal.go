package tokenizer

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// A bertNormalizer is BERT's: each step is one pass over the text.
type bertNormalizer struct {
	clean   bool // control characters go, every white space is a blank
	chinese bool // blanks around each Chinese character: it is a word
	accents bool // are taken off
	lower   bool
}

func (n bertNormalizer) apply(text string) string {
	if n.clean {
		text = strings.Map(cleanRune, text)
	}
	if n.chinese {
		text = spaceChinese(text)
	}
	if n.accents {
		text = strings.Map(dropMark, normalForm(norm.NFD)(text))
	}
	if n.lower {
		text = lower(text)
	}
	return text
}

// cleanRune is a character as it stays, or -1. A byte that is not UTF-8 reads
// as U+FFFD, which goes too; one that Unicode has not assigned stays.
func cleanRune(r rune) rune {
	switch {
	case r == '\t', r == '\n', r == '\r':
		return ' '
	case r == 0, r == utf8.RuneError, unicode.In(r, unicode.Cc, unicode.Co), isFormat(r):
		return -1
	case unicode.Is(unicode.White_Space, r):
		return ' '
	}
	return r
}

func dropMark(r rune) rune {
	if r >= 0x300 && isAccent(r) {
		return -1
	}
	return r
}

// chineseBlocks are the blocks that BERT takes for Chinese: CJK ideographs, not
// kana, Hangul or Chinese punctuation. The last but one begins at U+2B920 and not
// at U+2B820 where the block does, in Hugging Face's library too.
var chineseBlocks = &unicode.RangeTable{
	R16: []unicode.Range16{{Lo: 0x3400, Hi: 0x4DBF, Stride: 1}, {Lo: 0x4E00, Hi: 0x9FFF, Stride: 1}, {Lo: 0xF900, Hi: 0xFAFF, Stride: 1}},
	R32: []unicode.Range32{{Lo: 0x20000, Hi: 0x2A6DF, Stride: 1}, {Lo: 0x2A700, Hi: 0x2B73F, Stride: 1}, {Lo: 0x2B740, Hi: 0x2B81F, Stride: 1},
		{Lo: 0x2B920, Hi: 0x2CEAF, Stride: 1}, {Lo: 0x2F800, Hi: 0x2FA1F, Stride: 1}},
}

func isChinese(r rune) bool { return r >= 0x3400 && unicode.Is(chineseBlocks, r) }

func spaceChinese(text string) string {
	if strings.IndexFunc(text, isChinese) < 0 {
		return text
	}
	var b strings.Builder
	b.Grow(len(text) * 5 / 3) // a blank on each side of three bytes
	for _, r := range text {
		if isChinese(r) {
			b.WriteByte(' ')
			b.WriteRune(r)
			b.WriteByte(' ')
			continue
		}
		b.WriteRune(r)
	}
	return b.String()
}

// bertWords is BERT's pre-tokenizer: words between white space, of which each
// punctuation mark is one.
type bertWords struct{}

func (bertWords) Pieces(text string, yield func(string)) {
	from := 0
	for at, r := range text {
		blank, mark := unicode.Is(unicode.White_Space, r), isPunctuation(r)
		if !blank && !mark {
			continue
		}
		if at > from {
			yield(text[from:at])
		}
		_, width := utf8.DecodeRuneInString(text[at:])
		from = at + width
		if mark {
			yield(text[at:from])
		}
	}
	if from < len(text) {
		yield(text[from:])
	}
}

func (bertWords) preTokenizer() []any { return []any{typed{"BertPreTokenizer"}} }

// isPunctuation is Unicode's, and all of ASCII that is neither letter, digit,
// blank nor control: $ and + are symbols, but no part of a word.
func isPunctuation(r rune) bool {
	switch {
	case r >= utf8.RuneSelf:
		return isPunct(r)
	case r <= ' ', r == 0x7f:
		return false
	}
	return !(r >= '0' && r <= '9' || r >= 'A' && r <= 'Z' || r >= 'a' && r <= 'z')
}
