package train

import (
	"errors"

	"github.com/inkstone-ai/inkstone/tensor"
)

// An Answer is what a model says of a batch: logits (R, V) of the rows that count, and
// what they are measured by.
type Answer struct {
	Logits  *tensor.Tensor
	Targets *tensor.Tensor // (R) int32
	Weights *tensor.Tensor // (R), of the mean over an update they add up to 1

	Smoothing float32 // of the labels in the clean loss, see [tensor.CEOptions]
}

// ArmVirtual trains s against the change of the embeddings x that changes the answers
// most, whatever the targets say (Miyato et al. 2018, arXiv:1704.03976; for text 2017,
// arXiv:1605.07725, equations 6 to 8):
//
//	g = ∂KL(p(x) ‖ p(x + ξ·d))/∂x    r = ε·g/‖g‖₂    L = CE(x) + KL(p(x) ‖ p(x + r))
//
// with a random direction d, one step of the power method, and p(x) in KL constant; KL
// is a mean over rows with their weights. ξ is ε/10, which float32 still resolves.
//
// answer computes on the inputs' passes, as Loss does in [Adversary.Arm]; it is called
// twice for a batch, so the logits of its rows are whole in memory twice. A stepper of
// several micro batches is an error, for the search for r must leave no gradient of weights
// behind. seed keys d.
func (a Adversary) ArmVirtual(s *Stepper, d *tensor.Device, width int, seed uint64,
	answer func(step *tensor.Step, index int) (Answer, error), inputs ...Input) (disarm func(), err error) {
	if s.micro() != 1 {
		return nil, errors.New("train: virtual adversarial training takes one micro batch an update")
	}
	v := &virtual{Adversary: a, stepper: s, noise: newNoise(d, width, inputs), seed: seed, answer: answer}
	s.Micro = 2
	s.Loss = func(step *tensor.Step, index, micro int) (*tensor.Tensor, error) {
		if micro == 0 {
			return v.search(step, index)
		}
		return v.learn(step, index)
	}
	return v.noise.free, nil
}

type virtual struct {
	Adversary
	stepper *Stepper
	noise   *noise
	seed    uint64
	answer  func(step *tensor.Step, index int) (Answer, error)
}

// search is the divergence at x + ξ·d, whose gradient is g.
func (v *virtual) search(step *tensor.Step, index int) (*tensor.Tensor, error) {
	clean, err := v.constant(step, index)
	if err != nil {
		return nil, err
	}
	v.noise.draw(v.seed ^ uint64(index)*0x9e3779b97f4a7c15)
	v.noise.each(func(delta, _ []float32) { stretch(delta, v.Epsilon/10) })
	return v.divergence(step, index, clean)
}

// constant are the log-probabilities of the clean batch, without a tape: the batch's
// first pass.
func (v *virtual) constant(step *tensor.Step, index int) (logp *tensor.Tensor, err error) {
	v.noise.hide(false)
	step.NoGrad(func() {
		var a Answer
		if a, err = v.answer(step, index); err == nil {
			logp = a.Logits.LogSoftmax()
		}
	})
	return logp, err
}

// learn is the loss of the clean batch and the divergence at x + r. What the search
// left in the weights' gradients is no gradient of the loss.
func (v *virtual) learn(step *tensor.Step, index int) (*tensor.Tensor, error) {
	v.stepper.params(func(p Param) { p.trained().ZeroGrad() })
	v.noise.each(func(delta, grad []float32) {
		copy(delta, grad)
		stretch(delta, v.Epsilon)
	})
	v.noise.hide(true)
	a, err := v.answer(step, index)
	if err != nil {
		return nil, err
	}
	loss := a.Logits.CrossEntropy(a.Targets, tensor.CEOptions{Smoothing: a.Smoothing}).Mul(a.Weights).Sum()
	kl, err := v.divergence(step, index, a.Logits.Detach().LogSoftmax())
	if err != nil {
		return nil, err
	}
	return loss.Add(kl), nil
}

// divergence is the mean of KL(p ‖ q) over rows, with log p given and q of the batch
// with noise.
func (v *virtual) divergence(step *tensor.Step, index int, logp *tensor.Tensor) (*tensor.Tensor, error) {
	v.noise.show(true)
	a, err := v.answer(step, index)
	if err != nil {
		return nil, err
	}
	rows := logp.Exp().Mul(logp.Sub(a.Logits.LogSoftmax())).Sum(1) // (R)
	return rows.Mul(a.Weights).Sum(), nil
}
