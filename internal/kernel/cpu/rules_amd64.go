//go:build !purego

package cpu

import "github.com/inkstone-ai/inkstone/internal/kernel"

// rules are an instruction set's optimizer loops. They take plain numbers; the
// methods compute those from the parameters of a step.
type rules struct {
	sgd             func(w, g []float32, scale, decay, lr float32)
	momentum        func(w, g, m []float32, scale, decay, lr, b1 float32, nesterov bool)
	adam            func(w, g, m, v []float32, scale, decay, b1, c1, b2, c2, rate, root, eps, keep float32)
	adaGrad         func(w, g, v []float32, scale, decay, lr, eps float32)
	rmsProp         func(w, g, v []float32, scale, decay, lr, b2, c2, eps float32)
	rmsPropMomentum func(w, g, m, v []float32, scale, decay, lr, b1, b2, c2, eps float32)
}

func (r rules) table() (t [kernel.RMSProp + 1]func(w, g, m, v []float32, p *kernel.UpdateParams)) {
	t[kernel.SGD], t[kernel.Adam], t[kernel.AdamW] = r.doSGD, r.doAdam, r.doAdamW
	t[kernel.AdaGrad], t[kernel.RMSProp] = r.doAdaGrad, r.doRMSProp
	return t
}

// doSGD leaves the first step with momentum, which happens once, to plain Go.
func (r rules) doSGD(w, g, m, v []float32, p *kernel.UpdateParams) {
	switch {
	case m == nil:
		r.sgd(w, g, p.GradScale, p.Decay, p.LR)
	case p.First:
		sgdRow(w, g, m, v, p)
	default:
		r.momentum(w, g, m, p.GradScale, p.Decay, p.LR, p.B1, p.Nesterov)
	}
}

func (r rules) doAdam(w, g, m, v []float32, p *kernel.UpdateParams) {
	r.adam(w, g, m, v, p.GradScale, p.Decay, p.B1, 1-p.B1, p.B2, 1-p.B2, p.LR/p.Correct1, 1/sqrt(p.Correct2), p.Eps, 1)
}

func (r rules) doAdamW(w, g, m, v []float32, p *kernel.UpdateParams) {
	r.adam(w, g, m, v, p.GradScale, 0, p.B1, 1-p.B1, p.B2, 1-p.B2, p.LR/p.Correct1, 1/sqrt(p.Correct2), p.Eps, 1-p.LR*p.Decay)
}

func (r rules) doAdaGrad(w, g, _, v []float32, p *kernel.UpdateParams) {
	r.adaGrad(w, g, v, p.GradScale, p.Decay, p.LR, p.Eps)
}

func (r rules) doRMSProp(w, g, m, v []float32, p *kernel.UpdateParams) {
	if p.B1 > 0 {
		r.rmsPropMomentum(w, g, m, v, p.GradScale, p.Decay, p.LR, p.B1, p.B2, 1-p.B2, p.Eps)
	} else {
		r.rmsProp(w, g, v, p.GradScale, p.Decay, p.LR, p.B2, 1-p.B2, p.Eps)
	}
}
