package tokenizer

import (
	"sync"
	"unicode"
	"unicode/utf8"
)

// The classes of characters that the published patterns are made of. A
// character has exactly one of the first four bits, and perhaps some others.
const (
	letter   uint8 = 1 << iota // \p{L}
	number                     // \p{N}
	space                      // \s
	other                      // [^\s\p{L}\p{N}]; also a byte that is not UTF-8
	capital                    // \p{Lu} \p{Lt}
	small                      // \p{Ll}
	caseless                   // \p{Lm} \p{Lo} \p{M}
	newline                    // \r \n
)

// ascii holds the classes of the first 128 characters, and none for the bytes
// of others.
var ascii = func() (t [256]uint8) {
	for r := range utf8.RuneSelf {
		t[r] = classify(rune(r))
	}
	return t
}()

// classify is the definition; class is its table.
func classify(r rune) uint8 {
	switch {
	case unicode.Is(unicode.Lu, r), unicode.Is(unicode.Lt, r):
		return letter | capital
	case unicode.Is(unicode.Ll, r):
		return letter | small
	case unicode.IsLetter(r):
		return letter | caseless
	case unicode.IsNumber(r):
		return number
	case r == '\r', r == '\n':
		return space | newline
	case unicode.Is(unicode.White_Space, r):
		return space
	case unicode.IsMark(r):
		return other | caseless
	}
	return other
}

type page [256]uint8

// pages is classify in two levels, built at the first character beyond ASCII:
// binary searches in six range tables are ten times slower. Pages that are
// alike (most are: whole blocks of Han signs, of unassigned ones) are shared.
var pages = sync.OnceValue(func() *[(unicode.MaxRune + 1) / 256]*page {
	all := new([(unicode.MaxRune + 1) / 256]*page)
	known := map[page]*page{}
	for i := range all {
		var p page
		for j := range p {
			p[j] = classify(rune(i<<8 | j))
		}
		if known[p] == nil {
			known[p] = &p
		}
		all[i] = known[p]
	}
	return all
})

// classAt returns the class of the character that starts at s[i] and its
// width in bytes; i < len(s).
func classAt(s string, i int) (class uint8, width int) {
	if c := s[i]; c < utf8.RuneSelf {
		return ascii[c], 1
	}
	r, w := utf8.DecodeRuneInString(s[i:])
	if r == utf8.RuneError && w == 1 {
		return other, 1
	}
	return pages()[r>>8][r&255], w
}

// run returns the end of the run of characters from s[i] on that have one of
// the classes.
func run(s string, i int, classes uint8) int {
	for i < len(s) {
		if ascii[s[i]]&classes != 0 {
			i++
			continue
		}
		if s[i] < utf8.RuneSelf {
			break
		}
		c, w := classAt(s, i)
		if c&classes == 0 {
			break
		}
		i += w
	}
	return i
}

// isAt tells whether a character of one of the classes starts at s[i]; there
// is none at the end of s.
func isAt(s string, i int, classes uint8) bool {
	if i >= len(s) {
		return false
	}
	c, _ := classAt(s, i)
	return c&classes != 0
}
