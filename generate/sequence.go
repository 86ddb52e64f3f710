package generate

import "slices"

// A sequence is a request on its way.
type sequence struct {
	Request
	pending []int32 // ids that the model has not read yet
	past    int     // ids that it has, which lie in strip slot
	slot    int
	written int            // tokens so far
	seen    map[int32]bool // for the repetition penalty, nil where there is none

	ready []Token // written and not fetched
	done  bool
	err   error
}

func newSequence(r Request, context int) *sequence {
	if r.MaxTokens == 0 && context == 0 {
		r.MaxTokens = Endless
	}
	s := &sequence{Request: r, pending: slices.Clone(r.Prompt), slot: -1}
	if p := r.Sampling.RepetitionPenalty; p != 0 && p != 1 {
		s.seen = map[int32]bool{}
		for _, id := range r.Prompt {
			s.seen[id] = true
		}
	}
	return s
}

// add draws the next token and decides whether it is the last.
func (s *sequence) add(w *sampler, logits []float32, context int) {
	id, err := w.draw(&s.Sampling, logits, s.seen, s.written)
	if err != nil {
		s.err, s.done = err, true
		return
	}
	t := Token{ID: id}
	if s.LogProbs > 0 {
		t.LogProb, t.Top = w.logProb(logits, id, s.LogProbs-1)
	}
	s.written++
	switch {
	case slices.Contains(s.End, id):
		t.Finish = Ended
	case s.written == s.MaxTokens:
		t.Finish = MaxReached
	case s.past == context && context > 0:
		t.Finish = ContextFull
	}
	s.read(&t)
	s.ready, s.done = append(s.ready, t), t.Finish != ""
	s.pending = append(s.pending[:0], id)
	if s.seen != nil {
		s.seen[id] = true
	}
}

// read gives a token its text.
func (s *sequence) read(t *Token) {
	if s.Reader == nil {
		return
	}
	stop := false
	if t.Finish != Ended {
		t.Text, stop = s.Reader.Next(t.ID)
	}
	if stop {
		t.Finish = Ended
	} else if t.Finish != "" {
		t.Text += s.Reader.Flush()
	}
}
