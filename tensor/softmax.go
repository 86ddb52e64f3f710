package tensor

// Softmax returns eˣ/Σeˣ over the last dimension.
func (x *Tensor) Softmax() *Tensor { return x.softmax("Softmax", false) }

// LogSoftmax returns log(eˣ/Σeˣ) over the last dimension, without overflow.
func (x *Tensor) LogSoftmax() *Tensor { return x.softmax("LogSoftmax", true) }

func (x *Tensor) softmax(name string, log bool) *Tensor {
	s := floats(name, x)
	x = s.matrixLike(x)
	y := s.like(x)
	s.dev.k.Softmax(y.matrix(), x.matrix(), log)
	s.record(entry{back: softmaxBack, out: y, in: [3]*Tensor{x}, flag: [2]bool{log}})
	return y
}

func softmaxBack(s *Step, e entry) {
	y, dy := e.out, e.out.upstream()
	dx, acc := s.gradient(e.in[0])
	s.dev.k.SoftmaxGrad(dx.matrix(), y.matrix(), dy.matrix(), e.flag[0], acc)
}
