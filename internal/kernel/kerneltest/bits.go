package kerneltest

import (
	"math"
	"slices"
	"testing"

	"github.com/inkstone-ai/inkstone/internal/kernel"
)

// held is an F32 or I32 matrix on a device, for checks of bits.
func held(d kernel.Device, a *arg) kernel.Mat {
	m := kernel.Mat{Buf: d.Alloc(len(a.data)), Rows: a.rows, Cols: a.cols, Stride: a.cols, Type: a.typ}
	d.Write(m.Buf, 0, a.data)
	return m
}

// contents is all of m's buffer.
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
	for _, p := range []kernel.DType{kernel.F32, kernel.BF16} {
		checkProductBitsIn(t, d, p)
	}
}

func checkProductBitsIn(t *testing.T, d kernel.Device, p kernel.DType) {
	g := newGen()
	for _, s := range bitShapes {
		m, n, k := s[0], s[1], s[2]
		a, b := g.normal(m, k), g.normal(k, n)
		A, B, whole, parts := held(d, a), held(d, b), held(d, g.normal(m, n)), held(d, g.normal(m, n))
		At, Bt := held(d, transposed(a)), held(d, transposed(b))
		d.MatMul(whole, A, B, kernel.Product{Precision: p})
		want := contents(d, whole)
		for r := range m {
			d.MatMul(rowOf(parts, r), rowOf(A, r), B, kernel.Product{Precision: p})
		}
		sameBits(t, "rows one by one", contents(d, parts), want)
		d.MatMul(parts, At, B, kernel.Product{TA: true, Precision: p})
		sameBits(t, "transposed a", contents(d, parts), want)
		d.MatMul(parts, A, Bt, kernel.Product{TB: true, Precision: p})
		sameBits(t, "transposed b", contents(d, parts), want)
		checkBatchRows(t, d, parts, A, B, p, want)
		for _, x := range []kernel.Mat{A, B, At, Bt, whole, parts} {
			d.Free(x.Buf)
		}
	}
}

// checkBatchRows computes each row as one product of a batch.
func checkBatchRows(t *testing.T, d kernel.Device, c, a, b kernel.Mat, p kernel.DType, want []float32) {
	rows := c.Rows
	d.Fill(c, 0)
	d.MatMul(rowOf(c, 0), rowOf(a, 0), b, kernel.Product{Precision: p, Batch: rows, StrideC: c.Stride, StrideA: a.Stride})
	sameBits(t, "batch of rows", contents(d, c), want)
}

// transposed is a with rows and columns exchanged.
func transposed(a *arg) *arg {
	size, data := a.typ.Size(), make([]byte, len(a.data))
	for r := range a.rows {
		for c := range a.cols {
			copy(data[(c*a.rows+r)*size:][:size], a.data[(r*a.cols+c)*size:])
		}
	}
	return &arg{typ: a.typ, rows: a.cols, cols: a.rows, data: data}
}

// checkPackBits compares packed with unpacked weights of each type, whole and
// by any number of rows at a time.
func checkPackBits(t *testing.T, d kernel.Device) {
	for _, typ := range []kernel.DType{kernel.F32, kernel.BF16, kernel.F16} {
		for _, s := range bitShapes {
			checkPackedShape(t, d, typ, s[0], s[1], s[2])
		}
	}
	checkQuantisedBits(t, d)
	checkQuantisedSpecials(t, d)
}

func checkPackedShape(t *testing.T, d kernel.Device, typ kernel.DType, m, n, k int) {
	g := newGen()
	b := g.of(typ, k, n)
	A, B, Bt, C := held(d, g.normal(m, k)), held(d, b), held(d, transposed(b)), held(d, g.normal(m, n))
	var precision kernel.DType
	if typ == kernel.BF16 {
		precision = kernel.BF16
	}
	d.MatMul(C, A, B, kernel.Product{Precision: precision})
	want := contents(d, C)
	for name, p := range map[string]kernel.Mat{"packed": d.Pack(B, false), "packed from its transpose": d.Pack(Bt, true)} {
		if p.Rows != k || p.Cols != n || !p.Packed || !p.Buf.Owned {
			t.Errorf("Pack gives %v, packed %v, owned %v", p, p.Packed, p.Buf.Owned)
		}
		for _, rows := range []int{1, 2, 3, 5, 8, m} {
			d.Fill(C, 0)
			for r := 0; r < m; r += rows {
				d.MatMul(slab(C, r, rows), slab(A, r, rows), p, kernel.Product{})
			}
			sameBits(t, named("%s on %s: %v %s, %d rows at a time", "Pack", d.Name(), typ, name, rows), contents(d, C), want)
		}
		d.Free(p.Buf)
	}
	for _, x := range []kernel.Mat{A, B, Bt, C} {
		d.Free(x.Buf)
	}
}

// slab is n rows of m from row r on, or as many as there are.
func slab(m kernel.Mat, r, n int) kernel.Mat {
	m.Off, m.Rows = m.Index(r, 0), min(n, m.Rows-r)
	return m
}

// bitHeads are the attentions whose bits are checked.
var bitHeads = []kernel.AttentionParams{
	{H: 4, G: 2, D: 32, Scale: 0.2, Causal: true},
	{H: 2, G: 2, D: 64, Scale: 0.2, Causal: true, Window: 37},
	{H: 3, G: 1, D: 20, Scale: 0.2, Causal: true, SoftCap: 3},
	{H: 4, G: 2, D: 32, Scale: 0.2, Causal: true, Precision: kernel.BF16},
	{H: 3, G: 1, D: 21, Scale: 0.2, Causal: true, Window: 37, SoftCap: 3, Precision: kernel.BF16},
}

// An attentionCase is the operands of one attention on a device.
type attentionCase struct {
	d          kernel.Device
	p          kernel.AttentionParams
	q, k, v, y kernel.Mat
	lse        kernel.Mat
	dy         kernel.Mat
	dq, dk, dv kernel.Mat
}

func newAttention(d kernel.Device, p kernel.AttentionParams, n int) *attentionCase {
	g := newGen()
	wide, narrow := func() kernel.Mat { return held(d, g.normal(n, p.H*p.D)) }, func() kernel.Mat { return held(d, g.normal(n, p.G*p.D)) }
	return &attentionCase{d, p, wide(), narrow(), narrow(), wide(), held(d, g.normal(n, p.H)), wide(), wide(), narrow(), narrow()}
}

func (c *attentionCase) free() {
	for _, m := range []kernel.Mat{c.q, c.k, c.v, c.y, c.lse, c.dy, c.dq, c.dk, c.dv} {
		c.d.Free(m.Buf)
	}
}

func (c *attentionCase) forward(segments ...int32) {
	s := held(c.d, segmentsArg(segments))
	c.d.Attention(c.y, c.lse, c.q, c.k, c.v, s, c.p)
	c.d.Free(s.Buf)
}

func (c *attentionCase) backward(segments ...int32) {
	s := held(c.d, segmentsArg(segments))
	c.d.AttentionGrad(c.dq, c.dk, c.dv, c.q, c.k, c.v, c.y, c.lse, c.dy, s, c.p, false)
	c.d.Free(s.Buf)
}

// longHeads are those that are checked over keys enough to be shared out.
var longHeads = []kernel.AttentionParams{
	{H: 2, G: 1, D: 32, Scale: 0.2, Causal: true},
	{H: 1, G: 1, D: 64, Scale: 0.2, Causal: true, Window: 700},
	{H: 4, G: 1, D: 96, Scale: 0.2, Causal: true, SoftCap: 3},
}

// checkPagedBits computes a long sequence whole; then a part of it query by query and in
// chunks, with keys in place and in pages out of order, of every type.
func checkPagedBits(t *testing.T, d kernel.Device) {
	const n, page = 1150, 64
	table := backwards((n + page - 1) / page)
	heads := longHeads
	if testing.Short() {
		heads = heads[:2]
	}
	for _, p := range heads {
		c := newAttention(d, p, n)
		for _, typ := range []kernel.DType{kernel.F32, kernel.F16, kernel.Q8_0} {
			k, v := c.k, c.v
			c.k, c.v = converted(d, k, typ), converted(d, v, typ)
			c.forward(0, n, 0, n)
			y, lse := contents(d, c.y), contents(d, c.lse)
			c.inChunks(t, named("%s, %+v, %v", d.Name(), p, typ), y, lse)
			pages := held(d, from(kernel.I32, 1, len(table), table))
			moved := [2]kernel.Mat{inPages(d, c.k, table, page), inPages(d, c.v, table, page)}
			plain := [2]kernel.Mat{c.k, c.v}
			c.k, c.v, c.p.Pages, c.p.Page = moved[0], moved[1], pages, page
			c.inChunks(t, named("%s, %+v, %v in pages", d.Name(), p, typ), y, lse)
			for _, m := range []kernel.Mat{pages, moved[0], moved[1], plain[0], plain[1]} {
				d.Free(m.Buf)
			}
			c.k, c.v, c.p.Pages = k, v, kernel.Mat{}
		}
		c.free()
	}
}

// inChunks computes the last queries again, which have seen keys enough.
func (c *attentionCase) inChunks(t *testing.T, what string, y, lse []float32) {
	n, keep := int32(c.q.Rows), c.p.Pages
	for chunk, first := range map[int32]int32{1: n - 3, 7: n - 20, 64: n - 200, n: 0} {
		c.d.Fill(c.y, 0)
		c.d.Fill(c.lse, 0)
		for from := first; from < n; from += chunk {
			to := min(from+chunk, n)
			c.forward(from, to-from, 0, to)
		}
		what := named("%s, chunks of %d tokens, pages %v", what, chunk, !keep.Nil())
		sameBits(t, what, contents(c.d, c.y)[int(first)*c.y.Cols:], y[int(first)*c.y.Cols:])
		sameBits(t, what+", lse", contents(c.d, c.lse)[int(first)*c.lse.Cols:], lse[int(first)*c.lse.Cols:])
	}
}

// converted is a copy of m in type typ.
func converted(d kernel.Device, m kernel.Mat, typ kernel.DType) kernel.Mat {
	to := kernel.Mat{Buf: d.Alloc(typ.Bytes(m.Len())), Rows: m.Rows, Cols: m.Cols, Stride: m.Cols, Type: typ}
	d.Copy(to, m, false)
	return to
}

// inPages is a copy of m whose rows lie in the pages of a table.
func inPages(d kernel.Device, m kernel.Mat, table []int32, page int) kernel.Mat {
	to := kernel.Mat{Buf: d.Alloc(m.Type.Bytes(len(table) * page * m.Cols)), Rows: len(table) * page, Cols: m.Cols, Stride: m.Cols, Type: m.Type}
	for i, at := range table {
		rows := slab(m, i*page, page)
		d.Copy(slab(to, int(at)*page, rows.Rows), rows, false)
	}
	return to
}

// checkAttentionBits computes a sequence whole, then in chunks with the keys
// so far: as training, prefilling and decoding do.
func checkAttentionBits(t *testing.T, d kernel.Device) {
	checkPagedBits(t, d)
	const n = 150
	for _, p := range bitHeads {
		c := newAttention(d, p, n)
		c.forward(0, n, 0, n)
		y, lse := contents(d, c.y), contents(d, c.lse)
		for _, chunk := range []int32{1, 7, 64} {
			d.Fill(c.y, 0)
			d.Fill(c.lse, 0)
			for from := int32(0); from < n; from += chunk {
				to := min(from+chunk, n)
				c.forward(from, to-from, 0, to)
			}
			what := named("%s, %+v, chunks of %d tokens", d.Name(), p, chunk)
			sameBits(t, what, contents(d, c.y), y)
			sameBits(t, what+", lse", contents(d, c.lse), lse)
		}
		c.free()
	}
}

// checkAttentionGradBits computes the gradients of three sequences at once
// and one by one.
func checkAttentionGradBits(t *testing.T, d kernel.Device) {
	parts := [][]int32{{0, 3, 0, 3}, {3, 100, 3, 100}, {103, 47, 103, 47}}
	for _, p := range bitHeads {
		c := newAttention(d, p, 150)
		all := slices.Concat(parts...)
		c.forward(all...)
		c.backward(all...)
		var want [][]float32
		for _, m := range []kernel.Mat{c.dq, c.dk, c.dv} {
			want = append(want, contents(d, m))
			d.Fill(m, 0)
		}
		for _, s := range parts {
			c.backward(s...)
		}
		for i, m := range []kernel.Mat{c.dq, c.dk, c.dv} {
			sameBits(t, named("%s, %+v, gradient %d of sequences one by one", d.Name(), p, i), contents(d, m), want[i])
		}
		c.free()
	}
}
