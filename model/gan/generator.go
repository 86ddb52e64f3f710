package gan

import (
	"github.com/inkstone-ai/inkstone/nn"
	"github.com/inkstone-ai/inkstone/tensor"
)

// A Generator makes images of noise: a linear map to the smallest layer (h, w, C), then
// transposed convolutions, each to twice the rows and columns, with batch normalisation and
// ReLU between them, and a sigmoid, the tanh of Radford et al. 2015 moved to pixels from 0
// to 1. The class's row of a table stands beside the noise (Mirza & Osindero 2014,
// arXiv:1411.1784).
type Generator struct {
	Class  nn.Embedding       `hf:"class_embed"` // (K, E); no table without classes
	Start  nn.Linear          `hf:"start"`
	Norm   nn.BatchNorm2D     `hf:"norm"`
	Layers []up               `hf:"layers"`
	Out    nn.ConvTranspose2D `hf:"out"`

	h, w int
}

// up doubles the sides.
type up struct {
	Conv nn.ConvTranspose2D `hf:"conv"`
	Norm nn.BatchNorm2D     `hf:"norm"`
}

func newGenerator(c Config) Generator {
	last := len(c.Widths) - 1
	g := Generator{Norm: nn.NewBatchNorm2D(c.Widths[last])}
	g.h, g.w = c.smallest()
	in := c.Latent
	if len(c.Classes) > 0 {
		g.Class = nn.NewEmbedding(len(c.Classes), c.ClassWidth)
		g.Class.Std = 1 // as the noise beside it
		in += c.ClassWidth
	}
	g.Start = nn.NewLinear(in, g.h*g.w*c.Widths[last], false)
	for i := last; i > 0; i-- {
		g.Layers = append(g.Layers, up{spread(c.Widths[i], c.Widths[i-1], false), nn.NewBatchNorm2D(c.Widths[i-1])})
	}
	g.Out = spread(c.Widths[0], c.Channels, true)
	return g
}

// spread is a transposed convolution with the deviation of Radford et al. 2015.
func spread(in, out int, bias bool) nn.ConvTranspose2D {
	c := nn.NewConvTranspose2D(in, out, 4, halving, bias)
	c.Std = nn.Std
	return c
}

// Forward returns images (B, H, W, C), from 0 to 1, of noise (B, Z), normal numbers, and
// classes (B), nil where there are none. training says that norms go by the batch and
// remember it.
func (g *Generator) Forward(s *tensor.Step, noise, classes *tensor.Tensor, training bool) *tensor.Tensor {
	x := noise
	if g.Class.W != nil {
		x = x.Concat(1, g.Class.Forward(classes)) // (B, Z+E)
	}
	x = g.Start.Forward(x).Reshape(noise.Dim(0), g.h, g.w, g.Norm.W.Len()) // (B, h, w, C)
	x = g.Norm.Forward(s, x, training).ReLU()
	for i := range g.Layers {
		l := &g.Layers[i]
		x = l.Norm.Forward(s, l.Conv.Forward(x), training).ReLU() // (B, 2h, 2w, C/2) …
	}
	return g.Out.Forward(x).Sigmoid() // (B, H, W, C)
}
