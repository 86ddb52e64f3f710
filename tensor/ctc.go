package tensor

import "fmt"

// CTCOptions says how rows and labels are aligned. The zero value takes class 0 as the blank.
type CTCOptions struct {
	Blank int32 // the class of no label
	// ZeroInfinity makes the loss 0, and the gradient too, of a sequence whose target does not
	// fit: else it is +Inf and the gradient NaN, as PyTorch's are.
	ZeroInfinity bool
}

// CTC returns the loss −log p(target|logits) of each sequence, (S): connectionist temporal
// classification (Graves et al. 2006, "Connectionist temporal classification: labelling
// unsegmented sequence data with recurrent neural networks", eq. 1–16). p is the sum over all
// ways to give each row a label or the blank that read as the target when repetitions are
// made one and blanks are left out; softmax is taken inside.
//
// logits (N, V) hold the rows of S sequences end to end. targets i32 hold the labels, never the
// blank; segments (S, 4) i32 has for each sequence its first row and number of rows, its
// first label and number of labels: see [Step.CTCTargets]. Sequences follow each other
// and have all rows.
//
// A target of L labels of which r equal the one before needs L+r rows; with fewer, no
// alignment exists: see [CTCOptions]. Divide by the number of labels or average as you like;
// the loss itself is neither.
func (logits *Tensor) CTC(targets, segments *Tensor, o CTCOptions) *Tensor {
	s := stepOf("CTC", logits, targets, segments)
	floats("CTC", logits)
	if logits.dims != 2 || targets.dims != 1 || targets.dtype != I32 || segments.dims != 2 || segments.dtype != I32 {
		panic(fmt.Sprintf("tensor: CTC: logits %v, targets %v %v, segments %v %v, want (N, V), i32 (L), i32 (S, 4)",
			logits.array, targets.dtype, targets.array, segments.dtype, segments.array))
	}
	y := s.sized(segments.shape[0])
	e := entry{back: ctcBack, out: y, in: [3]*Tensor{logits}, aside: targets, also: segments,
		n: [maxDims]int{int(o.Blank)}, flag: [2]bool{o.ZeroInfinity}}
	s.ctc(e, y, nil, nil)
	s.record(e)
	return y
}

// ctc runs the kernel; d and w are optional.
func (s *Step) ctc(e entry, loss, d, w *Tensor) {
	s.dev.k.CTC(loss.column(), d.optional(), e.in[0].rows(), e.aside.flat(), e.also.rows(), w.element(0, loss.len()), int32(e.n[0]), e.flag[0])
}

// ctcBack runs the kernel again for the gradient, with dy as the sequences' weights: keeping
// it from the forward would cost the logits' size.
func ctcBack(s *Step, e entry) {
	logits, w := e.in[0], e.out.slope(s)
	d := s.like(logits)
	s.ctc(e, s.like(w), d, w)
	dx, acc := s.gradient(logits)
	s.dev.k.Copy(dx.rows(), d.rows(), acc)
}

// CTCTargets returns what [Tensor.CTC] wants of S sequences that lie end to end: sequence i is
// rows starts[i] … starts[i+1]−1 and its labels are targets[i], which may be none. The
// last of starts is the number of rows.
func (s *Step) CTCTargets(starts []int32, targets [][]int32) (labels, segments *Tensor) {
	if len(starts) != len(targets)+1 || starts[0] != 0 {
		panic(fmt.Sprintf("tensor: CTCTargets: %d targets and %d starts, want 0 and the end of each", len(targets), len(starts)))
	}
	s.words = s.words[:0]
	first := int32(0)
	for i, t := range targets {
		n := int32(len(t))
		s.words = append(s.words, starts[i], starts[i+1]-starts[i], first, n)
		first += n
	}
	segments = s.Ints(s.words, len(targets), 4)
	s.words = s.words[:0]
	for _, t := range targets {
		s.words = append(s.words, t...)
	}
	return s.Ints(s.words, len(s.words)), segments
}
