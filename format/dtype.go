package format

import (
	"encoding/binary"
	"fmt"
	"math"
	"unsafe"
)

// A DType is the type of a tensor's elements, by the name that safetensors
// gives it.
type DType string

// The element types that take whole bytes. The sub-byte types (F4, F6_E2M3,
// F6_E3M2) are refused by name.
const (
	Bool   DType = "BOOL"    // one byte, 0 or 1
	U8     DType = "U8"      // unsigned integers
	U16    DType = "U16"     //
	U32    DType = "U32"     //
	U64    DType = "U64"     //
	I8     DType = "I8"      // signed integers, two's complement
	I16    DType = "I16"     //
	I32    DType = "I32"     //
	I64    DType = "I64"     //
	F8E4M3 DType = "F8_E4M3" // 4 bits of exponent, 3 of mantissa (arXiv:2209.05433)
	F8E5M2 DType = "F8_E5M2" // 5 and 2
	F8E8M0 DType = "F8_E8M0" // a power of two, the scale of microscaling formats
	F16    DType = "F16"     // IEEE 754 binary16
	BF16   DType = "BF16"    // the upper half of an F32
	F32    DType = "F32"     // IEEE 754 binary32
	F64    DType = "F64"     // IEEE 754 binary64
	C64    DType = "C64"     // two F32: real and imaginary part
)

var sizes = map[DType]int{
	Bool: 1, U8: 1, I8: 1, F8E4M3: 1, F8E5M2: 1, F8E8M0: 1,
	U16: 2, I16: 2, F16: 2, BF16: 2,
	U32: 4, I32: 4, F32: 4,
	U64: 8, I64: 8, F64: 8, C64: 8,
}

// Size returns the bytes of one element, 0 for a type that is not known.
func (d DType) Size() int { return sizes[d] }

// alignment is what the processor wants of an element's address.
func (d DType) alignment() int {
	if d == C64 {
		return 4
	}
	return d.Size()
}

// hostIsLittle says that the host lays numbers out as the files do, so that
// their bytes are its numbers.
var hostIsLittle = binary.NativeEndian.Uint16([]byte{1, 0}) == 1

// F32s returns the elements of a tensor of type F32, F16, BF16 or F64 as
// float32. F32 in aligned memory of a little-endian host is a view of t.Data,
// read-only where that is; all else is a copy. F16 and BF16 convert exactly, F64
// rounds to nearest even.
//
// Errors: another type; Data that does not have the shape's size; a finite F64
// beyond the range of float32.
func F32s(t Tensor) ([]float32, error) {
	n, ok := product(t.Shape, t.DType.Size())
	if !ok || n != len(t.Data) {
		return nil, fmt.Errorf("format: tensor %q: %s of shape %v with %d bytes of data", t.Name, t.DType, t.Shape, len(t.Data))
	}
	switch t.DType {
	case F32:
		return viewF32(t.Data), nil
	case F16:
		return widenHalf(t.Data), nil
	case BF16:
		return widenBrain(t.Data), nil
	case F64:
		return narrow(t)
	}
	return nil, fmt.Errorf("format: tensor %q: type %s is not one of F32, F16, BF16, F64", t.Name, t.DType)
}

// FromF32 returns a tensor of type F32 with the numbers x, a view of x on a
// little-endian host. It panics when x does not have the shape's size.
func FromF32(name string, x []float32, shape ...int) Tensor {
	t := Tensor{Name: name, DType: F32, Shape: shape}
	if n, ok := product(shape, 1); !ok || n != len(x) {
		panic(fmt.Sprintf("format: tensor %q: %d numbers for shape %v", name, len(x), shape))
	}
	if hostIsLittle {
		t.Data = unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(x))), 4*len(x))
		return t
	}
	t.Data = make([]byte, 0, 4*len(x))
	for _, v := range x {
		t.Data = binary.LittleEndian.AppendUint32(t.Data, math.Float32bits(v))
	}
	return t
}

func viewF32(b []byte) []float32 {
	if hostIsLittle && aligned(b, 4) {
		return unsafe.Slice((*float32)(unsafe.Pointer(unsafe.SliceData(b))), len(b)/4)
	}
	x := make([]float32, len(b)/4)
	for i := range x {
		x[i] = math.Float32frombits(binary.LittleEndian.Uint32(b[4*i:]))
	}
	return x
}

func widenBrain(b []byte) []float32 {
	x := make([]float32, len(b)/2)
	for i := range x {
		x[i] = math.Float32frombits(uint32(binary.LittleEndian.Uint16(b[2*i:])) << 16)
	}
	return x
}

func widenHalf(b []byte) []float32 {
	x := make([]float32, len(b)/2)
	for i := range x {
		x[i] = halfToF32(binary.LittleEndian.Uint16(b[2*i:]))
	}
	return x
}

func narrow(t Tensor) ([]float32, error) {
	x := make([]float32, len(t.Data)/8)
	for i := range x {
		wide := math.Float64frombits(binary.LittleEndian.Uint64(t.Data[8*i:]))
		x[i] = float32(wide)
		if math.IsInf(float64(x[i]), 0) && !math.IsInf(wide, 0) {
			return nil, fmt.Errorf("format: tensor %q: element %d, %g, is beyond the range of float32", t.Name, i, wide)
		}
	}
	return x, nil
}

// halfToF32 moves the fields of a binary16 to their places in a binary32, whose
// exponent has a bias of 127 rather than 15. Subnormals, multiples of 2^-24,
// become normal numbers; Inf and NaN have all ones as exponent in both.
func halfToF32(h uint16) float32 {
	sign, exponent, rest := uint32(h>>15)<<31, h&0x7c00, uint32(h&0x7fff)<<13
	switch exponent {
	case 0:
		rest = math.Float32bits(float32(h&0x03ff) * 0x1p-24)
	case 0x7c00:
		rest |= 0x7f800000
	default:
		rest += (127 - 15) << 23
	}
	return math.Float32frombits(sign | rest)
}

func aligned(b []byte, to int) bool {
	return uintptr(unsafe.Pointer(unsafe.SliceData(b)))%uintptr(to) == 0
}

// alignedBytes returns n zero bytes at an address that suits every type.
func alignedBytes(n int) []byte {
	words := make([]uint64, (n+7)/8)
	return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(words))), 8*len(words))[:n:n]
}
