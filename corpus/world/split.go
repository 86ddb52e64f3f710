package world

import (
	"iter"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"
)

// Pattern is the splitter of the world as a regular expression that takes
// part in a tokenizer.json (a Split pre-tokenizer, behaviour Isolated). Its
// alternatives cover every text: words of [Words]; single digits; words with
// the blank before them, apart where CamelCase turns; letters of other
// scripts one by one; runs of other signs with the blank before them; white
// space, which leaves its last blank to the word that follows.
//
// BPE over whole runs of Chinese joins across words (在厨|房里), which costs a
// small model its look-ups; by the list every name and place is one piece.
func Pattern() string {
	return strings.Join(Words(), "|") +
		`|\p{N}| ?\p{Lu}?\p{Ll}+| ?\p{Lu}+(?!\p{Ll})|[\p{L}\p{M}]| ?[^\s\p{L}\p{M}\p{N}]+|\s+(?!\S)|\s+`
}

// Pieces yields the pieces of text in order; together they are the text.
func Pieces(text string) iter.Seq[string] {
	return func(yield func(string) bool) {
		for len(text) > 0 {
			n := Piece(text)
			if !yield(text[:n]) {
				return
			}
			text = text[n:]
		}
	}
}

func countPieces(text string) (n int) {
	for range Pieces(text) {
		n++
	}
	return n
}

// Piece returns the length in bytes of the first piece of text, 0 if text is
// empty. It equals the first match of [Pattern].
func Piece(text string) int {
	r, n := utf8.DecodeRuneInString(text)
	if r >= utf8.RuneSelf {
		if k := listed(text, r); k > 0 {
			return k
		}
	}
	switch {
	case n == 0 || unicode.IsNumber(r):
		return n
	case r == ' ':
		return afterBlank(text)
	case unicode.IsSpace(r):
		return blanks(text)
	case unicode.IsLetter(r) || unicode.IsMark(r):
		return max(n, cased(text))
	}
	return signs(text)
}

// afterBlank is the first piece of a text that begins with a blank.
func afterBlank(text string) int {
	if n := cased(text[1:]); n > 0 {
		return 1 + n
	}
	if n := signs(text[1:]); n > 0 {
		return 1 + n
	}
	return blanks(text)
}

// cased is the length of the word or CamelCase part that text begins with: an
// optional capital and small letters, or capitals up to the one that begins
// the next part ("HTTP" of "HTTPServer"). 0 if there is none.
func cased(text string) int {
	first, n := utf8.DecodeRuneInString(text)
	if !unicode.IsLower(first) && !unicode.IsUpper(first) {
		return 0
	}
	if end := n + run(text[n:], unicode.IsLower); unicode.IsLower(first) || end > n {
		return end
	}
	end := run(text, unicode.IsUpper)
	if next, _ := utf8.DecodeRuneInString(text[end:]); end < len(text) && unicode.IsLower(next) {
		_, last := utf8.DecodeLastRuneInString(text[:end])
		end -= last
	}
	return end
}

// signs is the length of the run that is neither blank, letter, mark nor number.
func signs(text string) int {
	return run(text, func(r rune) bool {
		return !unicode.IsSpace(r) && !unicode.IsLetter(r) && !unicode.IsMark(r) && !unicode.IsNumber(r)
	})
}

// blanks is the run of white space, less its last one if more text follows.
func blanks(text string) int {
	end := run(text, unicode.IsSpace)
	_, last := utf8.DecodeLastRuneInString(text[:end])
	if end == len(text) || end == last {
		return end
	}
	return end - last
}

func run(text string, in func(rune) bool) int {
	for i, r := range text {
		if !in(r) {
			return i
		}
	}
	return len(text)
}

// listed is the length of the longest listed word that text begins with.
func listed(text string, first rune) int {
	for _, w := range byFirst()[first] {
		if strings.HasPrefix(text, w) {
			return len(w)
		}
	}
	return 0
}

var byFirst = sync.OnceValue(func() map[rune][]string {
	m := map[rune][]string{}
	for _, w := range words() {
		r, _ := utf8.DecodeRuneInString(w)
		m[r] = append(m[r], w)
	}
	return m
})
