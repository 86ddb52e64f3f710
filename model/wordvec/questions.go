package wordvec

import (
	"bufio"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
)

// An Analogy asks which word is to C what B is to A.
type Analogy struct {
	Section    string
	A, B, C, D string
}

// A Pair is two words and how alike people find them.
type Pair struct {
	A, B  string
	Score float64
}

// Questions are what vectors are asked: analogies, or pairs with people's scores.
type Questions struct {
	Analogies []Analogy
	Pairs     []Pair
}

// ReadQuestions reads the form of word2vec's questions-words.txt, ": section" lines
// and lines of four words, or lines of two words and a number, with blanks, tabs or
// commas between (WordSim-353, SimLex); a first line whose third field is no number
// is a heading, and lines that begin with # are comments. name stands for the file
// in errors.
func ReadQuestions(r io.Reader, name string) (*Questions, error) {
	q, section, line := &Questions{}, "", 1
	s := bufio.NewScanner(r)
	for ; s.Scan(); line++ {
		text := strings.TrimSpace(strings.TrimPrefix(s.Text(), "\ufeff"))
		if heading, ok := strings.CutPrefix(text, ":"); ok {
			section = strings.TrimSpace(heading)
			continue
		}
		if text == "" || text[0] == '#' {
			continue
		}
		f := strings.FieldsFunc(text, betweenFields)
		if len(f) == 4 {
			q.Analogies = append(q.Analogies, Analogy{section, f[0], f[1], f[2], f[3]})
			continue
		}
		if len(f) != 3 {
			return nil, fmt.Errorf("wordvec: %s: line %d has %d fields; an analogy has 4 words, a pair 2 words and a number", name, line, len(f))
		}
		score, err := strconv.ParseFloat(f[2], 64)
		switch {
		case err != nil && line == 1:
		case err != nil || math.IsNaN(score) || math.IsInf(score, 0):
			return nil, fmt.Errorf("wordvec: %s: line %d: %q is no score of a pair", name, line, f[2])
		default:
			q.Pairs = append(q.Pairs, Pair{f[0], f[1], score})
		}
	}
	if err := s.Err(); err != nil {
		return nil, fmt.Errorf("wordvec: %s: line %d: %w", name, line, err)
	}
	if len(q.Analogies)+len(q.Pairs) == 0 {
		return nil, fmt.Errorf("wordvec: %s has no questions", name)
	}
	return q, nil
}

// A Section is how many analogies of one section were answered.
type Section struct {
	Name    string
	Right   int // the nearest word is the one asked for
	Asked   int
	Unknown int // not asked: a word has no vector
}

// AnswerAnalogies asks the index every analogy whose four words it knows, in the
// order of the sections.
func (x *Index) AnswerAnalogies(all []Analogy) ([]Section, error) {
	const together = 256 // questions of one product: their scores are together·V numbers
	var sections []Section
	at := map[string]int{}
	var known []Analogy
	for _, a := range all {
		if _, ok := at[a.Section]; !ok {
			at[a.Section] = len(sections)
			sections = append(sections, Section{Name: a.Section})
		}
		if x.knows(a) {
			known = append(known, a)
		} else {
			sections[at[a.Section]].Unknown++
		}
	}
	for part := range slices.Chunk(known, together) {
		queries := make([]Query, len(part))
		for i, a := range part {
			queries[i] = Query{{a.B, false}, {a.A, true}, {a.C, false}}
		}
		found, err := x.nearest(queries, 1)
		if err != nil {
			return nil, err
		}
		for i, a := range part {
			s := &sections[at[a.Section]]
			s.Asked++
			if len(found[i]) > 0 && found[i][0].Word == a.D {
				s.Right++
			}
		}
	}
	return sections, nil
}

func (v *Vectors) knows(a Analogy) bool {
	for _, w := range []string{a.A, a.B, a.C, a.D} {
		if _, ok := v.index[w]; !ok {
			return false
		}
	}
	return true
}

// Correlation is Spearman's between people's scores and cosines, over the pairs
// whose words have vectors; asked is how many these are. It is NaN where fewer than
// two are, or all scores are equal.
func (v *Vectors) Correlation(pairs []Pair) (rho float64, asked int) {
	var people, cosines []float64
	for _, p := range pairs {
		if c, err := v.Similarity(p.A, p.B); err == nil {
			people, cosines = append(people, p.Score), append(cosines, c)
		}
	}
	return pearson(ranks(people), ranks(cosines)), len(people)
}

// ranks are the places of values in their order; equal ones share the mean.
func ranks(x []float64) []float64 {
	order := make([]int, len(x))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int {
		switch {
		case x[a] < x[b]:
			return -1
		case x[a] > x[b]:
			return 1
		}
		return 0
	})
	r := make([]float64, len(x))
	for from := 0; from < len(order); {
		to := from + 1
		for to < len(order) && x[order[to]] == x[order[from]] {
			to++
		}
		for _, at := range order[from:to] {
			r[at] = float64(from+to-1) / 2
		}
		from = to
	}
	return r
}

func pearson(x, y []float64) float64 {
	n := float64(len(x))
	var sx, sy float64
	for i := range x {
		sx, sy = sx+x[i], sy+y[i]
	}
	var xx, yy, xy float64
	for i := range x {
		a, b := x[i]-sx/n, y[i]-sy/n
		xx, yy, xy = xx+a*a, yy+b*b, xy+a*b
	}
	return xy / math.Sqrt(xx*yy)
}

// LooksLikeQuestions reports whether the beginning of a file is such as
// [ReadQuestions] reads, which tells it from a text: it begins with a ": section"
// line, or most of its first 20 lines are four words, or two words and a number.
func LooksLikeQuestions(head string) bool {
	lines := strings.Split(head, "\n")
	if len(lines) > 1 {
		lines = lines[:len(lines)-1] // the last one may be cut
	}
	seen, fit := 0, 0
	for _, line := range lines {
		line = strings.TrimSpace(strings.TrimPrefix(line, "\ufeff"))
		if line == "" || line[0] == '#' {
			continue
		}
		if seen == 0 && strings.HasPrefix(line, ": ") {
			return true
		}
		f := strings.FieldsFunc(line, betweenFields)
		if len(f) == 3 {
			if _, err := strconv.ParseFloat(f[2], 64); err == nil {
				fit++
			}
		} else if len(f) == 4 {
			fit++
		}
		if seen++; seen == 20 {
			break
		}
	}
	return 2*fit > seen
}

func betweenFields(r rune) bool { return r == ' ' || r == '\t' || r == ',' }
