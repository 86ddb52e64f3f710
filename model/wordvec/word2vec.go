package wordvec

import (
	"fmt"
	"math"

	"github.com/inkstone-ai/inkstone/model"
	"github.com/inkstone-ai/inkstone/nn"
	"github.com/inkstone-ai/inkstone/tensor"
)

func init() { model.Register("word2vec", NewWord2Vec) }

// Architectures of [Word2Vec].
const (
	SkipGram = "skipgram" // a word predicts each word near it
	CBOW     = "cbow"     // the mean of the words near it predicts a word
)

// Word2Vec is the model of Mikolov et al. 2013, "Distributed Representations of
// Words and Phrases and their Compositionality", arXiv:1310.4546, eq. 4: a word
// wI and a word wO that stands near it are told from wI and k words drawn as noise,
//
//	J = −log σ(v'_wO · v_wI) − Σ_{i=1…k} E_{wi ~ P} log σ(−v'_wi · v_wI)
//
// where v are rows of In and v' rows of Out. P is the unigram distribution to the
// power 3/4. With CBOW (Mikolov et al. 2013, arXiv:1301.3781, 3.1) v_wI is the mean
// of the vectors around wO. The words' vectors are those of In.
type Word2Vec struct {
	In     Table  `hf:"in"`     // (V, C)
	Out    Table  `hf:"out"`    // (V, C)
	Counts Counts `hf:"counts"` // (V)

	config Word2VecConfig
}

// Word2VecConfig is the model's config.json.
type Word2VecConfig struct {
	Type         string `json:"model_type"` // set by NewWord2Vec
	Architecture string `json:"architecture"`
	Vocab        int    `json:"vocab_size"`     // V
	Width        int    `json:"embedding_size"` // C
	Window       int    `json:"window"`         // W: words at this distance are near
	Negatives    int    `json:"negatives"`      // k
}

// mostNegatives is far above the papers' 20.
const mostNegatives = 1 << 10

// NewWord2Vec declares the tables. In starts uniformly in ±1/(2C) and Out at zero,
// as the authors' program has it: every score begins at 0 and no word has a direction
// yet that others would have to unlearn.
//
// Errors: a dimension that is absent or absurd, an unknown architecture.
func NewWord2Vec(c Word2VecConfig) (*Word2Vec, error) {
	if err := checkShape(c.Vocab, c.Width, c.Window); err != nil {
		return nil, err
	}
	if c.Negatives < 1 || c.Negatives > mostNegatives {
		return nil, fmt.Errorf("wordvec: negatives is %d, want 1 to %d", c.Negatives, mostNegatives)
	}
	if c.Architecture != SkipGram && c.Architecture != CBOW {
		return nil, fmt.Errorf("wordvec: architecture %q is neither %s nor %s", c.Architecture, SkipGram, CBOW)
	}
	c.Type = "word2vec"
	return &Word2Vec{
		In: newTable(c.Vocab, c.Width, 0.5/float32(c.Width)), Out: newTable(c.Vocab, c.Width, 0),
		Counts: Counts{tensor.Declare(c.Vocab)}, config: c,
	}, nil
}

// Config is what config.json holds.
func (m *Word2Vec) Config() any { return m.config }

// Words returns the vectors by word id, (V, C).
func (m *Word2Vec) Words() []float32 { return m.In.W.Floats() }

// Loss returns J of a batch, the mean over its pairs, on tables in (…, C) and out
// (…, C): the model's own, or the rows of them that b.In and b.Out number.
//
// A block's words share their negatives (Ji et al. 2016, arXiv:1604.04661), each of
// which stands for k/K of a word's noise: the expectation in J is the same and the
// scores of a block are one small product of matrices instead of B·(2W·(1+k)) dot
// products, which is where the speed comes from. Since −log σ(z) = softplus(z) − z,
//
//	J = Σ weights·softplus(z) − Σ positive·z
func (m *Word2Vec) Loss(in, out *tensor.Tensor, s *tensor.Step, b *Batch) *tensor.Tensor {
	C := m.config.Width
	x := in.Rows(s.Ints(b.In, b.Blocks, len(b.In)/b.Blocks)) // (G, B, C), (G, B+2W, C) of CBOW
	if m.config.Architecture == CBOW {
		mean := s.Floats(b.Mean, b.Blocks, blockWords, len(b.In)/b.Blocks)
		x = mean.MatMul(x) // (G, B, C)
	}
	y := out.Rows(s.Ints(b.Out, b.Blocks, len(b.Out)/b.Blocks)) // (G, M, C)
	z := x.Reshape(b.Blocks, blockWords, C).MatMulT(y)          // (G, B, M)
	shape := z.Shape()
	positive, weights := s.Floats(b.Positive, shape...), s.Floats(b.Weights, shape...)
	noise := z.Softplus().Mul(weights).Sum()
	return noise.Sub(z.Mul(positive).Sum()).Scale(1 / float32(max(1, b.Pairs)))
}

// noise is the distribution of negatives, as the running sum of counts^¾.
func noise(counts []float32) []float64 {
	sums := make([]float64, len(counts))
	total := 0.0
	for i, n := range counts {
		total += math.Pow(float64(n), 0.75)
		sums[i] = total
	}
	return sums
}

var _ nn.Block = (*Table)(nil)
