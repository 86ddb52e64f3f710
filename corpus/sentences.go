package corpus

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// sentences are the sentences of a line, in bytes of it: they end at a full stop, a
// question mark or an exclamation mark, a Latin one only before a blank, a capital or
// the end. Abbreviations are not known; who makes examples of sentences can do with
// some that are cut short.
func sentences(line string) (all []Span) {
	from := 0
	cut := func(to int) {
		if strings.TrimSpace(line[from:to]) != "" {
			all = append(all, Span{From: from, To: to})
		}
		from = to
	}
	for i, r := range line {
		end := i + utf8.RuneLen(r)
		switch {
		case strings.ContainsRune("。？！", r):
			cut(end)
		case r == '.' || r == '?' || r == '!':
			if next, _ := utf8.DecodeRuneInString(line[end:]); end == len(line) || unicode.IsSpace(next) || unicode.IsUpper(next) {
				cut(end)
			}
		}
	}
	cut(len(line))
	return all
}

// isWord tells a word, or a Han sign, from a sign of punctuation.
func isWord(s string) bool {
	r, _ := utf8.DecodeRuneInString(s)
	return unicode.IsLetter(r) || unicode.IsNumber(r)
}
