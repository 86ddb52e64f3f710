package ref

import "github.com/inkstone-ai/inkstone/internal/kernel"

func (d device) MatMulEach(c []mat, a mat, b []mat, p kernel.Product) {
	kernel.CheckMatMulEach(c, b)
	for i := range b {
		d.MatMul(c[i], a, b[i], p)
	}
}

func (device) MatMul(c, a, b mat, p kernel.Product) {
	_, _, k := kernel.CheckMatMul(c, a, b, p)
	if b.Type.Quantised() {
		quantised(c, a, b, p)
		return
	}
	for range p.Count() {
		each(c, func(i, j int) {
			sum := 0.0
			for l := range k {
				x, y := at2(a, i, l, p.TA), at2(b, l, j, p.TB && !b.Packed)
				precision := p.Precision
				if b.Packed {
					precision = b.Type // BF16 rounds
				}
				x, y = rounded(x, precision), rounded(y, precision)
				sum += x * y
			}
			set(c, i, j, sum, p.Acc)
		})
		c.Off += p.StrideC
		a.Off += p.StrideA
		b.Off += p.StrideB
	}
}

// Precision is always what is wanted.
func (device) Precision(want kernel.DType) kernel.DType { return want }

// rounded is x as an operand of a product of the given precision.
func rounded(x float64, p kernel.DType) float64 {
	if p == kernel.BF16 {
		return float64(kernel.FromBF16(kernel.ToBF16(float32(x))))
	}
	return x
}

// at2 is element (r, c) of m, or of its transpose.
func at2(m mat, r, c int, transposed bool) float64 {
	if transposed {
		r, c = c, r
	}
	return at(m, r, c)
}

// Pack here is a plain copy, (K,N), of the same type; of quantised rows as they are.
func (d device) Pack(b mat, tb bool) mat {
	kernel.CheckPack(b, tb)
	if b.Type.Quantised() {
		return d.packQuantised(b)
	}
	p := mat{Rows: b.Rows, Cols: b.Cols, Type: b.Type, Packed: true}
	if tb {
		p.Rows, p.Cols = b.Cols, b.Rows
	}
	p.Stride = p.Cols
	size := b.Type.Size()
	p.Buf = d.Alloc(p.Len() * size)
	to, from := kernel.Elements[byte](p.Buf), kernel.Elements[byte](b.Buf)
	each(p, func(r, c int) {
		src := b.Index(r, c)
		if tb {
			src = b.Index(c, r)
		}
		copy(to[p.Index(r, c)*size:][:size], from[src*size:])
	})
	return p
}

// quantised multiplies rounded rows of A with the numbers that B stands for.
func quantised(c, a, b mat, p kernel.Product) {
	k := b.Rows
	w, x := make([]float32, k), make([]float64, k)
	for range p.Count() {
		for i := range c.Rows {
			roundedBlocks(x, kernel.Row[float32](a, i), b.Type.Rounded())
			for j := range c.Cols {
				kernel.Dequantise(b.Type, w, kernel.Elements[byte](b.Buf)[b.Type.Bytes(j*k):][:b.Type.Bytes(k)])
				sum := 0.0
				for l := range k {
					sum += x[l] * float64(w[l])
				}
				set(c, i, j, sum, p.Acc)
			}
		}
		c.Off += p.StrideC
		a.Off += p.StrideA
	}
}

// roundedBlocks rounds each n neighbours.
func roundedBlocks(dst []float64, x []float32, n int) {
	q := make([]int8, n)
	for i := 0; i < len(x); i += n {
		scale := kernel.RoundBlock(q, x[i:i+n])
		for j, v := range q {
			dst[i+j] = float64(v) * float64(scale)
		}
	}
}

func (d device) packQuantised(b mat) mat {
	p := mat{Rows: b.Cols, Cols: b.Rows, Stride: b.Rows, Type: b.Type, Packed: true}
	size := b.Type.Bytes(b.Cols)
	p.Buf = d.Alloc(b.Rows * size)
	for r := range b.Rows {
		copy(kernel.Elements[byte](p.Buf)[r*size:], kernel.Blocks(b, r))
	}
	return p
}
