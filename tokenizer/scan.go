package tokenizer

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// The published patterns. Each has a scanner below, because Go's regexp has
// no look-ahead, and because a scanner is ten times faster than an engine
// that has one. The scanners return the length of the first match; every
// character belongs to one, so the matches are the pieces.
const (
	patternGPT2   = `'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+`
	patternCL100K = `(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`
	patternQwen2  = `(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`
	patternQwen35 = `(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?[\p{L}\p{M}]+|\p{N}| ?[^\s\p{L}\p{M}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`
	patternO200K  = `[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+`
	patternTekken = `[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+`
)

// scanGPT2 follows patternGPT2.
func scanGPT2(s string) int {
	if n := contraction(s, false); n > 0 {
		return n
	}
	i := 0
	if s[0] == ' ' && len(s) > 1 {
		i = 1
	}
	for _, class := range [...]uint8{letter, number, other} {
		if isAt(s, i, class) {
			return run(s, i, class)
		}
	}
	return blanks(s, run(s, 0, space))
}

// scanCL100K follows patternCL100K, and patternQwen2 when digits is 1.
func scanCL100K(s string, digits int) int {
	if n := contraction(s, true); n > 0 {
		return n
	}
	first, w := classAt(s, 0)
	switch {
	case first&letter != 0:
		return run(s, 0, letter)
	case first&(newline|number) == 0 && isAt(s, w, letter):
		return run(s, w, letter)
	case first&number != 0:
		return numbers(s, digits)
	}
	if end := punctuation(s); end > 0 {
		return run(s, end, newline)
	}
	return lines(s)
}

// scanQwen35 follows patternQwen35: patternQwen2, but that marks are of words.
func scanQwen35(s string) int {
	if n := contraction(s, true); n > 0 {
		return n
	}
	first, w := classAt(s, 0)
	switch {
	case first&(letter|caseless) != 0:
		return run(s, 0, letter|caseless)
	case first&(newline|number) == 0 && isAt(s, w, letter|caseless):
		return run(s, w, letter|caseless)
	case first&number != 0:
		return w
	}
	end := 0
	if s[0] == ' ' {
		end = 1
	}
	if !isAt(s, end, other) {
		return lines(s)
	}
	for isAt(s, end, other) && !isAt(s, end, caseless) {
		_, w = classAt(s, end)
		end += w
	}
	return run(s, end, newline)
}

// scanO200K follows patternO200K, and patternTekken, which has single digits
// and no contractions.
func scanO200K(s string, digits int, contracted bool) int {
	first, w := classAt(s, 0)
	if first&(newline|letter|number) == 0 {
		if end := cased(s, w, true, contracted); end > 0 {
			return end
		}
	}
	if end := cased(s, 0, true, contracted); end > 0 {
		return end
	}
	if first&(newline|letter|number) == 0 {
		if end := cased(s, w, false, contracted); end > 0 {
			return end
		}
	}
	if end := cased(s, 0, false, contracted); end > 0 {
		return end
	}
	if first&number != 0 {
		return numbers(s, digits)
	}
	if end := punctuation(s); end > 0 {
		for end < len(s) && strings.IndexByte("\r\n/", s[end]) >= 0 {
			end++
		}
		return end
	}
	return lines(s)
}

// cased matches a word of o200k from s[i] on, with its contraction or not: capitals
// and then small letters, of which one at least is there when needSmall.
// Caseless letters and marks count as both, so the run of capitals gives back
// what follows its last caseless one when no small letter comes after it.
func cased(s string, i int, needSmall, contracted bool) int {
	end, both := i, -1 // both: end of the last caseless character
	for end < len(s) {
		c, w := classAt(s, end)
		if c&(capital|caseless) == 0 {
			break
		}
		end += w
		if c&caseless != 0 {
			both = end
		}
	}
	switch {
	case isAt(s, end, small):
		end = run(s, end, small|caseless)
	case needSmall:
		end = both
	}
	if end <= i {
		return 0
	}
	if !contracted {
		return end
	}
	return end + contraction(s[end:], true)
}

// contraction returns the length of 's 't 're 've 'm 'll 'd at the start of
// s, or 0. With fold the letters may be capitals, and s may be ſ (U+017F),
// which is its own capital's small letter too.
func contraction(s string, fold bool) int {
	if len(s) < 2 || s[0] != '\'' {
		return 0
	}
	c := func(i int) byte {
		if fold && 'A' <= s[i] && s[i] <= 'Z' {
			return s[i] + 'a' - 'A'
		}
		return s[i]
	}
	switch c(1) {
	case 's', 't', 'm', 'd':
		return 2
	case 'r', 'v':
		if len(s) > 2 && c(2) == 'e' {
			return 3
		}
	case 'l':
		if len(s) > 2 && c(2) == 'l' {
			return 3
		}
	}
	if fold && strings.HasPrefix(s[1:], "ſ") {
		return 1 + len("ſ")
	}
	return 0
}

// numbers matches \p{N}{1,most}; s starts with a number.
func numbers(s string, most int) int {
	end := 0
	for n := 0; n < most && isAt(s, end, number); n++ {
		_, w := classAt(s, end)
		end += w
	}
	return end
}

// punctuation matches ` ?[^\s\p{L}\p{N}]+`, or nothing: 0.
func punctuation(s string) int {
	i := 0
	if s[0] == ' ' {
		i = 1
	}
	if !isAt(s, i, other) {
		return 0
	}
	return run(s, i, other)
}

// lines matches `\s*[\r\n]+|\s+(?!\S)|\s+`; s starts with a blank.
func lines(s string) int {
	end := run(s, 0, space)
	if last := strings.LastIndexAny(s[:end], "\r\n"); last >= 0 {
		return last + 1
	}
	return blanks(s, end)
}

// blanks matches `\s+(?!\S)|\s+` where s[:end] is the whole run of blanks:
// the last one is left to the word that follows, if there is another.
func blanks(s string, end int) int {
	if end == len(s) {
		return end
	}
	if _, w := utf8.DecodeLastRuneInString(s[:end]); w < end {
		return end - w
	}
	return end
}

// scanChar follows patternChars.
func scanChar(s string) int {
	_, w := utf8.DecodeRuneInString(s)
	return w
}

// scanWord follows patternWords.
func scanWord(s string) int {
	end := 0
	for end < len(s) {
		class, w := classAt(s, end)
		r, _ := utf8.DecodeRuneInString(s[end:])
		if class&(letter|number|caseless) == 0 || unicode.Is(unicode.Han, r) {
			break
		}
		end += w
	}
	if end == 0 {
		return scanChar(s)
	}
	return end
}
