package kernel

import "unsafe"

// Elements is the whole of b as a slice of T. It is for devices whose memory
// the host can read; the slice lives as long as the buffer.
func Elements[T any](b *Buffer) []T {
	var t T
	return unsafe.Slice((*T)(b.Ptr), b.Bytes/int(unsafe.Sizeof(t)))
}

// Row is row r of m as a slice of T, T being the Go type of m.Type (BF16 and
// F16 are uint16). It has no room beyond the row.
func Row[T any](m Mat, r int) []T {
	i := m.Index(r, 0)
	return Elements[T](m.Buf)[i : i+m.Cols : i+m.Cols]
}

// Blocks is row r of a quantised m as its bytes.
func Blocks(m Mat, r int) []byte {
	i, n := m.Type.Bytes(m.Index(r, 0)), m.Type.Bytes(m.Cols)
	return Elements[byte](m.Buf)[i : i+n : i+n]
}

// Index is the position of element (r, c), counted from the buffer's start.
func (m Mat) Index(r, c int) int { return m.Off + r*m.Stride + c }

// Len is the number of elements of m.
func (m Mat) Len() int { return m.Rows * m.Cols }

// At is the position of element i of a vector: one row of n or n rows of one.
func (m Mat) At(i int) int {
	if m.Cols == 1 {
		return m.Off + i*m.Stride
	}
	return m.Off + i
}

// Len is the number of elements of v, repeated ones counted each time.
func (v View) Len() int {
	n := 1
	for _, s := range v.Shape[:v.Dims] {
		n *= s
	}
	return n
}

// At is the position of the i-th element of v, the last dimension running fastest.
func (v View) At(i int) int {
	at := v.Off
	for d := v.Dims - 1; d >= 0; d-- {
		at += i % v.Shape[d] * v.Stride[d]
		i /= v.Shape[d]
	}
	return at
}
