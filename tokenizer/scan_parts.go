package tokenizer

import (
	"unicode"
	"unicode/utf8"
)

// Patterns whose matches do not cover a text: what lies between two is a piece too. DeepSeek V3 cuts with the first
// three in turn, Falcon with the next, with the digits last.
const (
	patternDigits3   = `\p{N}{1,3}`
	patternHan       = `[一-龥぀-ゟ゠-ヿ]+`
	patternDeepSeek3 = "[!\"#$%&'()*+,\\-./:;<=>?@\\[\\\\\\]^_`{|}~][A-Za-z]+|[^\\r\\n\\p{L}\\p{P}\\p{S}]?[\\p{L}\\p{M}]+| ?[\\p{P}\\p{S}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+"
	patternMarks     = "[\\p{P}\\$\\+<=>\\^~\\|`]+"
	patternThree     = `[0-9][0-9][0-9]`
)

// parts are their scanners.
var parts = []Split{
	&scanner{patternDigits3, scanDigits3, true},
	&scanner{patternHan, func(s string) int { return scanRun(s, isHan) }, true},
	&scanner{patternDeepSeek3, scanDeepSeek3, true},
	&scanner{patternMarks, func(s string) int { return scanRun(s, isFalcon) }, true},
	&scanner{patternThree, func(s string) int { return scanBetween(s, threeDigits) }, true},
}

// scanBetween is the first match, or what lies before it.
func scanBetween(s string, match func(string) int) int {
	if n := match(s); n > 0 {
		return n
	}
	end := scanChar(s)
	for end < len(s) && match(s[end:]) == 0 {
		end += scanChar(s[end:])
	}
	return end
}

// scanRun is the run of characters that are like the first, in or not.
func scanRun(s string, in func(rune) bool) int {
	r, end := utf8.DecodeRuneInString(s)
	for first := in(r); end < len(s); {
		r, w := utf8.DecodeRuneInString(s[end:])
		if in(r) != first {
			break
		}
		end += w
	}
	return end
}

// scanDigits3 follows patternDigits3.
func scanDigits3(s string) int {
	if n := numbers(s, 3); n > 0 {
		return n
	}
	return run(s, 0, ^number)
}

// threeDigits matches patternThree.
func threeDigits(s string) int {
	for i := range 3 {
		if i == len(s) || s[i] < '0' || s[i] > '9' {
			return 0
		}
	}
	return 3
}

func isHan(r rune) bool { return '一' <= r && r <= '龥' || '\u3040' <= r && r <= '\u30ff' }

// isFalcon is a character of patternMarks, which names each of ASCII's \p{S}.
func isFalcon(r rune) bool {
	if r < utf8.RuneSelf {
		return signs[r]
	}
	return unicode.Is(unicode.P, r)
}

// signs are ASCII's \p{P} and \p{S}.
var signs = func() (t [utf8.RuneSelf]bool) {
	for r := range t {
		t[r] = unicode.In(rune(r), unicode.P, unicode.S)
	}
	return t
}()

// isSign tells whether a character of \p{P} or \p{S} starts at s[i].
func isSign(s string, i int) bool {
	if i >= len(s) || s[i] < utf8.RuneSelf {
		return i < len(s) && signs[s[i]]
	}
	r, _ := utf8.DecodeRuneInString(s[i:])
	return isAt(s, i, other) && unicode.In(r, unicode.P, unicode.S)
}

// scanDeepSeek3 follows patternDeepSeek3.
func scanDeepSeek3(s string) int { return scanBetween(s, deepSeek3) }

// deepSeek3 matches it, or nothing: 0.
func deepSeek3(s string) int {
	if s[0] < utf8.RuneSelf && signs[s[0]] {
		if end := latin(s, 1); end > 1 {
			return end
		}
	}
	first, w := classAt(s, 0)
	sign := isSign(s, 0)
	switch {
	case first&(letter|caseless) != 0:
		return run(s, 0, letter|caseless)
	case first&newline == 0 && !sign && isAt(s, w, letter|caseless):
		return run(s, w, letter|caseless)
	case sign, s[0] == ' ' && isSign(s, 1):
		end := w
		for isSign(s, end) {
			end += scanChar(s[end:])
		}
		return run(s, end, newline)
	case first&space != 0:
		return lines(s)
	}
	return 0
}

// latin is the end of ASCII's letters from s[i] on.
func latin(s string, i int) int {
	for i < len(s) && ('a' <= s[i]|0x20 && s[i]|0x20 <= 'z') {
		i++
	}
	return i
}
