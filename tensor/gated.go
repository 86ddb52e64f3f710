package tensor

import "github.com/inkstone-ai/inkstone/internal/kernel"

// gated runs y = f(gate)·up in one pass (Shazeer 2020, arXiv:2002.05202).
func (gate *Tensor) gated(name string, op kernel.UnaryOp, up *Tensor) *Tensor {
	s := floats(name, gate, up)
	if !gate.same(&up.array) {
		mismatch(name, &gate.array, &up.array)
	}
	return s.brief(entry{forward: gatedForward, back: gatedBack, in: [3]*Tensor{gate, up}, op: uint8(op)})
}

func gatedForward(s *Step, e entry) {
	s.dev.k.Gated(kernel.UnaryOp(e.op), e.out.rows(), e.in[0].rows(), e.in[1].rows())
}

// gatedBack: dgate = dy·up·f'(gate), dup = dy·f(gate).
func gatedBack(s *Step, e entry) {
	gate, up, dy := e.in[0], e.in[1], e.out.upstream()
	d, acc := s.gradients(gate, up)
	s.dev.k.GatedGrad(kernel.UnaryOp(e.op), d[0].rows(), d[1].rows(), gate.rows(), up.rows(), dy.rows(), acc)
}

// SiLUMul returns SiLU(gate)·up: SwiGLU, of Llama.
func (gate *Tensor) SiLUMul(up *Tensor) *Tensor { return gate.gated("SiLUMul", kernel.SiLU, up) }

// GELUMul returns GELU(gate)·up, in GELU's tanh form: GEGLU, of Gemma.
func (gate *Tensor) GELUMul(up *Tensor) *Tensor { return gate.gated("GELUMul", kernel.GELU, up) }

// ReLUMul returns ReLU(gate)·up: ReGLU.
func (gate *Tensor) ReLUMul(up *Tensor) *Tensor { return gate.gated("ReLUMul", kernel.ReLU, up) }

// SigmoidMul returns σ(gate)·up: GLU (Dauphin 2016, arXiv:1612.08083).
func (gate *Tensor) SigmoidMul(up *Tensor) *Tensor {
	return gate.gated("SigmoidMul", kernel.Sigmoid, up)
}
