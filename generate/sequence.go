package generate

import (
	"fmt"
	"runtime/debug"
	"slices"
)

// A sequence is a request on its way.
type sequence struct {
	Request
	ids     []int32 // the text: the prompt, what was written
	past    int     // ids that the cache holds
	table   table
	slot    int // of its state; −1 while it waits
	written int // tokens so far
	most    int // positions that it may come to take
	usage   Usage
	guesser guesser

	box  *mailbox // what was written and is not fetched
	done bool
	err  error
}

func newSequence(r Request, context int) *sequence {
	if r.MaxTokens == 0 && context == 0 {
		r.MaxTokens = Endless
	}
	s := &sequence{Request: r, ids: slices.Clone(r.Prompt), slot: -1, box: newMailbox()}
	s.usage.Prompt = len(r.Prompt)
	s.most = context
	if r.MaxTokens > 0 && !r.Shift && context > 0 {
		s.most = len(r.Prompt) + min(context-len(r.Prompt), r.MaxTokens) // the sum of both may be more than an int holds
	}
	for len(s.ids) > context && context > 0 {
		s.shift()
	}
	return s
}

// shift drops the earlier half of what follows the tokens to keep.
func (s *sequence) shift() {
	n := (len(s.ids) - s.Keep + 1) / 2
	s.ids = slices.Delete(s.ids, s.Keep, s.Keep+n)
	s.usage.Dropped += n
}

// pending is the number of tokens that are not read.
func (s *sequence) pending() int { return len(s.ids) - s.past }

// add draws the next token and decides whether it is the last. draft is what was guessed at its
// place, nil where nothing was; it reports whether the token is that one.
func (s *sequence) add(w *sampler, logits []float32, context int, draft *guess) (accepted bool) {
	id, err := w.next(&s.Sampling, logits, s.ids, s.written, draft)
	if err != nil {
		s.fail(err)
		return false
	}
	t := Token{ID: id}
	if s.LogProbs > 0 {
		t.LogProb, t.Top = w.logProb(logits, id, s.LogProbs-1)
	}
	s.written++
	s.ids = append(s.ids, id)
	switch {
	case slices.Contains(s.End, id):
		t.Finish = Ended
	case s.written == s.MaxTokens:
		t.Finish = MaxReached
	case len(s.ids) > context && context > 0 && !s.Shift:
		t.Finish = ContextFull
	}
	if err := s.read(&t); err != nil {
		s.fail(err)
		return false
	}
	accepted = draft != nil && draft.id == id
	if accepted {
		s.usage.Accepted++
	}
	if s.done = t.Finish != ""; s.done {
		s.usage.Written = s.written
		usage := s.usage // the reader's own
		t.Usage = &usage
	}
	s.box.put(t)
	return accepted
}

// fail ends the sequence.
func (s *sequence) fail(err error) {
	s.err, s.done = err, true
	s.box.fail(err)
}

// A readerPanic is a panic of a request's Reader. It goes on where the request's tokens are read, so that the pass goes
// on for the others.
type readerPanic struct {
	value any
	stack []byte
}

func (p *readerPanic) Error() string { return fmt.Sprintf("%v\n\n%s", p.value, p.stack) }

// read gives a token its text.
func (s *sequence) read(t *Token) (err error) {
	if s.Reader == nil {
		return nil
	}
	defer func() {
		if x := recover(); x != nil {
			err = &readerPanic{x, debug.Stack()}
		}
	}()
	stop := false
	if t.Finish != Ended {
		t.Text, stop = s.Reader.Next(t.ID)
	}
	if stop {
		t.Finish = Ended
	} else if t.Finish != "" {
		t.Text += s.Reader.Flush()
	}
	return nil
}
