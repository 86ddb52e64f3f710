// Package wordvec learns a vector for each word of a text, so that words used
// alike have vectors that point alike: [Word2Vec] (skip-gram and CBOW with negative
// sampling, Mikolov et al. 2013) and [GloVe] (Pennington et al. 2014). It reads and
// writes the files in which such vectors travel ([Read],
// [Vectors.Write]) and searches them ([Index]): neighbours, analogies,
// similarity.
//
// A model here is tables and the formula of its loss; batches are functions of the
// text, a seed and a number ([Sampler], [Cooccurrences]). The loop is train.Run, which knows
// the tables by the rows that a batch touches ([train.Rows]).
//
// Letters in comments:
//
//	V vocabulary   C channels of a vector   G blocks of a batch   B words of a block
//	W window   K negatives of a block   M = B+2W+K or B+K outputs of a block   N pairs
//
// The package's example learns vectors from a few sentences.
package wordvec

import (
	"fmt"

	"github.com/inkstone-ai/inkstone/nn"
	"github.com/inkstone-ai/inkstone/tensor"
)

// A Table has a row for each word, or one number.
type Table struct {
	W *tensor.Tensor `hf:"weight"` // (V, C)

	spread float32 // rows start uniformly in ±spread
}

func newTable(rows, channels int, spread float32) Table {
	return Table{tensor.Declare(rows, channels), spread}
}

// Role is that of an embedding.
func (t *Table) Role(string) nn.Role { return nn.Table }

// Draw fills the table with uniform numbers.
func (t *Table) Draw(_ string, w *tensor.Tensor, key uint64) {
	if t.spread == 0 {
		w.Fill(0)
		return
	}
	w.FillUniform(key, -t.spread, t.spread)
}

// Counts tell how often each word stands in the training text. They are no weights:
// they make the noise from which negatives are drawn.
type Counts struct {
	W *tensor.Tensor `hf:"weight"` // (V)
}

// Role is that of what is not decayed.
func (c *Counts) Role(string) nn.Role { return nn.Bias }

// Draw leaves zeros.
func (c *Counts) Draw(_ string, w *tensor.Tensor, _ uint64) { w.Fill(0) }

// checkShape refuses dimensions that are absent or absurd: a config.json of a few bytes
// must not ask for all the memory there is.
func checkShape(vocab, width, window int) error {
	for _, d := range []struct {
		key         string
		value, most int
	}{{"vocab_size", vocab, 1 << 26}, {"embedding_size", width, 1 << 16}, {"window", window, 1 << 10}} {
		if d.value < 1 || d.value > d.most {
			return fmt.Errorf("wordvec: %s is %d, want 1 to %d", d.key, d.value, d.most)
		}
	}
	return nil
}
