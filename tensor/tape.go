package tensor

import (
	"fmt"

	"github.com/inkstone-ai/inkstone/internal/kernel"
)

// entry is one operation on the tape. What the operation does in reverse is a
// function of the package, never a closure; what it needs lies in the fields.
type entry struct {
	back  func(*Step, entry)
	out   *Tensor    // the result; nil where an earlier entry owns its memory
	in    [3]*Tensor // operands that may be tracked, as the operation orders them
	aside *Tensor    // operands without gradient: ids, segments, a condition
	also  *Tensor
	saved *Tensor // what the forward kept for the gradient

	op   uint8 // kernel's operation code
	flag [2]bool
	n    [maxDims]int
	f    [2]float32
	key  uint64 // of random numbers
	attn AttentionOptions
	ce   CEOptions
	f1   func(*Tensor) *Tensor // Checkpoint's
}

// tracked reports whether Backward brings a gradient to t.
func (t *Tensor) tracked() bool {
	if t == nil || t.detached {
		return false
	}
	o := t.owner()
	return o.needs || o.trainable
}

// wanted reports whether an operation on t's is to be recorded.
func (s *Step) wanted(ts ...*Tensor) bool {
	if s.recording {
		for _, t := range ts {
			if t.tracked() {
				return true
			}
		}
	}
	return false
}

// record appends an operation whose result depends on a tracked tensor.
func (s *Step) record(e entry) {
	if s.wanted(e.in[:]...) {
		if e.out != nil {
			e.out.needs = true
		}
		s.tape = append(s.tape, e)
	}
}

// Backward adds the gradient of loss, one element, to the gradients of all
// trainable tensors it was computed from. It consumes the tape: the memory of
// each recorded result is taken back as soon as its gradient went on, but for
// the loss itself; inputs stay until the next Begin.
func (s *Step) Backward(loss *Tensor) {
	loss.check("Backward")
	if loss.step != s || loss.Len() != 1 || loss.dtype != F32 {
		panic(fmt.Sprintf("tensor: Backward: the loss is %v, want one f32 of this step", loss))
	}
	if !loss.tracked() {
		panic("tensor: Backward: the loss depends on no trainable tensor that was recorded")
	}
	before := s.recording
	s.recording = false
	defer func() { s.recording = before }()
	loss.owner().retained = true
	d, acc := s.gradient(loss)
	if acc {
		panic("tensor: Backward: the loss is itself trainable or was used twice")
	}
	s.dev.k.Fill(d.flat(), 1)
	s.unwind(0)
}

// unwind runs the gradients of the tape's entries from the last to number to
// and takes them off the tape.
func (s *Step) unwind(to int) {
	for i := len(s.tape) - 1; i >= to; i-- {
		e := s.tape[i]
		s.tape[i] = entry{}
		s.tape = s.tape[:i]
		if e.back != nil && (e.out == nil || e.out.written) {
			mark := s.arena.mark()
			e.back(s, e)
			s.arena.release(mark, nil)
		}
		s.finish(e)
	}
}

// finish takes back the memory of an entry whose gradient is done.
func (s *Step) finish(e entry) {
	if e.saved != nil && !e.saved.released {
		s.arena.drop(e.saved)
	}
	if e.out == nil || e.out.released {
		return
	}
	if e.out.retained {
		s.arena.dropGrad(e.out)
		e.out.needs = false
		return
	}
	s.arena.drop(e.out)
}

// upstream is the gradient of a result, complete when its entry runs. The
// view has t's geometry.
func (t *Tensor) upstream() array {
	d := t.array
	d.buf = t.owner().dbuf
	d.dtype = F32
	return d
}

// gradient is where an operation's gradient with respect to t goes: the first
// one writes, acc is false; later ones add. A view's lies in its owner's, which
// is zeroed first where the view is a part.
func (s *Step) gradient(t *Tensor) (d array, acc bool) {
	o := t.owner()
	d = t.array
	d.dtype = F32
	if o.grad != nil {
		d.buf = o.grad.buf
		return d, true
	}
	part := t.len() != o.len()
	if o.dbuf == nil {
		o.dbuf = s.arena.take(4 * o.len())
	}
	d.buf = o.dbuf
	if part && !o.written {
		s.dev.k.Fill(kernel.Mat{Buf: o.dbuf, Rows: 1, Cols: o.len(), Stride: o.len()}, 0)
		o.written = true
	}
	acc = o.written
	o.written = true
	return d, acc
}

// gradientAdd is gradient for operations that can only add.
func (s *Step) gradientAdd(t *Tensor) array {
	d, acc := s.gradient(t)
	if !acc {
		s.dev.k.Fill(d.flat(), 0)
	}
	return d
}

// gradients is gradient for an operation that writes several at once, all
// alike: where one must add, the others are zeroed. Operands that are not
// tracked get memory that nobody reads.
func (s *Step) gradients(ts ...*Tensor) (d [3]array, acc bool) {
	var fresh [3]bool
	for i, t := range ts {
		if !t.tracked() {
			d[i] = s.like(t).array
			fresh[i] = true
			continue
		}
		var add bool
		d[i], add = s.gradient(t)
		fresh[i] = !add
		acc = acc || add
	}
	for i := range ts {
		if acc && fresh[i] {
			s.dev.k.Fill(d[i].rows(), 0)
		}
	}
	return d, acc
}

// inherit is gradient for element-wise operations that may write dx over dy:
// where x's gradient is not begun, it takes over the memory of y's.
func (s *Step) inherit(x, y *Tensor) (dx array, acc bool) {
	if s.canPass(x, y) {
		x.dbuf, y.dbuf = y.dbuf, nil
		x.written = true
		return x.upstream(), false
	}
	return s.gradient(x)
}

// canPass reports whether y's gradient can become x's: both own dense memory
// of one length, and nothing was written to x's.
func (s *Step) canPass(x, y *Tensor) bool {
	return x.base == nil && x.grad == nil && x.dbuf == nil && y.base == nil && y.dbuf != nil && x.len() == y.len()
}

// pass sends dy on unchanged.
func (s *Step) pass(x, y *Tensor) {
	if !x.tracked() {
		return
	}
	if s.canPass(x, y) {
		x.dbuf, y.dbuf = y.dbuf, nil
		x.written = true
		return
	}
	dy := y.upstream()
	dx, acc := s.gradient(x)
	s.dev.k.Copy(dx.rows(), dy.rows(), acc)
}

// setLeaf makes an input of the step trainable or stops that.
func (s *Step) setLeaf(t *Tensor, on bool) {
	if !on {
		s.arena.dropGrad(t)
		t.written, t.grad = false, nil
		return
	}
	t.dbuf = s.arena.take(4 * t.len())
	t.written = true
	t.grad = s.header()
	t.grad.array = shaped("SetTrainable", F32, t.shape[:t.dims])
	t.grad.buf = t.dbuf
	s.dev.k.Fill(t.grad.flat(), 0)
}

// like returns a result of x's shape, f32.
func (s *Step) like(x *Tensor) *Tensor {
	a := x.array
	a.dtype = F32
	return s.result(a)
}
