package train

import (
	"fmt"
	"math"

	"github.com/inkstone-ai/inkstone/tensor"
)

// An Adversary makes training harder in a way that helps: it moves the embeddings
// of each batch to where the loss is larger, no further than Epsilon, and lets the
// update learn from there too. Small changes of the input then change the answer less.
// The zero value does nothing.
//
// Each batch is gone through Replays times in one update. Pass t adds noise δ_t to
// the embeddings x of each sequence:
//
//	δ_0 = 0    δ_{t+1} = Π(δ_t + α·g_t/‖g_t‖₂)    g_t = ∂L/∂x at x + δ_t
//
// where Π shortens to ‖δ‖₂ ≤ Epsilon, norms being those of a whole sequence, and the
// update has the mean of all passes' gradients.
//
//   - "fgm", two passes and α = ε: the clean batch and one step (Goodfellow et al. 2015,
//     arXiv:1412.6572; for text Miyato et al. 2017, arXiv:1605.07725, equation 5);
//   - "free", as many as asked for and α = 3/2·ε/(Replays−1): every pass teaches the
//     weights and aims the next (Shafahi et al. 2019, arXiv:1904.12843; for text
//     FreeLB, Zhu et al. 2020, arXiv:1909.11764);
//   - "virtual" looks at the answers rather than at the targets, see [Adversary.ArmVirtual].
type Adversary struct {
	Method  string  `json:"method,omitempty"`  // "fgm", "free" or "virtual"; "": none
	Epsilon float64 `json:"epsilon,omitempty"` // ε
	Replays int     `json:"replays,omitempty"` // of "free", at least 2. 0: 3
}

// Check refuses what is no adversary.
func (a Adversary) Check() error {
	switch {
	case a == Adversary{}:
	case a.Method != "fgm" && a.Method != "free" && a.Method != "virtual":
		return fmt.Errorf("adversarial method %q is none of fgm, free, virtual", a.Method)
	case !(a.Epsilon > 0) || math.IsInf(a.Epsilon, 0):
		return fmt.Errorf("adversarial epsilon %g is to be a number above 0: how far a sequence's embeddings are moved", a.Epsilon)
	case a.Method != "free" && a.Replays != 0:
		return fmt.Errorf("adversarial replays %d are of the method free; %s has two passes", a.Replays, a.Method)
	case a.Replays < 0 || a.Replays == 1 || a.Replays > maxMicro:
		return fmt.Errorf("adversarial replays %d are to be 2 or more", a.Replays)
	}
	return nil
}

// Passes is how often a batch is gone through: 1 without a method.
func (a Adversary) Passes() int {
	switch {
	case a.Method == "":
		return 1
	case a.Method != "free":
		return 2
	case a.Replays == 0:
		return 3
	}
	return a.Replays
}

// Share is what the weights of a pass's loss are multiplied by, so that those of all
// passes of an update add up to what those of one would: 1/Passes, and 1 of the virtual
// method, whose passes have losses of their own.
func (a Adversary) Share() float32 {
	if a.Method == "virtual" {
		return 1
	}
	return 1 / float32(a.Passes())
}

// taped is how many passes stand on the tape of a micro batch.
func (a Adversary) taped() int64 {
	if a.Method == "virtual" {
		return 2
	}
	return 1
}

// work is how often an update computes what it would compute without an adversary: of a
// virtual one three passes there and back, and one, a third of such, only there.
func (a Adversary) work() float64 {
	if a.Method == "virtual" {
		return 3 + 1./3
	}
	return float64(a.Passes())
}

// noise is the bytes of what an adversary of models of width channels adds, and of its
// gradient; see [Adversary.Arm].
func (l Load) noise(width int) int64 {
	rows := l.tokens()
	if l.Longest > 0 {
		rows = 2 * int64(l.Rows) * int64(l.Longest)
	}
	if l.Adversary.Method == "" {
		return 0
	}
	return 2 * 4 * rows * int64(width)
}

// rate is α.
func (a Adversary) rate() float64 {
	if a.Method == "fgm" {
		return a.Epsilon
	}
	return 1.5 * a.Epsilon / float64(a.Passes()-1)
}

// Arm gives the adversary to a stepper, whose Loss computes on the inputs' passes, models
// of width channels: its micro batches are multiplied by Passes, each of which calls Loss
// with the same numbers, and [nn.Pass.Noise] is what the adversary made of the passes
// before. The weights of Loss must allow for it, see [Adversary.Share].
//
// States that a pass's [nn.Carry] keeps go on from a batch's first pass, the clean one;
// all its passes begin with the same.
//
// disarm frees the noise; call it when the run is over.
func (a Adversary) Arm(s *Stepper, d *tensor.Device, width int, inputs ...Input) (disarm func()) {
	n := a.Passes()
	if n == 1 {
		return func() {}
	}
	noise, loss := newNoise(d, width, inputs), s.Loss
	s.Micro = s.micro() * n
	s.Loss = func(step *tensor.Step, index, micro int) (*tensor.Tensor, error) {
		first := micro%n == 0
		if first {
			noise.clear()
		} else {
			noise.each(a.move)
		}
		noise.show(!first)
		return loss(step, index, micro/n)
	}
	return noise.free
}

// move is a step of one sequence along its gradient. A gradient of zero says nothing, and
// moves nothing.
func (a Adversary) move(delta, grad []float32) {
	length := norm(grad)
	if length == 0 {
		return
	}
	for i, g := range grad {
		delta[i] += float32(a.rate() * float64(g) / length)
	}
	if norm(delta) > a.Epsilon {
		stretch(delta, a.Epsilon)
	}
}
