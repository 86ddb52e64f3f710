package kerneltest

import (
	"math"
	"testing"

	"github.com/inkstone-ai/inkstone/internal/kernel"
)

// held is an F32 or I32 matrix on a device, for checks of bits.
func held(d kernel.Device, a *arg) kernel.Mat {
	m := kernel.Mat{Buf: d.Alloc(len(a.data)), Rows: a.rows, Cols: a.cols, Stride: a.cols, Type: a.typ}
	d.Write(m.Buf, 0, a.data)
	return m
}

func contents(d kernel.Device, m kernel.Mat) []float32 {
	b := make([]byte, m.Buf.Bytes)
	d.Read(b, m.Buf, 0)
	return floats(b)
}

// rowOf is row r of m as a matrix of one row.
func rowOf(m kernel.Mat, r int) kernel.Mat {
	m.Off, m.Rows = m.Index(r, 0), 1
	return m
}

func sameBits(t *testing.T, what string, got, want []float32) {
	t.Helper()
	for i := range got {
		if math.Float32bits(got[i]) != math.Float32bits(want[i]) {
			t.Errorf("%s: element %d is %v (%#x), not %v (%#x)", what, i, got[i], math.Float32bits(got[i]), want[i], math.Float32bits(want[i]))
			return
		}
	}
}

// bitShapes are products long enough in K to be cut by any blocking.
var bitShapes = [][3]int{{67, 130, 33}, {25, 100, 1100}, {13, 515, 300}}

// checkProductBits computes a product whole and row by row, transposed in
// memory or not: each element is the same chain over k.
func checkProductBits(t *testing.T, d kernel.Device) {
	g := newGen()
	for _, s := range bitShapes {
		m, n, k := s[0], s[1], s[2]
		a, b := g.normal(m, k), g.normal(k, n)
		A, B, whole, parts := held(d, a), held(d, b), held(d, g.normal(m, n)), held(d, g.normal(m, n))
		At, Bt := held(d, transposed(a)), held(d, transposed(b))
		d.MatMul(whole, A, B, false, false, false, 1, 0, 0, 0)
		want := contents(d, whole)
		for r := range m {
			d.MatMul(rowOf(parts, r), rowOf(A, r), B, false, false, false, 1, 0, 0, 0)
		}
		sameBits(t, "rows one by one", contents(d, parts), want)
		d.MatMul(parts, At, B, true, false, false, 1, 0, 0, 0)
		sameBits(t, "transposed a", contents(d, parts), want)
		d.MatMul(parts, A, Bt, false, true, false, 1, 0, 0, 0)
		sameBits(t, "transposed b", contents(d, parts), want)
		checkBatchRows(t, d, parts, A, B, want)
		for _, x := range []kernel.Mat{A, B, At, Bt, whole, parts} {
			d.Free(x.Buf)
		}
	}
}

// checkBatchRows computes each row as one product of a batch.
func checkBatchRows(t *testing.T, d kernel.Device, c, a, b kernel.Mat, want []float32) {
	rows := c.Rows
	d.Fill(c, 0)
	d.MatMul(rowOf(c, 0), rowOf(a, 0), b, false, false, false, rows, c.Stride, a.Stride, 0)
	sameBits(t, "batch of rows", contents(d, c), want)
}

func transposed(a *arg) *arg {
	x, y := floats(a.data), make([]float32, a.rows*a.cols)
	for r := range a.rows {
		for c := range a.cols {
			y[c*a.rows+r] = x[r*a.cols+c]
		}
	}
	return from(kernel.F32, a.cols, a.rows, y)
}

// checkPackBits compares packed with unpacked weights, whole and row by row.
func checkPackBits(t *testing.T, d kernel.Device) {
	g := newGen()
	for _, s := range bitShapes {
		m, n, k := s[0], s[1], s[2]
		b := g.normal(k, n)
		A, B, Bt, C := held(d, g.normal(m, k)), held(d, b), held(d, transposed(b)), held(d, g.normal(m, n))
		d.MatMul(C, A, B, false, false, false, 1, 0, 0, 0)
		want := contents(d, C)
		for name, p := range map[string]kernel.Mat{"packed": d.Pack(B, false), "packed from its transpose": d.Pack(Bt, true)} {
			if p.Rows != k || p.Cols != n || !p.Packed || !p.Buf.Owned {
				t.Errorf("Pack gives %v, packed %v, owned %v", p, p.Packed, p.Buf.Owned)
			}
			d.MatMul(C, A, p, false, false, false, 1, 0, 0, 0)
			sameBits(t, name, contents(d, C), want)
			d.Fill(C, 0)
			for r := range m {
				d.MatMul(rowOf(C, r), rowOf(A, r), p, false, false, false, 1, 0, 0, 0)
			}
			sameBits(t, name+", rows one by one", contents(d, C), want)
			d.Free(p.Buf)
		}
		for _, x := range []kernel.Mat{A, B, Bt, C} {
			d.Free(x.Buf)
		}
	}
}

// checkAttentionBits computes a sequence whole, then token by token with the
// keys so far, then in chunks: as training, decoding and prefilling do.
func checkAttentionBits(t *testing.T, d kernel.Device) {
	const n = 150
	p := kernel.AttentionParams{H: 4, G: 2, D: 32, Scale: 0.2, Causal: true}
	g := newGen()
	q, k, v := held(d, g.normal(n, p.H*p.D)), held(d, g.normal(n, p.G*p.D)), held(d, g.normal(n, p.G*p.D))
	y := held(d, g.normal(n, p.H*p.D))
	defer func() {
		for _, m := range []kernel.Mat{q, k, v, y} {
			d.Free(m.Buf)
		}
	}()
	attend := func(segments ...int32) {
		s := held(d, segmentsArg(segments))
		d.Attention(y, kernel.Mat{}, q, k, v, s, p)
		d.Free(s.Buf)
	}
	attend(0, n, 0, n)
	want := contents(d, y)
	for _, chunk := range []int32{1, 7, 64} {
		d.Fill(y, 0)
		for from := int32(0); from < n; from += chunk {
			to := min(from+chunk, n)
			attend(from, to-from, 0, to)
		}
		sameBits(t, named("chunks of %d tokens", chunk), contents(d, y), want)
	}
}
