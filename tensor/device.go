package tensor

import (
	"fmt"

	"github.com/inkstone-ai/inkstone/internal/kernel"
	"github.com/inkstone-ai/inkstone/internal/kernel/cpu"
	"github.com/inkstone-ai/inkstone/internal/kernel/ref"
)

// A Device holds the memory of tensors and computes with them. One goroutine
// at a time uses a device and whatever lives on it.
type Device struct {
	k       kernel.Device
	one     *kernel.Buffer // a word of device memory for scalars that go to the host
	scratch [1]float32     // where the host reads it
}

// CPU returns the processor as a device with the fastest kernels it can run, or
// those that the environment variable INKSTONE_CPU names. threads counts the
// caller; 0 means one for each core that this process may use. Results are the
// same bits for any number of threads. It panics where [CheckCPU] returns an error.
func CPU(threads int) *Device { return newDevice(cpu.New(threads)) }

// CheckCPU returns an error where INKSTONE_CPU names kernels that do not run
// here; the error lists those that do.
func CheckCPU() error { return cpu.Check() }

// Reference returns the device that every other is tested against: plain loops
// that read like the formulas and sum in float64. It is slow.
func Reference() *Device { return newDevice(ref.New()) }

func newDevice(k kernel.Device) *Device { return &Device{k: k, one: k.Alloc(4)} }

// Name tells the device and its instruction set.
func (d *Device) Name() string { return d.k.Name() }

// Threads returns the number of threads that compute, the caller included.
func (d *Device) Threads() int { return d.k.Threads() }

// Precision returns what products that ask for want are computed in: F32 where
// the device has no instructions for BF16.
func (d *Device) Precision(want DType) DType { return DType(d.k.Precision(kernel.DType(want))) }

// ParsePrecision returns the precision of products that a user names: f32 or
// bf16; "" is f32.
func ParsePrecision(name string) (DType, error) {
	switch name {
	case "", "f32":
		return F32, nil
	case "bf16":
		return BF16, nil
	}
	return F32, fmt.Errorf("precision %q is neither f32 nor bf16", name)
}

// Close stops the device's threads. Nothing on the device is used afterwards.
func (d *Device) Close() {
	if d.one != nil {
		d.k.Free(d.one)
		d.one = nil
	}
	d.k.Close()
}

// A DType is the type of a tensor's elements.
type DType uint8

// Element types. Sums and gradients are F32 whatever the storage.
const (
	F32  = DType(kernel.F32)
	BF16 = DType(kernel.BF16) // the upper half of an F32
	F16  = DType(kernel.F16)  // IEEE 754 binary16
	I32  = DType(kernel.I32)  // token ids and positions
	U8   = DType(kernel.U8)
)

// Types of quantised weights, in blocks of 32 or 256 of a row's elements, as GGUF files have
// them. Only matrices have them: [Tensor.Linear] reads what [Tensor.Pack] made of one, and
// [Tensor.Rows] its rows.
const (
	Q8_0   = DType(kernel.Q8_0)
	Q4_0   = DType(kernel.Q4_0)
	Q4_1   = DType(kernel.Q4_1)
	Q5_0   = DType(kernel.Q5_0)
	Q5_1   = DType(kernel.Q5_1)
	Q2_K   = DType(kernel.Q2_K)
	Q3_K   = DType(kernel.Q3_K)
	Q4_K   = DType(kernel.Q4_K)
	Q5_K   = DType(kernel.Q5_K)
	Q6_K   = DType(kernel.Q6_K)
	IQ4_NL = DType(kernel.IQ4_NL)
	MXFP4  = DType(kernel.MXFP4)
	IQ4_XS = DType(kernel.IQ4_XS)
)

// Quantised reports whether elements lie in blocks that share scales.
func (d DType) Quantised() bool { return kernel.DType(d).Quantised() }

// Block is the number of elements that lie together: 1 of a type that is not quantised.
func (d DType) Block() int { return kernel.DType(d).Block() }

// Bytes is the size of n elements, whole blocks.
func (d DType) Bytes(n int) int { return kernel.DType(d).Bytes(n) }

// Size is the number of bytes of an element of a type that is not quantised.
func (d DType) Size() int { return kernel.DType(d).Size() }

// String returns the type's name: "f32".
func (d DType) String() string { return kernel.DType(d).String() }

// isFloat reports whether the type holds real numbers.
func (d DType) isFloat() bool { return d == F32 || d == BF16 || d == F16 }
