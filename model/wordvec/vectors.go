package wordvec

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/inkstone-ai/inkstone/tensor"
)

// Vectors are words and a vector for each: what a training made or a file held.
type Vectors struct {
	words []string
	index map[string]int
	table []float32 // (V, C)
	width int
}

// NewVectors joins words with the rows of table (V, C), which it keeps.
//
// Errors: no word, a table that is no matrix of so many rows, a word that is there twice.
func NewVectors(words []string, table []float32) (*Vectors, error) {
	if len(words) == 0 {
		return nil, fmt.Errorf("wordvec: no words")
	}
	if len(table) == 0 || len(table)%len(words) != 0 {
		return nil, fmt.Errorf("wordvec: %d words and %d numbers make no table", len(words), len(table))
	}
	v := &Vectors{words: words, index: make(map[string]int, len(words)), table: table, width: len(table) / len(words)}
	for i, w := range words {
		if other, twice := v.index[w]; twice {
			return nil, fmt.Errorf("wordvec: the word %q has number %d and number %d", w, other+1, i+1)
		}
		v.index[w] = i
	}
	return v, nil
}

// Len is the number of words, V.
func (v *Vectors) Len() int { return len(v.words) }

// Width is the number of channels of a vector, C.
func (v *Vectors) Width() int { return v.width }

// Words are all words in their order; the slice must not be changed.
func (v *Vectors) Words() []string { return v.words }

// Vector returns a word's vector, (C), which must not be changed.
func (v *Vectors) Vector(word string) ([]float32, bool) {
	i, ok := v.index[word]
	if !ok {
		return nil, false
	}
	return v.row(i), true
}

func (v *Vectors) row(i int) []float32 { return v.table[i*v.width : (i+1)*v.width : (i+1)*v.width] }

// A Match is a word that a search found and the cosine of its angle to what was asked.
type Match struct {
	Word   string  `json:"word"`
	Cosine float64 `json:"cosine"`
}

// A Term is a word of a [Query], added or taken away.
type Term struct {
	Word  string
	Minus bool
}

// A Query is words that are added and taken away: "king - man + woman".
type Query []Term

// ParseQuery reads words with + and − between them, set apart by blanks; words
// without a sign between them are added.
func ParseQuery(text string) (Query, error) {
	var q Query
	signed, minus := false, false
	for word := range strings.FieldsSeq(text) {
		if word == "+" || word == "-" || word == "−" {
			if signed {
				return nil, fmt.Errorf("wordvec: %q: two signs without a word between them", text)
			}
			signed, minus = true, word != "+"
			continue
		}
		q = append(q, Term{word, minus})
		signed, minus = false, false
	}
	if signed {
		return nil, fmt.Errorf("wordvec: %q ends in a sign; a query is words, or such as king - man + woman", text)
	}
	if len(q) == 0 {
		return nil, fmt.Errorf("wordvec: the query has no word")
	}
	return q, nil
}

// An UnknownWordError is a word that has no vector.
type UnknownWordError struct{ Word string }

// Error names the word.
func (e *UnknownWordError) Error() string {
	return fmt.Sprintf("wordvec: %q is not among the words; capitals count", e.Word)
}

// An Index searches vectors on a device. One goroutine at a time uses it.
type Index struct {
	*Vectors
	unit *tensor.Tensor // (V, C), rows of length 1; zero where a vector is
	step *tensor.Step
}

// Index prepares the search; Close ends it.
func (v *Vectors) Index(d *tensor.Device) *Index {
	unit := slices.Clone(v.table)
	for i := range v.words {
		normalise(unit[i*v.width : (i+1)*v.width])
	}
	return &Index{v, tensor.FromFloats(d, unit, len(v.words), v.width), tensor.NewStep(d, tensor.StepOptions{})}
}

// Close gives the index's memory back.
func (x *Index) Close() {
	x.step.Close()
	x.unit.Free()
}

// normalise makes x a vector of length 1, where it has a direction.
func normalise(x []float32) {
	sum := 0.0
	for _, e := range x {
		sum += float64(e) * float64(e)
	}
	if sum == 0 {
		return
	}
	for i := range x {
		x[i] = float32(float64(x[i]) / math.Sqrt(sum))
	}
}

// Nearest returns the n words whose vectors have the largest cosine with the sum
// of the query's unit vectors, best first, the query's own words left out: of one
// word its neighbours, of king − man + woman the answer to an analogy (3CosAdd of
// Mikolov, Yih & Zweig 2013, as Levy & Goldberg 2014 call it).
//
// Errors: an [UnknownWordError], an n below 1.
func (x *Index) Nearest(q Query, n int) ([]Match, error) {
	if n < 1 {
		return nil, fmt.Errorf("wordvec: the %d nearest words: want 1 or more", n)
	}
	found, err := x.nearest([]Query{q}, n)
	if err != nil {
		return nil, err
	}
	return found[0], nil
}

// nearest answers many queries in one product.
func (x *Index) nearest(queries []Query, n int) ([][]Match, error) {
	sums, leave := make([]float32, 0, len(queries)*x.width), make([][]int, len(queries))
	for i, q := range queries {
		sum := make([]float32, x.width)
		for _, term := range q {
			at, ok := x.index[term.Word]
			if !ok {
				return nil, &UnknownWordError{term.Word}
			}
			leave[i] = append(leave[i], at)
			add(sum, x.row(at), term.Minus)
		}
		normalise(sum)
		sums = append(sums, sum...)
	}
	x.step.Begin(0)
	scores := x.step.Floats(sums, len(queries), x.width).MatMulT(x.unit).Floats() // (Q, V)
	found := make([][]Match, len(queries))
	for i := range queries {
		found[i] = x.best(scores[i*len(x.words):(i+1)*len(x.words)], leave[i], n)
	}
	return found, nil
}

// add adds the unit vector of y to sum, or takes it away.
func add(sum, y []float32, minus bool) {
	unit := slices.Clone(y)
	normalise(unit)
	for i, e := range unit {
		if minus {
			e = -e
		}
		sum[i] += e
	}
}

// best lists the n largest scores; of equal ones the earlier word comes first.
func (x *Index) best(scores []float32, leave []int, n int) []Match {
	var found []int
	for i, score := range scores {
		if len(found) == n && score <= scores[found[n-1]] || slices.Contains(leave, i) {
			continue
		}
		at := len(found)
		for at > 0 && scores[found[at-1]] < score {
			at--
		}
		found = slices.Insert(found, at, i)
		found = found[:min(n, len(found))]
	}
	matches := make([]Match, len(found))
	for i, at := range found {
		matches[i] = Match{x.words[at], float64(scores[at])}
	}
	return matches
}

// Similarity is the cosine between the vectors of two words.
func (v *Vectors) Similarity(a, b string) (float64, error) {
	x, ok := v.Vector(a)
	if !ok {
		return 0, &UnknownWordError{a}
	}
	y, ok := v.Vector(b)
	if !ok {
		return 0, &UnknownWordError{b}
	}
	dot, xx, yy := 0.0, 0.0, 0.0
	for i := range x {
		dot += float64(x[i]) * float64(y[i])
		xx += float64(x[i]) * float64(x[i])
		yy += float64(y[i]) * float64(y[i])
	}
	if xx == 0 || yy == 0 {
		return 0, nil
	}
	return dot / math.Sqrt(xx*yy), nil
}
