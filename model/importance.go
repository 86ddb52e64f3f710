package model

import (
	"fmt"

	"github.com/inkstone-ai/inkstone/nn"
	"github.com/inkstone-ai/inkstone/tensor"
)

// Importance is how much each column of each matrix matters, measured on a text: the mean of the
// squares of what the column is multiplied by. To change a weight by e changes the output's
// mean square by e² times that.
type Importance struct {
	sums map[string][]float64 // by the matrix's name in GGUF files
	rows map[string]int
}

// MeasureImportance runs lm over windows of at most window of ids. progress, which may be nil,
// is told the number of ids that are done.
//
// Errors: no ids; an id outside of the vocabulary.
func MeasureImportance(lm LM, d *tensor.Device, ids []int32, window int, progress func(done int)) (*Importance, error) {
	if len(ids) == 0 {
		return nil, fmt.Errorf("model: importance: the text has no tokens")
	}
	for i, id := range ids {
		if id < 0 || int(id) >= lm.Shape().Vocab {
			return nil, fmt.Errorf("model: importance: id %d at %d is outside of the vocabulary of %d", id, i, lm.Shape().Vocab)
		}
	}
	m := &Importance{map[string][]float64{}, map[string]int{}}
	names := map[*tensor.Tensor]string{}
	nn.Walk(lm, func(p nn.Param) { names[p.Tensor] = p.GGUF })
	s := tensor.NewStep(d, tensor.StepOptions{Watch: func(x, w *tensor.Tensor) { m.add(names[w], x) }})
	defer s.Close()
	var p nn.Pass
	for at := 0; at < len(ids); at += window {
		if progress != nil {
			progress(at)
		}
		part := ids[at:min(at+window, len(ids))]
		s.Begin(0)
		p.SetRows(s, part, len(part))
		lm.Logits(lm.Forward(&p))
	}
	return m, nil
}

// add takes the rows of x, the input of a matrix.
func (m *Importance) add(name string, x *tensor.Tensor) {
	if name == "" {
		return
	}
	values, cols := x.Floats(), x.Dim(-1)
	sums := m.sums[name]
	if sums == nil {
		sums = make([]float64, cols)
		m.sums[name] = sums
	}
	for i, v := range values {
		sums[i%cols] += float64(v) * float64(v)
	}
	m.rows[name] += len(values) / cols
}

// Of returns the importance of the columns of a matrix, nil where it was not used as one.
func (m *Importance) Of(name string) []float32 {
	sums := m.sums[name]
	if sums == nil {
		return nil
	}
	w := make([]float32, len(sums))
	for i, s := range sums {
		w[i] = float32(s / float64(m.rows[name]))
	}
	return w
}
