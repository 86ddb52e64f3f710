package corpus

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// A Perturbation harms a text in a way that leaves it readable, to measure how much a
// model minds. The same seed and number of a text give the same harm.
type Perturbation struct {
	Kind string  // "chars" or "words"
	Rate float64 // chance of each letter, or of each word
	Seed uint64
}

// ParsePerturbation reads "chars:0.05" or "words:0.1".
func ParsePerturbation(s string, seed uint64) (Perturbation, error) {
	kind, rate, _ := strings.Cut(s, ":")
	p := Perturbation{Kind: kind, Seed: seed}
	var err error
	if p.Rate, err = strconv.ParseFloat(rate, 64); err != nil || kind != "chars" && kind != "words" || !(p.Rate >= 0 && p.Rate <= 1) {
		return p, fmt.Errorf("perturbation %q is not chars:RATE or words:RATE with a rate from 0 to 1", s)
	}
	return p, nil
}

// Text returns the text of a number, harmed:
//
//   - chars: each letter and digit is, by equal chance, left out, doubled, exchanged
//     with the next character, or replaced by another letter of the text;
//   - words: each word is left out with the space behind it, but never all of them. A Chinese
//     character is a word.
func (p Perturbation) Text(text string, number int) string {
	draw := rand.New(rand.NewPCG(p.Seed, uint64(number)))
	if p.Kind == "words" {
		return p.words(text, draw)
	}
	return p.chars([]rune(text), draw)
}

func (p Perturbation) chars(text []rune, draw *rand.Rand) string {
	var letters []rune
	for _, r := range text {
		if isLetter(r) {
			letters = append(letters, r)
		}
	}
	var out []rune
	for i := 0; i < len(text); i++ {
		r := text[i]
		if !isLetter(r) || draw.Float64() >= p.Rate {
			out = append(out, r)
			continue
		}
		switch kind := draw.IntN(4); {
		case kind == 0: // left out
		case kind == 1:
			out = append(out, r, r)
		case kind == 2 && i+1 < len(text):
			out = append(out, text[i+1], r)
			i++
		default:
			out = append(out, letters[draw.IntN(len(letters))])
		}
	}
	return string(out)
}

func isLetter(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) }

func (p Perturbation) words(text string, draw *rand.Rand) string {
	pieces := wordPieces(text)
	keep, kept := make([]bool, len(pieces)), false
	for i := range pieces {
		keep[i] = draw.Float64() >= p.Rate
		kept = kept || keep[i]
	}
	if !kept && len(pieces) > 0 {
		keep[draw.IntN(len(pieces))] = true
	}
	var out strings.Builder
	for i, piece := range pieces {
		if keep[i] {
			out.WriteString(piece)
		}
	}
	return out.String()
}

// wordPieces cuts a text into words, each with the white space behind it.
func wordPieces(text string) (pieces []string) {
	start, inSpace := 0, false
	cut := func(at int) {
		if at > start {
			pieces = append(pieces, text[start:at])
		}
		start, inSpace = at, false
	}
	for i, r := range text {
		switch space := unicode.IsSpace(r); {
		case space:
			inSpace = true
			continue
		case inSpace || unicode.Is(unicode.Han, r) || i > 0 && endsHan(text[:i]):
			cut(i)
		}
	}
	cut(len(text))
	return pieces
}

func endsHan(s string) bool {
	r, _ := utf8.DecodeLastRuneInString(s)
	return unicode.Is(unicode.Han, r)
}
