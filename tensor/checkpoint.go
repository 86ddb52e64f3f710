package tensor

import "slices"

// Checkpoint returns f(x) and forgets what f computed on the way; Backward
// computes it again (Chen 2016, arXiv:1604.06174). Memory for time: of f only x
// and the result stay. Gradients are the same bits as without, since f runs on
// x itself, draws the same random numbers, and adds to the same gradients in
// the same order. f must give the same result both times.
func (s *Step) Checkpoint(x *Tensor, f func(x *Tensor) *Tensor) *Tensor {
	if !s.recording {
		return f(x)
	}
	mark, ops := s.arena.mark(), s.ops
	s.recording = false
	y := f(x)
	s.recording = true
	s.arena.release(mark, y)
	o := y.owner()
	if !slices.Contains(s.arena.live[mark:], o) {
		return y // a view of x or of something older: nothing to compute again
	}
	o.needs = true
	s.tape = append(s.tape, entry{back: checkpointBack, out: o, in: [3]*Tensor{x}, f1: f, key: ops})
	return y
}

// checkpointBack records f again and unwinds it with the gradient of its result.
func checkpointBack(s *Step, e entry) {
	from, ops := len(s.tape), s.ops
	s.ops, s.recording = e.key, true
	y := e.f1(e.in[0]).owner()
	s.ops, s.recording = ops, false
	if !y.tracked() {
		return // f depends on nothing that is trained
	}
	y.dbuf, e.out.dbuf = e.out.dbuf, nil
	y.written = true
	s.unwind(from)
}
