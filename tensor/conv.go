package tensor

// CausalConv returns y[t] = Σ_k w[k]·x[t−k], channel by channel and within each
// sequence: x (N, C), w (width, C). segments (S, 4) i32 is as for
// [Tensor.Attention], nil one sequence of all rows; each row of x belongs to a
// sequence as a query.
func (x *Tensor) CausalConv(w, segments *Tensor) *Tensor {
	return x.CausalConvRows(w, segments, x.shape[0])
}

// CausalConvRows is CausalConv for n queries whose sequences have earlier rows:
// the keys of segments are rows of x, the queries the n rows of the result.
func (x *Tensor) CausalConvRows(w, segments *Tensor, n int) *Tensor {
	s := stepOf("CausalConv", x, w, segments)
	floats("CausalConv", x, w)
	if x.dims != 2 || w.dims != 2 || w.shape[1] != x.shape[1] {
		mismatch("CausalConv", &x.array, &w.array)
	}
	if segments == nil {
		segments = s.whole(n, x.shape[0])
	}
	y := s.sized(n, x.shape[1])
	s.dev.k.CausalConv(y.rows(), x.rows(), w.rows(), segments.rows())
	s.record(entry{back: convBack, out: y, in: [3]*Tensor{x, w}, aside: segments})
	return y
}

func convBack(s *Step, e entry) {
	x, w, dy := e.in[0], e.in[1], e.out.upstream()
	if x.shape[0] != dy.shape[0] { // rows of no sequence get no gradient from the kernel
		s.begin(x)
	}
	var dw array
	if w.tracked() {
		dw = s.gradientAdd(w)
	} else {
		dw = s.like(w).array // the kernel wants a place; nobody reads it
		s.dev.k.Fill(dw.rows(), 0)
	}
	dx, acc := s.gradients(x)
	s.dev.k.CausalConvGrad(dx[0].rows(), dw.rows(), x.rows(), w.rows(), dy.rows(), e.aside.rows(), acc)
}
