package kerneltest

import (
	"math"
	"testing"

	"github.com/inkstone-ai/inkstone/internal/kernel"
)

// quantisedProducts multiply by packed quantised weights: every number of rows that a kernel may
// be given beside others, every tail of a panel, and more k than is worked through at a time.
func quantisedProducts(g *gen) (list []call) {
	for _, typ := range quantisedTypes() {
		block := typ.Block()
		shapes := [][3]int{{0, 3, block}, {3, 0, block}, {4, 5, 0}, {1, 100, 2048 + block}, {19, 35, 2048 + 2*block}, {200, 20, 3 * block}}
		for _, m := range []int{1, 2, 3, 4, 7, 8, 9, 15, 17} {
			shapes = append(shapes, [3]int{m, 17 + m, block * (1 + m%4)})
		}
		for n := int(typ) % 4; n < 33; n += 4 {
			shapes = append(shapes, [3]int{1 + n%5, n, 2 * block})
		}
		if !ownLayout(typ) { // its kernels are another type's
			shapes = shapes[:6]
		}
		for i, s := range shapes {
			list = append(list, quantisedProduct(g, typ, s[0], s[1], s[2], i%3 == 0, i%2 == 1))
		}
	}
	return list
}

// eachProducts multiply one A by several B, of which all, one or none are packed.
func eachProducts(g *gen) (list []call) {
	const k = 512
	for packed := range 3 {
		for _, m := range []int{0, 1, 5} {
			args := []*arg{output(g.normal(m, 21)), output(g.normal(m, 64)), g.normal(m, k), g.quantised(kernel.Q8_0, 21, k), g.quantised(kernel.Q6_K, 64, k)}
			for i := packed; i < 2; i++ {
				args[3+i] = g.normal(args[3+i].rows, k)
			}
			list = append(list, call{
				name: named("MatMulEach %d, %d packed", m, packed), args: args, rtol: 1e-5, atol: 1e-5 * math.Sqrt(k),
				do: func(d kernel.Device, x []kernel.Mat) {
					b := []kernel.Mat{x[3], x[4]}
					for i := range packed {
						b[i] = d.Pack(b[i], true)
						defer d.Free(b[i].Buf)
					}
					d.MatMulEach(x[:2], x[2], b, kernel.Product{TB: true})
				},
			})
		}
	}
	return list
}

// ownLayout reports whether a type is the one of its layout that is tried at every size.
func ownLayout(typ kernel.DType) bool {
	switch typ {
	case kernel.Q8_0, kernel.Q4_0, kernel.Q4_1, kernel.Q4_K, kernel.Q5_K, kernel.Q6_K, kernel.IQ4_NL, kernel.IQ4_XS:
		return true
	}
	return false
}

func quantisedProduct(g *gen, typ kernel.DType, m, n, k int, acc, gaps bool) call {
	args := []*arg{output(g.normal(m, n)), g.normal(m, k), g.quantised(typ, n, k)}
	if gaps {
		strided(args...)
	}
	return call{
		name: named("MatMul packed %d,%d,%d %v acc %v", m, n, k, typ, acc), args: args,
		rtol: 1e-5, atol: 1e-5 * math.Sqrt(float64(k+1)),
		do: func(d kernel.Device, x []kernel.Mat) {
			p := d.Pack(x[2], true)
			d.MatMul(x[0], x[1], p, kernel.Product{Acc: acc})
			d.Free(p.Buf)
		},
	}
}

// checkQuantisedBits compares products of many rows with those of fewer at a time, whose bits are
// the same, and one product with a batch of them.
func checkQuantisedBits(t *testing.T, d kernel.Device) {
	for _, typ := range []kernel.DType{kernel.Q8_0, kernel.Q4_0, kernel.Q4_1, kernel.Q4_K, kernel.Q5_K, kernel.Q6_K, kernel.IQ4_NL, kernel.IQ4_XS} { // one of each layout
		const m, n = 71, 141 // more rows than count as few, four panels and more
		k := 2048 + 512
		g := newGen()
		A, B, C := held(d, g.normal(m, k)), held(d, g.quantised(typ, n, k)), held(d, g.normal(m, n))
		p := d.Pack(B, true)
		d.MatMul(C, A, p, kernel.Product{})
		want := contents(d, C)
		for _, rows := range []int{1, 2, 3, 5, 8, 13, 32, 33} {
			d.Fill(C, 0)
			for r := 0; r < m; r += rows {
				d.MatMul(slab(C, r, rows), slab(A, r, rows), p, kernel.Product{})
			}
			sameBits(t, named("quantised product on %s: %v, %d rows at a time", d.Name(), typ, rows), contents(d, C), want)
		}
		checkBatchRows(t, d, C, A, p, kernel.F32, want)
		d.Free(p.Buf)
		for _, x := range []kernel.Mat{A, B, C} {
			d.Free(x.Buf)
		}
	}
}

// checkQuantisedEach: several products of one A have the bits of each alone, whatever types there are.
func checkQuantisedEach(t *testing.T, d kernel.Device) {
	const k = 2048 + 256
	g := newGen()
	for _, m := range []int{1, 3, 19, 49} {
		A := held(d, g.normal(m, k))
		var c, b []kernel.Mat
		var want [][]float32
		for i, typ := range []kernel.DType{kernel.Q4_K, kernel.Q4_K, kernel.Q6_K, kernel.Q8_0, kernel.Q5_K} {
			n := []int{150, 16, 67, 35, 64}[i]
			B := held(d, g.quantised(typ, n, k))
			b = append(b, d.Pack(B, true))
			d.Free(B.Buf)
			c = append(c, held(d, g.normal(m, n)))
			d.MatMul(c[i], A, b[i], kernel.Product{})
			want = append(want, contents(d, c[i]))
			d.Fill(c[i], 0)
		}
		d.MatMulEach(c, A, b, kernel.Product{})
		for i := range c {
			sameBits(t, named("product %d of %d rows, together on %s", i, m, d.Name()), contents(d, c[i]), want[i])
			d.Free(c[i].Buf)
			d.Free(b[i].Buf)
		}
		d.Free(A.Buf)
	}
}

// checkQuantisedSpecials: rows with numbers that are not finite, tiny or zero give what such a
// row gives, and others are none the worse for them.
func checkQuantisedSpecials(t *testing.T, d kernel.Device) {
	g := newGen()
	x := g.normal(5, 64)
	rows := floats(x.data)
	rows[3], rows[64+40] = float32(math.NaN()), float32(math.Inf(-1))
	clear(rows[128:192])
	for i := range 64 {
		rows[192+i] = 1e-39
	}
	for _, typ := range []kernel.DType{kernel.Q8_0, kernel.Q4_1} {
		A, B, C := held(d, x), held(d, g.quantised(typ, 20, 64)), held(d, g.normal(5, 20))
		p := d.Pack(B, true)
		d.MatMul(C, A, p, kernel.Product{})
		got := contents(d, C)
		for j := range 20 {
			for r := range 2 {
				if y := float64(got[r*20+j]); !math.IsNaN(y) && !math.IsInf(y, 0) {
					t.Errorf("%s: %v: of row %d, which has a number that is not finite, comes %v", d.Name(), typ, r, y)
				}
			}
			if got[40+j] != 0 || math.Abs(float64(got[60+j])) > 1e-30 || got[80+j] == 0 || got[80+j] != got[80+j] {
				t.Errorf("%s: %v: of zeros comes %v, of tiny ones %v, of normal ones %v", d.Name(), typ, got[40+j], got[60+j], got[80+j])
			}
		}
		d.Free(p.Buf)
		for _, m := range []kernel.Mat{A, B, C} {
			d.Free(m.Buf)
		}
	}
}
