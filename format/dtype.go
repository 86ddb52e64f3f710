package format

import (
	"encoding/binary"
	"fmt"
	"math"
	"unsafe"

	"github.com/inkstone-ai/inkstone/internal/kernel"
)

// A DType is the type of a tensor's elements, by the name that safetensors
// gives it; those that are quantised by the name that GGUF gives them.
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

// The quantised types, of GGUF files alone: blocks of a row's elements that share scales.
// A row is a whole number of blocks.
const (
	Q8_0   DType = "Q8_0"   // 32 elements: a scale, 8 bits each
	Q4_0   DType = "Q4_0"   // 32: a scale, 4 bits each
	Q4_1   DType = "Q4_1"   // 32: a scale, a minimum, 4 bits each
	Q5_0   DType = "Q5_0"   // 32: a scale, 5 bits each
	Q5_1   DType = "Q5_1"   // 32: a scale, a minimum, 5 bits each
	Q2_K   DType = "Q2_K"   // 256: 16 scales and minima of 4 bits, 2 bits each
	Q3_K   DType = "Q3_K"   // 256: 16 scales of 6 bits, 3 bits each
	Q4_K   DType = "Q4_K"   // 256: 8 scales and minima of 6 bits, 4 bits each
	Q5_K   DType = "Q5_K"   // 256: 8 scales and minima of 6 bits, 5 bits each
	Q6_K   DType = "Q6_K"   // 256: 16 scales of 8 bits, 6 bits each
	IQ4_NL DType = "IQ4_NL" // 32: a scale, an index of 4 bits into 16 numbers each
	MXFP4  DType = "MXFP4"  // 32: a power of two, floats of 4 bits
	IQ4_XS DType = "IQ4_XS" // 256: 8 scales of 6 bits, an index of 4 bits into the same numbers each
)

var quantised = map[DType]kernel.DType{
	Q8_0: kernel.Q8_0, Q4_0: kernel.Q4_0, Q4_1: kernel.Q4_1, Q5_0: kernel.Q5_0, Q5_1: kernel.Q5_1,
	Q2_K: kernel.Q2_K, Q3_K: kernel.Q3_K, Q4_K: kernel.Q4_K, Q5_K: kernel.Q5_K, Q6_K: kernel.Q6_K,
	IQ4_NL: kernel.IQ4_NL, MXFP4: kernel.MXFP4, IQ4_XS: kernel.IQ4_XS,
}

var sizes = map[DType]int{
	Bool: 1, U8: 1, I8: 1, F8E4M3: 1, F8E5M2: 1, F8E8M0: 1,
	U16: 2, I16: 2, F16: 2, BF16: 2,
	U32: 4, I32: 4, F32: 4,
	U64: 8, I64: 8, F64: 8, C64: 8,
}

// Size returns the bytes of one element, 0 for a type that is not known or is quantised.
func (d DType) Size() int { return sizes[d] }

// Quantised reports whether elements lie in blocks that share scales.
func (d DType) Quantised() bool { _, ok := quantised[d]; return ok }

// Block returns the number of elements that lie together: 1 of a type that is not quantised.
func (d DType) Block() int {
	if k, ok := quantised[d]; ok {
		return k.Block()
	}
	return 1
}

// bytes returns the size of elements of a shape; false when that overflows, the type is not
// known, or a row is no whole number of blocks.
func (d DType) bytes(shape []int) (int, bool) {
	k, ok := quantised[d]
	if !ok {
		n, ok := product(shape, d.Size())
		return n, ok && d.Size() > 0
	}
	if len(shape) == 0 || shape[len(shape)-1]%k.Block() != 0 {
		return 0, false
	}
	n, ok := product(shape, 1)
	if _, fits := product([]int{n / k.Block()}, k.Bytes(k.Block())); !ok || !fits {
		return 0, false
	}
	return k.Bytes(n), true
}

// alignment is what the processor wants of an element's address.
func (d DType) alignment() int {
	switch {
	case d == C64:
		return 4
	case d.Quantised():
		return 2 // of a scale
	}
	return d.Size()
}

// hostIsLittle says that the host lays numbers out as the files do, so that
// their bytes are its numbers.
var hostIsLittle = binary.NativeEndian.Uint16([]byte{1, 0}) == 1

// F32s returns the elements of a tensor of type F32, F16, BF16, F64 or of a quantised
// one as float32. F32 in aligned memory of a little-endian host is a view of t.Data,
// read-only where that is; all else is a copy. F16 and BF16 convert exactly, F64
// rounds to nearest even, quantised types are as the format defines them.
//
// Errors: another type; Data that does not have the shape's size; a finite F64
// beyond the range of float32.
func F32s(t Tensor) ([]float32, error) {
	n, ok := t.DType.bytes(t.Shape)
	if !ok && t.DType.Size() == 0 && !t.DType.Quantised() {
		return nil, notFloat(t)
	}
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
	if k, ok := quantised[t.DType]; ok {
		x := make([]float32, t.Len())
		kernel.Dequantise(k, x, t.Data)
		return x, nil
	}
	return nil, notFloat(t)
}

func notFloat(t Tensor) error {
	return fmt.Errorf("format: tensor %q: type %s is not one of F32, F16, BF16, F64 or a quantised one", t.Name, t.DType)
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
