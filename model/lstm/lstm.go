package lstm

import "github.com/inkstone-ai/inkstone/model"

func init() { model.Register("lstm", NewLSTM) }

// LSTM is the network of Hochreiter & Schmidhuber 1997, "Long Short-Term Memory",
// with the forget gate of Gers et al. 2000, as a language model by the recipe of
// Zaremba et al. 2014 (arXiv:1409.2329): several layers, dropout between them and not
// between steps. For each layer and step,
//
//	i, f, g, o = σ, σ, tanh, σ of W_ih·x + b_ih + W_hh·h + b_hh
//	c' = f·c + i·g
//	h' = o·tanh(c')
//
// What c holds passes from step to step by the factor f alone, so that its gradient
// does not vanish as that of the [RNN] does.
type LSTM struct{ Network }

var _ model.Recurrent = (*LSTM)(nil)

// NewLSTM returns an LSTM whose weights have shapes but no values yet.
//
// Errors: a dimension that is absent or absurd, a dropout that is no rate.
func NewLSTM(c Config) (*LSTM, error) {
	n, err := newNetwork("lstm", c)
	return &LSTM{n}, err
}
