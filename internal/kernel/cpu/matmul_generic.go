package cpu

import (
	"unsafe"

	"github.com/inkstone-ai/inkstone/internal/kernel"
)

// productTasks are the tasks of products and attention.
type productTasks struct {
	matmul        matmul
	attention     attentionTask
	joins         joinTask
	attentionGrad attentionGradTask
}

func genericProducts() products {
	return products{
		width: 4,
		f32: arithmetic{
			per: 1, height: 2, span: 384, strip: stripGeneric, half: stripGeneric,
			columns: copyColumns, panels: panelsGeneric, lines: copyColumns, lineStep: 1,
			transpose: transpose8Generic, group: 8, square: 1,
		},
		row: rowGeneric, transpose8: transpose8Generic,
		widenBF16: widenBF16Generic, widenF16: widenF16Generic,
		touch: func(*float32, int, int, int) {}, weigh: weighGeneric, slopes: slopesGeneric, scaleRows: scaleRowsGeneric,
	}
}

// elements is the slice of n floats at p.
func elements(p *float32, n int) []float32 { return unsafe.Slice(p, n) }

// stripGeneric holds two rows of four columns in registers.
func stripGeneric(c *float32, ldc int, a *float32, ars, acs int, b *float32, bs, m, k, acc int, next *float32) {
	dst := elements(c, (m-1)*ldc+4)
	lhs := elements(a, (m-1)*ars+(k-1)*acs+1)
	rhs := elements(b, (k-1)*bs+4)
	for i := 0; i < m; i += 2 {
		// The last row of an odd number is computed twice, side by side.
		j := min(i+1, m-1)
		c0, c1 := (*[4]float32)(dst[i*ldc:]), (*[4]float32)(dst[j*ldc:])
		var x, y [4]float32
		if acc != 0 {
			x, y = *c0, *c1
		}
		x0, x1, x2, x3, y0, y1, y2, y3 := x[0], x[1], x[2], x[3], y[0], y[1], y[2], y[3]
		for p := range k {
			u, v := lhs[i*ars+p*acs], lhs[j*ars+p*acs]
			w := (*[4]float32)(rhs[p*bs:])
			x0, x1, x2, x3 = x0+u*w[0], x1+u*w[1], x2+u*w[2], x3+u*w[3]
			y0, y1, y2, y3 = y0+v*w[0], y1+v*w[1], y2+v*w[2], y3+v*w[3]
		}
		*c1 = [4]float32{y0, y1, y2, y3}
		*c0 = [4]float32{x0, x1, x2, x3}
	}
}

func rowGeneric(c, a *float32, acs int, b *float32, bs, ps, panels, k, acc int) {
	dst, rhs := elements(c, panels*4), elements(b, (panels-1)*ps+(k-1)*bs+4)
	for t := range panels {
		stripGeneric(&dst[t*4], 4, a, 0, acs, &rhs[t*ps], bs, 1, k, acc, nil)
	}
}

func panelsGeneric(dst *float32, ps int, src *float32, ld, count, k int) {
	to, from := elements(dst, (count-1)*ps+k*4), elements(src, (k-1)*ld+count*4)
	for p := range k {
		for t := range count {
			*(*[4]float32)(to[t*ps+p*4:]) = [4]float32(from[p*ld+t*4:])
		}
	}
}

func transpose8Generic(dst *float32, ds int, src *float32, ld, k int) {
	to, from := elements(dst, (k-1)*ds+8), elements(src, 7*ld+k)
	for i := range 8 {
		for j, x := range from[i*ld:][:k] {
			to[j*ds+i] = x
		}
	}
}

func widenBF16Generic(dst *float32, src *uint16, n int) {
	to := elements(dst, n)
	for i, h := range unsafe.Slice(src, n) {
		to[i] = kernel.FromBF16(h)
	}
}

func widenF16Generic(dst *float32, src *uint16, n int) {
	to := elements(dst, n)
	for i, h := range unsafe.Slice(src, n) {
		to[i] = kernel.FromF16(h)
	}
}
