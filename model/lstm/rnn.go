package lstm

import "github.com/inkstone-ai/inkstone/model"

func init() { model.Register("rnn", NewRNN) }

// RNN is the simple recurrent network of Elman 1990, "Finding Structure in Time", as the
// language model of Mikolov et al. 2010. For each layer and step,
//
//	h' = tanh(W_ih·x + b_ih + W_hh·h + b_hh)
//
// Its gradient goes through W_hh and tanh once a step and vanishes or explodes with
// their number (Bengio et al. 1994): it learns what is a few tokens away.
type RNN struct{ Network }

var _ model.Recurrent = (*RNN)(nil)

// NewRNN returns an RNN whose weights have shapes but no values yet.
//
// Errors: a dimension that is absent or absurd, a dropout that is no rate.
func NewRNN(c Config) (*RNN, error) {
	n, err := newNetwork("rnn", c)
	return &RNN{n}, err
}
