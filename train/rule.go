package train

import (
	"math"

	"github.com/inkstone-ai/inkstone/tensor"
)

// A Rule is how an optimizer turns a gradient into an update. It is a value
// without state of its own: what it keeps for a parameter lies in slots that
// the run owns, allocates zeroed and stores in checkpoints. In every rule here a field
// that is 0 takes the default its comment gives.
type Rule interface {
	// Slots names the tensors kept for each parameter, of the parameter's shape.
	Slots() []string
	// Update changes w by one step from w.Grad(), and slots with it. s serves for
	// scratch memory: a rule may begin it anew.
	Update(s *tensor.Step, w *tensor.Tensor, slots []*tensor.Tensor, h Hyper)
}

// Hyper is what changes from step to step.
type Hyper struct {
	Step  int     // t, from 1
	LR    float64 // learning rate at this step
	Decay float64 // weight decay of the group
	Scale float64 // multiplies the gradient first: clipping
}

// AdamW is Adam with decoupled weight decay (Loshchilov & Hutter 2017,
// arXiv:1711.05101, algorithm 2):
//
//	m = β₁m + (1−β₁)g    v = β₂v + (1−β₂)g²
//	w = w − lr·λ·w − lr·(m/(1−β₁ᵗ)) / (√(v/(1−β₂ᵗ)) + ε)
type AdamW struct {
	Beta1 float64 // 0.9
	Beta2 float64 // 0.999; language models often take 0.95 (Brown et al. 2020, appendix B)
	Eps   float64 // 1e-8
}

// Adam is Kingma & Ba 2014, arXiv:1412.6980, algorithm 1; its decay is an L2
// penalty, added to the gradient.
type Adam AdamW

// Slots returns the first and the second moment.
func (AdamW) Slots() []string { return []string{"m", "v"} }

// Slots returns the first and the second moment.
func (Adam) Slots() []string { return []string{"m", "v"} }

// Update makes one step of AdamW.
func (a AdamW) Update(_ *tensor.Step, w *tensor.Tensor, slots []*tensor.Tensor, h Hyper) {
	w.Update(tensor.AdamW, slots[0], slots[1], a.params(h))
}

// Update makes one step of Adam.
func (a Adam) Update(_ *tensor.Step, w *tensor.Tensor, slots []*tensor.Tensor, h Hyper) {
	w.Update(tensor.Adam, slots[0], slots[1], AdamW(a).params(h))
}

// params forms the corrections 1−βᵗ in float64: in float32, 1−0.999 has lost
// four digits before the first step is made.
func (a AdamW) params(h Hyper) tensor.UpdateParams {
	p := h.params()
	b1, b2 := or(a.Beta1, 0.9), or(a.Beta2, 0.999)
	p.B1, p.B2, p.Eps = float32(b1), float32(b2), float32(or(a.Eps, 1e-8))
	p.Correct1 = float32(1 - math.Pow(b1, float64(h.Step)))
	p.Correct2 = float32(1 - math.Pow(b2, float64(h.Step)))
	return p
}

// SGD is stochastic gradient descent with momentum in PyTorch's form, the
// learning rate outside of the buffer; decay is an L2 penalty:
//
//	m = μm + g    w = w − lr·m    with Nesterov: w = w − lr·(g + μm)
type SGD struct {
	Momentum float64 // μ; 0 keeps no buffer
	Nesterov bool    // look ahead (Sutskever et al. 2013)
}

// Slots returns the momentum buffer, where there is momentum.
func (o SGD) Slots() []string {
	if o.Momentum == 0 {
		return nil
	}
	return []string{"momentum"}
}

// Update makes one step of SGD.
func (o SGD) Update(_ *tensor.Step, w *tensor.Tensor, slots []*tensor.Tensor, h Hyper) {
	p := h.params()
	p.B1, p.Nesterov = float32(o.Momentum), o.Nesterov
	w.Update(tensor.SGD, slot(slots, 0), nil, p)
}

// AdaGrad is Duchi et al. 2011 with a diagonal: v = v + g², w = w − lr·g/(√v + ε).
// Its decay is an L2 penalty.
type AdaGrad struct {
	Eps float64 // 1e-10
}

// Slots returns the sum of squared gradients.
func (AdaGrad) Slots() []string { return []string{"v"} }

// Update makes one step of AdaGrad.
func (o AdaGrad) Update(_ *tensor.Step, w *tensor.Tensor, slots []*tensor.Tensor, h Hyper) {
	p := h.params()
	p.Eps = float32(or(o.Eps, 1e-10))
	w.Update(tensor.AdaGrad, nil, slots[0], p)
}

// RMSProp is Tieleman & Hinton 2012 (lecture 6e), with PyTorch's momentum:
//
//	v = αv + (1−α)g²    u = g/(√v + ε)    m = μm + u    w = w − lr·m
//
// Its decay is an L2 penalty.
type RMSProp struct {
	Alpha    float64 // 0.99
	Momentum float64 // μ; 0 keeps no buffer and steps by u
	Eps      float64 // 1e-8
}

// Slots returns the mean square and, where there is momentum, its buffer.
func (o RMSProp) Slots() []string {
	if o.Momentum == 0 {
		return []string{"v"}
	}
	return []string{"v", "momentum"}
}

// Update makes one step of RMSProp.
func (o RMSProp) Update(_ *tensor.Step, w *tensor.Tensor, slots []*tensor.Tensor, h Hyper) {
	p := h.params()
	p.B1, p.B2, p.Eps = float32(o.Momentum), float32(or(o.Alpha, 0.99)), float32(or(o.Eps, 1e-8))
	w.Update(tensor.RMSProp, slot(slots, 1), slots[0], p)
}

func (h Hyper) params() tensor.UpdateParams {
	return tensor.UpdateParams{
		LR: float32(h.LR), Decay: float32(h.Decay), GradScale: float32(h.Scale),
		Correct1: 1, Correct2: 1, First: h.Step == 1,
	}
}

// slot returns a slot that the rule may not have asked for.
func slot(slots []*tensor.Tensor, i int) *tensor.Tensor {
	if i < len(slots) {
		return slots[i]
	}
	return nil
}

func or(x, byDefault float64) float64 {
	if x == 0 {
		return byDefault
	}
	return x
}
