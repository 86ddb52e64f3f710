package unet

import (
	"github.com/inkstone-ai/inkstone/nn"
	"github.com/inkstone-ai/inkstone/tensor"
)

// Pix2Pix turns pictures of one kind into those of another, learned from pairs (Isola et al.
// 2017, arXiv:1611.07004). Where there is a discriminator, training plays against it. There
// is no noise: the paper's dropout changed its pictures little.
type Pix2Pix struct {
	Generator     UNet           `hf:"generator"`
	Discriminator *Discriminator `hf:"discriminator"` // nil: none

	config Config
}

// NewPix2Pix returns a Pix2Pix whose weights have shapes but no values yet.
//
// Errors: a dimension that is absent or absurd; a side that 2 does not divide once less than
// there are levels; a discriminator with more layers than halvings of a picture.
func NewPix2Pix(c Config) (*Pix2Pix, error) {
	if err := c.check("pix2pix"); err != nil {
		return nil, err
	}
	m := &Pix2Pix{Generator: newUNet(c.Channels, c.Channels, c.Widths), config: c}
	if len(c.Judges) > 0 {
		m.Discriminator = newDiscriminator(2*c.Channels, c.Judges)
	}
	return m, nil
}

// Forward returns pictures (B, H, W, C) of the other kind, pixels from 0 to 1, of x of the
// same shape. training says that norms go by the batch and remember it.
func (m *Pix2Pix) Forward(s *tensor.Step, x *tensor.Tensor, training bool) *tensor.Tensor {
	return m.Generator.Logits(s, x, training).Sigmoid()
}

// A Discriminator scores patches of pairs of pictures (PatchGAN), the real ones higher: layers
// of a 4 × 4 convolution, each to half the rows and columns, with batch normalisation but in
// the first and a leaky ReLU; then a score of each place.
type Discriminator struct {
	Layers []half    `hf:"layers"`
	Score  nn.Conv2D `hf:"score"`
}

// half halves the sides.
type half struct {
	Conv nn.Conv2D       `hf:"conv"`
	Norm *nn.BatchNorm2D `hf:"norm"` // nil: none
}

func newDiscriminator(in int, widths []int) *Discriminator {
	d := &Discriminator{}
	for i, out := range widths {
		l := half{Conv: nn.NewConv2D(in, out, 4, tensor.Square(2, 1), i == 0)}
		if i > 0 {
			n := nn.NewBatchNorm2D(out)
			l.Norm = &n
		}
		l.Conv.Std = nn.Std
		d.Layers, in = append(d.Layers, l), out
	}
	d.Score = nn.NewConv2D(in, 1, 4, tensor.Square(1, 1), true)
	d.Score.Std = nn.Std
	return d
}

// leak is the slope of the leaky ReLU below zero.
const leak = 0.2

// Forward returns a score for each place, (B, h, w, 1), of pictures a of the first kind with
// b of the second, both (B, H, W, C). training says that norms go by the batch and remember
// it.
func (d *Discriminator) Forward(s *tensor.Step, a, b *tensor.Tensor, training bool) *tensor.Tensor {
	x := a.Concat(3, b).AddScalar(-0.5).Scale(2) // (B, H, W, 2C)
	for i := range d.Layers {
		l := &d.Layers[i]
		if x = l.Conv.Forward(x); l.Norm != nil {
			x = l.Norm.Forward(s, x, training)
		}
		x = x.LeakyReLU(leak)
	}
	return d.Score.Forward(x)
}

// DiscriminatorLoss is that of the discriminator on pairs (B, H, W, C), one number on s, half
// of what tells real from made ones as the paper has it; the generator is a constant, though
// its norms remember the batch.
func (m *Pix2Pix) DiscriminatorLoss(s *tensor.Step, a, b *tensor.Tensor) *tensor.Tensor {
	nn.Freeze(m.Discriminator, false)
	var fake *tensor.Tensor
	s.NoGrad(func() { fake = s.Scope(func() *tensor.Tensor { return m.Forward(s, a, true) }) })
	real, made := m.Discriminator.Forward(s, a, b, true), m.Discriminator.Forward(s, a, fake, true)
	return real.Neg().Softplus().Mean().Add(made.Softplus().Mean()).Scale(0.5)
}

// GeneratorLoss is that of the generator on pairs (B, H, W, C), one number on s: weight times
// the mean absolute error (λ·L1, 100 in the paper) and, where there is a discriminator, that
// it takes what is made for real. The discriminator is a constant until the next
// DiscriminatorLoss.
func (m *Pix2Pix) GeneratorLoss(s *tensor.Step, a, b *tensor.Tensor, weight float32) *tensor.Tensor {
	made := m.Forward(s, a, true)
	loss := made.Sub(b).Abs().Mean().Scale(weight)
	if m.Discriminator == nil {
		return loss
	}
	nn.Freeze(m.Discriminator, true) // not for this function alone: Backward asks too
	return loss.Add(m.Discriminator.Forward(s, a, made, true).Neg().Softplus().Mean())
}

// EndGame thaws what GeneratorLoss froze.
func (m *Pix2Pix) EndGame() {
	if m.Discriminator != nil {
		nn.Freeze(m.Discriminator, false)
	}
}
