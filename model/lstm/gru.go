package lstm

import "github.com/inkstone-ai/inkstone/model"

func init() { model.Register("gru", NewGRU) }

// GRU is the gated recurrent unit of Cho et al. 2014 (arXiv:1406.1078) as a language
// model, with the reset gate after the product, as cuDNN and PyTorch have it. For each
// layer and step,
//
//	r, z = σ, σ of W_ih·x + b_ih + W_hh·h + b_hh
//	n = tanh(W_in·x + b_in + r·(W_hn·h + b_hn))
//	h' = (1−z)·n + z·h
//
// It has three quarters of an LSTM's weights, and one state instead of two.
type GRU struct{ Network }

var _ model.Recurrent = (*GRU)(nil)

// NewGRU returns a GRU whose weights have shapes but no values yet.
//
// Errors: a dimension that is absent or absurd, a dropout that is no rate.
func NewGRU(c Config) (*GRU, error) {
	n, err := newNetwork("gru", c)
	return &GRU{n}, err
}
