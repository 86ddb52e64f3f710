package corpus

import (
	"math/rand/v2"
	"strings"
)

// An Infill is a text in three parts, of which a model is to write the middle.
type Infill struct {
	Prefix, Middle, Suffix string
}

// longestHole is the most lines of a middle that is cut at ends of lines.
const longestHole = 12

// DrawInfill cuts a text in three (Bavarian et al. 2022, arXiv:2207.14255): every second
// time at any two characters, and else at two ends of lines, a dozen lines apart at
// most, as an editor asks that completes at the end of a line.
func DrawInfill(text string, r *rand.Rand) Infill {
	if r.IntN(2) == 0 {
		if f, ok := wholeLines(text, r); ok {
			return f
		}
	}
	a, b := border(text, r.IntN(len(text)+1)), border(text, r.IntN(len(text)+1))
	a, b = min(a, b), max(a, b)
	return Infill{text[:a], text[a:b], text[b:]}
}

// wholeLines cuts at ends of lines, before the newline; text of one line has no such place.
func wholeLines(text string, r *rand.Rand) (Infill, bool) {
	var ends []int
	for i := range len(text) {
		if text[i] == '\n' {
			ends = append(ends, i)
		}
	}
	if len(ends) < 2 {
		return Infill{}, false
	}
	from := r.IntN(len(ends) - 1)
	to := from + 1 + r.IntN(min(longestHole, len(ends)-1-from))
	return Infill{text[:ends[from]], text[ends[from]:ends[to]], text[ends[to]:]}, true
}

// border is the nearest place at or before i where a character begins.
func border(text string, i int) int {
	for i > 0 && i < len(text) && text[i]&0xC0 == 0x80 {
		i--
	}
	return i
}

// Pieces cuts a text at ends of lines into pieces of a length between least and most
// bytes, drawn for each; a single line may be longer. The last may be shorter. Joined they
// are the text.
func Pieces(text string, least, most int, r *rand.Rand) []string {
	var pieces []string
	var piece strings.Builder
	want := least + r.IntN(most-least+1)
	for line := range strings.Lines(text) {
		if piece.Len() > 0 && piece.Len()+len(line) > want {
			pieces = append(pieces, piece.String())
			piece.Reset()
			want = least + r.IntN(most-least+1)
		}
		piece.WriteString(line)
	}
	if piece.Len() > 0 {
		pieces = append(pieces, piece.String())
	}
	return pieces
}
