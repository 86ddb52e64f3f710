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

// A state is a layer's, (B, h, w, 2C), and its first half, the output.
type state struct{ whole, h *tensor.Tensor }

// newState is that of C channels before the first frame.
func newState(s *tensor.Step, B, h, w, C int) state {
	zeros := s.Zeros(B, h, w, 2*C)
	return state{zeros, zeros.Slice(3, 0, C)}
}

func newCell(in, width, taps int) cell {
	return cell{tensor.Declare(4*width, taps, taps, in+width), tensor.Declare(4 * width)}
}

// forward reads x (B, h, w, in).
func (l *cell) forward(x *tensor.Tensor, before state) state {
	whole := x.ConvRecurrent(tensor.LSTMCell, l.W, l.B, before.whole, tensor.Square(1, l.W.Dim(1)/2))
	return state{whole, whole.Slice(3, 0, l.B.Dim(0)/4)}
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
