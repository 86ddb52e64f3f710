package speech

import (
	"github.com/inkstone-ai/inkstone/nn"
	"github.com/inkstone-ai/inkstone/tensor"
)

// A stage is a 3 × 3 convolution over frames and filters with a step of 2 both ways, a norm of each
// frame and a ReLU: (B, T, M, C) to (B, ⌈T/2⌉, ⌈M/2⌉, C'). A norm over the batch would let the
// zeros behind short recordings count.
type stage struct {
	Conv nn.Conv2D    `hf:"conv"`
	Norm nn.LayerNorm `hf:"norm"`
}

// newStages declares the convolutions; features is M·C of the last one.
func newStages(c *Sound) (stages []stage, features int) {
	in, M := 1, c.Mels
	for _, out := range c.Channels {
		M = (M + 1) / 2
		stages = append(stages, stage{nn.NewConv2D(in, out, 3, tensor.Square(2, 1), false), nn.NewLayerNorm(M*out, 1e-5, true)})
		in = out
	}
	return stages, M * in
}

// forward makes frames zero that are none of their recording: the next convolution sees there what
// it sees beyond the end of the longest one.
func (g *stage) forward(s *tensor.Step, x *tensor.Tensor, lengths []int) *tensor.Tensor {
	x = g.Conv.Forward(x)
	B, T, M, C := x.Dim(0), x.Dim(1), x.Dim(2), x.Dim(3)
	x = g.Norm.Forward(x.Reshape(B*T, M*C)).ReLU()
	return x.Mul(s.Floats(inside(lengths, T), B*T, 1)).Reshape(B, T, M, C)
}

// inside is 1 for the frames of recordings, of T each, and 0 behind their ends.
func inside(lengths []int, T int) []float32 {
	mask := make([]float32, len(lengths)*T)
	for b, n := range lengths {
		for t := range n {
			mask[b*T+t] = 1
		}
	}
	return mask
}

// through runs stages over a batch: (B, T, F), with the frames of each recording that are left.
func through(s *tensor.Step, stages []stage, b Batch) (x *tensor.Tensor, lengths []int) {
	lengths = append(lengths, b.Lengths...)
	x = s.Floats(b.Frames, len(lengths), b.T(), b.Mels, 1)
	for i := range stages {
		for j, n := range lengths {
			lengths[j] = (n + 1) / 2
		}
		x = stages[i].forward(s, x, lengths)
	}
	return x.Reshape(x.Dim(0), x.Dim(1), x.Dim(2)*x.Dim(3)), lengths
}
