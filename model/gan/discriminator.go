package gan

import (
	"github.com/inkstone-ai/inkstone/nn"
	"github.com/inkstone-ai/inkstone/tensor"
)

// A Discriminator scores images, the real ones higher: convolutions with a leaky ReLU, each
// to half the rows and columns, with batch normalisation but in the first (Radford et al.
// 2015) or nowhere, then a linear score. With classes the score has the product of the
// image's features and the class's row of a table beside it (Miyato & Koyama 2018,
// arXiv:1802.05637; there features are summed over places, here each place has its own).
type Discriminator struct {
	Layers []down       `hf:"layers"`
	Score  nn.Linear    `hf:"score"`
	Class  nn.Embedding `hf:"class_embed"` // (K, F); no table without classes
}

// down halves the sides.
type down struct {
	Conv nn.Conv2D       `hf:"conv"`
	Norm *nn.BatchNorm2D `hf:"norm"` // nil: none
}

func newDiscriminator(c Config) (d Discriminator) {
	in := c.Channels
	for i, out := range c.Widths {
		d.Layers = append(d.Layers, newDown(in, out, c.Norm, c.Norm && i > 0))
		in = out
	}
	h, w := c.smallest()
	d.Score = nn.NewLinear(h*w*in, 1, true)
	if len(c.Classes) > 0 {
		d.Class = nn.NewEmbedding(len(c.Classes), h*w*in)
	}
	return d
}

// newDown starts a network that has norms with the deviation of Radford et al. 2015. One
// without them has nothing that would undo so small a scale, and starts as He et al. 2015.
func newDown(in, out int, small, norm bool) down {
	l := down{Conv: nn.NewConv2D(in, out, 4, halving, !norm)}
	if small {
		l.Conv.Std = nn.Std
	}
	if norm {
		n := nn.NewBatchNorm2D(out)
		l.Norm = &n
	}
	return l
}

// leak is the slope of the leaky ReLU below zero.
const leak = 0.2

// Forward returns scores (B) of images x (B, H, W, C), from 0 to 1, said to be of classes
// (B), nil where there are none. training says that norms go by the batch and remember it.
func (d *Discriminator) Forward(s *tensor.Step, x, classes *tensor.Tensor, training bool) *tensor.Tensor {
	x = x.Scale(2).AddScalar(-1)
	for i := range d.Layers {
		l := &d.Layers[i]
		if x = l.Conv.Forward(x); l.Norm != nil {
			x = l.Norm.Forward(s, x, training)
		}
		x = x.LeakyReLU(leak)
	}
	x = x.Reshape(x.Dim(0), d.Score.W.Dim(1)) // (B, F)
	score := d.Score.Forward(x).Reshape(-1)   // (B)
	if d.Class.W != nil {
		score = score.Add(x.Mul(d.Class.Forward(classes)).Sum(1))
	}
	return score
}
