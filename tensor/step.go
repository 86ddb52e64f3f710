package tensor

import "fmt"

// A Step is one pass over a batch: it owns the memory of the activations and,
// where gradients are wanted, the tape of what was computed. Reuse one Step:
// from the second Begin on, a pass of the same shapes allocates nothing.
//
//	s := tensor.NewStep(d, tensor.StepOptions{Grad: true})
//	for i := range steps {
//		s.Begin(uint64(i))
//		loss := … operations on s.Ints(ids, n) and parameters …
//		s.Backward(loss)
//		… parameters' Update …
//	}
//
// One goroutine uses a step at a time. Two steps may be open at once on one
// device, but an operation takes operands of one step.
type Step struct {
	dev   *Device
	o     StepOptions
	index uint64 // as given to Begin
	epoch uint64 // counts Begins: what an activation must match to be alive
	ops   uint64 // number of the next operation that draws random numbers

	recording bool // operations go to the tape
	tape      []entry
	arena     arena
	newest    *Tensor // the brief result that holds its values
	words     []int32 // where Segments forms its rows
	each      products
}

// StepOptions says what a step is for. The zero value is inference.
type StepOptions struct {
	Grad bool   // training: operations are recorded for Backward and Dropout drops
	Seed uint64 // of dropout
	// Precision is that of products: with BF16, operands are rounded before they
	// are multiplied, where the device can ([Device.Precision]). Sums, gradients and
	// everything else stay F32.
	Precision DType
	// Watch, where it is not nil, is called with the input and the weight of each [Tensor.Linear]: how what a
	// matrix is given is measured.
	Watch func(x, w *Tensor)
}

// NewStep returns a step on d. Begin opens it.
func NewStep(d *Device, o StepOptions) *Step {
	s := &Step{dev: d, o: o}
	s.arena.k = d.k
	return s
}

// Begin ends the activations of the pass before, whose memory it takes back,
// and starts pass number index: the numbers that dropout draws are a function
// of the seed, index and the place of the operation in the pass.
func (s *Step) Begin(index uint64) {
	s.epoch++
	s.index, s.ops = index, 0
	s.recording = s.o.Grad
	s.tape, s.newest = s.tape[:0], nil
	s.arena.reset()
}

// Close frees the step's memory; its activations can not be used any more.
func (s *Step) Close() {
	s.epoch++
	s.tape, s.newest = nil, nil
	s.arena.close()
}

// Device returns the device of the step.
func (s *Step) Device() *Device { return s.dev }

// Training reports whether the step was made for training: Dropout drops.
func (s *Step) Training() bool { return s.o.Grad }

// Recording reports whether operations go to the tape now.
func (s *Step) Recording() bool { return s.recording }

// Bytes returns the memory of the activations and gradients in the arena, now
// and at most since the step was made. Parameters are not in it.
func (s *Step) Bytes() (now, peak int) { return s.arena.used, s.arena.peak }

// Held returns the bytes that the arena has got from the device: at least what
// Bytes returns, more where buffers of other sizes lie unused.
func (s *Step) Held() int { return s.arena.held }

// Floats returns an input of the step, f32, with a copy of data.
func (s *Step) Floats(data []float32, shape ...int) *Tensor {
	t := s.input("Floats", F32, len(data), shape)
	s.dev.k.Write(t.buf, 0, bytesOf(data))
	return t
}

// Ints returns an input of the step, i32, with a copy of data: ids, positions.
func (s *Step) Ints(data []int32, shape ...int) *Tensor {
	t := s.input("Ints", I32, len(data), shape)
	s.dev.k.Write(t.buf, 0, bytesOf(data))
	return t
}

// input makes a tensor of n elements.
func (s *Step) input(op string, dt DType, n int, shape []int) *Tensor {
	a := shaped(op, dt, shape)
	if a.len() != n {
		panic(fmt.Sprintf("tensor: %s: %d numbers do not fill %v", op, n, a))
	}
	return s.result(a)
}

// Zeros returns an f32 tensor of zeros.
func (s *Step) Zeros(shape ...int) *Tensor { return s.Full(0, shape...) }

// Full returns an f32 tensor whose elements are v.
func (s *Step) Full(v float32, shape ...int) *Tensor {
	t := s.result(shaped("Full", F32, shape))
	s.dev.k.Fill(t.flat(), v)
	return t
}

// Use returns a view of a persistent tensor that belongs to the step. An
// operation all of whose operands are persistent would not know where to put
// its result; Use on one of them says where. Gradients pass to t.
func (s *Step) Use(t *Tensor) *Tensor {
	t.check("Use")
	if t.step != nil || t.dev != s.dev {
		panic("tensor: Use: " + t.label() + " is not a persistent tensor of the step's device")
	}
	v := s.header()
	v.array, v.base, v.detached, v.name = t.array, t.owner(), t.detached, t.name
	return v
}

// NoGrad runs f without recording: what f computes is constant for Backward.
func (s *Step) NoGrad(f func()) {
	before := s.recording
	s.recording = false
	defer func() { s.recording = before }()
	f()
}

// Scope runs f and, where nothing is being recorded, takes back the memory of
// everything f computed but its result: the activations of a layer in
// inference. f returns a tensor, or nil, and may Assign to persistent ones.
func (s *Step) Scope(f func() *Tensor) *Tensor {
	if s.recording {
		return f()
	}
	mark, loose := s.arena.mark(), s.arena.loose
	s.arena.loose = true // what is soon over need not fit exactly
	y := f()
	s.arena.loose = loose
	s.arena.release(mark, y)
	return y
}

// header returns a fresh header of this pass.
func (s *Step) header() *Tensor {
	t := s.arena.headers.next(s.epoch)
	*t = Tensor{dev: s.dev, step: s, epoch: s.epoch}
	return t
}

// result returns a tensor with memory from the arena, its values undefined,
// dense and of a's shape and type.
func (s *Step) result(a array) *Tensor {
	t := s.header()
	t.array = a
	t.off, t.stride = 0, a.inner()
	t.buf = s.arena.take(a.size())
	s.arena.live = append(s.arena.live, t)
	return t
}

// sized is result for an f32 tensor of the shape given.
func (s *Step) sized(shape ...int) *Tensor { return s.result(shaped("result", F32, shape)) }

// like returns a result of x's shape, f32.
func (s *Step) like(x *Tensor) *Tensor {
	a := x.array
	a.dtype = F32
	return s.result(a)
}

// alias returns a view of t with geometry a.
func (t *Tensor) alias(a array) *Tensor {
	t.stay() // the view has its own pointer to the memory
	var v *Tensor
	if t.step != nil {
		v = t.step.header()
	} else {
		v = &Tensor{dev: t.dev}
	}
	v.array, v.base, v.detached, v.name = a, t.owner(), t.detached, t.name
	return v
}

// stepOf returns the step that the operands belong to, after checking that all
// can be used together. Absent operands are nil.
func stepOf(op string, operands ...*Tensor) *Step {
	var s *Step
	for _, t := range operands {
		if t == nil {
			continue
		}
		t.check(op)
		if t.step == nil || t.step == s {
			continue
		}
		if s != nil {
			panic("tensor: " + op + ": operands of two steps: Keep one of them")
		}
		s = t.step
	}
	if s == nil {
		panic("tensor: " + op + ": all operands are persistent: make one take part in a step by Step.Use")
	}
	for _, t := range operands {
		if t != nil && t.dev != s.dev {
			panic("tensor: " + op + ": " + t.label() + " is on another device than the step")
		}
	}
	return s
}

// floats is stepOf for operands that must be f32.
func floats(op string, operands ...*Tensor) *Step {
	for _, t := range operands {
		if t != nil && t.dtype != F32 {
			panic("tensor: " + op + ": " + t.label() + " is " + t.dtype.String() + ", want f32: Cast it")
		}
	}
	return stepOf(op, operands...)
}
