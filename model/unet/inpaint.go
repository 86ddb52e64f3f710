package unet

import (
	"github.com/inkstone-ai/inkstone/tensor"
)

// Inpaint fills holes in pictures from what is around them (Pathak et al. 2016,
// arXiv:1604.07379). It reads a picture without its hole, and the hole as one channel more.
type Inpaint struct {
	Network UNet `hf:"network"`

	config Config
}

// NewInpaint returns an Inpaint whose weights have shapes but no values yet.
//
// Errors: a dimension that is absent or absurd; a side that 2 does not divide once less than
// there are levels; a discriminator.
func NewInpaint(c Config) (*Inpaint, error) {
	if err := c.check("inpaint"); err != nil {
		return nil, err
	}
	return &Inpaint{newUNet(c.Channels+1, c.Channels, c.Widths), c}, nil
}

// Forward returns pictures (B, H, W, C) of pixels from 0 to 1, whole ones: those of x, as the
// network has them, beside those of the holes. Holes (B, H, W, 1) are 1 where x (B, H, W, C)
// is not known; what x has there does not matter. training says that norms go by the batch
// and remember it.
func (m *Inpaint) Forward(s *tensor.Step, x, holes *tensor.Tensor, training bool) *tensor.Tensor {
	return m.logits(s, x, holes, training).Sigmoid()
}

func (m *Inpaint) logits(s *tensor.Step, x, holes *tensor.Tensor, training bool) *tensor.Tensor {
	known := x.Mul(holes.Neg().AddScalar(1))
	return m.Network.Logits(s, known.Concat(3, holes), training)
}

// rim is how many pixels around a hole the loss goes by as well, so that what fills it fits
// to them.
const rim = 2

// Loss is the mean squared error over the pixels of the holes and of a rim of two pixels
// around them, one number on s, in training. Pathak et al. weigh a rim of 7 of their 227
// pixels tenfold; there the two losses of a pixel have one weight.
func (m *Inpaint) Loss(s *tensor.Step, x, holes *tensor.Tensor) *tensor.Tensor {
	made := m.Forward(s, x, holes, true) // (B, H, W, C)
	var weights *tensor.Tensor           // (B, H, W, 1)
	s.NoGrad(func() {
		weights = holes.MaxPool(2*rim+1, 2*rim+1, tensor.Square(1, rim))
		weights = weights.Scale(1 / max(1, weights.Sum().Item()*float32(m.config.Channels)))
	})
	return made.Sub(x).Square().Mul(weights).Sum()
}
