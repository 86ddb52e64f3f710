package kernel

import "fmt"

// DType is the type of a buffer's elements.
type DType uint8

// Element types. Reductions and accumulators are F32 whatever the storage.
const (
	F32 DType = iota
	BF16
	F16
	I32
	U8

	// Quantised weights: blocks of a row's elements that share scales, laid out as GGUF files
	// have them. A row is a whole number of blocks. MatMul reads them Packed, Gather as they are.
	Q8_0   // 32: a scale, 8 bits each
	Q4_0   // 32: a scale, 4 bits each
	Q4_1   // 32: a scale, a minimum, 4 bits each
	Q5_0   // 32: a scale, 5 bits each
	Q5_1   // 32: a scale, a minimum, 5 bits each
	Q2_K   // 256: 16 scales and minima of 4 bits, 2 bits each
	Q3_K   // 256: 16 scales of 6 bits, 3 bits each
	Q4_K   // 256: 8 scales and minima of 6 bits, 4 bits each
	Q5_K   // 256: 8 scales and minima of 6 bits, 5 bits each
	Q6_K   // 256: 16 scales of 8 bits, 6 bits each
	IQ4_NL // 32: a scale, an index of 4 bits into a table of 16 numbers each
	MXFP4  // 32: a power of two, floats of 4 bits
	IQ4_XS // 256: 8 scales of 6 bits, an index of 4 bits into the same table each
)

var dtypes = [...]struct {
	name        string
	size, block int // bytes of a block, elements of it
}{
	F32: {"f32", 4, 1}, BF16: {"bf16", 2, 1}, F16: {"f16", 2, 1}, I32: {"i32", 4, 1}, U8: {"u8", 1, 1},
	Q8_0: {"q8_0", 34, 32}, Q4_0: {"q4_0", 18, 32}, Q4_1: {"q4_1", 20, 32}, Q5_0: {"q5_0", 22, 32}, Q5_1: {"q5_1", 24, 32},
	Q2_K: {"q2_K", 84, 256}, Q3_K: {"q3_K", 110, 256}, Q4_K: {"q4_K", 144, 256}, Q5_K: {"q5_K", 176, 256}, Q6_K: {"q6_K", 210, 256},
	IQ4_NL: {"iq4_nl", 18, 32}, MXFP4: {"mxfp4", 17, 32}, IQ4_XS: {"iq4_xs", 136, 256},
}

// Quantised reports whether elements lie in blocks that share scales.
func (d DType) Quantised() bool { return dtypes[d].block > 1 }

// Block is the number of elements that lie together: 1 of a type that is not quantised.
func (d DType) Block() int { return dtypes[d].block }

// Bytes is the size of n elements, whole blocks.
func (d DType) Bytes(n int) int {
	t := &dtypes[d]
	if n%t.block != 0 {
		panic(fmt.Sprintf("kernel: %d elements of %s are no whole blocks of %d", n, t.name, t.block))
	}
	return n / t.block * t.size
}

// Size is the number of bytes of one element of a type that is not quantised.
func (d DType) Size() int {
	if d.Quantised() {
		panic("kernel: an element of " + d.String() + " has no size of its own")
	}
	return dtypes[d].size
}

func (d DType) String() string { return dtypes[d].name }
