package tensor

import (
	"fmt"

	"github.com/inkstone-ai/inkstone/internal/kernel"
)

// A Rule is how an optimizer turns a gradient into a step.
type Rule uint8

// Optimizers, in PyTorch's form. m and v are the state that each keeps.
const (
	SGD     = Rule(kernel.SGD)     // m: momentum buffer, absent without momentum
	Adam    = Rule(kernel.Adam)    // Kingma & Ba 2014, arXiv:1412.6980; decay is added to the gradient
	AdamW   = Rule(kernel.AdamW)   // Loshchilov & Hutter 2017, arXiv:1711.05101; decay apart from the gradient
	AdaGrad = Rule(kernel.AdaGrad) // Duchi 2011; v: sum of squares
	RMSProp = Rule(kernel.RMSProp) // Tieleman & Hinton 2012; v: mean of squares, m: momentum where B1 > 0
)

// UpdateParams are the numbers of one optimizer step.
type UpdateParams struct {
	LR                 float32 // learning rate
	B1, B2             float32 // β₁ and β₂; B1 is SGD's and RMSProp's momentum, B2 RMSProp's α
	Eps                float32
	Decay              float32 // of weights
	Correct1, Correct2 float32 // 1−β₁ᵗ and 1−β₂ᵗ of Adam and AdamW; 0 counts as 1
	GradScale          float32 // multiplies the gradient first; 0 counts as 1
	Nesterov           bool    // SGD's look-ahead
	First              bool    // SGD's first step: the momentum buffer starts as the gradient
}

// Update changes the trainable persistent tensor w by one step of rule along
// its gradient, in one pass. m and v have w's shape, or are nil where the rule
// has no such state. It needs no step; the gradient stays.
func (w *Tensor) Update(rule Rule, m, v *Tensor, p UpdateParams) {
	w.mustBePersistent("Update")
	w.mustBeWritable("Update")
	for _, t := range [...]*Tensor{w, m, v} {
		if t != nil && (!t.same(&w.array) || t.dtype != F32 || t.dev != w.dev || !t.dense()) {
			panic(fmt.Sprintf("tensor: Update: state %v of %v, want its shape, f32, its device", t, w))
		}
	}
	w.dev.k.Update(kernel.UpdateRule(rule), w.flat(), w.Grad().flat(), m.whole(), v.whole(), kernel.UpdateParams{
		LR: p.LR, B1: p.B1, B2: p.B2, Eps: p.Eps, Decay: p.Decay,
		Correct1: orOne(p.Correct1), Correct2: orOne(p.Correct2), GradScale: orOne(p.GradScale),
		Nesterov: p.Nesterov, First: p.First,
	})
}

// whole is t as one row, absent where t is nil.
func (t *Tensor) whole() kernel.Mat {
	if t == nil {
		return kernel.Mat{}
	}
	return t.flat()
}

func orOne(x float32) float32 {
	if x == 0 {
		return 1
	}
	return x
}
