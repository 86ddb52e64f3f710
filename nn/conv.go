package nn

import (
	"fmt"
	"math"

	"github.com/inkstone-ai/inkstone/tensor"
)

// CausalConv mixes each channel with its own past: y[t] = Σ_k W[k]·x[t−k], the
// depth-wise convolution of Canon layers (Allen-Zhu 2025, Physics of Language
// Models part 4.1). Tokens before a sequence's first count as zero.
type CausalConv struct {
	W *tensor.Tensor `hf:"weight" gguf:"weight"` // (width, C); row k belongs to the token k places back

	conv int // number of this convolution in its model, for the cache
}

// NewCausalConv declares a convolution over width tokens. conv is its number
// among the convolutions of a model.
func NewCausalConv(conv, width, channels int) CausalConv {
	return CausalConv{W: tensor.Declare(width, channels), conv: conv}
}

// Forward convolves x (N, C). It panics when p's cache is no [Recent].
func (c *CausalConv) Forward(p *Pass, x *tensor.Tensor) *tensor.Tensor {
	if p.Cache == nil {
		return x.CausalConv(c.W, p.Segments)
	}
	recent, ok := p.Cache.(Recent)
	if !ok {
		panic(fmt.Sprintf("nn: a causal convolution over cache %T, which keeps no inputs", p.Cache))
	}
	rows, segments := recent.Recent(c.conv, p, x, c.W.Dim(0))
	return rows.CausalConvRows(c.W, segments, x.Dim(0))
}

// Role is Taps.
func (c *CausalConv) Role(string) Role { return Taps }

// Draw fills the taps from a normal distribution that keeps the variance of what
// passes. Each offset then has its own random pattern over the channels, by which
// attention can tell tokens of neighbouring places apart from the first step on;
// from the identity the taps on the past would have to grow first.
func (c *CausalConv) Draw(_ string, w *tensor.Tensor, key uint64) {
	w.FillNormal(key, float32(1/math.Sqrt(float64(w.Dim(0)))))
}
