package speech

import (
	"fmt"

	"github.com/inkstone-ai/inkstone/format"
	"github.com/inkstone-ai/inkstone/model"
	"github.com/inkstone-ai/inkstone/nn"
	"github.com/inkstone-ai/inkstone/tensor"
)

var (
	_ model.Importer = (*CTC)(nil)
	_ model.Exporter = (*CTC)(nil)
)

// Blank is the class of no word; word k is class k+1.
const Blank = 0

// CTC writes down the words of utterances: convolutions that leave fewer frames, LSTMs that read
// them in both directions (Graves & Schmidhuber 2005; the whole after Amodei et al. 2016,
// arXiv:1512.02595, section 3, with LSTMs) and a linear map to the words and the blank, trained by
// connectionist temporal classification (Graves et al. 2006).
type CTC struct {
	Stages []stage         `hf:"stages"`
	Layers []bidirectional `hf:"layers"`
	Head   nn.Linear       `hf:"classifier"`

	config CTCConfig
}

// CTCConfig is the config.json of a [CTC].
type CTCConfig struct {
	Type string `json:"model_type"` // set by NewCTC
	Sound
	Hidden int `json:"hidden_size"`       // H, of each direction
	Layers int `json:"num_hidden_layers"` // of LSTMs
}

// NewCTC returns a CTC whose weights have shapes but no values yet.
//
// Errors: a dimension that is absent or absurd; energies that make no sense, as [mel.New] has them.
func NewCTC(c CTCConfig) (*CTC, error) {
	c.Type = "ctc"
	if err := c.complete(c.Type); err != nil {
		return nil, err
	}
	if c.Hidden < 1 || c.Hidden > mostWidth || c.Layers < 1 || c.Layers > mostLayers {
		return nil, fmt.Errorf("speech: ctc config: hidden_size %d, num_hidden_layers %d: want 1 to %d and 1 to %d", c.Hidden, c.Layers, mostWidth, mostLayers)
	}
	m := &CTC{config: c}
	stages, in := newStages(&c.Sound)
	m.Stages = stages
	for range c.Layers {
		m.Layers = append(m.Layers, bidirectional{nn.NewRecurrent(nn.LSTM, in, c.Hidden), nn.NewRecurrent(nn.LSTM, in, c.Hidden)})
		in = 2 * c.Hidden
	}
	m.Head = nn.NewLinear(in, len(c.Classes)+1, true)
	return m, nil
}

// A bidirectional layer is two LSTMs, of which one reads each recording from its end.
type bidirectional struct {
	Forth nn.Recurrent `hf:"forth"`
	Back  nn.Recurrent `hf:"back"`
}

// forward maps (N, F) to (N, 2H). The passes' ids are the numbers of rows: in the order in which a
// layer reads them they say which rows to take.
func (l *bidirectional) forward(forth, back *nn.Pass, x *tensor.Tensor) *tensor.Tensor {
	a, b := forth.TimeOrder(), back.TimeOrder()
	y := forth.Recur(0, &l.Forth, x.Rows(a.IDs)).Rows(a.Back)
	z := back.Recur(0, &l.Back, x.Rows(b.IDs)).Rows(b.Back).Rows(forth.Ints(forth.Mirrored()))
	return y.Concat(1, z)
}

// Logits returns the scores of a batch's frames, (N, V), those of recording i from row starts[i] on:
// one frame of them is as many of the batch's as 2 to the number of convolutions.
func (m *CTC) Logits(s *tensor.Step, b Batch) (logits *tensor.Tensor, starts []int32) {
	x, lengths := through(s, m.Stages, b) // (B, T, F)
	var rows, ids []int32
	var spans []nn.Span
	T := x.Dim(1)
	for i, n := range lengths {
		starts = append(starts, int32(len(ids)))
		for t := range n {
			rows, ids = append(rows, int32(i*T+t)), append(ids, int32(len(ids)))
		}
		spans = append(spans, nn.Span{Rows: n})
	}
	x = x.Reshape(len(lengths)*T, x.Dim(2)).Rows(s.Ints(rows, len(rows))) // (N, F)
	var forth nn.Pass
	forth.Set(s, ids, spans...)
	back := forth.Backwards()
	for i := range m.Layers {
		x = m.Layers[i].forward(&forth, back, x.Dropout(m.config.Dropout))
	}
	return m.Head.Forward(x.Dropout(m.config.Dropout)), append(starts, int32(len(ids)))
}

// LogProbs returns the logarithms of the classes' probabilities for each recording of a batch, (its
// frames, V), valid for as long as you like.
func (m *CTC) LogProbs(s *tensor.Step, b Batch) (all [][]float32) {
	logits, starts := m.Logits(s, b)
	V, p := logits.Dim(1), logits.LogSoftmax().Floats()
	for i := range b.Lengths {
		all = append(all, p[int(starts[i])*V:int(starts[i+1])*V])
	}
	return all
}

// Words are those of CTC's classes, without the blank.
func Words(classes []int32) (words []int32) {
	for _, k := range classes {
		if k != Blank {
			words = append(words, k-1)
		}
	}
	return words
}

// Loss returns −log p of each utterance's words, over their number (of none: 1), as a mean of the batch.
// An utterance that has fewer frames than its words need counts as 0 and teaches nothing.
func (m *CTC) Loss(s *tensor.Step, b Batch, words [][]int32) *tensor.Tensor {
	logits, starts := m.Logits(s, b)
	targets, weights := make([][]int32, len(words)), make([]float32, len(words))
	for i, said := range words {
		for _, k := range said {
			targets[i] = append(targets[i], k+1)
		}
		weights[i] = 1 / float32(len(words)*max(1, len(said)))
	}
	labels, segments := s.CTCTargets(starts, targets)
	loss := logits.CTC(labels, segments, tensor.CTCOptions{Blank: Blank, ZeroInfinity: true})
	return loss.Mul(s.Floats(weights, len(weights))).Sum()
}

// Sound tells what the model hears, and its words.
func (m *CTC) Sound() Sound { return m.config.Sound }

// Reduction is the number of frames of a recording that one row of Logits stands for.
func (m *CTC) Reduction() int { return 1 << len(m.Stages) }

// Config returns a [CTCConfig].
func (m *CTC) Config() any { return m.config }

// Import reads filters as PyTorch orders them.
func (*CTC) Import(t format.Tensor) (format.Tensor, error) { return model.ImportImages(t) }

// Export undoes Import.
func (*CTC) Export(t format.Tensor) (format.Tensor, error) { return model.ExportImages(t) }
