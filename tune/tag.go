package tune

import (
	"fmt"
	"slices"

	"github.com/inkstone-ai/inkstone/corpus"
	"github.com/inkstone-ai/inkstone/model/bert"
	"github.com/inkstone-ai/inkstone/nn"
	"github.com/inkstone-ai/inkstone/tensor"
	"github.com/inkstone-ai/inkstone/tokenizer"
)

// Outside is the label of words that are of no labelled stretch.
const Outside = "O"

// Tag tunes an encoder to label the words of a text (Devlin et al. 2018, figure
// 4d): the first piece of a word says the label of the whole.
type Tag struct {
	Labels   []string // Outside first
	examples []corpus.Tagged
	rows     []Row
	words    [][]taggedWord
}

// A taggedWord is a word of a text and the row of its first piece.
type taggedWord struct {
	corpus.Span
	row   int
	class int32
}

// TagLabels lists the labels of texts in lexical order, after Outside.
func TagLabels(texts []corpus.Tagged) []string {
	var labels []string
	for _, t := range texts {
		for _, s := range t.Spans {
			if !slices.Contains(labels, s.Label) && s.Label != Outside {
				labels = append(labels, s.Label)
			}
		}
	}
	slices.Sort(labels)
	return append([]string{Outside}, labels...)
}

// NewTag cuts texts into words and frames them. Errors: none; one that the context
// does not hold; a label that is not among labels, by file and record.
func NewTag(tok tokenizer.Tokenizer, frame *tokenizer.Frame, texts []corpus.Tagged, labels []string, context int) (*Tag, error) {
	t := &Tag{Labels: labels, examples: texts}
	for _, x := range texts {
		ids, words, err := t.cut(tok, x)
		if err != nil {
			return nil, err
		}
		row, types := frame.Join(ids, nil)
		lead := 0 // tokens of the frame before the text
		for lead < len(row) && len(ids) > 0 && row[lead] != ids[0] {
			lead++
		}
		for i := range words {
			words[i].row += lead
		}
		t.rows, t.words = append(t.rows, Row{row, types, fmt.Sprint(words), x.File, x.Line}), append(t.words, words)
	}
	return t, fit("tagged texts", t.rows, context)
}

func (t *Tag) cut(tok tokenizer.Tokenizer, x corpus.Tagged) (ids []int32, words []taggedWord, err error) {
	for _, w := range corpus.WordSpans(x.Text) {
		label := Outside
		for _, s := range x.Spans {
			if w.From < s.To && s.From < w.To {
				label = s.Label
			}
		}
		k := slices.Index(t.Labels, label)
		if k < 0 {
			return nil, nil, fmt.Errorf("tune: %s: line %d: the label %q is none of the model's: %v", x.File, x.Line, label, t.Labels)
		}
		pieces := wordIDs(tok, x.Text, w.From, w.To)
		if len(pieces) == 0 { // a sign that the normaliser takes away
			continue
		}
		words = append(words, taggedWord{w, len(ids), int32(k)})
		ids = append(ids, pieces...)
	}
	return ids, words, nil
}

// Row is example i.
func (t *Tag) Row(i int) Row { return t.rows[i] }

// Len is the number of examples.
func (t *Tag) Len() int { return len(t.rows) }

// first are the rows of a pass in which words begin, and their labels.
func (t *Tag) first(examples []int) (rows, classes []int32) {
	at := 0
	for _, i := range examples {
		for _, w := range t.words[i] {
			rows, classes = append(rows, int32(at+w.row)), append(classes, w.class)
		}
		at += len(t.rows[i].IDs)
	}
	return rows, classes
}

// Loss is the mean cross-entropy of the words' labels.
func (t *Tag) Loss(m *bert.BERT, p *nn.Pass, x *tensor.Tensor, examples []int) *tensor.Tensor {
	rows, classes := t.first(examples)
	return m.Classes(p, x.Rows(p.Ints(rows))).CrossEntropy(p.Ints(classes), tensor.CEOptions{}).Mean()
}

// Say returns what m says of each text: the label of each word, in order.
func (t *Tag) Say(m *bert.BERT) (all [][]corpus.Span) {
	each(m, t, func(p *nn.Pass, x *tensor.Tensor, examples []int) {
		rows, _ := t.first(examples)
		scores := m.Classes(p, x.Rows(p.Ints(rows))).Floats()
		K, at := len(t.Labels), 0
		for _, i := range examples {
			var said []corpus.Span
			for _, w := range t.words[i] {
				s := w.Span
				s.Label = t.Labels[largest(scores[at*K:(at+1)*K])]
				said, at = append(said, s), at+1
			}
			all = append(all, said)
		}
	})
	return all
}

// A TagScore is how well words were labelled. Found, Said and True count the words
// that have a label other than Outside.
type TagScore struct {
	Words, Right       int
	Outside            int // words of no label: what who says nothing gets right
	Found, Said, Truth int // labelled rightly; labelled; to be labelled
}

// F1 is the harmonic mean of precision and recall of labelled words.
func (s TagScore) F1() float64 {
	if s.Said+s.Truth == 0 {
		return 0
	}
	return 2 * float64(s.Found) / float64(s.Said+s.Truth)
}

// Measure compares what m says with the truth.
func (t *Tag) Measure(m *bert.BERT) TagScore { return t.compare(t.Say(m)) }

// Recall is the baseline that knows by heart: a word gets the label that it had
// most often among the examples of learned, and Outside where it had none.
func (t *Tag) Recall(learned *Tag) TagScore {
	counts := map[string]map[string]int{}
	for i, words := range learned.words {
		for _, w := range words {
			word := learned.examples[i].Text[w.From:w.To]
			if counts[word] == nil {
				counts[word] = map[string]int{}
			}
			counts[word][learned.Labels[w.class]]++
		}
	}
	var all [][]corpus.Span
	for i, words := range t.words {
		var said []corpus.Span
		for _, w := range words {
			s, most := w.Span, 0
			s.Label = Outside
			for _, label := range t.Labels {
				if n := counts[t.examples[i].Text[w.From:w.To]][label]; n > most {
					s.Label, most = label, n
				}
			}
			said = append(said, s)
		}
		all = append(all, said)
	}
	return t.compare(all)
}

func (t *Tag) compare(all [][]corpus.Span) (s TagScore) {
	for i, said := range all {
		for j, w := range said {
			truth := t.Labels[t.words[i][j].class]
			s.Words++
			if w.Label == truth {
				s.Right++
			}
			if truth == Outside {
				s.Outside++
			} else {
				s.Truth++
			}
			if w.Label != Outside {
				s.Said++
				if w.Label == truth {
					s.Found++
				}
			}
		}
	}
	return s
}
