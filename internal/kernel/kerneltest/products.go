package kerneltest

import (
	"math"
	"unsafe"

	"github.com/inkstone-ai/inkstone/internal/kernel"
)

// productShapes are (M, N, K): every tail of each beside odd sizes of the
// others, then sizes of real models.
func productShapes() (list [][3]int) {
	for n := range maxTail + 1 {
		list = append(list, [3]int{n, 19, 7}, [3]int{5, n, 9}, [3]int{7, 35, n})
	}
	return append(list, [3]int{1, 384, 128}, [3]int{48, 48, 48}, [3]int{67, 67, 67}, [3]int{64, 96, 150}, [3]int{130, 70, 33}, [3]int{6, 300, 515}, [3]int{33, 17, 1030}, [3]int{100, 257, 20})
}

func products(g *gen) (list []call) {
	types := []kernel.DType{kernel.F32, kernel.BF16, kernel.F16}
	for i, s := range productShapes() {
		m, n, k := s[0], s[1], s[2]
		for form := range 8 {
			ta, tb, acc := form&1 != 0, form&2 != 0, form&4 != 0
			a, b := types[(i+form)%7%3*(form%2)], types[(i+form)%5%3*(form%2)]
			list = append(list, product(g, m, n, k, a, b, kernel.Product{TA: ta, TB: tb, Acc: acc}, i%2 == 1))
			if i%2 == form%2 {
				list = append(list, product(g, m, n, k, a, b, kernel.Product{TA: ta, TB: tb, Acc: acc, Precision: kernel.BF16}, i%4 < 2))
			}
		}
	}
	return append(list, batches(g)...)
}

// flip exchanges the two if t.
func flip(rows, cols int, t bool) (int, int) {
	if t {
		return cols, rows
	}
	return rows, cols
}

// product is one product. Operands in the precision of BF16 are numbers that it
// has, so that a device without it gives the same.
func product(g *gen, m, n, k int, at, bt kernel.DType, p kernel.Product, gaps bool) call {
	ar, ac := flip(m, k, p.TA)
	br, bc := flip(k, n, p.TB)
	args := []*arg{output(g.normal(m, n)), g.of(at, ar, ac), g.of(bt, br, bc)}
	if p.Precision == kernel.BF16 {
		args[1], args[2] = coarse(args[1]), coarse(args[2])
	}
	if gaps {
		strided(args...)
	}
	return call{
		name: named("MatMul %d,%d,%d %v·%v %+v", m, n, k, at, bt, p),
		args: args, rtol: 1e-5, atol: 1e-6 * math.Sqrt(float64(k+1)) * 3,
		do: func(d kernel.Device, x []kernel.Mat) { d.MatMul(x[0], x[1], x[2], p) },
	}
}

// coarse is a with its numbers rounded to BF16, in its own type.
func coarse(a *arg) *arg {
	switch a.typ {
	case kernel.F32:
		for i, x := range floats(a.data) {
			floats(a.data)[i] = kernel.FromBF16(kernel.ToBF16(x))
		}
	case kernel.F16: // bits that BF16 lacks are cut off
		halves := unsafe.Slice((*uint16)(unsafe.Pointer(unsafe.SliceData(a.data))), len(a.data)/2)
		for i := range halves {
			halves[i] &^= 7
		}
	}
	return a
}

// batches multiply several matrices that stand below each other, and one
// matrix by several.
func batches(g *gen) (list []call) {
	const batch, m, n, k = 3, 9, 21, 13
	for form := range 8 {
		shared, acc, tb := form&1 != 0, form&2 != 0, form&4 != 0
		br, bc := flip(k, n, tb)
		copies, strideB := batch, br*(bc+2)
		if shared {
			copies, strideB = 1, 0
		}
		args := []*arg{output(g.normal(batch*m, n)), g.normal(batch*m, k), g.normal(copies*br, bc)}
		args[2].gap = 2
		list = append(list, call{name: named("MatMul batch, shared b %v acc %v tb %v", shared, acc, tb), args: args, rtol: 1e-5, atol: 1e-5,
			do: func(d kernel.Device, x []kernel.Mat) {
				for i := range x {
					x[i].Rows /= max(1, x[i].Rows/[]int{m, m, br}[i])
				}
				d.MatMul(x[0], x[1], x[2], kernel.Product{TB: tb, Acc: acc, Batch: batch, StrideC: m * n, StrideA: m * k, StrideB: strideB})
				x[0].Rows, x[1].Rows, x[2].Rows = batch*m, batch*m, copies*br
			}})
	}
	return list
}

// packs multiply by a packed weight; the oracle packs in its own way.
func packs(g *gen) (list []call) {
	shapes := [][3]int{{1, 384, 128}, {4, 600, 67}, {0, 5, 5}, {3, 0, 4}, {3, 4, 0}}
	for n := 1; n <= maxTail; n++ {
		shapes = append(shapes, [3]int{1, n, 33}, [3]int{9, 33, n})
	}
	for i, s := range shapes {
		m, n, k := s[0], s[1], s[2]
		for form := range 4 {
			tb, acc := form&1 != 0, form&2 != 0
			typ := []kernel.DType{kernel.F32, kernel.BF16, kernel.F16}[i%3]
			br, bc := flip(k, n, tb)
			args := []*arg{output(g.normal(m, n)), g.normal(m, k), g.of(typ, br, bc)}
			if typ == kernel.BF16 {
				args[1] = coarse(args[1])
			}
			if form == 3 {
				strided(args...)
			}
			list = append(list, call{name: named("MatMul packed %d,%d,%d %v tb %v acc %v", m, n, k, typ, tb, acc), args: args,
				rtol: 1e-5, atol: 1e-6 * math.Sqrt(float64(k+1)) * 3,
				do: func(d kernel.Device, x []kernel.Mat) {
					p := d.Pack(x[2], tb)
					d.MatMul(x[0], x[1], p, kernel.Product{Acc: acc})
					d.Free(p.Buf)
				}})
		}
	}
	return append(list, quantisedProducts(g)...)
}
