package cpu

import (
	"math"
	"unsafe"

	"github.com/inkstone-ai/inkstone/internal/kernel"
)

// genericVectors is the table in plain Go.
func genericVectors() vectors {
	v := vectors{
		binary:    binaryRows,
		mulAdd:    mulAddRow,
		sum:       sumRow,
		sumAbs:    sumAbsRow,
		maxOf:     maxRow,
		minOf:     minRow,
		dot:       dotRow,
		spread:    spreadRow,
		expSum:    expSumRow,
		normalize: normalizeRow,
		normSums:  normSumsRow,
		lstm:      lstmRow, lstmGrad: lstmGradRow,
		normGrad: normGradRow,
		moments:  momentsOfRows, normMax: normMaxSquares, normMaxSums: normMaxSumsSquares, normMaxGrad: normMaxGradSquares,
		rotate:   rotateRow,
		dropout:  dropoutRow,
		update:   updateRows,
		toBF16:   func(dst []uint16, src []float32) { convert(dst, src, kernel.ToBF16) },
		fromBF16: func(dst []float32, src []uint16) { convert(dst, src, kernel.FromBF16) },
		toF16:    func(dst []uint16, src []float32) { convert(dst, src, kernel.ToF16) },
		fromF16:  func(dst []float32, src []uint16) { convert(dst, src, kernel.FromF16) },
		fromQ8:   dequantiseQ8,
		rowsF16: func(dst []float32, src *byte, ld, rows, n int) {
			widenRows(dst, src, ld, rows, n, 2*n, func(dst []float32, src []byte) {
				convert(dst, unsafe.Slice((*uint16)(unsafe.Pointer(&src[0])), n), kernel.FromF16)
			})
		},
		rowsQ8: func(dst []float32, src *byte, ld, rows, n int) {
			widenRows(dst, src, ld, rows, n, kernel.Q8_0.Bytes(n), dequantiseQ8)
		},
	}
	for op, f := range functions {
		v.unary[op], v.slope[op] = mapping(f.f), slopes(f.d)
		v.gated[op], v.gatedGrad[op] = gating(f.f), gatings(f.f, f.d)
	}
	return v
}

func dequantiseQ8(dst []float32, src []byte) { kernel.Dequantise(kernel.Q8_0, dst, src) }

// widenRows calls one with rows of n numbers, of size bytes.
func widenRows(dst []float32, src *byte, ld, rows, n, size int, one func(dst []float32, src []byte)) {
	from := unsafe.Slice(src, (rows-1)*ld+size)
	for i := range rows {
		one(dst[i*n:][:n], from[i*ld:][:size])
	}
}

func convert[D, S any](dst []D, src []S, f func(S) D) {
	src = src[:len(dst)]
	for i, x := range src {
		dst[i] = f(x)
	}
}

// Sums run in four chains, so that an addition does not wait for the one
// before it; fold adds the chains and then the tail.

func sumRow(x []float32) float32 {
	var s [4]float32
	for ; len(x) >= 4; x = x[4:] {
		s[0] += x[0]
		s[1] += x[1]
		s[2] += x[2]
		s[3] += x[3]
	}
	t := (s[0] + s[1]) + (s[2] + s[3])
	for _, v := range x {
		t += v
	}
	return t
}

func sumAbsRow(x []float32) float32 {
	t := float32(0)
	for _, v := range x {
		t += float32(math.Abs(float64(v)))
	}
	return t
}

func maxRow(x []float32) float32 {
	t := float32(math.Inf(-1))
	for _, v := range x {
		t = max(t, v)
	}
	return t
}

func minRow(x []float32) float32 {
	t := float32(math.Inf(1))
	for _, v := range x {
		t = min(t, v)
	}
	return t
}

func dotRow(a, b []float32) float32 {
	var s [4]float32
	b = b[:len(a)]
	for ; len(a) >= 4 && len(b) >= 4; a, b = a[4:], b[4:] {
		s[0] += a[0] * b[0]
		s[1] += a[1] * b[1]
		s[2] += a[2] * b[2]
		s[3] += a[3] * b[3]
	}
	t := (s[0] + s[1]) + (s[2] + s[3])
	for i, v := range a {
		t += v * b[i]
	}
	return t
}

func spreadRow(x []float32, mean float32) float32 {
	var s [4]float32
	for ; len(x) >= 4; x = x[4:] {
		d0, d1, d2, d3 := x[0]-mean, x[1]-mean, x[2]-mean, x[3]-mean
		s[0] += d0 * d0
		s[1] += d1 * d1
		s[2] += d2 * d2
		s[3] += d3 * d3
	}
	t := (s[0] + s[1]) + (s[2] + s[3])
	for _, v := range x {
		t += (v - mean) * (v - mean)
	}
	return t
}

func expSumRow(y, x []float32, top float32) float32 {
	sum := float32(0)
	x = x[:len(y)]
	for i, v := range x {
		e := float32(exp(float64(v) - float64(top)))
		y[i] = e
		sum += e
	}
	return sum
}

func normalizeRow(y, x, w, b []float32, mean, rstd float32) {
	x = x[:len(y)]
	for i, v := range x {
		z := (v - mean) * rstd
		if w != nil {
			z *= w[i]
		}
		if b != nil {
			z += b[i]
		}
		y[i] = z
	}
}

func normSumsRow(x, w, dy []float32, mean, rstd float32) (g, gx float32) {
	dy = dy[:len(x)]
	for i, v := range x {
		d := dy[i]
		if w != nil {
			d *= w[i]
		}
		g += d
		gx += d * ((v - mean) * rstd)
	}
	return g, gx
}

func normGradRow(dx, dw, db, x, w, dy []float32, mean, rstd, meanG, meanGX float32, acc bool) {
	x, dy = x[:len(dx)], dy[:len(dx)]
	for i, v := range x {
		d, z := dy[i], (v-mean)*rstd
		if dw != nil {
			dw[i] += d * z
		}
		if db != nil {
			db[i] += d
		}
		if w != nil {
			d *= w[i]
		}
		put(&dx[i], rstd*(d-meanG-z*meanGX), acc)
	}
}

func rotateRow(y, x, angles []float32, heads, stride int, flip uint32, acc bool) {
	pairs := len(angles) / 2
	cos, sin := angles[:pairs], angles[pairs:]
	for h := range heads {
		y, x := y[h*stride:][:2*pairs], x[h*stride:][:2*pairs]
		for i, c := range cos {
			a, b, s := x[i], x[pairs+i], math.Float32frombits(math.Float32bits(sin[i])^flip)
			put(&y[i], a*c-b*s, acc)
			put(&y[pairs+i], a*s+b*c, acc)
		}
	}
}

func dropoutRow(y, x []float32, key, index uint64, rate, scale float32) {
	for len(y) > 0 {
		words := kernel.Philox(key, index/4)
		skip := index % 4
		n := min(4-int(skip), len(y))
		for i, u := range words[skip:][:n] {
			v := x[i] * scale
			if kernel.UnitFloat(u) < rate {
				v = 0
			}
			y[i] = v
		}
		y, x, index = y[n:], x[n:], index+uint64(n)
	}
}
