package video

import (
	"math"

	"github.com/inkstone-ai/inkstone/nn"
	"github.com/inkstone-ai/inkstone/tensor"
)

// A cell is one layer: an LSTM whose products are convolutions,
//
//	i, f, g, o = W∗[x, h] + B
//	c' = σ(f)·c + σ(i)·tanh(g)
//	h' = σ(o)·tanh(c')
//
// that is, of Shi et al. 2015, equation 3, all but the peepholes W_ci, W_cf, W_co, for
// which a size of frames would be fixed.
type cell struct {
	W *tensor.Tensor `hf:"weight"` // (4C, taps, taps, in+C), gates in the order i, f, g, o
	B *tensor.Tensor `hf:"bias"`   // (4C)
}

// A state is a layer's output and memory, (B, h, w, C) each.
type state struct{ h, c *tensor.Tensor }

func newCell(in, width, taps int) cell {
	return cell{tensor.Declare(4*width, taps, taps, in+width), tensor.Declare(4 * width)}
}

// forward reads x (B, h, w, in).
func (l *cell) forward(x *tensor.Tensor, before state) state {
	C := l.B.Dim(0) / 4
	z := x.Concat(3, before.h).Conv2D(l.W, l.B, tensor.Square(1, l.W.Dim(1)/2)) // (B, h, w, 4C)
	g := z.Split(3, C, C, C, C)
	c := g[1].SigmoidMul(before.c).Add(g[0].SigmoidMul(g[2].Tanh()))
	return state{g[3].SigmoidMul(c.Tanh()), c}
}

// Role tells W from B.
func (l *cell) Role(field string) nn.Role {
	if field == "B" {
		return nn.Bias
	}
	return nn.Filter
}

// Draw fills W from a normal distribution whose sums have variance 1, and B with zeros, but ones of
// the forget gate, which starts open (Jozefowicz et al. 2015).
func (l *cell) Draw(field string, w *tensor.Tensor, key uint64) {
	if field != "B" {
		w.FillNormal(key, float32(math.Sqrt(float64(l.W.Dim(0))/float64(l.W.Len()))))
		return
	}
	b := make([]float32, w.Len())
	for i := len(b) / 4; i < len(b)/2; i++ {
		b[i] = 1
	}
	w.WriteFloats(b)
}
