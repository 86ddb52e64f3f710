package tokenizer

import "unicode/utf8"

// GPT-2 writes bytes in its vocabulary file as printable characters: those
// that are printable in Latin-1 as themselves, the other 68 as U+0100 and on,
// so that a blank is Ġ (U+0120) and a newline is Ċ (U+010A).

// byteRunes are the characters that stand for bytes.
var byteRunes = func() (t [256]rune) {
	next := rune(256)
	for b := range t {
		switch {
		case '!' <= b && b <= '~', 0xA1 <= b && b <= 0xAC, 0xAE <= b:
			t[b] = rune(b)
		default:
			t[b] = next
			next++
		}
	}
	return t
}()

// runeBytes is the inverse: runeBytes[r] is the byte of the character r, or
// -1 when r stands for none.
var runeBytes = func() (t [324]int16) {
	for i := range t {
		t[i] = -1
	}
	for b, r := range byteRunes {
		t[r] = int16(b)
	}
	return t
}()

// spell writes bytes as printable characters.
func spell(bytes []byte) string {
	s := make([]byte, 0, 2*len(bytes))
	for _, b := range bytes {
		s = utf8.AppendRune(s, byteRunes[b])
	}
	return string(s)
}

// unspell appends the bytes that a spelling stands for. A spelling with other
// characters stands for itself, as in Hugging Face's ByteLevel decoder.
func unspell(dst []byte, s string) []byte {
	start := len(dst)
	for _, r := range s {
		if r >= rune(len(runeBytes)) || runeBytes[r] < 0 {
			return append(dst[:start], s...)
		}
		dst = append(dst, byte(runeBytes[r]))
	}
	return dst
}
