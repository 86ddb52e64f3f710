package nn

import (
	"math"

	"github.com/inkstone-ai/inkstone/tensor"
)

// Blocks of models of images (B, H, W, C): batch, height, width, channels. Files order
// the dimensions as PyTorch does, see model.ImportImages.

// Conv2D is a convolution: y[b, o at (y, x)] = Σ W[o, tap, c]·x[b, pixel under tap, c] + B[o].
type Conv2D struct {
	W *tensor.Tensor `hf:"weight"` // (out, KH, KW, in)
	B *tensor.Tensor `hf:"bias"`   // (out), nil without a bias

	Window tensor.Window
	Std    float32 // of Init's normal distribution; 0: √(2/taps), after He et al. 2015, arXiv:1502.01852
}

// NewConv2D declares a convolution of taps × taps from in to out channels.
func NewConv2D(in, out, taps int, w tensor.Window, bias bool) Conv2D {
	c := Conv2D{W: tensor.Declare(out, taps, taps, in), Window: w}
	if bias {
		c.B = tensor.Declare(out)
	}
	return c
}

// Forward convolves x (B, H, W, in) to (B, OH, OW, out).
func (c *Conv2D) Forward(x *tensor.Tensor) *tensor.Tensor { return x.Conv2D(c.W, c.B, c.Window) }

// Role tells W from B.
func (c *Conv2D) Role(field string) Role { return filterRole(field) }

// Draw fills W from a normal distribution and B with zeros.
func (c *Conv2D) Draw(field string, w *tensor.Tensor, key uint64) {
	drawFilter(field, w, key, c.Std, c.W.Len()/c.W.Dim(0))
}

// ConvTranspose2D is a transposed convolution: each pixel is spread under the window.
type ConvTranspose2D struct {
	W *tensor.Tensor `hf:"weight"` // (in, KH, KW, out)
	B *tensor.Tensor `hf:"bias"`   // (out), nil without a bias

	Window tensor.Window
	More   [2]int  // rows and columns of output that a stride leaves over
	Std    float32 // of Init's normal distribution; 0: √(2/taps that meet in a pixel)
}

// NewConvTranspose2D declares a transposed convolution of taps × taps.
func NewConvTranspose2D(in, out, taps int, w tensor.Window, bias bool) ConvTranspose2D {
	c := ConvTranspose2D{W: tensor.Declare(in, taps, taps, out), Window: w}
	if bias {
		c.B = tensor.Declare(out)
	}
	return c
}

// Forward spreads x (B, H, W, in) to (B, OH, OW, out).
func (c *ConvTranspose2D) Forward(x *tensor.Tensor) *tensor.Tensor {
	return x.ConvTranspose2D(c.W, c.B, c.Window, c.More)
}

// Role tells W from B.
func (c *ConvTranspose2D) Role(field string) Role { return filterRole(field) }

// Draw fills W from a normal distribution and B with zeros.
func (c *ConvTranspose2D) Draw(field string, w *tensor.Tensor, key uint64) {
	meet := c.W.Len() / c.W.Dim(3) / max(1, c.Window.Stride[0]*c.Window.Stride[1])
	drawFilter(field, w, key, c.Std, meet)
}

func filterRole(field string) Role {
	if field == "B" {
		return Bias
	}
	return Filter
}

func drawFilter(field string, w *tensor.Tensor, key uint64, std float32, taps int) {
	switch {
	case field == "B":
		w.Fill(0)
	case std != 0:
		w.FillNormal(key, std)
	default:
		w.FillNormal(key, float32(math.Sqrt(2/float64(taps))))
	}
}

// BatchNorm2D normalises each channel: in training by the batch's mean and variance, else
// by running averages of them (Ioffe & Szegedy 2015, arXiv:1502.03167).
type BatchNorm2D struct {
	W    *tensor.Tensor `hf:"weight"`       // (C)
	B    *tensor.Tensor `hf:"bias"`         // (C)
	Mean *tensor.Tensor `hf:"running_mean"` // (C), no gradient trains it
	Var  *tensor.Tensor `hf:"running_var"`  // (C), unbiased

	Eps, Momentum float32 // of the newest batch in the running averages
}

// NewBatchNorm2D declares a norm over the channels given, with PyTorch's ε of 1e-5 and
// momentum of 0.1.
func NewBatchNorm2D(channels int) BatchNorm2D {
	row := func() *tensor.Tensor { return tensor.Declare(channels) }
	return BatchNorm2D{W: row(), B: row(), Mean: row(), Var: row(), Eps: 1e-5, Momentum: 0.1}
}

// Forward normalises x (B, H, W, C) on s. With training it moves the running averages.
func (n *BatchNorm2D) Forward(s *tensor.Step, x *tensor.Tensor, training bool) *tensor.Tensor {
	if !training {
		scale := s.Use(n.Var).AddScalar(n.Eps).Rsqrt().Mul(n.W) // (C)
		return x.Mul(scale).Add(s.Use(n.B).Sub(scale.Mul(n.Mean)))
	}
	y, moments := x.BatchNorm(n.W, n.B, n.Eps)
	n.follow(moments.Floats(), float32(x.Len()/x.Dim(-1)))
	return y
}

// ForwardReLU is Forward and a ReLU after it, in training in the same passes over memory.
func (n *BatchNorm2D) ForwardReLU(s *tensor.Step, x *tensor.Tensor, training bool) *tensor.Tensor {
	if !training {
		return n.Forward(s, x, false).ReLU()
	}
	y, moments := x.BatchNormReLU(n.W, n.B, n.Eps)
	n.follow(moments.Floats(), float32(x.Len()/x.Dim(-1)))
	return y
}

// ForwardReLUMax is ForwardReLU and the largest in each square of 2 × 2 pixels, in training in the
// same passes over memory.
func (n *BatchNorm2D) ForwardReLUMax(s *tensor.Step, x *tensor.Tensor, training bool) *tensor.Tensor {
	if !training {
		return n.ForwardReLU(s, x, false).MaxPool(2, 2, tensor.Square(2, 0))
	}
	y, moments := x.BatchNormReLUMax(n.W, n.B, n.Eps)
	n.follow(moments.Floats(), float32(x.Len()/x.Dim(-1)))
	return y
}

// follow moves the averages towards the moments (C, 2) of a batch of so many pixels.
func (n *BatchNorm2D) follow(moments []float32, pixels float32) {
	mean, variance := n.Mean.Floats(), n.Var.Floats()
	for c := range mean {
		m, r := moments[2*c], moments[2*c+1]
		v := 1/(r*r) - n.Eps
		mean[c] += n.Momentum * (m - mean[c])
		variance[c] += n.Momentum * (v*pixels/max(1, pixels-1) - variance[c])
	}
	n.Mean.WriteFloats(mean)
	n.Var.WriteFloats(variance)
}

// Role tells the four apart.
func (n *BatchNorm2D) Role(field string) Role {
	if field == "Mean" || field == "Var" {
		return Running
	}
	return normRole(field)
}

// Draw starts as the identity.
func (n *BatchNorm2D) Draw(field string, w *tensor.Tensor, _ uint64) {
	if field == "B" || field == "Mean" {
		w.Fill(0)
		return
	}
	w.Fill(1)
}

// GroupNorm normalises groups of channels of each image by themselves (Wu & He 2018,
// arXiv:1803.08494).
type GroupNorm struct {
	W *tensor.Tensor `hf:"weight"` // (C)
	B *tensor.Tensor `hf:"bias"`   // (C)

	Groups int
	Eps    float32
}

// NewGroupNorm declares a norm over so many groups of channels.
func NewGroupNorm(groups, channels int) GroupNorm {
	return GroupNorm{W: tensor.Declare(channels), B: tensor.Declare(channels), Groups: groups, Eps: 1e-5}
}

// Forward normalises x (B, H, W, C).
func (n *GroupNorm) Forward(x *tensor.Tensor) *tensor.Tensor {
	return x.GroupNorm(n.Groups, n.W, n.B, n.Eps)
}

// Role tells W from B.
func (n *GroupNorm) Role(field string) Role { return normRole(field) }

// Draw fills W with ones and B with zeros.
func (n *GroupNorm) Draw(field string, w *tensor.Tensor, _ uint64) { drawNorm(field, w) }
