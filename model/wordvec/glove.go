package wordvec

import (
	"fmt"
	"math"

	"github.com/inkstone-ai/inkstone/model"
	"github.com/inkstone-ai/inkstone/tensor"
)

func init() { model.Register("glove", NewGloVe) }

// GloVe is the model of Pennington, Socher & Manning 2014, "GloVe: Global Vectors
// for Word Representation", eq. 8 and 9: the logarithm of how often words i and j
// stand near each other, X_ij, is fitted by weighted least squares,
//
//	J = Σ f(X_ij)·(w_i·w̃_j + b_i + b̃_j − log X_ij)²    f(x) = min(1, x/x_max)^α
//
// over the pairs with X_ij > 0. The words' vectors are w + w̃ (4.2 of the paper).
type GloVe struct {
	In      Table  `hf:"in"`       // w (V, C)
	Out     Table  `hf:"out"`      // w̃ (V, C)
	InBias  Table  `hf:"in_bias"`  // b (V, 1)
	OutBias Table  `hf:"out_bias"` // b̃ (V, 1)
	Counts  Counts `hf:"counts"`   // (V)

	config GloVeConfig
}

// GloVeConfig is the model's config.json.
type GloVeConfig struct {
	Type   string  `json:"model_type"`     // set by NewGloVe
	Vocab  int     `json:"vocab_size"`     // V
	Width  int     `json:"embedding_size"` // C
	Window int     `json:"window"`         // W: a word at distance d ≤ W adds 1/d to X
	XMax   float64 `json:"x_max"`          // counts from here on weigh 1. 0: 100, the paper's
	Alpha  float64 `json:"alpha"`          // 0: ¾, the paper's
}

// NewGloVe declares the tables, which start uniformly in ±1/(2C).
//
// Errors: a dimension that is absent or absurd, an x_max or alpha that is negative.
func NewGloVe(c GloVeConfig) (*GloVe, error) {
	if err := checkShape(c.Vocab, c.Width, c.Window); err != nil {
		return nil, err
	}
	c.Type = "glove"
	if c.XMax == 0 {
		c.XMax = 100
	}
	if c.Alpha == 0 {
		c.Alpha = 0.75
	}
	if !(c.XMax > 0 && c.Alpha > 0) {
		return nil, fmt.Errorf("wordvec: x_max %g and alpha %g must be positive", c.XMax, c.Alpha)
	}
	spread := 0.5 / float32(c.Width)
	return &GloVe{
		In: newTable(c.Vocab, c.Width, spread), Out: newTable(c.Vocab, c.Width, spread),
		InBias: newTable(c.Vocab, 1, spread), OutBias: newTable(c.Vocab, 1, spread),
		Counts: Counts{tensor.Declare(c.Vocab)}, config: c,
	}, nil
}

// Config is what config.json holds.
func (m *GloVe) Config() any { return m.config }

// Words returns the vectors w + w̃ by word id, (V, C).
func (m *GloVe) Words() []float32 {
	sum := m.In.W.Floats()
	for i, x := range m.Out.W.Floats() {
		sum[i] += x
	}
	return sum
}

// Tables are the four tables of [GloVe.Loss], or rows of them.
type Tables struct{ In, Out, InBias, OutBias *tensor.Tensor }

// Tables are the model's own.
func (m *GloVe) Tables() Tables { return Tables{m.In.W, m.Out.W, m.InBias.W, m.OutBias.W} }

// Loss returns the mean of J over pairs number by number: row i[n] of In and
// InBias with row j[n] of Out and OutBias, which stand near each other x[n] times.
func (m *GloVe) Loss(t Tables, s *tensor.Step, i, j []int32, x []float32) *tensor.Tensor {
	N := len(x)
	weight, logs := make([]float32, N), make([]float32, N)
	for n, x := range x {
		weight[n], logs[n] = float32(m.weight(float64(x))/float64(N)), float32(math.Log(float64(x)))
	}
	is, js := s.Ints(i, N), s.Ints(j, N)
	dot := t.In.Rows(is).Mul(t.Out.Rows(js)).Sum(1) // (N)
	bias := t.InBias.Rows(is).Add(t.OutBias.Rows(js)).Reshape(N)
	miss := dot.Add(bias).Sub(s.Floats(logs, N)) // (N)
	return miss.Square().Mul(s.Floats(weight, N)).Sum()
}

// weight is f, eq. 9.
func (m *GloVe) weight(x float64) float64 {
	return math.Pow(min(1, x/m.config.XMax), m.config.Alpha)
}
