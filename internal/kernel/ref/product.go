package ref

import "github.com/inkstone-ai/inkstone/internal/kernel"

func (device) MatMul(c, a, b mat, ta, tb, acc bool, batch, strideC, strideA, strideB int) {
	_, _, k := kernel.CheckMatMul(c, a, b, ta, tb, batch, strideC, strideA, strideB)
	for range batch {
		each(c, func(i, j int) {
			sum := 0.0
			for l := range k {
				x, y := at2(a, i, l, ta), at2(b, l, j, tb && !b.Packed)
				sum += x * y
			}
			set(c, i, j, sum, acc)
		})
		c.Off += strideC
		a.Off += strideA
		b.Off += strideB
	}
}

// at2 is element (r, c) of m, or of its transpose.
func at2(m mat, r, c int, transposed bool) float64 {
	if transposed {
		r, c = c, r
	}
	return at(m, r, c)
}

// Pack here is a plain copy, (K,N), of the same type.
func (d device) Pack(b mat, tb bool) mat {
	kernel.CheckPack(b)
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
