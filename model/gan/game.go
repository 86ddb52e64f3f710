package gan

import (
	"math"

	"github.com/inkstone-ai/inkstone/nn"
	"github.com/inkstone-ai/inkstone/tensor"
)

// An Objective is what the two halves play for.
type Objective string

const (
	// NonSaturating is Goodfellow et al. 2014, section 3: the discriminator tells real from
	// generated, and the generator makes it say real.
	NonSaturating Objective = "non-saturating"
	// Wasserstein is Arjovsky et al. 2017, arXiv:1701.07875, with the gradient penalty of
	// Gulrajani et al. 2017, arXiv:1704.00028.
	Wasserstein Objective = "wasserstein"
)

// A Batch is what one turn of both halves is played on.
type Batch struct {
	Real    []float32 // (B, H, W, C), from 0 to 1
	Classes []int32   // (B), of Real, and asked for of the generator; nil: none
	Noise   []float32 // (B, Z)
	Other   []float32 // (B, Z), noise that must make other images of the same classes; nil: it need not
	Augment []float32 // (2B, 2), from 0 to 1, of the real images and of the generated ones: see [AugmentNumbers]; nil: none
	Mix     []float32 // (B), from 0 to 1: where between a real and a generated image the gradient is penalised; nil where it is not
}

// A Game plays the two halves of a model against each other.
type Game struct {
	model     *GAN
	objective Objective
	penalty   *penalty // nil: none
	seeking   float32
}

// SeekModes has the generator's loss fall with the distance of two images of a class, see Batch.Other, as
// Mao et al. 2019 (arXiv:1903.05628, section 3) have it, by weight times the logarithm of
// the mean distance of images over that of their noise. Their program has the inverse of that quotient in
// place of its negative logarithm, whose slope knows no scale: images that are black but for strokes are near
// each other, and all the same a little more of their distance should not count a thousand times as much.
func (g *Game) SeekModes(weight float64) { g.seeking = float32(weight) }

// NewGame returns a game for batches of B images on d. Wasserstein has a penalty of the
// weight given, 10 in its paper. Close ends the game.
func NewGame(d *tensor.Device, m *GAN, o Objective, rows int, weight float64) *Game {
	g := &Game{model: m, objective: o}
	if o == Wasserstein {
		g.penalty = newPenalty(d, m, rows, weight)
	}
	return g
}

// Close gives memory back and ends what the game froze.
func (g *Game) Close() {
	nn.Freeze(g.model, false)
	if g.penalty != nil {
		g.penalty.free()
	}
}

// DiscriminatorLoss is that of the discriminator, one number on s; the generator is a
// constant, though its norms remember the batch.
func (g *Game) DiscriminatorLoss(s *tensor.Step, b Batch) *tensor.Tensor {
	nn.Freeze(&g.model.Discriminator, false)
	d := &g.model.Discriminator
	var fake *tensor.Tensor
	s.NoGrad(func() { fake = s.Scope(func() *tensor.Tensor { return g.generate(s, b, b.Noise) }) })
	shape := g.model.Images()
	x := s.Floats(b.Real, fake.Dim(0), shape.H, shape.W, shape.C)
	real := d.Forward(s, augment(s, x, b.augment(0)), b.classes(s), true)    // (B)
	made := d.Forward(s, augment(s, fake, b.augment(1)), b.classes(s), true) // (B)
	if g.objective == NonSaturating {
		return real.Neg().Softplus().Mean().Add(made.Softplus().Mean())
	}
	return made.Mean().Sub(real.Mean()).Add(g.penalty.loss(s, mixed(b.Real, fake.Floats(), b.Mix), b.Classes))
}

// GeneratorLoss is that of the generator, one number on s; the discriminator is a constant
// until the next DiscriminatorLoss.
func (g *Game) GeneratorLoss(s *tensor.Step, b Batch) *tensor.Tensor {
	nn.Freeze(&g.model.Discriminator, true) // not for this function alone: Backward asks too
	x := g.generate(s, b, b.Noise)
	made := g.model.Discriminator.Forward(s, augment(s, x, b.augment(1)), b.classes(s), true) // (B)
	if b.Other == nil {
		return g.unmasked(made)
	}
	return g.unmasked(made).Sub(g.apart(s, x, b).Scale(g.seeking))
}

// unmasked is the generator's loss for the scores (B) of its images.
func (g *Game) unmasked(made *tensor.Tensor) *tensor.Tensor {
	if g.objective == NonSaturating {
		return made.Neg().Softplus().Mean()
	}
	return made.Mean().Neg()
}

// apart is the logarithm of the mean distance of images x and those of the batch's other noise, over that
// of the noise.
func (g *Game) apart(s *tensor.Step, x *tensor.Tensor, b Batch) *tensor.Tensor {
	noise := 0.0
	for i, z := range b.Noise {
		noise += math.Abs(float64(z)-float64(b.Other[i])) / float64(len(b.Noise))
	}
	const least = 1e-5 // of the paper; the logarithm of 0 has no slope
	return g.generate(s, b, b.Other).Sub(x).Abs().Mean().Scale(float32(1 / noise)).AddScalar(least).Log()
}

// generate makes images of a batch's classes, of noise (B, Z).
func (g *Game) generate(s *tensor.Step, b Batch, noise []float32) *tensor.Tensor {
	z := g.model.Latent()
	return g.model.Generator.Forward(s, s.Floats(noise, len(noise)/z, z), b.classes(s), true)
}

// augment are the numbers of chance of the real images, half 0, or of the generated ones, half 1.
func (b Batch) augment(half int) []float32 {
	if b.Augment == nil {
		return nil
	}
	n := len(b.Augment) / 2
	return b.Augment[half*n : (half+1)*n]
}

// classes are those of the batch, on s; nil: none.
func (b Batch) classes(s *tensor.Step) *tensor.Tensor {
	if b.Classes == nil {
		return nil
	}
	return s.Ints(b.Classes, len(b.Classes))
}

// mixed is part·a + (1 − part)·b for each image.
func mixed(a, b, part []float32) []float32 {
	x := make([]float32, len(a))
	one := len(a) / len(part)
	for i := range x {
		p := part[i/one]
		x[i] = p*a[i] + (1-p)*b[i]
	}
	return x
}
