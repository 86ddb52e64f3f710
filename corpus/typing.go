package corpus

import (
	"math/rand/v2"
	"strings"
	"unicode"
)

// A letterMap is what a character becomes when it is mistyped: for a letter its neighbours
// on a keyboard, for a Chinese numeral other forms of it and characters that sound alike, which
// an input method offers beside it.
type letterMap struct {
	near    map[rune][]rune
	letters []rune // a slip that hits no neighbour: any of these
	signs   []rune // and of these for what is no letter of the keyboard
}

var keyboard = []string{"qwertyuiop", "asdfghjkl", "zxcvbnm"}

// numerals are a numeral, its formal form and such that are read alike.
var numerals = strings.Fields("零〇领铃 一壹衣医 二贰耳儿 三叁伞散 四肆是寺 五伍午武 六陆流留 七柒期其 八捌巴吧 九玖久酒")

func newLetterMap() letterMap {
	m := letterMap{near: map[rune][]rune{}}
	for y, row := range keyboard {
		for x, letter := range row {
			for _, at := range [][2]int{{y, x - 1}, {y, x + 1}, {y - 1, x}, {y - 1, x + 1}, {y + 1, x - 1}, {y + 1, x}} {
				if at[0] >= 0 && at[0] < len(keyboard) && at[1] >= 0 && at[1] < len(keyboard[at[0]]) {
					m.near[letter] = append(m.near[letter], rune(keyboard[at[0]][at[1]]))
				}
			}
			m.letters = append(m.letters, letter)
		}
	}
	for _, group := range numerals {
		signs := []rune(group)
		m.near[signs[0]] = signs[1:]
		m.signs = append(m.signs, signs...)
	}
	return m
}

// TypingCharacters are all that a typing error may bring in.
func TypingCharacters() []rune {
	m := newLetterMap()
	return append(m.letters, m.signs...)
}

// mistype writes a name, each character of which goes wrong by chance: half of those become a
// neighbour or any other character, as likely; the rest are left out, written twice, or change places
// with the next. A name keeps one character at least.
func (n TripleNoise) mistype(r *rand.Rand, m letterMap, name string) string {
	if n.Typing == 0 {
		return name
	}
	in, out := []rune(name), []rune(nil)
	for i := 0; i < len(in); i++ {
		c := in[i]
		if r.Float64() >= n.Typing {
			out = append(out, c)
			continue
		}
		switch kind := r.IntN(8); {
		case kind < 2:
			out = append(out, m.neighbour(r, c))
		case kind < 4 || len(in) == 1:
			out = append(out, m.any(r, c))
		case kind == 4 || kind == 5:
		case kind == 6 && i+1 < len(in):
			out = append(out, in[i+1], c)
			i++
		default:
			out = append(out, c, c)
		}
	}
	if len(out) == 0 {
		out = in[:1]
	}
	return string(out)
}

func (m letterMap) neighbour(r *rand.Rand, c rune) rune {
	near := m.near[unicode.ToLower(c)]
	if len(near) == 0 {
		return m.any(r, c)
	}
	return near[r.IntN(len(near))]
}

// any is a character of the same script.
func (m letterMap) any(r *rand.Rand, c rune) rune {
	if c < 128 {
		return m.letters[r.IntN(len(m.letters))]
	}
	return m.signs[r.IntN(len(m.signs))]
}
