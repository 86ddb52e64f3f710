package tune

import (
	"fmt"
	"math"
	"slices"

	"github.com/inkstone-ai/inkstone/corpus"
	"github.com/inkstone-ai/inkstone/model/bert"
	"github.com/inkstone-ai/inkstone/nn"
	"github.com/inkstone-ai/inkstone/tensor"
	"github.com/inkstone-ai/inkstone/tokenizer"
	"github.com/inkstone-ai/inkstone/train"
)

// Classify tunes an encoder to say a label, or a number, of a text or of a pair of
// texts (Devlin et al. 2018, figure 4a and b): a pooler reads the first token's
// activation, and a linear map the pooler.
type Classify struct {
	Labels   []string // in the order of the outputs; none: the output is a number
	examples []corpus.Labelled
	rows     []Row
	classes  []int32
}

// Labels lists the labels of texts in lexical order; none where they have scores.
func Labels(texts []corpus.Labelled) (labels []string) {
	for _, x := range texts {
		if x.Label != "" && !slices.Contains(labels, x.Label) {
			labels = append(labels, x.Label)
		}
	}
	slices.Sort(labels)
	return labels
}

// NewClassify frames texts. Errors: none; one that the context does not hold; a
// label that is not among labels, by file and line.
func NewClassify(tok tokenizer.Tokenizer, frame *tokenizer.Frame, texts []corpus.Labelled, labels []string, context int) (*Classify, error) {
	c := &Classify{Labels: labels, examples: texts}
	for _, x := range texts {
		var pair []int32
		if x.Pair != "" {
			pair = append([]int32{}, tok.Encode(x.Pair)...)
		}
		ids, types := frame.Join(tok.Encode(x.Text), pair)
		c.rows = append(c.rows, Row{ids, types, fmt.Sprint(x.Label, x.Score), x.File, x.Line})
		k := slices.Index(labels, x.Label)
		if (k < 0) != (len(labels) == 0) {
			return nil, fmt.Errorf("tune: %s: line %d: the label %q is none of the model's: %v", x.File, x.Line, x.Label, labels)
		}
		c.classes = append(c.classes, int32(k))
	}
	return c, fit("labelled texts", c.rows, context)
}

// Row is example i.
func (c *Classify) Row(i int) Row { return c.rows[i] }

// Len is the number of examples.
func (c *Classify) Len() int { return len(c.rows) }

// Loss is the mean cross-entropy of the labels, or the mean squared error of the
// numbers.
func (c *Classify) Loss(m *bert.BERT, p *nn.Pass, x *tensor.Tensor, examples []int) *tensor.Tensor {
	scores := m.Classes(p, x) // (S, K)
	if len(c.Labels) > 0 {
		return scores.CrossEntropy(p.Ints(c.targets(examples)), tensor.CEOptions{}).Mean()
	}
	numbers := make([]float32, len(examples))
	for k, i := range examples {
		numbers[k] = float32(c.examples[i].Score)
	}
	return scores.Sub(p.Floats(numbers, len(numbers), 1)).Square().Mean()
}

// Range returns the lowest and the highest score.
func (c *Classify) Range() (low, high float64) {
	low, high = c.examples[0].Score, c.examples[0].Score
	for _, x := range c.examples {
		low, high = min(low, x.Score), max(high, x.Score)
	}
	return low, high
}

// targets are the classes of examples.
func (c *Classify) targets(examples []int) []int32 {
	classes := make([]int32, len(examples))
	for k, i := range examples {
		classes[k] = c.classes[i]
	}
	return classes
}

// answer is what m says of examples, for an adversary.
func (c *Classify) answer(s *tensor.Step, m *bert.BERT, p *nn.Pass, x *tensor.Tensor, examples []int) train.Answer {
	n := len(examples)
	weights := make([]float32, n)
	for i := range weights {
		weights[i] = 1 / float32(n)
	}
	return train.Answer{Logits: m.Classes(p, x), Targets: s.Ints(c.targets(examples), n), Weights: s.Floats(weights, n)}
}

// Scores are what m says of each example: the logits of the labels, or one number.
func (c *Classify) Scores(m *bert.BERT) (all [][]float32) {
	each(m, c, func(p *nn.Pass, x *tensor.Tensor, examples []int) {
		scores := m.Classes(p, x)
		K := scores.Dim(1)
		for s := scores.Floats(); len(s) > 0; s = s[K:] {
			all = append(all, s[:K])
		}
	})
	return all
}

// A Classified is how well labels or numbers were said.
type Classified struct {
	Examples int
	Right    int // of labels
	Majority int // that the commonest label of what was learned would have got right
	// Of numbers: how what the model says goes with the truth, and how the share
	// of characters that two texts have in common does.
	Pearson, Spearman, Overlap float64
}

// Measure compares what m says with the truth; majority is the commonest label of
// the examples that it learned from.
func (c *Classify) Measure(m *bert.BERT, majority string) Classified {
	r := Classified{Examples: c.Len()}
	var said, truth, overlap []float64
	for i, s := range c.Scores(m) {
		x := c.examples[i]
		if len(c.Labels) == 0 {
			said, truth, overlap = append(said, float64(s[0])), append(truth, x.Score), append(overlap, shared(x.Text, x.Pair))
			continue
		}
		if c.Labels[largest(s)] == x.Label {
			r.Right++
		}
		if majority == x.Label {
			r.Majority++
		}
	}
	if len(c.Labels) == 0 {
		r.Pearson, r.Spearman, r.Overlap = pearson(said, truth), pearson(ranks(said), ranks(truth)), pearson(overlap, truth)
	}
	return r
}

// Majority is the commonest label, the first in lexical order of those.
func (c *Classify) Majority() string {
	if len(c.Labels) == 0 {
		return ""
	}
	counts := make([]float32, len(c.Labels))
	for _, k := range c.classes {
		counts[k]++
	}
	return c.Labels[largest(counts)]
}

func largest(x []float32) (at int) {
	for i := range x {
		if x[i] > x[at] {
			at = i
		}
	}
	return at
}

// shared is the share of characters that two texts have in common (Dice 1945).
func shared(a, b string) float64 {
	count, common := map[rune]int{}, 0
	n := 0
	for _, r := range a {
		count[r]++
		n++
	}
	for _, r := range b {
		n++
		if count[r] > 0 {
			count[r]--
			common++
		}
	}
	return 2 * float64(common) / float64(max(n, 1))
}

// pearson is the correlation of two lists; 0 where one does not vary.
func pearson(x, y []float64) float64 {
	mx, my, n := 0.0, 0.0, float64(len(x))
	for i := range x {
		mx, my = mx+x[i]/n, my+y[i]/n
	}
	xy, xx, yy := 0.0, 0.0, 0.0
	for i := range x {
		xy, xx, yy = xy+(x[i]-mx)*(y[i]-my), xx+(x[i]-mx)*(x[i]-mx), yy+(y[i]-my)*(y[i]-my)
	}
	if xx == 0 || yy == 0 {
		return 0
	}
	return xy / math.Sqrt(xx*yy)
}

// ranks of numbers, equal ones sharing the mean of theirs.
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
	for i := 0; i < len(order); {
		j := i + 1 // a NaN does not even equal itself
		for j < len(order) && x[order[j]] == x[order[i]] {
			j++
		}
		for _, at := range order[i:j] {
			r[at] = float64(i+j-1) / 2
		}
		i = j
	}
	return r
}
