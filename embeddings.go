package inkstone

import (
	"errors"
	"fmt"
	"math"
	"os"

	"github.com/inkstone-ai/inkstone/model/wordvec"
	"github.com/inkstone-ai/inkstone/nn"
	"github.com/inkstone-ai/inkstone/tensor"
	"github.com/inkstone-ai/inkstone/tokenizer"
)

// readEmbeddings loads the vectors that the settings ask for, and gives a model
// without a width theirs.
func (p *pretraining) readEmbeddings() error {
	s := &p.settings
	if s.Embeddings == "" {
		return nil
	}
	if _, ok := p.tokenizer.(*tokenizer.Words); !ok {
		return s.errorf("embeddings are of words: %s is no word vocabulary; set tokenizer to word", s.Tokenizer)
	}
	vectors, err := openVectors(s.Embeddings)
	if err != nil {
		return fmt.Errorf("embeddings: %w", err)
	}
	if s.Width = or(s.Width, vectors.Width()); s.Width != vectors.Width() {
		return s.errorf("embeddings: the vectors of %s have %d numbers and the model is %d wide: set width to %d, or train vectors with dimension %d",
			s.Embeddings, vectors.Width(), s.Width, vectors.Width(), s.Width)
	}
	p.vectors = vectors
	return nil
}

// openVectors reads a file or a folder of vectors.
func openVectors(path string) (_ *wordvec.Vectors, err error) {
	if info, err := os.Stat(path); err != nil {
		return nil, err
	} else if !info.IsDir() {
		return wordvec.Open(path)
	}
	v, err := LoadVectors(path, &LoadOptions{Threads: 1})
	if err != nil {
		return nil, err
	}
	return v.Vectors, v.Close()
}

// embed puts the vectors into the rows of their words; all other rows keep what was
// drawn. The vectors are scaled as a whole to the spread of the rows that they
// replace, which the rest of the model is drawn for: directions and the lengths of
// words among each other are what was learned.
func (p *pretraining) embed() error {
	if p.vectors == nil {
		return nil
	}
	table, err := embeddingTable(p.lm, p.tokenizer.Size())
	if err != nil {
		return err
	}
	rows, C := table.Floats(), table.Dim(1)
	var drawn, given float64
	var ids []int
	for id := range p.tokenizer.Size() {
		if x, ok := p.vectors.Vector(p.spelling(id)); ok {
			drawn, given, ids = drawn+squares(rows[id*C:(id+1)*C]), given+squares(x), append(ids, id)
		}
	}
	if len(ids) == 0 || given == 0 {
		return fmt.Errorf("embeddings: none of the %d words of the text has a vector in %s", p.tokenizer.Size(), p.settings.Embeddings)
	}
	scale := float32(math.Sqrt(drawn / given))
	for _, id := range ids {
		x, _ := p.vectors.Vector(p.spelling(id))
		for c, e := range x {
			rows[id*C+c] = scale * e
		}
	}
	table.WriteFloats(rows)
	p.Notice(fmt.Sprintf("%d of %d words start from the vectors of %s; the other %d keep the values that were drawn",
		len(ids), p.tokenizer.Size(), p.settings.Embeddings, p.tokenizer.Size()-len(ids)))
	p.vectors = nil // their memory is not needed any more
	return nil
}

// spelling is the word of an id.
func (p *pretraining) spelling(id int) string { return spelled(p.tokenizer, int32(id)) }

func squares(x []float32) (sum float64) {
	for _, e := range x {
		sum += float64(e) * float64(e)
	}
	return sum
}

// embeddingTable is the model's table with a row for each id; tables of positions
// have other rows.
func embeddingTable(m any, vocab int) (*tensor.Tensor, error) {
	for _, q := range nn.Params(m) {
		if q.Role == nn.Table && q.Tensor.Dims() == 2 && q.Tensor.Dim(0) == vocab {
			return q.Tensor, nil
		}
	}
	return nil, errors.New("embeddings: the model has no embedding of words")
}
