package tensor

import "github.com/inkstone-ai/inkstone/internal/kernel"

// MatMul returns the products of the matrices in the last two dimensions of a
// (…, M, K) and b (…, K, N); the dimensions before stretch as for Add. A vector
// a (K) counts as (1, K) and a vector b (K) as (K, 1); the result lacks that
// dimension. Operands may be bf16 or f16; the result is f32.
func (a *Tensor) MatMul(b *Tensor) *Tensor {
	switch {
	case a.dims == 1 && b.dims == 1:
		return a.Reshape(1, -1).MatMul(b.Reshape(-1, 1)).Reshape()
	case a.dims == 1:
		return a.Reshape(1, -1).MatMul(b).Squeeze(-2)
	case b.dims == 1:
		return a.MatMul(b.Reshape(-1, 1)).Squeeze(-1)
	}
	return product("MatMul", a, b, false, false)
}

// MatMulT returns a·bᵀ for a (…, M, K) and b (…, N, K).
func (a *Tensor) MatMulT(b *Tensor) *Tensor { return product("MatMulT", a, b, false, true) }

// TMatMul returns aᵀ·b for a (…, K, M) and b (…, K, N).
func (a *Tensor) TMatMul(b *Tensor) *Tensor { return product("TMatMul", a, b, true, false) }

// product multiplies batches; ta and tb say which operand is transposed.
func product(name string, a, b *Tensor, ta, tb bool) *Tensor {
	s := stepOf(name, a, b)
	if a.dims > 2 && b.dims > 2 {
		a, b = alignBatches(name, a, b)
	}
	a, b = s.matrixLike(a), s.matrixLike(b)
	y := s.result(productShape(name, &a.array, &b.array, ta, tb))
	s.multiply(&y.array, &a.array, &b.array, ta, tb, false)
	s.record(entry{back: productBack, out: y, in: [3]*Tensor{a, b}, flag: [2]bool{ta, tb}})
	return y
}

// productBack: for c = a·b, da = dc·bᵀ and db = aᵀ·dc; for c = a·bᵀ,
// da = dc·b and db = dcᵀ·a; for c = aᵀ·b, da = b·dcᵀ and db = a·dc.
func productBack(s *Step, e entry) {
	a, b, dc := e.in[0], e.in[1], e.out.upstream()
	ta, tb := e.flag[0], e.flag[1]
	if a.tracked() {
		da, acc := s.gradient(a)
		if ta {
			s.multiply(&da, &b.array, &dc, false, true, acc)
		} else {
			s.multiply(&da, &dc, &b.array, false, !tb, acc)
		}
	}
	if b.tracked() {
		db, acc := s.gradient(b)
		if tb {
			s.multiply(&db, &dc, &a.array, true, false, acc)
		} else {
			s.multiply(&db, &a.array, &dc, !ta, false, acc)
		}
	}
}

// productShape returns the result's shape, of a's or b's batch.
func productShape(name string, a, b *array, ta, tb bool) array {
	if a.dims < 2 || b.dims < 2 {
		mismatch(name, a, b)
	}
	m, k, k2, n := a.fromEnd(1), a.fromEnd(0), b.fromEnd(1), b.fromEnd(0)
	if ta {
		m, k = k, m
	}
	if tb {
		k2, n = n, k2
	}
	if k != k2 {
		mismatch(name, a, b)
	}
	c := *a
	if b.dims > a.dims {
		c = *b
	}
	c.dtype, c.shape[c.dims-2], c.shape[c.dims-1] = F32, m, n
	return c
}

// multiply is c (+)= a·b, each transposed where told, over batches: an operand
// of two dimensions serves every product, a result of two is their sum.
func (s *Step) multiply(c, a, b *array, ta, tb, acc bool) {
	switch {
	case a.dims == 2 && b.dims == 2:
		s.times(c.rows(), a.rows(), b.rows(), kernel.Product{TA: ta, TB: tb, Acc: acc})
	case b.dims == 2 && c.dims > 2 && !ta: // the batch is more rows
		s.times(c.matrix(), a.matrix(), b.rows(), kernel.Product{TB: tb, Acc: acc})
	case c.dims == 2 && ta && !tb: // the batch is a longer sum
		s.times(c.rows(), a.matrix(), b.matrix(), kernel.Product{TA: true, Acc: acc})
	default:
		s.multiplyEach(c, a, b, ta, tb, acc)
	}
}

// times is the device's product in the step's precision.
func (s *Step) times(c, a, b kernel.Mat, p kernel.Product) {
	p.Precision = kernel.DType(s.o.Precision)
	s.dev.k.MatMul(c, a, b, p)
}

// multiplyEach is a product for each matrix of the batch.
func (s *Step) multiplyEach(c, a, b *array, ta, tb, acc bool) {
	cm, cs := c.batches()
	am, as := a.batches()
	bm, bs := b.batches()
	if c.len() == 0 {
		return
	}
	batch := max(a.span(0, a.dims-2), b.span(0, b.dims-2))
	if c.dims > 2 {
		s.times(cm, am, bm, kernel.Product{TA: ta, TB: tb, Acc: acc, Batch: batch, StrideC: cs, StrideA: as, StrideB: bs})
		return
	}
	for i := range batch {
		s.times(cm, am, bm, kernel.Product{TA: ta, TB: tb, Acc: acc || i > 0})
		am.Off += as
		bm.Off += bs
	}
}

// batches is the first matrix of a batch and the distance to the next.
func (a *array) batches() (m kernel.Mat, stride int) {
	if a.dims == 2 {
		return a.rows(), 0
	}
	rows, cols := a.fromEnd(1), a.fromEnd(0)
	return a.window(rows, cols, cols), rows * cols
}

// alignBatches stretches the batches of a and b to one shape.
func alignBatches(name string, a, b *Tensor) (*Tensor, *Tensor) {
	x, y := a.array, b.array
	x.dims, y.dims = a.dims-2, b.dims-2
	if x.dims == y.dims && x.span(0, x.dims) == y.span(0, y.dims) && samePrefix(&x, &y) {
		return a, b
	}
	to := broadcast(name, &x, &y)
	return a.batchTo(&to), b.batchTo(&to)
}

func samePrefix(x, y *array) bool {
	for i := range x.dims {
		if x.shape[i] != y.shape[i] {
			return false
		}
	}
	return true
}

// batchTo stretches the dimensions before the last two.
func (t *Tensor) batchTo(to *array) *Tensor {
	a := *to
	a.dims += 2
	a.shape[a.dims-2], a.shape[a.dims-1] = t.fromEnd(1), t.fromEnd(0)
	return t.Expand(a.shape[:a.dims]...)
}
