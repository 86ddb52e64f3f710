package tensor

import "github.com/inkstone-ai/inkstone/internal/kernel"

// LayerNorm returns (x−mean)/√(variance+eps)·w + b over the last dimension (Ba
// 2016, arXiv:1607.06450). w and b (C) may be nil, and of any float type where
// they are not trained.
func (x *Tensor) LayerNorm(w, b *Tensor, eps float32) *Tensor {
	return x.norm("LayerNorm", kernel.LayerNorm, w, b, eps)
}

// RMSNorm returns x/√(mean(x²)+eps)·w over the last dimension (Zhang & Sennrich
// 2019, arXiv:1910.07467). w (C) may be nil, and of any float type where it is
// not trained.
func (x *Tensor) RMSNorm(w *Tensor, eps float32) *Tensor {
	return x.norm("RMSNorm", kernel.RMSNorm, w, nil, eps)
}

// RMSNormPlus is [Tensor.RMSNorm] with gains 1+w, as Gemma's files hold them: w is
// what they differ from 1 by.
func (x *Tensor) RMSNormPlus(w *Tensor, eps float32) *Tensor {
	s := stepOf("RMSNormPlus", x, w)
	gain := s.asF32(w)
	if gain.step == nil {
		gain = s.Use(gain)
	}
	return x.RMSNorm(gain.AddScalar(1), eps)
}

func (x *Tensor) norm(name string, kind kernel.NormKind, w, b *Tensor, eps float32) *Tensor {
	s := stepOf(name, x, w, b)
	for _, p := range [...]*Tensor{w, b} {
		if p != nil && (p.dims != 1 || p.shape[0] != x.last()) {
			mismatch(name, &x.array, &p.array)
		}
	}
	floats(name, x)
	x, w, b = s.matrixLike(x), s.asF32(w), s.asF32(b)
	e := entry{forward: normForward, back: normBack, in: [3]*Tensor{x, w, b}, op: uint8(kind), f: [2]float32{eps}}
	if s.wanted(x, w, b) {
		e.saved = s.sized(x.matrix().Rows, 2)
	}
	return s.brief(e)
}

func normForward(s *Step, e entry) {
	x, w, b := e.in[0], e.in[1], e.in[2]
	s.dev.k.Norm(kernel.NormKind(e.op), e.out.matrix(), e.saved.optional(), x.matrix(), w.optional(), b.optional(), e.f[0])
}

func normBack(s *Step, e entry) {
	x, w, b, dy := e.in[0], e.in[1], e.in[2], e.out.upstream()
	dw, db := s.sums(w), s.sums(b)
	dx, acc := s.gradients(x)
	s.dev.k.NormGrad(kernel.NormKind(e.op), dx[0].matrix(), dw, db, x.matrix(), w.optional(), dy.matrix(), e.saved.rows(), acc)
}

// optional is t as rows, absent where t is nil.
func (t *Tensor) optional() kernel.Mat {
	if t == nil {
		return kernel.Mat{}
	}
	return t.rows()
}

// sums is where the gradient of a row of weights is added, absent where it has none.
func (s *Step) sums(w *Tensor) kernel.Mat {
	if !w.tracked() {
		return kernel.Mat{}
	}
	g := s.gradientAdd(w)
	return g.rows()
}
