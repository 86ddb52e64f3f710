// Package lstm holds recurrent language models, one file per paper: the simple
// network of Elman, the LSTM and the GRU. What they share is a [Network]: an
// embedding, layers of cells, dropout between them, a head. The cells themselves are
// package nn's, where other models find them too.
//
// A recurrent model has no context window: all it knows of the past is its state,
// which the cache of a pass keeps (see [nn.Stateful]).
//
// Dimensions, in comments throughout:
//
//	N tokens of a pass   S sequences of it   H hidden channels   V vocabulary
package lstm

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/inkstone-ai/inkstone/format"
	"github.com/inkstone-ai/inkstone/model"
	"github.com/inkstone-ai/inkstone/nn"
	"github.com/inkstone-ai/inkstone/tensor"
)

// Config is the config.json of a recurrent language model.
type Config struct {
	Type    string  `json:"model_type"`          // set by the constructor, as DType is
	Vocab   int     `json:"vocab_size"`          // V
	Hidden  int     `json:"hidden_size"`         // H, of the embedding and every layer
	Layers  int     `json:"num_hidden_layers"`   // L
	Dropout float32 `json:"dropout"`             // before, between and after the layers
	Tied    bool    `json:"tie_word_embeddings"` // the head is the embedding (Press & Wolf 2017, arXiv:1608.05859)
	DType   string  `json:"torch_dtype"`
}

// A Network is a recurrent language model. Its weights have the names of PyTorch's
// word_language_model example.
type Network struct {
	Embed  nn.Embedding   `hf:"encoder"`
	Layers []nn.Recurrent `hf:"rnn"`
	Head   *nn.Linear     `hf:"decoder" role:"head"` // nil when tied to Embed

	config Config
}

// New returns the model of a model_type: "rnn", "lstm" or "gru".
func New(kind string, c Config) (model.Recurrent, error) {
	switch kind {
	case "rnn":
		return NewRNN(c)
	case "lstm":
		return NewLSTM(c)
	case "gru":
		return NewGRU(c)
	}
	return nil, fmt.Errorf("lstm: no recurrent model %q; there are rnn, lstm and gru", kind)
}

var cells = map[string]nn.Cell{"rnn": nn.RNN, "lstm": nn.LSTM, "gru": nn.GRU}

func newNetwork(kind string, c Config) (Network, error) {
	c.Type, c.DType = kind, "float32"
	if err := c.check(); err != nil {
		return Network{}, err
	}
	m := Network{Embed: nn.NewEmbedding(c.Vocab, c.Hidden), config: c}
	m.Embed.Std = embedStd
	for range c.Layers {
		m.Layers = append(m.Layers, nn.NewRecurrent(cells[kind], c.Hidden, c.Hidden))
	}
	if !c.Tied {
		head := nn.NewLinear(c.Hidden, c.Vocab, false)
		m.Head = &head
	}
	return m, nil
}

// embedStd is the deviation of the embedding at the start. No norm brings the first
// layer's input to a size of its own, as in a transformer, so it begins larger.
const embedStd = 0.1

// check refuses dimensions that no file has; the bounds keep a config.json of a few
// bytes from asking for all the memory there is.
func (c *Config) check() error {
	for _, d := range []struct {
		key         string
		value, most int
	}{{"vocab_size", c.Vocab, 1 << 20}, {"hidden_size", c.Hidden, 1 << 14}, {"num_hidden_layers", c.Layers, 1 << 8}} {
		if d.value < 1 || d.value > d.most {
			return fmt.Errorf("lstm: %s config: %s is %d, want 1 to %d", c.Type, d.key, d.value, d.most)
		}
	}
	if !(c.Dropout >= 0 && c.Dropout < 1) {
		return fmt.Errorf("lstm: %s config: dropout is %g, want [0, 1)", c.Type, c.Dropout)
	}
	return nil
}

// Forward returns the outputs of the last layer, (N, H), dropped out as all that goes
// from layer to layer is; what goes from step to step is not (Zaremba et al. 2014).
func (m *Network) Forward(p *nn.Pass) *tensor.Tensor {
	x := p.EmbedInTime(&m.Embed).Dropout(m.config.Dropout) // (N, H), in the order of time
	for i := range m.Layers {
		x = p.Recur(i, &m.Layers[i], x).Dropout(m.config.Dropout)
	}
	return x.Rows(p.TimeOrder().Back) // in the order of the pass
}

// Logits returns (R, V) for rows (R, H) of Forward's result.
func (m *Network) Logits(rows *tensor.Tensor) *tensor.Tensor { return rows.Linear(m.HeadWeight(), nil) }

// HeadWeight is the matrix of Logits, (V, H).
func (m *Network) HeadWeight() *tensor.Tensor {
	if m.Head == nil {
		return m.Embed.W
	}
	return m.Head.W
}

// Shape tells the model's dimensions; there are no heads and no context's end.
func (m *Network) Shape() model.Shape {
	c := &m.config
	return model.Shape{Vocab: c.Vocab, Layers: c.Layers, Width: c.Hidden, Hidden: c.Hidden}
}

// Config returns a [Config].
func (m *Network) Config() any { return m.config }

// StateWidths are the channels of each layer's state.
func (m *Network) StateWidths() []int {
	widths := make([]int, len(m.Layers))
	for i := range m.Layers {
		widths[i] = m.Layers[i].StateWidth()
	}
	return widths
}

// Cell is that of every layer.
func (m *Network) Cell() nn.Cell { return cells[m.config.Type] }

// In files the layers are one module with numbered weights, as PyTorch's nn.LSTM of
// several layers is: rnn.weight_ih_l1 is ours of layer 1, rnn.1.weight_ih_l0.

// Import finds the layer of a weight by its number, and drops the second copy of a tied
// head.
func (m *Network) Import(t format.Tensor) (format.Tensor, error) {
	if t.Name == "decoder.weight" && m.Head == nil {
		t.Name = "encoder.weight"
	}
	name, ok := strings.CutPrefix(t.Name, "rnn.")
	if !ok {
		return t, nil
	}
	if cut := strings.LastIndex(name, "_l"); cut >= 0 {
		if layer, err := strconv.Atoi(name[cut+2:]); err == nil {
			t.Name = fmt.Sprintf("rnn.%d.%s_l0", layer, name[:cut])
		}
	}
	return t, nil
}

// Export numbers the weights of a layer.
func (m *Network) Export(t format.Tensor) (format.Tensor, error) {
	if name, ok := strings.CutPrefix(t.Name, "rnn."); ok {
		layer, weight, _ := strings.Cut(name, ".")
		t.Name = "rnn." + strings.TrimSuffix(weight, "_l0") + "_l" + layer
	}
	return t, nil
}
