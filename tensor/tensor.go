// Package tensor computes with n-dimensional arrays on a device and derives
// gradients of what it computed. It knows nothing of layers, models or data.
//
// Operations are eager: a method such as [Tensor.MatMul] runs its kernel and
// returns when the device has accepted it. There is no global state. A [Step]
// owns everything that one pass of a model makes: the arena its activations lie
// in and the tape that [Step.Backward] walks. Parameters, optimizer state and
// caches are persistent tensors and belong to no step; an operation finds its
// step from its operands. A step after the first allocates nothing on the heap.
//
// Dimensions, in comments throughout:
//
//	N tokens of a pass, laid end to end   S sequences   C channels   V vocabulary
//	H query heads   G key/value heads     D channels per head
//	M, K, N of a product (M,K)·(K,N)      R rows
//	dx, dw … gradients of the loss with respect to x, w …
//
// A wrong shape or dtype is a bug of the caller and panics, naming the
// operation and the shapes. The example of the package trains a tiny net.
package tensor

import (
	"fmt"

	"github.com/inkstone-ai/inkstone/internal/kernel"
)

// A Tensor is a header: a shape and a place in a device's memory. It is either
// persistent ([New], [FromFloats], [Declare] … and [Tensor.Keep]) or an
// activation of a [Step], which ends with that step: later use panics for the
// next three steps at least, after which its header names something else.
//
// A view shares the memory of another tensor. It has an offset, a shape and the
// stride of dimension 0; what lies inside a row of dimension 0 is contiguous.
type Tensor struct {
	array
	dev   *Device
	step  *Step   // nil: persistent
	epoch uint64  // the step's, when this tensor was made
	base  *Tensor // the tensor whose memory this one views; nil: it has its own
	name  string

	needs    bool // Backward brings a gradient here (activations)
	again    int  // a brief result: the number of its entry on the tape, from 1
	detached bool // a view that stops gradients

	// The rest belongs to tensors that have their own memory.
	trainable bool
	frozen    bool           // a constant for the operations to come
	wrapped   bool           // memory of somebody else, read-only
	released  bool           // Backward or a scope took the memory back
	retained  bool           // Backward leaves the values: the loss
	dbuf      *kernel.Buffer // the gradient of an activation, from the arena
	written   bool           // dbuf holds a gradient: later ones add
	grad      *Tensor        // the gradient of a persistent tensor
	packed    kernel.Mat     // a copy in the device's own layout, made by Pack
}

// Declare returns a tensor that has a shape but no memory: what constructors of
// layers make. Every use but Shape, Len, Bind and BindBytes panics.
func Declare(shape ...int) *Tensor {
	return &Tensor{array: shaped("Declare", F32, shape)}
}

// New returns a persistent f32 tensor of zeros.
func New(d *Device, shape ...int) *Tensor { return NewTyped(d, F32, shape...) }

// NewTyped returns a persistent tensor of zeros.
func NewTyped(d *Device, dt DType, shape ...int) *Tensor {
	t := &Tensor{array: shaped("New", dt, shape), dev: d}
	t.buf = d.k.Alloc(t.Bytes())
	return t
}

// FromFloats returns a persistent f32 tensor with a copy of data.
func FromFloats(d *Device, data []float32, shape ...int) *Tensor {
	t := New(d, shape...)
	t.WriteFloats(data)
	return t
}

// FromInts returns a persistent i32 tensor with a copy of data.
func FromInts(d *Device, data []int32, shape ...int) *Tensor {
	t := NewTyped(d, I32, shape...)
	t.WriteInts(data)
	return t
}

// Bind gives a declared tensor zeroed f32 memory of d.
func (t *Tensor) Bind(d *Device) {
	t.mustBeDeclared("Bind")
	t.dev, t.dtype = d, F32
	t.buf = d.k.Alloc(t.Bytes())
}

// BindBytes makes a declared tensor a read-only window on data, elements of
// type dt in row-major, little-endian order: a page of a mapped file. The
// caller keeps data alive and unchanged. See [Tensor.Own].
func (t *Tensor) BindBytes(d *Device, dt DType, data []byte) {
	t.mustBeDeclared("BindBytes")
	if want := dt.Bytes(t.Len()); len(data) != want {
		panic(fmt.Sprintf("tensor: BindBytes: %s has %d bytes, %v of %v needs %d", t.label(), len(data), t.array, dt, want))
	}
	t.dev, t.dtype, t.wrapped = d, dt, true
	t.buf = d.k.Wrap(data)
}

func (t *Tensor) mustBeDeclared(op string) {
	if t.dev != nil {
		panic("tensor: " + op + ": " + t.label() + " has memory already")
	}
}

// Own replaces the memory of a persistent tensor by an f32 copy that belongs to
// it, so that a weight bound to a file can be trained. It does nothing where
// the tensor has f32 memory of its own.
func (t *Tensor) Own() {
	t.mustBePersistent("Own")
	if !t.wrapped && t.dtype == F32 {
		return
	}
	own := t.array
	own.dtype = F32
	own.buf = t.dev.k.Alloc(own.size())
	if t.dtype.Quantised() {
		t.dev.k.Write(own.buf, 0, bytesOf(t.Floats()))
	} else {
		t.dev.k.Copy(own.flat(), t.flat(), false)
	}
	t.Unpack()
	t.dev.k.Free(t.buf)
	t.array, t.wrapped = own, false
}

// Free returns a persistent tensor's memory and its gradient's to the device.
// The tensor is then as [Declare] made it. Views of it must not be used again.
func (t *Tensor) Free() {
	if t.dev == nil {
		return
	}
	t.mustBePersistent("Free")
	t.SetTrainable(false)
	t.Unpack()
	t.dev.k.Free(t.buf)
	t.dev, t.buf, t.wrapped = nil, nil, false
}

// mustBePersistent panics unless t is persistent and no view.
func (t *Tensor) mustBePersistent(op string) {
	t.check(op)
	if t.step != nil || t.base != nil {
		panic("tensor: " + op + ": " + t.label() + " is a view or belongs to a step")
	}
}

// SetTrainable says whether Backward adds to the tensor's gradient, which is
// allocated, zero, when set and freed when unset. Weights are persistent; an
// input of a step may be trainable too, until the step ends.
func (t *Tensor) SetTrainable(on bool) {
	t.check("SetTrainable")
	if t.base != nil || t.needs && !t.trainable {
		panic("tensor: SetTrainable: " + t.label() + " is a view or the result of an operation")
	}
	if on && (t.wrapped || !t.dtype.isFloat()) {
		panic(fmt.Sprintf("tensor: SetTrainable: %s, %v, is read-only or no float: see Own", t.label(), t.dtype))
	}
	if on == t.trainable {
		return
	}
	t.trainable = on
	if t.step != nil {
		t.step.setLeaf(t, on)
	} else if on {
		t.grad = New(t.dev, t.shape[:t.dims]...)
		t.written = true // zeros
	} else {
		t.grad.Free()
		t.grad = nil
	}
}

// Freeze makes the operations to come take a trainable tensor for a constant, or ends
// that. Its gradient stays as it is meanwhile: a step against an adversary, or of the
// generator through its critic, wants no gradient of the weights it passes.
func (t *Tensor) Freeze(on bool) {
	t.check("Freeze")
	t.owner().frozen = on
}

// Trainable reports whether Backward adds to the tensor's gradient.
func (t *Tensor) Trainable() bool { return t.owner().trainable }

// Grad returns the gradient of a trainable tensor, f32 of the same shape.
// Backward adds to it; it lives as long as the tensor is trainable.
func (t *Tensor) Grad() *Tensor {
	if !t.trainable {
		panic("tensor: Grad: " + t.label() + " is not trainable")
	}
	if !t.written {
		t.grad.Fill(0)
		t.written = true
	}
	return t.grad
}

// ZeroGrad sets the gradient of a trainable tensor to zero. The memory is left
// alone: the next operation that writes there need not read it, and Grad zeroes it
// where none has. What Grad returned earlier means nothing until it is called again.
func (t *Tensor) ZeroGrad() {
	t.check("ZeroGrad")
	if !t.trainable {
		panic("tensor: ZeroGrad: " + t.label() + " is not trainable")
	}
	t.written = false
}

// Pack makes a persistent weight (out, in) ready for [Tensor.Linear] where no
// gradient is wanted: the device keeps a copy in the layout it multiplies
// fastest. Results are the same bits. A write to the weight drops the copy.
func (t *Tensor) Pack() {
	t.mustBePersistent("Pack")
	if t.dims != 2 {
		panic(fmt.Sprintf("tensor: Pack: %s %v is no matrix", t.label(), t.array))
	}
	t.Unpack()
	t.packed = t.dev.k.Pack(t.rows(), true)
}

// Unpack drops what Pack made.
func (t *Tensor) Unpack() {
	if !t.packed.Nil() {
		t.dev.k.Free(t.packed.Buf)
		t.packed = kernel.Mat{}
	}
}

// Shape returns a copy of the tensor's shape.
func (t *Tensor) Shape() []int { return append([]int{}, t.shape[:t.dims]...) }

// Dim returns the length of dimension i; negative i count from the last.
func (t *Tensor) Dim(i int) int { return t.shape[t.axis("Dim", i)] }

// Dims returns the number of dimensions, at most 6; a scalar has none.
func (t *Tensor) Dims() int { return t.dims }

// Len returns the number of elements.
func (t *Tensor) Len() int { return t.len() }

// DType returns the type of the elements.
func (t *Tensor) DType() DType { return t.dtype }

// Bytes returns the size of the elements in bytes.
func (t *Tensor) Bytes() int { return t.size() }

// Device returns the device of the tensor, nil where it is only declared.
func (t *Tensor) Device() *Device { return t.dev }

// Name returns the name that SetName gave.
func (t *Tensor) Name() string { return t.name }

// SetName gives the tensor a name for error messages: its path in the model.
func (t *Tensor) SetName(name string) { t.name = name }

// String returns dtype, shape and name: "f32(4, 128) wte.weight".
func (t *Tensor) String() string {
	s := t.dtype.String() + t.array.String()
	if t.name != "" {
		s += " " + t.name
	}
	return s
}

// label is how messages name the tensor.
func (t *Tensor) label() string {
	if t.name != "" {
		return t.name
	}
	return "a tensor " + t.array.String()
}

// owner is the tensor whose memory t lies in.
func (t *Tensor) owner() *Tensor {
	if t.base != nil {
		return t.base
	}
	return t
}

// check panics where t can not be used: it was only declared, its step has
// ended, or its memory was taken back.
func (t *Tensor) check(op string) {
	switch o := t.owner(); {
	case t.step != nil && t.epoch != t.step.epoch:
		panic("tensor: " + op + ": " + t.label() + " belongs to a step that has ended: Keep outlives it")
	case o.released:
		panic("tensor: " + op + ": " + t.label() + " was released by Backward or a scope: Keep it before")
	case o.dev == nil:
		panic("tensor: " + op + ": " + t.label() + " is only declared: call nn.Init or model.Load")
	case o.again > 0 && o.buf == nil:
		o.stay() // it is not as brief as it looked
	}
}
