package tensor

import (
	"fmt"

	"github.com/inkstone-ai/inkstone/internal/kernel"
)

// entry is one operation on the tape. What the operation does in reverse is a
// function of the package, never a closure; what it needs lies in the fields.
type entry struct {
	back func(*Step, entry)
	// forward writes out; of brief results alone, which may be computed again.
	forward func(*Step, entry)

	out   *Tensor    // the result; nil where an earlier entry owns its memory
	in    [3]*Tensor // operands that may be tracked, as the operation orders them
	aside *Tensor    // operands without gradient: ids, segments, a condition
	also  *Tensor    // as aside; but Recurrent's bias has one
	saved *Tensor    // what the forward kept for the gradient

	blind bool // back reads no values, only the gradient of out
	own   bool // back reads the values of out, a brief result

	op   uint8 // kernel's operation code
	flag [2]bool
	n    [maxDims]int
	f    [2]float32
	key  uint64 // of random numbers
	attn AttentionOptions
	ce   CEOptions
	f1   func(*Tensor) *Tensor // Checkpoint's

	steps  []int         // Recurrent's: sequences of each step
	window kernel.Window // of images
}

// tracked reports whether Backward brings a gradient to t.
func (t *Tensor) tracked() bool {
	if t == nil || t.detached {
		return false
	}
	o := t.owner()
	return o.needs || o.trainable && !o.frozen
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
	s.recording, s.newest = false, nil
	defer func() { s.recording = before }()
	o := loss.owner()
	if o.trainable {
		panic("tensor: Backward: the loss " + loss.label() + " is itself trainable")
	}
	o.retained = true
	d, _ := s.gradient(loss)
	s.dev.k.Fill(d.flat(), 1)
	s.unwind(0)
}

// unwind runs the gradients of the tape's entries from the last to number to
// and takes them off the tape.
func (s *Step) unwind(to int) {
	for i := len(s.tape) - 1; i >= to; i-- {
		e := s.tape[i]
		due := e.back != nil && (e.out == nil || e.out.written)
		if due {
			s.ready(&e)
		}
		s.tape[i] = entry{}
		s.tape = s.tape[:i]
		if due {
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
