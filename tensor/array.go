package tensor

import (
	"strconv"

	"github.com/inkstone-ai/inkstone/internal/kernel"
)

// maxDims is the largest number of dimensions of a tensor.
const maxDims = kernel.MaxDims

// An array is the geometry of a tensor: a window on a buffer. Rows of dimension
// 0 may lie apart (stride); all inside a row is contiguous.
type array struct {
	buf    *kernel.Buffer
	off    int // elements from the buffer's start
	dims   int
	shape  [maxDims]int
	stride int // elements between neighbours of dimension 0
	dtype  DType
}

// shaped returns a dense array without memory.
func shaped(op string, dt DType, shape []int) array {
	if len(shape) > maxDims {
		panic("tensor: " + op + ": shape " + show(shape) + " has more than 6 dimensions")
	}
	a := array{dims: len(shape), dtype: dt}
	for i, n := range shape {
		if n < 0 {
			panic("tensor: " + op + ": shape " + show(shape) + " has a negative length")
		}
		a.shape[i] = n
	}
	a.stride = a.inner()
	return a
}

// len is the number of elements.
func (a *array) len() int {
	n := 1
	for _, d := range a.shape[:a.dims] {
		n *= d
	}
	return n
}

// inner is the number of elements in a row of dimension 0.
func (a *array) inner() int { return a.span(1, a.dims) }

// span is the number of elements in dimensions from up to, not including, to.
func (a *array) span(from, to int) int {
	n := 1
	for i := from; i < to; i++ {
		n *= a.shape[i]
	}
	return n
}

// size is the number of bytes of the elements.
func (a *array) size() int { return a.dtype.Bytes(a.len()) }

// dense reports whether the elements follow each other without gaps.
func (a *array) dense() bool {
	return a.dims == 0 || a.shape[0] <= 1 || a.stride == a.inner()
}

// last is the length of the last dimension, 1 for a scalar.
func (a *array) last() int {
	if a.dims == 0 {
		return 1
	}
	return a.shape[a.dims-1]
}

// axis turns a dimension that may count from the end into one that does not.
func (a *array) axis(op string, i int) int {
	if i < -a.dims || i >= a.dims {
		panic("tensor: " + op + ": dimension " + strconv.Itoa(i) + " of shape " + a.String())
	}
	if i < 0 {
		i += a.dims
	}
	return i
}

// window is a Mat on a's memory.
func (a *array) window(rows, cols, stride int) kernel.Mat {
	return kernel.Mat{Buf: a.buf, Off: a.off, Rows: rows, Cols: cols, Stride: stride, Type: kernel.DType(a.dtype)}
}

// rows is a as a Mat with a row for each index of dimension 0; a dense vector
// and a scalar are one row.
func (a *array) rows() kernel.Mat {
	if n := a.len(); a.dims < 2 && a.dense() {
		return a.window(1, n, n)
	}
	n := a.inner()
	return a.window(a.shape[0], n, max(a.stride, n))
}

// matrix is a as a Mat whose columns are the last dimension. Arrays of three
// and more dimensions must be dense.
func (a *array) matrix() kernel.Mat {
	if a.dims <= 2 {
		return a.rows()
	}
	n := a.last()
	return a.window(a.span(0, a.dims-1), n, n)
}

// flat is a dense array as one row, column as rows of one element.
func (a *array) flat() kernel.Mat   { return a.window(1, a.len(), a.len()) }
func (a *array) column() kernel.Mat { return a.window(a.len(), 1, 1) }

// view is a as a View with all its strides.
func (a *array) view() kernel.View {
	v := kernel.View{Buf: a.buf, Off: a.off, Dims: a.dims, Shape: a.shape, Type: kernel.DType(a.dtype)}
	n := 1
	for i := a.dims - 1; i > 0; i-- {
		v.Stride[i] = n
		n *= a.shape[i]
	}
	if a.dims > 0 {
		v.Stride[0] = a.stride
	}
	return v
}

// stretched is a as a View of to's shape: dimensions are aligned at the last,
// and one of length 1 repeats (NumPy's broadcasting).
func (a *array) stretched(to *array) kernel.View {
	from := a.view()
	v := kernel.View{Buf: a.buf, Off: a.off, Dims: to.dims, Shape: to.shape, Type: from.Type}
	lead := to.dims - a.dims
	for i := range a.dims {
		if a.shape[i] == to.shape[lead+i] {
			v.Stride[lead+i] = from.Stride[i]
		}
	}
	return v
}

// broadcast returns the dense f32 shape that a and b stretch to.
func broadcast(op string, a, b *array) array {
	c := array{dims: max(a.dims, b.dims), dtype: F32}
	for i := range c.dims {
		n, m := a.fromEnd(i), b.fromEnd(i)
		if n != m && n != 1 && m != 1 {
			mismatch(op, a, b)
		}
		if n == 1 {
			n = m
		}
		c.shape[c.dims-1-i] = n
	}
	c.stride = c.inner()
	return c
}

// fromEnd is the length of the dimension i before the last, 1 where there is none.
func (a *array) fromEnd(i int) int {
	if i >= a.dims {
		return 1
	}
	return a.shape[a.dims-1-i]
}

// same reports whether a and b have the same shape.
func (a *array) same(b *array) bool { return a.dims == b.dims && a.shape == b.shape }

// mismatch panics with both shapes.
func mismatch(op string, a, b *array) {
	panic("tensor: " + op + ": shapes " + a.String() + " and " + b.String() + " do not fit")
}

// String returns the shape: "(4, 128)".
func (a array) String() string { return show(a.shape[:a.dims]) }

// show prints a shape without letting it escape to the heap.
func show(shape []int) string {
	b := []byte{'('}
	for i, n := range shape {
		if i > 0 {
			b = append(b, ", "...)
		}
		b = strconv.AppendInt(b, int64(n), 10)
	}
	return string(append(b, ')'))
}
