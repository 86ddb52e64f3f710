// Package seq2seq holds the encoder–decoders, one file per paper: [Fixed]
// (Sutskever 2014), [Attention] (Bahdanau 2015) and [Transformer] (Vaswani
// 2017). Importing it makes the model type "seq2seq" known to package model;
// the key "architecture" of config.json tells which of them it is.
//
// Each is a [model.EncoderDecoder]. Sequences of a pass lie end to end: nothing
// is padded, and a source's length does not change what another one gives.
//
// Dimensions, in comments throughout:
//
//	N tokens of a pass   S sequences of a pass   C channels   F feed-forward channels
//	H heads   D channels per head   V vocabulary
package seq2seq

import (
	"fmt"

	"github.com/inkstone-ai/inkstone/model"
	"github.com/inkstone-ai/inkstone/nn"
	"github.com/inkstone-ai/inkstone/tensor"
)

func init() { model.Register(Type, New) }

// Type is the model_type of all encoder–decoders here.
const Type = "seq2seq"

// Values of [Config].Architecture.
const (
	TransformerArchitecture = "transformer" // Vaswani et al. 2017
	AttentionArchitecture   = "attention"   // Bahdanau et al. 2015
	FixedArchitecture       = "fixed"       // Sutskever et al. 2014
)

// Architectures are the values of [Config].Architecture, the newest first.
func Architectures() []string {
	return []string{TransformerArchitecture, AttentionArchitecture, FixedArchitecture}
}

// New returns the model of c, whose weights have shapes and no values yet.
//
// Errors: an architecture that is not known; a dimension that is absent or
// absurd; a width that the heads do not divide; a setting of another architecture.
func New(c Config) (model.EncoderDecoder, error) {
	switch c.Architecture {
	case TransformerArchitecture:
		return NewTransformer(c)
	case AttentionArchitecture:
		return NewAttention(c)
	case FixedArchitecture:
		return NewFixed(c)
	}
	return nil, fmt.Errorf("seq2seq: architecture %q is none of %v", c.Architecture, Architectures())
}

// Config is the config.json of an encoder–decoder.
type Config struct {
	Architectures []string `json:"architectures"` // set by New, as Type is
	Type          string   `json:"model_type"`

	Architecture  string  `json:"architecture"`
	Vocab         int     `json:"vocab_size"`              // V, of source and target together
	Context       int     `json:"max_position_embeddings"` // most tokens of a source, and of a target
	Width         int     `json:"d_model"`                 // C
	EncoderLayers int     `json:"encoder_layers"`
	DecoderLayers int     `json:"decoder_layers"`
	Heads         int     `json:"attention_heads,omitempty"` // H, of the Transformer
	Hidden        int     `json:"ffn_dim,omitempty"`         // F, of the Transformer; 0 means 4C
	PostNorm      bool    `json:"post_norm,omitempty"`       // of the Transformer: the norm after the sum, as its paper has it
	Cell          string  `json:"cell,omitempty"`            // of the recurrent ones: "gru" or "lstm"; "" means the paper's
	Dropout       float32 `json:"dropout"`
}

// The largest dimensions that a config may ask for: far above any model of this
// kind, and low enough that a file of a few bytes cannot ask for gigabytes.
const (
	mostLayers = 1 << 8
	mostWidth  = 1 << 16
	mostVocab  = 1 << 26
)

// check refuses dimensions that no architecture has.
func (c *Config) check() error {
	c.Architectures, c.Type = []string{"InkstoneSeq2Seq"}, Type
	for _, d := range []struct {
		key         string
		value, most int
	}{
		{"vocab_size", c.Vocab, mostVocab}, {"max_position_embeddings", c.Context, mostVocab}, {"d_model", c.Width, mostWidth},
		{"encoder_layers", c.EncoderLayers, mostLayers}, {"decoder_layers", c.DecoderLayers, mostLayers},
	} {
		if d.value < 1 || d.value > d.most {
			return c.errorf("%s is %d, want 1 to %d", d.key, d.value, d.most)
		}
	}
	if !(c.Dropout >= 0 && c.Dropout < 1) {
		return c.errorf("dropout %g is not in [0, 1)", c.Dropout)
	}
	return nil
}

// recurrent completes and checks the config of a recurrent model, whose paper has
// the cells given.
func (c *Config) recurrent(cell string) (nn.Cell, error) {
	if c.Cell == "" {
		c.Cell = cell
	}
	if err := c.check(); err != nil {
		return 0, err
	}
	if c.Heads != 0 || c.Hidden != 0 || c.PostNorm {
		return 0, c.errorf("attention_heads, ffn_dim and post_norm are of the transformer")
	}
	kind, ok := map[string]nn.Cell{"gru": nn.GRU, "lstm": nn.LSTM}[c.Cell]
	if !ok {
		return 0, c.errorf("cell %q is neither gru nor lstm", c.Cell)
	}
	return kind, nil
}

func (c *Config) errorf(format string, args ...any) error {
	return fmt.Errorf("seq2seq: %s config: "+format, append([]any{c.Architecture}, args...)...)
}

// begin returns the states with which a decoding pass starts, a row for each of its
// sequences: those that fresh makes where the targets begin, else the cache's.
func begin(p *nn.Pass, layer, width int, fresh func() *tensor.Tensor) *tensor.Tensor {
	if p.Cache == nil || p.Spans[0].Past == 0 {
		return fresh()
	}
	return stateful(p).State(layer, p, width)
}

// finish stores the states after a decoding pass, if it has a cache.
func finish(p *nn.Pass, layer int, states *tensor.Tensor) {
	if p.Cache != nil {
		c := stateful(p)
		if p.Spans[0].Past == 0 {
			c.State(layer, p, states.Dim(1)) // makes room
		}
		c.SetState(layer, p, states)
	}
}

func stateful(p *nn.Pass) nn.Stateful {
	c, ok := p.Cache.(nn.Stateful)
	if !ok {
		panic(fmt.Sprintf("seq2seq: a recurrent decoder over cache %T, which keeps no states", p.Cache))
	}
	return c
}

// ofSources are the rows of a memory's tensor t (S, …) for the sequences of a decoding pass.
func ofSources(p *nn.Pass, m *model.Memory, t *tensor.Tensor) *tensor.Tensor {
	if m.Of == nil {
		return t
	}
	rows := make([]int32, len(m.Of))
	for i, source := range m.Of {
		rows[i] = int32(source)
	}
	return p.Step().Use(t).Rows(p.Step().Ints(rows, len(rows)))
}
