// Package nn holds the blocks that two or more papers share: linear maps,
// embeddings, norms, rotary positions, attention over a [Pass], the [Cache]
// interface, a causal convolution; and [Walk], which lists a model's weights by
// the tags of its fields.
//
// It holds no whole model (see the packages under model), no optimizer and no
// file format. A constructor sets shapes only: [Init] draws values for
// training, model.Load binds a file's. A block is a plain struct whose Forward
// is the formula of its paper; gradients come from package tensor.
//
// Dimensions, in comments throughout:
//
//	N tokens of a pass   S sequences of a pass   C channels   V vocabulary
//	H query heads   G key/value heads   D channels per head
//
// The example of [FlashAttention] computes three words' attention by hand.
package nn

import "github.com/inkstone-ai/inkstone/tensor"

// Linear is y = x·Wᵀ + b.
type Linear struct {
	W *tensor.Tensor `hf:"weight" gguf:"weight"` // (out, in)
	B *tensor.Tensor `hf:"bias" gguf:"bias"`     // (out), nil without a bias

	Std float32 // of the normal distribution that Init draws W from; 0 means 0.02
}

// NewLinear declares a map from in to out channels.
func NewLinear(in, out int, bias bool) Linear {
	l := Linear{W: tensor.Declare(out, in)}
	if bias {
		l.B = tensor.Declare(out)
	}
	return l
}

// Forward maps x (N, in) to (N, out).
func (l *Linear) Forward(x *tensor.Tensor) *tensor.Tensor { return x.Linear(l.W, l.B) }

// Linears is Forward of each of up to three layers, all of x: see [tensor.Tensor.Linears].
func Linears(x *tensor.Tensor, layers ...*Linear) (y [3]*tensor.Tensor) {
	var w, b [3]*tensor.Tensor
	for i, l := range layers {
		w[i], b[i] = l.W, l.B
	}
	n := len(layers)
	x.Linears(y[:n], w[:n], b[:n])
	return y
}

// Embedding is a table with a row for each token id or position.
type Embedding struct {
	W *tensor.Tensor `hf:"weight" gguf:"weight"` // (V, C)

	Std float32 // of Init's normal distribution; 0 means 0.02
}

// NewEmbedding declares a table of rows rows.
func NewEmbedding(rows, channels int) Embedding {
	return Embedding{W: tensor.Declare(rows, channels)}
}

// Forward returns row ids[i] of the table for each i, (N, C).
func (e *Embedding) Forward(ids *tensor.Tensor) *tensor.Tensor { return e.W.Rows(ids) }

// LayerNorm is (x−mean)/√(var+ε)·w + b over the channels of each row
// (Ba et al. 2016, arXiv:1607.06450).
type LayerNorm struct {
	W *tensor.Tensor `hf:"weight" gguf:"weight"` // (C)
	B *tensor.Tensor `hf:"bias" gguf:"bias"`     // (C), nil without a bias

	Eps float32
}

// NewLayerNorm declares a norm over channels.
func NewLayerNorm(channels int, eps float32, bias bool) LayerNorm {
	n := LayerNorm{W: tensor.Declare(channels), Eps: eps}
	if bias {
		n.B = tensor.Declare(channels)
	}
	return n
}

// Forward normalises each row of x (N, C).
func (n *LayerNorm) Forward(x *tensor.Tensor) *tensor.Tensor { return x.LayerNorm(n.W, n.B, n.Eps) }

// RMSNorm is x/√(mean(x²)+ε)·w over the channels of each row
// (Zhang & Sennrich 2019, arXiv:1910.07467). Rows may be the heads of (N, H, D).
type RMSNorm struct {
	W *tensor.Tensor `hf:"weight" gguf:"weight"` // (C)

	Eps  float32
	Plus bool // the gains are 1+W: so Gemma trains and stores them
}

// NewRMSNorm declares a norm over channels.
func NewRMSNorm(channels int, eps float32) RMSNorm {
	return RMSNorm{W: tensor.Declare(channels), Eps: eps}
}

// Forward normalises each row of x (…, C).
func (n *RMSNorm) Forward(x *tensor.Tensor) *tensor.Tensor {
	if n.Plus {
		return x.RMSNormPlus(n.W, n.Eps)
	}
	return x.RMSNorm(n.W, n.Eps)
}
