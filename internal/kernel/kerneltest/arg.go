package kerneltest

import (
	"bytes"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"unsafe"

	"github.com/inkstone-ai/inkstone/internal/kernel"
)

// An arg is an operand's contents, dense, and how it lies in memory.
type arg struct {
	typ        kernel.DType
	rows, cols int
	data       []byte
	off, gap   int  // elements before the first row, and between rows
	out        bool // the call may write it
}

// guard fills what a call must neither write nor let into its results: as any float it is a NaN.
const guard = 0xff

// guardBytes stand before and after each operand, beside the gaps.
const guardBytes = 128

// An image is an operand as it lies in memory among guard words.
type image struct {
	mat   kernel.Mat // without a buffer
	bytes []byte
}

// lay is a's image.
func (a *arg) lay() (i image) {
	if a == nil {
		return i
	}
	block, n := a.typ.Block(), a.typ.Bytes(a.cols)
	whole := func(elements int) int { return (elements + block - 1) / block * block }
	m := kernel.Mat{Rows: a.rows, Cols: a.cols, Stride: a.cols + whole(a.gap), Type: a.typ}
	m.Off = whole(a.off) + (guardBytes+a.typ.Bytes(block)-1)/a.typ.Bytes(block)*block
	b := bytes.Repeat([]byte{guard}, a.typ.Bytes(m.Off+a.rows*m.Stride)+guardBytes)
	for r := range a.rows {
		copy(b[a.typ.Bytes(m.Index(r, 0)):], a.data[r*n:(r+1)*n])
	}
	return image{m, b}
}

// A bench is a device with memory on which the operands of one call after another lie: to map
// and to release some for each would take longer than most calls do.
type bench struct {
	kernel.Device
	memory *kernel.Buffer
	host   []byte // what is read back
}

// place writes the images to d, in windows that lie side by side.
func (d *bench) place(images []image) []kernel.Mat {
	const align = 64 // as Alloc does
	total := 0
	for _, i := range images {
		total += (len(i.bytes) + align - 1) / align * align
	}
	d.reserve(total)
	mats, at := make([]kernel.Mat, len(images)), 0
	for j, i := range images {
		if i.bytes == nil {
			continue
		}
		mats[j] = i.mat
		mats[j].Buf = &kernel.Buffer{Ptr: unsafe.Add(d.memory.Ptr, at), Bytes: len(i.bytes)}
		d.Write(mats[j].Buf, 0, i.bytes)
		at += (len(i.bytes) + align - 1) / align * align
	}
	return mats
}

// reserve makes d's memory n bytes or more.
func (d *bench) reserve(n int) {
	if d.memory != nil && d.memory.Bytes >= n {
		return
	}
	d.release()
	d.memory = d.Alloc(max(2*n, 1<<20))
}

// release gives d's memory back.
func (d *bench) release() {
	if d.memory != nil {
		d.Free(d.memory)
		d.memory = nil
	}
}

// fetch reads operand i of a call back, checks its guards and, where it is only read, its
// contents; of an operand that may be written it returns what it holds.
func (d *bench) fetch(t *testing.T, c call, i int, m kernel.Mat) []byte {
	t.Helper()
	a := c.args[i]
	if a == nil {
		return nil
	}
	want := c.images[i].bytes
	d.host = slices.Grow(d.host[:0], len(want))[:len(want)]
	d.Read(d.host, m.Buf, 0)
	dense := make([]byte, 0, len(a.data))
	for r := range a.rows {
		at, n := a.typ.Bytes(m.Index(r, 0)), a.typ.Bytes(a.cols)
		dense = append(dense, d.host[at:at+n]...)
		copy(d.host[at:at+n], want[at:at+n])
	}
	if !bytes.Equal(d.host, want) {
		t.Errorf("%s on %s: bytes outside of operand %d (%v %d×%d) were written", c.name, d.Name(), i, a.typ, a.rows, a.cols)
	}
	if !a.out && !bytes.Equal(dense, a.data) {
		t.Errorf("%s on %s: operand %d, an input, was written", c.name, d.Name(), i)
	}
	return dense
}

// gen makes operands. One stream of random numbers with a fixed seed feeds
// all, so every run of the suite is the same.
type gen struct{ rng *rand.Rand }

func newGen() *gen { return &gen{rand.New(rand.NewPCG(1, 2))} }

// bytesOf is s as bytes.
func bytesOf[T any](s []T) []byte {
	var t T
	return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(s))), len(s)*int(unsafe.Sizeof(t)))
}

// floats is b as float32.
func floats(b []byte) []float32 {
	return unsafe.Slice((*float32)(unsafe.Pointer(unsafe.SliceData(b))), len(b)/4)
}

// from is an operand of given numbers.
func from[T float32 | int32 | uint16](typ kernel.DType, rows, cols int, data []T) *arg {
	return &arg{typ: typ, rows: rows, cols: cols, data: bytesOf(data)}
}

// normal is an F32 operand of standard normal numbers.
func (g *gen) normal(rows, cols int) *arg {
	data := make([]float32, rows*cols)
	for i := range data {
		data[i] = float32(g.rng.NormFloat64())
	}
	return from(kernel.F32, rows, cols, data)
}

// uniform is an F32 operand in [lo, hi).
func (g *gen) uniform(rows, cols int, lo, hi float32) *arg {
	data := make([]float32, rows*cols)
	for i := range data {
		data[i] = lo + (hi-lo)*g.rng.Float32()
	}
	return from(kernel.F32, rows, cols, data)
}

// specials are the numbers at which functions break.
var specials = []float32{
	0, float32(math.Copysign(0, -1)), 1, -1, 0.5, 1.5, 2.5, -2.5, float32(math.Inf(1)), float32(math.Inf(-1)), float32(math.NaN()),
	1e-40, -1e-40, 1e-38, 1e-20, 1e-7, 1e-4, -1e-4, 0.1, -0.1, 0.3, 3, -3, 9, -9, 20, -20, 50, -50, 80, 87.5, 88.5, 89, -87, -88.5, -103, -104, -200, 200, 1e4, -1e4, 3e38, -3e38,
}

// special is an F32 operand of the specials, with two more rows of normal numbers among them.
func (g *gen) special() *arg {
	a := g.normal(3, len(specials))
	copy(floats(a.data)[len(specials):], specials)
	return a
}

// mild is special without the numbers whose square leaves float32.
func (g *gen) mild() *arg {
	a := g.special()
	for i, x := range floats(a.data) {
		if x > 1e30 && x < 3.1e38 || x < -1e30 && x > -3.1e38 {
			floats(a.data)[i] = 2
		}
	}
	return a
}

// half is a BF16 or F16 operand of normal numbers.
func (g *gen) half(typ kernel.DType, rows, cols int) *arg {
	data := make([]uint16, rows*cols)
	for i := range data {
		x := float32(g.rng.NormFloat64())
		if data[i] = kernel.ToBF16(x); typ == kernel.F16 {
			data[i] = kernel.ToF16(x)
		}
	}
	return from(typ, rows, cols, data)
}

// of is an operand of normal numbers of any float type.
func (g *gen) of(typ kernel.DType, rows, cols int) *arg {
	switch typ {
	case kernel.F32:
		return g.normal(rows, cols)
	case kernel.Q8_0:
		data := make([]byte, typ.Bytes(rows*cols))
		kernel.ToQ8(data, floats(g.normal(rows, cols).data))
		return &arg{typ: typ, rows: rows, cols: cols, data: data}
	}
	return g.half(typ, rows, cols)
}

// quantised are blocks of random bits with scales of about 1/100, as weights have them.
func (g *gen) quantised(typ kernel.DType, rows, cols int) *arg {
	block, size := typ.Block(), typ.Bytes(typ.Block())
	data := make([]byte, typ.Bytes(rows*cols))
	for i := range data {
		data[i] = byte(g.rng.Uint32())
	}
	for at := 0; at < len(data); at += size {
		for _, off := range scalesOf(typ) {
			h := kernel.ToF16(float32(g.rng.NormFloat64()) / float32(4*block))
			data[at+off], data[at+off+1] = byte(h), byte(h>>8)
		}
		if typ == kernel.MXFP4 {
			data[at] = byte(118 + g.rng.IntN(4))
		}
	}
	return &arg{typ: typ, rows: rows, cols: cols, data: data}
}

// scalesOf are the places of a block's numbers of binary16.
func scalesOf(typ kernel.DType) []int {
	switch typ {
	case kernel.Q4_1, kernel.Q5_1, kernel.Q4_K, kernel.Q5_K:
		return []int{0, 2}
	case kernel.Q2_K:
		return []int{80, 82}
	case kernel.Q3_K:
		return []int{108}
	case kernel.Q6_K:
		return []int{208}
	case kernel.MXFP4:
		return nil
	}
	return []int{0}
}

// quantisedTypes are all types of quantised weights.
func quantisedTypes() (list []kernel.DType) {
	for t := kernel.Q8_0; t <= kernel.IQ4_XS; t++ {
		list = append(list, t)
	}
	return list
}

// ids is an I32 vector of n numbers below below, as a row or as a column.
func (g *gen) ids(n, below int) *arg {
	data := make([]int32, n)
	for i := range data {
		data[i] = int32(g.rng.IntN(below))
	}
	if n%2 == 0 {
		return from(kernel.I32, n, 1, data)
	}
	return from(kernel.I32, 1, n, data)
}

// output marks a as written by the call; what it holds before is noise.
func output(a *arg) *arg {
	a.out = true
	return a
}

// copy is an operand with a's contents that the call changes in place.
func (a *arg) copy() *arg {
	return output(&arg{typ: a.typ, rows: a.rows, cols: a.cols, data: a.data})
}

// strided gives every operand another offset and gaps between rows. A single
// row has no gap, but its stride says otherwise.
func strided(args ...*arg) {
	for i, a := range args {
		if a != nil {
			n := a.typ.Block()
			a.off, a.gap = n*(1+i), n*(3+2*i)
		}
	}
}

// closeTo reports the worst of the numbers out of tolerance.
func closeTo(t *testing.T, name string, i int, a *arg, got, want []float32, rtol, atol float64) {
	t.Helper()
	worst, by := -1, 1.0
	for j := range got {
		g, w := float64(got[j]), float64(want[j])
		if g == w || g != g && w != w {
			continue
		}
		excess := math.Abs(g-w) / (atol + rtol*math.Abs(w))
		if excess > by || excess != excess || math.IsInf(w, 0) {
			worst, by = j, excess
		}
	}
	if worst >= 0 {
		t.Errorf("%s: operand %d (%d×%d) at (%d,%d): got %v, want %v", name, i, a.rows, a.cols,
			worst/a.cols, worst%a.cols, got[worst], want[worst])
	}
}

// named forms a call's name.
func named(format string, args ...any) string { return fmt.Sprintf(format, args...) }
