package tensor

import (
	"fmt"
	"slices"
	"unsafe"

	"github.com/inkstone-ai/inkstone/internal/kernel"
)

// Floats returns a copy of the elements of a float or quantised tensor, in row-major order.
func (t *Tensor) Floats() []float32 {
	x := make([]float32, t.Len())
	t.ReadFloats(x)
	return x
}

// ReadFloats copies the elements of a float or quantised tensor to dst, which has its length.
func (t *Tensor) ReadFloats(dst []float32) {
	t.mustHold("ReadFloats", len(dst), t.dtype.isFloat() || t.dtype.Quantised())
	if t.dtype.Quantised() {
		blocks := make([]byte, t.Bytes())
		t.read(blocks)
		kernel.Dequantise(kernel.DType(t.dtype), dst, blocks)
		return
	}
	if t.dtype == F32 {
		t.read(bytesOf(dst))
		return
	}
	f := shaped("ReadFloats", F32, t.shape[:t.dims])
	f.buf = t.dev.k.Alloc(f.size())
	t.dev.k.Copy(f.rows(), t.rows(), false)
	t.dev.k.Read(bytesOf(dst), f.buf, 0)
	t.dev.k.Free(f.buf)
}

// WriteFloats sets the elements of a float tensor, rounding to its type.
func (t *Tensor) WriteFloats(src []float32) {
	t.mustHold("WriteFloats", len(src), t.dtype.isFloat())
	if t.dtype == F32 {
		t.write(bytesOf(src))
		return
	}
	t.mustBeWritable("WriteFloats")
	f := shaped("WriteFloats", F32, t.shape[:t.dims])
	f.buf = t.dev.k.Alloc(f.size())
	t.dev.k.Write(f.buf, 0, bytesOf(src))
	t.dev.k.Copy(t.rows(), f.rows(), false)
	t.dev.k.Free(f.buf)
}

// Ints returns a copy of the elements of an i32 tensor.
func (t *Tensor) Ints() []int32 {
	x := make([]int32, t.Len())
	t.mustHold("Ints", len(x), t.dtype == I32)
	t.read(bytesOf(x))
	return x
}

// WriteInts sets the elements of an i32 tensor.
func (t *Tensor) WriteInts(src []int32) {
	t.mustHold("WriteInts", len(src), t.dtype == I32)
	t.write(bytesOf(src))
}

// Item returns the one element of an f32 tensor of length 1.
func (t *Tensor) Item() float32 {
	t.mustHold("Item", 1, t.dtype == F32)
	return t.dev.float(t.buf, t.off)
}

// float reads one f32 without allocating.
func (d *Device) float(b *kernel.Buffer, at int) float32 {
	d.k.Read(bytesOf(d.scratch[:]), b, 4*at)
	return d.scratch[0]
}

// ReadBytes copies the raw elements, row-major and little-endian, to dst.
func (t *Tensor) ReadBytes(dst []byte) {
	t.mustHoldBytes("ReadBytes", dst)
	t.read(dst)
}

// WriteBytes sets the raw elements, row-major and little-endian.
func (t *Tensor) WriteBytes(src []byte) {
	t.mustHoldBytes("WriteBytes", src)
	t.write(src)
}

// mustHoldBytes panics unless b is as long as the elements.
func (t *Tensor) mustHoldBytes(op string, b []byte) {
	t.check(op)
	if len(b) != t.Bytes() {
		panic(fmt.Sprintf("tensor: %s: %s, %v%v, does not fit %d bytes", op, t.label(), t.dtype, t.array, len(b)))
	}
}

// Fill sets every element of a float tensor to v.
func (t *Tensor) Fill(v float32) {
	t.mustHold("Fill", t.Len(), t.dtype.isFloat())
	t.mustBeWritable("Fill")
	if t.dtype == F32 {
		t.dev.k.Fill(t.rows(), v)
		return
	}
	t.WriteFloats(slices.Repeat([]float32{v}, t.Len()))
}

// Assign copies the values of src, of the same shape, to t, converting between
// float types. It is no operation of the tape: gradients do not flow through it.
func (t *Tensor) Assign(src *Tensor) {
	if !t.same(&src.array) {
		mismatch("Assign", &t.array, &src.array)
	}
	t.mustTake("Assign", src)
	t.dev.k.Copy(t.rows(), src.rows(), false)
}

// AssignRows copies rows from … from+n of src's dimension 0 to the rows of t
// that begin at at: how keys and values enter a cache. Rows have equal shapes.
func (t *Tensor) AssignRows(at int, src *Tensor, from, n int) {
	t.mustTake("AssignRows", src)
	if t.dims == 0 || src.dims == 0 || t.inner() != src.inner() || min(at, from, n) < 0 ||
		at+n > t.shape[0] || from+n > src.shape[0] {
		panic(fmt.Sprintf("tensor: AssignRows: rows %d…%d of %v do not take rows %d…%d of %v",
			at, at+n, t.array, from, from+n, src.array))
	}
	t.dev.k.Copy(t.band(at, n), src.band(from, n), false)
}

// TakeRows copies row ids[i] of src's dimension 0 to row i of t: a few rows of a
// large table. Like [Tensor.Assign] it is no operation of the tape.
func (t *Tensor) TakeRows(src *Tensor, ids []int32) {
	t.mustFitRows("TakeRows", src, len(ids), t.rowCount())
	for i, id := range ids {
		t.dev.k.Copy(t.band(i, 1), src.row("TakeRows", id), false)
	}
}

// PutRows undoes TakeRows: it copies row i of src to row ids[i] of t.
func (t *Tensor) PutRows(ids []int32, src *Tensor) {
	t.mustFitRows("PutRows", src, len(ids), src.rowCount())
	for i, id := range ids {
		t.dev.k.Copy(t.row("PutRows", id), src.band(i, 1), false)
	}
}

// mustFitRows panics unless t takes rows of src and there is room for n of them.
func (t *Tensor) mustFitRows(op string, src *Tensor, n, room int) {
	t.mustTake(op, src)
	if t.dims == 0 || src.dims == 0 || t.inner() != src.inner() || n > room {
		panic(fmt.Sprintf("tensor: %s: %d rows of %v and %v do not fit", op, n, t.array, src.array))
	}
}

// rowCount is the length of dimension 0, 0 of a scalar.
func (t *Tensor) rowCount() int {
	if t.dims == 0 {
		return 0
	}
	return t.shape[0]
}

// row is one row of dimension 0.
func (t *Tensor) row(op string, id int32) kernel.Mat {
	if id < 0 || int(id) >= t.shape[0] {
		panic(fmt.Sprintf("tensor: %s: there is no row %d in %s %v", op, id, t.label(), t.array))
	}
	return t.band(int(id), 1)
}

// mustTake panics unless src can be copied to t.
func (t *Tensor) mustTake(op string, src *Tensor) {
	t.check(op)
	src.check(op)
	t.mustBeWritable(op)
	if t.dev != src.dev {
		panic("tensor: " + op + ": " + t.label() + " and " + src.label() + " are on two devices")
	}
}

// band is rows at … at+n of dimension 0 as a Mat.
func (a *array) band(at, n int) kernel.Mat {
	c := a.inner()
	m := a.window(n, c, max(a.stride, c))
	m.Off += at * a.stride
	return m
}

// mustHold panics unless t has n elements of a fitting type.
func (t *Tensor) mustHold(op string, n int, fits bool) {
	t.check(op)
	if n != t.Len() || !fits {
		panic(fmt.Sprintf("tensor: %s: %s, %v%v, does not fit %d elements", op, t.label(), t.dtype, t.array, n))
	}
}

// mustBeWritable panics where the memory is somebody else's, and drops a packed
// copy, which the write would leave stale.
func (t *Tensor) mustBeWritable(op string) {
	o := t.owner()
	if o.wrapped {
		panic("tensor: " + op + ": " + t.label() + " is a read-only window: Own makes a copy")
	}
	o.Unpack()
}

// read and write move the elements row by row where there are gaps.
func (t *Tensor) read(dst []byte) {
	if t.dense() {
		t.dev.k.Read(dst, t.buf, t.dtype.Bytes(t.off))
		return
	}
	n := t.dtype.Bytes(t.inner())
	for i := range t.shape[0] {
		t.dev.k.Read(dst[i*n:][:n], t.buf, t.dtype.Bytes(t.off+i*t.stride))
	}
}

func (t *Tensor) write(src []byte) {
	t.mustBeWritable("write")
	if t.dense() {
		t.dev.k.Write(t.buf, t.dtype.Bytes(t.off), src)
		return
	}
	n := t.dtype.Bytes(t.inner())
	for i := range t.shape[0] {
		t.dev.k.Write(t.buf, t.dtype.Bytes(t.off+i*t.stride), src[i*n:][:n])
	}
}

// bytesOf is x as raw memory; every supported processor is little-endian.
func bytesOf[E float32 | int32](x []E) []byte {
	if len(x) == 0 {
		return nil
	}
	return unsafe.Slice((*byte)(unsafe.Pointer(&x[0])), 4*len(x))
}
