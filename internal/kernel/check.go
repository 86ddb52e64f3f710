package kernel

import "fmt"

// The Check functions hold the shapes of every operation, once for all
// devices: they panic with the operand's name, its shape and the wanted one.
// They allocate nothing when all is well.

// need panics unless m is t(rows,cols) and lies inside its buffer.
func need(op, name string, m Mat, t DType, rows, cols int) {
	if m.Buf == nil || m.Type != t || m.Rows != rows || m.Cols != cols || m.Packed {
		wrong(op, name, m, t, rows, cols)
	}
	inside(op, name, m)
}

// float is need for a matrix of any float type.
func float(op, name string, m Mat, rows, cols int) {
	if m.Type == BF16 || m.Type == F16 {
		need(op, name, m, m.Type, rows, cols)
		return
	}
	need(op, name, m, F32, rows, cols)
}

// maybe is need for an optional operand.
func maybe(op, name string, m Mat, t DType, rows, cols int) {
	if !m.Nil() {
		need(op, name, m, t, rows, cols)
	}
}

// vector is need for n elements, as one row or as n rows of one.
func vector(op, name string, m Mat, t DType, n int) {
	if m.Rows == 1 {
		need(op, name, m, t, 1, n)
	} else {
		need(op, name, m, t, n, 1)
	}
}

// dense is need for a matrix of n elements of any shape without gaps.
func dense(op, name string, m Mat, t DType, n int) {
	if m.Buf == nil || m.Type != t || m.Len() != n || !m.Dense() || m.Packed {
		panic(fmt.Sprintf("kernel: %s: %s is %s, want %v with %d elements without gaps", op, name, describe(m), t, n))
	}
	inside(op, name, m)
}

// inside panics unless every row of m lies in its buffer.
func inside(op, name string, m Mat) {
	if m.Len() == 0 {
		return
	}
	last := m.Index(m.Rows-1, m.Cols-1)
	if n := m.Type.Block(); n > 1 && (m.Off%n != 0 || m.Stride%n != 0 || m.Cols%n != 0) {
		panic(fmt.Sprintf("kernel: %s: %s %v at element %d with stride %d is no whole blocks of %d", op, name, m, m.Off, m.Stride, n))
	}
	if m.Off < 0 || m.Cols < 0 || m.Rows > 1 && m.Stride < m.Cols || m.Type.Bytes(last+1) > m.Buf.Bytes {
		panic(fmt.Sprintf("kernel: %s: %s %v at element %d with stride %d exceeds its buffer of %d bytes",
			op, name, m, m.Off, m.Stride, m.Buf.Bytes))
	}
}

func wrong(op, name string, m Mat, t DType, rows, cols int) {
	panic(fmt.Sprintf("kernel: %s: %s is %s, want %v(%d,%d)", op, name, describe(m), t, rows, cols))
}

func describe(m Mat) string {
	switch {
	case m.Buf == nil:
		return "absent"
	case m.Packed:
		return "packed " + m.String()
	}
	return m.String()
}

// view panics unless v is a View of 4-byte elements inside its buffer with
// the shape of like. Strides are not negative; those of an output not 0.
func view(op, name string, v, like View, output bool) {
	if v.Buf == nil || v.Type.Size() != 4 || v.Dims != like.Dims || v.Shape != like.Shape {
		wrongView(op, name, v, like)
	}
	if v.Len() == 0 {
		return
	}
	last := v.Off
	for d, n := range v.Shape[:v.Dims] {
		if v.Stride[d] < 0 || output && v.Stride[d] == 0 && n > 1 {
			panic(fmt.Sprintf("kernel: %s: %s has stride %d in dimension %d", op, name, v.Stride[d], d))
		}
		last += (n - 1) * v.Stride[d]
	}
	if v.Off < 0 || (last+1)*4 > v.Buf.Bytes {
		outside(op, name, v)
	}
}

// wrongView and outside print shapes, which moves a View to the heap: apart
// from view, so that it does not when all is well.
func wrongView(op, name string, v, like View) {
	panic(fmt.Sprintf("kernel: %s: %s is %v%v, want %v%v", op, name,
		v.Type, v.Shape[:v.Dims], like.Type, like.Shape[:like.Dims]))
}

func outside(op, name string, v View) {
	panic(fmt.Sprintf("kernel: %s: %s %v at element %d exceeds its buffer of %d bytes",
		op, name, v.Shape[:v.Dims], v.Off, v.Buf.Bytes))
}

// numbers is view for float32 elements.
func numbers(op, name string, v, like View, output bool) {
	if v.Type != F32 {
		panic(fmt.Sprintf("kernel: %s: %s is %v, want f32", op, name, v.Type))
	}
	view(op, name, v, like, output)
}
