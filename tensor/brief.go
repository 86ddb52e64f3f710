package tensor

// A brief result is one that a single pass over memory computes again: a norm, an
// activation, a gate, a dropout. While operations are recorded a step holds the
// values of the newest brief result alone; the one before gives its memory back,
// for as a rule the operation after it was the last to read it before Backward.
// Whoever reads it later all the same, in the forward or in Backward, finds it
// computed again, the same bits, from operands that stay until then. Of a
// transformer's activations a third need never be kept so, and the passes are
// lost in the time of its products.

// brief makes the result of e, whose forward writes e.out, a tensor of the shape
// of its first operand.
func (s *Step) brief(e entry) *Tensor {
	recorded := s.wanted(e.in[:]...)
	if recorded {
		for _, t := range e.in {
			t.stay() // so that computing the result again is one pass and no chain
		}
		s.forget(s.newest)
	}
	e.out = s.like(e.in[0])
	e.forward(s, e)
	s.record(e)
	if recorded {
		s.newest, e.out.again = e.out, len(s.tape)
	}
	return e.out
}

// forget takes back the memory of a brief result.
func (s *Step) forget(t *Tensor) {
	if t != nil && t.buf != nil && !t.retained {
		s.arena.give(t.buf)
		t.buf = nil
	}
}

// stay makes what t lies in keep its values: no brief result any more.
func (t *Tensor) stay() {
	if t == nil {
		return
	}
	o := t.owner()
	o.revive()
	o.again = 0
	if o.step != nil && o.step.newest == o {
		o.step.newest = nil
	}
}

// revive computes t again where its memory was taken back.
func (t *Tensor) revive() {
	if t == nil || t.again == 0 || t.buf != nil || t.released {
		return
	}
	t.buf = t.step.arena.take(t.size())
	e := t.step.tape[t.again-1]
	e.forward(t.step, e)
}

// ready revives what the gradient of e reads, and takes back what it does not.
func (s *Step) ready(e *entry) {
	if !e.blind {
		for _, t := range [...]*Tensor{e.in[0], e.in[1], e.in[2], e.aside, e.also, e.ce.Weights} {
			t.revive()
		}
	}
	switch {
	case e.own:
		e.out.revive()
	case e.forward != nil:
		s.forget(e.out)
	}
}
