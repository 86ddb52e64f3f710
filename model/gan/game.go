package gan

import (
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
	Mix     []float32 // (B), from 0 to 1: where between a real and a generated image the gradient is penalised; nil where it is not
}

// A Game plays the two halves of a model against each other.
type Game struct {
	model     *GAN
	objective Objective
	penalty   *penalty // nil: none
}

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
	s.NoGrad(func() { fake = s.Scope(func() *tensor.Tensor { return g.generate(s, b) }) })
	shape := g.model.Images()
	x := s.Floats(b.Real, fake.Dim(0), shape.H, shape.W, shape.C)
	real, made := d.Forward(s, x, b.classes(s), true), d.Forward(s, fake, b.classes(s), true) // (B)
	if g.objective == NonSaturating {
		return real.Neg().Softplus().Mean().Add(made.Softplus().Mean())
	}
	return made.Mean().Sub(real.Mean()).Add(g.penalty.loss(s, mixed(b.Real, fake.Floats(), b.Mix), b.Classes))
}

// GeneratorLoss is that of the generator, one number on s; the discriminator is a constant
// until the next DiscriminatorLoss.
func (g *Game) GeneratorLoss(s *tensor.Step, b Batch) *tensor.Tensor {
	nn.Freeze(&g.model.Discriminator, true)                                        // not for this function alone: Backward asks too
	made := g.model.Discriminator.Forward(s, g.generate(s, b), b.classes(s), true) // (B)
	if g.objective == NonSaturating {
		return made.Neg().Softplus().Mean()
	}
	return made.Mean().Neg()
}

// generate makes a batch's images.
func (g *Game) generate(s *tensor.Step, b Batch) *tensor.Tensor {
	z := g.model.Latent()
	return g.model.Generator.Forward(s, s.Floats(b.Noise, len(b.Noise)/z, z), b.classes(s), true)
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
