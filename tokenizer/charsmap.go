package tokenizer

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"unicode/utf8"

	"github.com/rivo/uniseg"
)

// A charsMap is SentencePiece's precompiled table of replacements: the length
// of a double array, the array, and the replacements, each ended by a zero
// byte. The array is a trie of what is replaced (Darts-clone: a unit has the
// label in bits 0 … 7 with 31, whether a value follows in bit 8, and the
// offset of its children in bits 10 … 30, times 256 if bit 9 is set).
type charsMap struct {
	units []uint32
	texts []byte
}

func newCharsMap(data []byte) (*charsMap, error) {
	if len(data) < 4 {
		return nil, errors.New("it is shorter than its length")
	}
	n := binary.LittleEndian.Uint32(data)
	if data = data[4:]; n%4 != 0 || uint64(n) > uint64(len(data)) || n == 0 {
		return nil, fmt.Errorf("a trie of %d bytes in %d", n, len(data))
	}
	m := &charsMap{make([]uint32, n/4), data[n:]}
	for i := range m.units {
		m.units[i] = binary.LittleEndian.Uint32(data[4*i:])
	}
	return m, m.check()
}

// check refuses values that are no place of a text. Whatever the units are, a
// walk stays inside of them; see prefixes.
func (m *charsMap) check() error {
	if len(m.texts) > 0 && m.texts[len(m.texts)-1] != 0 {
		return errors.New("its last replacement has no end")
	}
	return nil
}

// prefixes calls yield with the length of each beginning of s that has a
// replacement, the shortest first, until it returns false.
func (m *charsMap) prefixes(s string, yield func(length int, text []byte) bool) {
	at := offset(m.units[0])
	for i := range len(s) {
		at ^= uint32(s[i])
		if s[i] == 0 || uint64(at) >= uint64(len(m.units)) {
			return
		}
		unit := m.units[at]
		if unit&(1<<31|0xFF) != uint32(s[i]) {
			return
		}
		at ^= offset(unit)
		if unit>>8&1 == 0 {
			continue
		}
		if uint64(at) >= uint64(len(m.units)) {
			return
		}
		start := m.units[at] &^ (1 << 31)
		if uint64(start) >= uint64(len(m.texts)) {
			return
		}
		end := bytes.IndexByte(m.texts[start:], 0)
		if !yield(i+1, m.texts[start:int(start)+end]) {
			return
		}
	}
}

func offset(unit uint32) uint32 { return unit >> 10 << (unit & (1 << 9) >> 6) }

// longest returns the replacement of the longest beginning of s that has one;
// n is its length, 0 where there is none.
func (m *charsMap) longest(s string) (n int, text []byte) {
	m.prefixes(s, func(length int, t []byte) bool {
		n, text = length, t
		return true
	})
	return n, text
}

// shortest returns the replacement of the shortest beginning of s that has one.
func (m *charsMap) shortest(s string) (text []byte, ok bool) {
	m.prefixes(s, func(_ int, t []byte) bool {
		text, ok = t, true
		return false
	})
	return text, ok
}

// byGraphemes is the normalizer Precompiled as Hugging Face's library has it:
// a grapheme of at most five bytes is replaced as a whole, by what its shortest
// beginning with a replacement becomes, and others character by character.
func (m *charsMap) byGraphemes(text string) string {
	if isPlain(text) {
		return string(m.byRunes(make([]byte, 0, len(text)), text))
	}
	out := make([]byte, 0, len(text))
	for state := -1; text != ""; {
		var grapheme string
		grapheme, text, _, state = uniseg.FirstGraphemeClusterInString(text, state)
		if len(grapheme) < 6 {
			if t, ok := m.shortest(grapheme); ok {
				out = append(out, t...)
				continue
			}
		}
		out = m.byRunes(out, grapheme)
	}
	return string(out)
}

// isPlain tells whether each character of a text is a grapheme: ASCII without
// \r\n.
func isPlain(text string) bool {
	for i := range len(text) {
		if text[i] >= utf8.RuneSelf || text[i] == '\r' {
			return false
		}
	}
	return true
}

// byRunes appends a text whose characters are replaced one by one.
func (m *charsMap) byRunes(out []byte, text string) []byte {
	for i, r := range text {
		char := string(r) // U+FFFD where the text is not UTF-8
		if r != utf8.RuneError {
			char = text[i : i+utf8.RuneLen(r)]
		}
		if t, ok := m.shortest(char); ok {
			out = append(out, t...)
		} else {
			out = append(out, char...)
		}
	}
	return out
}
