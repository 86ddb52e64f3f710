// Package bert holds [BERT], an encoder that reads a text from both sides, with
// the heads that are put on it: the one for hidden words with which it is
// pretrained, and those of tuning. Importing the package makes its model type
// known to package model.
//
// Dimensions, in comments throughout:
//
//	N tokens of a pass   S sequences of a pass   C channels   F feed-forward channels
//	V vocabulary   H heads   D channels per head   L layers   K labels
//	R rows that a head is asked for
package bert

import (
	"fmt"
	"math"

	"github.com/inkstone-ai/inkstone/model"
	"github.com/inkstone-ai/inkstone/nn"
	"github.com/inkstone-ai/inkstone/tensor"
)

func init() { model.Register("bert", New) }

var _ model.MaskedLM = (*BERT)(nil)

// BERT is the model of Devlin et al. 2018, arXiv:1810.04805: the encoder of
// Vaswani et al. 2017 with learned positions, a table of two segments, GELU, and
// LayerNorm after each half of a block rather than before it.
//
// A pass holds whole sequences laid end to end, none of which sees another;
// nothing is padded. [nn.Pass.Types] are the segments.
type BERT struct {
	Embed  embeddings `hf:"bert.embeddings"`
	Layers []layer    `hf:"bert.encoder.layer"`

	// The heads, of which config.json's architectures name at most one.
	Masked     *maskedHead `hf:"cls.predictions"`
	Pooler     *nn.Linear  `hf:"bert.pooler.dense"` // of a sequence's first row, before Classifier
	Classifier *nn.Linear  `hf:"classifier"`        // (K, C) of sequences, or of tokens
	Spans      *nn.Linear  `hf:"qa_outputs"`        // (2, C) the first and the last token of an answer

	config Config
}

type embeddings struct {
	Words     nn.Embedding `hf:"word_embeddings"`
	Positions nn.Embedding `hf:"position_embeddings"`
	Types     nn.Embedding `hf:"token_type_embeddings"`
	Norm      nn.LayerNorm `hf:"LayerNorm"`
}

type layer struct {
	Q        nn.Linear    `hf:"attention.self.query"`
	K        nn.Linear    `hf:"attention.self.key"`
	V        nn.Linear    `hf:"attention.self.value"`
	O        nn.Linear    `hf:"attention.output.dense"`
	AttnNorm nn.LayerNorm `hf:"attention.output.LayerNorm"`
	Up       nn.Linear    `hf:"intermediate.dense"`
	Down     nn.Linear    `hf:"output.dense"`
	Norm     nn.LayerNorm `hf:"output.LayerNorm"`

	index, heads int
	dropout      float32
}

// maskedHead scores the vocabulary: a layer of its own, then the embedding
// transposed (Press & Wolf 2017, arXiv:1608.05859), and a bias for each word.
type maskedHead struct {
	Transform nn.Linear      `hf:"transform.dense"`
	Norm      nn.LayerNorm   `hf:"transform.LayerNorm"`
	B         *tensor.Tensor `hf:"bias"` // (V)
}

// Role is of the bias over the vocabulary.
func (*maskedHead) Role(string) nn.Role { return nn.Bias }

// Draw fills the bias with zeros.
func (*maskedHead) Draw(_ string, w *tensor.Tensor, _ uint64) { w.Fill(0) }

// New returns a BERT whose weights have shapes but no values yet.
//
// Errors: a dimension that is absent or absurd; a width that the heads do not
// divide; a variant that is not this one.
func New(c Config) (*BERT, error) {
	if err := c.complete(); err != nil {
		return nil, err
	}
	m := &BERT{
		Embed: embeddings{
			Words:     c.table(c.Vocab),
			Positions: c.table(c.Context),
			Types:     c.table(c.Types),
			Norm:      nn.NewLayerNorm(c.Width, c.Eps, true),
		},
		Layers: make([]layer, c.Layers),
		config: c,
	}
	for i := range m.Layers {
		m.Layers[i] = layer{
			Q: c.linear(c.Width, c.Width), K: c.linear(c.Width, c.Width), V: c.linear(c.Width, c.Width),
			O: c.linear(c.Width, c.Width), AttnNorm: nn.NewLayerNorm(c.Width, c.Eps, true),
			Up: c.linear(c.Width, c.Hidden), Down: c.linear(c.Hidden, c.Width), Norm: nn.NewLayerNorm(c.Width, c.Eps, true),
			index: i, heads: c.Heads, dropout: c.Dropout,
		}
	}
	m.heads(&c)
	return m, nil
}

func (m *BERT) heads(c *Config) {
	dense := func(out int) *nn.Linear {
		l := c.linear(c.Width, out)
		return &l
	}
	switch c.Task() {
	case FillMask:
		m.Masked = &maskedHead{
			Transform: c.linear(c.Width, c.Width), Norm: nn.NewLayerNorm(c.Width, c.Eps, true), B: tensor.Declare(c.Vocab),
		}
	case Sequences:
		m.Pooler, m.Classifier = dense(c.Width), dense(c.Labels())
	case Tokens:
		m.Classifier = dense(c.Labels())
	case Answers:
		m.Spans = dense(2)
	}
}

func (c *Config) linear(in, out int) nn.Linear {
	l := nn.NewLinear(in, out, true)
	l.Std = c.Std
	return l
}

func (c *Config) table(rows int) nn.Embedding {
	e := nn.NewEmbedding(rows, c.Width)
	e.Std = c.Std
	return e
}

// StartPositions sets the table of positions to the sines and cosines of Vaswani
// et al. 2017, 3.5, with the spread of the other weights; training goes on from
// there. Products of two positions then tell their distance from the first step
// on. From independent draws, a short run on little text never finds out what a hidden
// word's neighbours are, and stays at the frequencies of words.
func (m *BERT) StartPositions() {
	c := &m.config
	table := make([]float32, c.Context*c.Width)
	for pos := range c.Context {
		for i := range c.Width {
			angle := float64(pos) * math.Pow(10000, -float64(i/2*2)/float64(c.Width))
			x := math.Sin(angle)
			if i%2 == 1 {
				x = math.Cos(angle)
			}
			table[pos*c.Width+i] = c.Std * math.Sqrt2 * float32(x) // x² is 1/2 on average
		}
	}
	m.Embed.Positions.W.WriteFloats(table)
}

// Forward returns the last layer's activations, (N, C).
func (m *BERT) Forward(p *nn.Pass) *tensor.Tensor {
	x := m.embed(p)
	for i := range m.Layers {
		x = p.Through(&m.Layers[i], x)
	}
	return x
}

func (m *BERT) embed(p *nn.Pass) *tensor.Tensor {
	e := &m.Embed
	x := p.Embed(&e.Words).Add(e.Positions.Forward(p.Pos)) // (N, C)
	if p.Types != nil {
		x = x.Add(e.Types.Forward(p.Types))
	} else {
		x = x.Add(e.Types.W.Slice(0, 0, 1)) // every token is of the first text
	}
	return e.Norm.Forward(x).Dropout(m.config.Dropout)
}

// Forward is one block: attention, then the feed-forward part.
func (l *layer) Forward(p *nn.Pass, x *tensor.Tensor) *tensor.Tensor {
	x = l.AttnNorm.Forward(x.Add(l.attend(p, x).Dropout(l.dropout)))
	return l.Norm.Forward(x.Add(l.Down.Forward(l.Up.Forward(x).GELUErf()).Dropout(l.dropout)))
}

func (l *layer) attend(p *nn.Pass, x *tensor.Tensor) *tensor.Tensor {
	N, C, H := x.Dim(0), x.Dim(1), l.heads
	split := func(x *tensor.Tensor) *tensor.Tensor { return x.Reshape(N, H, C/H) }
	q, k, v := split(l.Q.Forward(x)), split(l.K.Forward(x)), split(l.V.Forward(x))
	y := p.Attend(l.index, q, k, v, nn.Attention{Bidirectional: true}) // (N, H, D)
	return l.O.Forward(y.Reshape(N, C))
}

// Logits returns (R, V) for rows (R, C) of Forward's result. It panics where the
// model has no such head; see [BERT.Task].
func (m *BERT) Logits(rows *tensor.Tensor) *tensor.Tensor {
	x, w, b := m.Head(rows)
	return x.Linear(w, b)
}

// Head returns what Logits multiplies, see [model.MaskedLM].
func (m *BERT) Head(rows *tensor.Tensor) (x, w, b *tensor.Tensor) {
	h := m.Masked
	if h == nil {
		panic(fmt.Sprintf("bert: the head for hidden words of a model for %s", m.Task()))
	}
	return h.Norm.Forward(h.Transform.Forward(rows).GELUErf()), m.Embed.Words.W, h.B
}

// Classes returns the scores of labels: (S, K) for sequences, whose first rows
// the pooler reads, (N, K) for tokens. x is Forward's result.
func (m *BERT) Classes(p *nn.Pass, x *tensor.Tensor) *tensor.Tensor {
	switch m.Task() {
	case Sequences:
		first, at := make([]int32, len(p.Spans)), 0
		for i, s := range p.Spans {
			first[i], at = int32(at), at+s.Rows
		}
		rows := x.Rows(p.Ints(first)) // (S, C)
		return m.Classifier.Forward(m.Pooler.Forward(rows).Tanh().Dropout(m.config.Dropout))
	case Tokens:
		return m.Classifier.Forward(x.Dropout(m.config.Dropout))
	}
	panic(fmt.Sprintf("bert: Classes of a model for %s", m.Task()))
}

// Answer returns two scores for each row of x, (N, 2): that an answer begins
// there, and that it ends there.
func (m *BERT) Answer(x *tensor.Tensor) *tensor.Tensor { return m.Spans.Forward(x) }

// Task says which head the model has.
func (m *BERT) Task() Task { return m.config.Task() }

// Shape tells the model's dimensions.
func (m *BERT) Shape() model.Shape {
	c := &m.config
	return model.Shape{Vocab: c.Vocab, Context: c.Context, Layers: c.Layers, Width: c.Width, Hidden: c.Hidden,
		Heads: c.Heads, KVHeads: c.Heads, HeadDim: c.Width / c.Heads}
}

// Config returns a [Config].
func (m *BERT) Config() any { return m.config }
