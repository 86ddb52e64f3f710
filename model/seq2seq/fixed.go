package seq2seq

import (
	"github.com/inkstone-ai/inkstone/model"
	"github.com/inkstone-ai/inkstone/nn"
	"github.com/inkstone-ai/inkstone/tensor"
)

var _ model.EncoderDecoder = (*Fixed)(nil)

// Fixed is the model of Sutskever et al. 2014, "Sequence to Sequence Learning with
// Neural Networks" (arXiv:1409.3215): one recurrent network reads the source, from
// its last word to its first (section 3.3), and all that another knows of it, when
// it writes the target, are the states in which the first has ended: one vector of a
// fixed size, however long the source was.
//
// Both sides share an embedding here, as they share a vocabulary.
type Fixed struct {
	Embed   nn.Embedding   `hf:"shared"`
	Encoder []nn.Recurrent `hf:"encoder"`
	Decoder []nn.Recurrent `hf:"decoder"`
	Head    nn.Linear      `hf:"lm_head" role:"head"`

	config Config
}

// NewFixed returns a Fixed whose weights have shapes but no values yet. Errors:
// those of [New].
func NewFixed(c Config) (*Fixed, error) {
	c.Architecture = FixedArchitecture
	cell, err := c.recurrent("lstm")
	if err != nil {
		return nil, err
	}
	if c.EncoderLayers != c.DecoderLayers {
		return nil, c.errorf("encoder_layers %d, decoder_layers %d: the decoder begins with the encoder's states, layer by layer", c.EncoderLayers, c.DecoderLayers)
	}
	m := &Fixed{Embed: nn.NewEmbedding(c.Vocab, c.Width), Head: nn.NewLinear(c.Width, c.Vocab, false), config: c}
	m.Embed.Std = embedStd
	for range c.EncoderLayers {
		m.Encoder = append(m.Encoder, nn.NewRecurrent(cell, c.Width, c.Width))
		m.Decoder = append(m.Decoder, nn.NewRecurrent(cell, c.Width, c.Width))
	}
	return m, nil
}

// embedStd is the deviation of a recurrent model's embedding at the start: no norm
// brings the first layer's input to a size of its own.
const embedStd = 0.1

// Encode returns the states of every layer after the sources' first words, (S, W).
func (m *Fixed) Encode(p *nn.Pass) *model.Memory {
	q := p.Backwards()
	o, x := q.TimeOrder(), q.EmbedInTime(&m.Embed).Dropout(m.config.Dropout) // (N, C)
	memory := &model.Memory{Lengths: lengths(p)}
	for i := range m.Encoder {
		l := &m.Encoder[i]
		var end *tensor.Tensor
		x, end = l.Forward(o, x, p.Step().Zeros(len(p.Spans), l.StateWidth()))
		memory.States = append(memory.States, end)
		x = x.Dropout(m.config.Dropout)
	}
	return memory
}

// Decode returns the outputs of the last layer, (N, C).
func (m *Fixed) Decode(p *nn.Pass, memory *model.Memory) *tensor.Tensor {
	o, x := p.TimeOrder(), p.EmbedInTime(&m.Embed).Dropout(m.config.Dropout) // (N, C)
	for i := range m.Decoder {
		l := &m.Decoder[i]
		var end *tensor.Tensor
		x, end = l.Forward(o, x, begin(p, i, l.StateWidth(), func() *tensor.Tensor { return ofSources(p, memory, memory.States[i]) }))
		finish(p, i, end)
		x = x.Dropout(m.config.Dropout)
	}
	return x.Rows(o.Back)
}

// Logits returns (R, V) for rows (R, C) of Decode's result.
func (m *Fixed) Logits(rows *tensor.Tensor) *tensor.Tensor { return m.Head.Forward(rows) }

// HeadWeight is the head's matrix, (V, C).
func (m *Fixed) HeadWeight() *tensor.Tensor { return m.Head.W }

// Shape tells the decoder's dimensions.
func (m *Fixed) Shape() model.Shape { return m.config.shape() }

// Config returns a [Config].
func (m *Fixed) Config() any { return m.config }

// shape is that of a recurrent model.
func (c *Config) shape() model.Shape {
	return model.Shape{Vocab: c.Vocab, Context: c.Context, Layers: c.DecoderLayers, Width: c.Width}
}
