package nn

import "github.com/inkstone-ai/inkstone/tensor"

// ConvStage is a stage of the form that Simonyan & Zisserman 2014, arXiv:1409.1556, made
// usual: a 3 × 3 convolution, batch normalisation, ReLU and, with Pool, the maximum of every
// 2 × 2.
type ConvStage struct {
	Conv Conv2D      `hf:"conv"`
	Norm BatchNorm2D `hf:"norm"`

	Pool bool
}

// NewConvStages declares stages of the widths given, each on the one before, the first on
// images (H, W, in). Stages halve the sides, rounded down, as long as both are above 1; h and w are
// what is left.
func NewConvStages(in, H, W int, widths []int) (stages []ConvStage, h, w int) {
	h, w = H, W
	for _, out := range widths {
		s := ConvStage{Conv: NewConv2D(in, out, 3, tensor.Square(1, 1), false), Norm: NewBatchNorm2D(out), Pool: h > 1 && w > 1}
		if s.Pool {
			h, w = h/2, w/2
		}
		in, stages = out, append(stages, s)
	}
	return stages, h, w
}

// Forward maps (B, H, W, C) to (B, H/2, W/2, C'), without Pool to (B, H, W, C').
func (g *ConvStage) Forward(s *tensor.Step, x *tensor.Tensor, training bool) *tensor.Tensor {
	if g.Pool {
		return g.Norm.ForwardReLUMax(s, g.Conv.Forward(x), training)
	}
	return g.Activations(s, x, training)
}

// Activations are those before the maximum, (B, H, W, C').
func (g *ConvStage) Activations(s *tensor.Step, x *tensor.Tensor, training bool) *tensor.Tensor {
	return g.Norm.ForwardReLU(s, g.Conv.Forward(x), training)
}
