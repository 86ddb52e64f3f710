package gan

import (
	"math"

	"github.com/inkstone-ai/inkstone/nn"
	"github.com/inkstone-ai/inkstone/tensor"
)

// The gradient penalty of Gulrajani et al. 2017 is λ/B·Σ (|g| − 1)², g the gradient of the
// score by an image x. Its gradient by the weights θ is Σ c·∂(u·g)/∂θ with the direction
// u = g/|g| and c = 2λ(|g| − 1)/B, both constants. So a pass and its Backward find g, and
// u·g, the slope of the score along u, is a loss of its own: the score of a discriminator
// without norms is linear between the kinks of its leaky ReLUs, so the slope is the same
// network on u, without biases, each unit scaled as x has it. Its gradient is the one that
// a second-order tape would give, to the last digit; a tape of first order is enough.
//
// A central difference, (D(x + δu) − D(x − δu))/2δ, would do without the second network. It
// is right but where a kink lies between the two, and of hundreds of units one always is.

// A penalty is that of a game.
type penalty struct {
	model  *GAN
	weight float64 // λ
	step   *tensor.Step
	x      *tensor.Tensor // (B, H, W, C)
}

func newPenalty(d *tensor.Device, m *GAN, rows int, weight float64) *penalty {
	i := m.Images()
	x := tensor.New(d, rows, i.H, i.W, i.C)
	x.SetName("penalised images")
	x.SetTrainable(true)
	return &penalty{m, weight, tensor.NewStep(d, tensor.StepOptions{Grad: true}), x}
}

func (p *penalty) free() {
	p.step.Close()
	p.x.Free()
}

// loss returns a number on s whose value is the penalty at images (B, H, W, C) of classes,
// and whose gradient by the discriminator's weights is the penalty's.
func (p *penalty) loss(s *tensor.Step, images []float32, classes []int32) *tensor.Tensor {
	r := directions(p.gradient(images, classes), p.x.Dim(0), p.weight)
	shape := p.x.Shape()
	slope := p.model.Discriminator.slope(s, s.Floats(images, shape...), s.Floats(r.u, shape...), Batch{Classes: classes}.classes(s)) // (B)
	loss := slope.Mul(s.Floats(r.c, len(r.c))).Sum()
	return loss.AddScalar(float32(r.penalty) - loss.Item())
}

// gradient is that of the score by each of images (B, H, W, C).
func (p *penalty) gradient(images []float32, classes []int32) []float32 {
	d := &p.model.Discriminator
	nn.Freeze(d, true)
	defer nn.Freeze(d, false)
	p.x.WriteFloats(images)
	p.x.ZeroGrad()
	p.step.Begin(0)
	p.step.Backward(d.Forward(p.step, p.step.Use(p.x), Batch{Classes: classes}.classes(p.step), true).Sum())
	return p.x.Grad().Floats()
}

// slope returns how fast the scores of x rise along u, both (B, H, W, C): (B). The units
// that x turns on are constants. There are no norms.
func (d *Discriminator) slope(s *tensor.Step, x, u, classes *tensor.Tensor) *tensor.Tensor {
	x, u = x.Scale(2).AddScalar(-1), u.Scale(2)
	for i := range d.Layers {
		c := &d.Layers[i].Conv
		var on *tensor.Tensor
		s.NoGrad(func() {
			x = c.Forward(x)
			on = x.Greater(s.Full(0, 1)).Where(s.Full(1, 1), s.Full(leak, 1))
			x = x.LeakyReLU(leak)
		})
		u = u.Conv2D(c.W, nil, c.Window).Mul(on)
	}
	u = u.Reshape(u.Dim(0), d.Score.W.Dim(1)) // (B, F)
	rise := u.Linear(d.Score.W, nil).Reshape(-1)
	if d.Class.W != nil {
		rise = rise.Add(u.Mul(d.Class.Forward(classes)).Sum(1))
	}
	return rise
}

// penalised is what the penalty makes of gradients.
type penalised[F float32 | float64] struct {
	penalty float64
	u       []F // (B, …)
	c       []F // (B)
}

// directions divides each of B gradients by its norm, in place. One of zeros has no
// direction, and gets none.
func directions[F float32 | float64](g []F, B int, weight float64) penalised[F] {
	r := penalised[F]{u: g}
	for i := range B {
		one := g[i*len(g)/B : (i+1)*len(g)/B]
		sum := 0.0
		for _, v := range one {
			sum += float64(v) * float64(v)
		}
		norm := math.Sqrt(sum)
		r.penalty += weight * (norm - 1) * (norm - 1) / float64(B)
		r.c = append(r.c, F(2*weight*(norm-1)/float64(B)))
		for j := range one {
			one[j] = F(float64(one[j]) / max(norm, math.SmallestNonzeroFloat64))
		}
	}
	return r
}
