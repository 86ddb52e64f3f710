package tune

import (
	"github.com/inkstone-ai/inkstone/model/bert"
	"github.com/inkstone-ai/inkstone/nn"
	"github.com/inkstone-ai/inkstone/tensor"
)

// Likeness teaches a [Classify] of scores to compare two texts token by token: the
// classifier is asked of every token whether the other text has it too, the highest score
// or the lowest, and of the first token, as ever, for the score of the whole. One number a
// pair would take many times as long to show where it comes from.
type Likeness struct {
	*Classify
	low, high float64
}

// NewLikeness is of a Classify of scores, pairs all of them.
func NewLikeness(c *Classify) *Likeness {
	low, high := c.Range()
	return &Likeness{c, low, high}
}

// Loss is the mean squared error of the scores and that of the tokens.
func (l *Likeness) Loss(m *bert.BERT, p *nn.Pass, x *tensor.Tensor, examples []int) *tensor.Tensor {
	var said []float32
	for _, i := range examples {
		said = l.appendShared(said, l.rows[i])
	}
	each := m.Classifier.Forward(m.Pooler.Forward(x).Tanh()) // (N, 1)
	return l.Classify.Loss(m, p, x, examples).Add(each.Sub(p.Floats(said, len(said), 1)).Square().Mean())
}

// appendShared appends the score of each token of a row: the frame's own tokens are in
// both segments, or as good as that.
func (l *Likeness) appendShared(said []float32, r Row) []float32 {
	var has [2]map[int32]bool
	for s := range has {
		has[s] = map[int32]bool{}
	}
	for k, id := range r.IDs {
		has[r.Types[k]][id] = true
	}
	for k, id := range r.IDs {
		score := l.low
		if has[1-r.Types[k]][id] {
			score = l.high
		}
		said = append(said, float32(score))
	}
	return said
}
