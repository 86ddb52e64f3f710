package generate

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"sync"

	"github.com/inkstone-ai/inkstone/model"
	"github.com/inkstone-ai/inkstone/nn"
	"github.com/inkstone-ai/inkstone/tensor"
)

// Options are the sizes of an [Engine]. The zero value works.
type Options struct {
	Slots   int // sequences that are worked on at once, 0: 8; others wait
	Context int // window of each sequence in tokens, 0: the model's, which is also the most if it has one
	Rows    int // most prompt tokens in one pass, 0: 512; bounds memory and the time to the next token of others
}

// An Engine continues sequences with one model. Requests come and go at any
// time, from any goroutine: each pass takes along a token of every sequence
// that is writing and a part of the prompts of those that are not yet.
//
// There is no goroutine behind it: whoever waits for a token runs the pass that
// brings it, for all.
type Engine struct {
	lm model.LM
	o  Options

	mu      sync.Mutex // held while a pass runs
	step    *tensor.Step
	passes  uint64
	pass    nn.Pass
	cache   *slots
	free    []int       // strips without a sequence
	waiting []*sequence // for a strip, first come first served
	running []*sequence
	sampler sampler
	logits  []float32 // (R, V)
	closed  bool
}

// NewEngine returns an engine for lm, whose weights have values and stay
// unchanged while it works; with [model.Pack] before it, tokens come about
// twice as fast. The caller must not use lm's device while a method of the
// engine runs.
//
// Errors: a context that the model does not have, or a negative size.
func NewEngine(lm model.LM, o Options) (*Engine, error) {
	most := lm.Shape().Context
	if o.Slots < 0 || o.Rows < 0 || o.Context < 0 || o.Context > most && most > 0 {
		return nil, fmt.Errorf("generate: %+v with a model of context %d", o, most)
	}
	o.Slots, o.Rows, o.Context = or(o.Slots, 8), or(o.Rows, 512), or(o.Context, most)
	d := lm.HeadWeight().Device()
	e := &Engine{lm: lm, o: o, step: tensor.NewStep(d, tensor.StepOptions{})}
	e.cache = &slots{device: d, count: o.Slots, context: min(o.Context, most)}
	e.pass.Cache = e.cache
	for i := range o.Slots {
		e.free = append(e.free, i)
	}
	return e, nil
}

func or(n, absent int) int {
	if n == 0 {
		return absent
	}
	return n
}

// Close frees the cache. Requests under way end with an error.
func (e *Engine) Close() {
	e.mu.Lock()
	defer e.mu.Unlock()
	if !e.closed {
		e.closed = true
		e.cache.free()
		e.step.Close()
	}
}

// Context returns the length of the window, 0 where there is none.
func (e *Engine) Context() int { return e.o.Context }

// Stream yields the tokens of a continuation as they are written; the last one
// says why it is the last. An error ends the stream: a request that cannot be,
// ctx's end, scores that are not numbers.
func (e *Engine) Stream(ctx context.Context, r Request) iter.Seq2[Token, error] {
	return func(yield func(Token, error) bool) {
		s, err := e.submit(r)
		if err != nil {
			yield(Token{}, err)
			return
		}
		defer e.drop(s)
		for {
			t, err := e.next(ctx, s)
			if !yield(t, err) || err != nil || t.Finish != "" {
				return
			}
		}
	}
}

// Run returns the continuations of many requests, as many at once as there are
// slots. The first error ends all.
func (e *Engine) Run(ctx context.Context, requests []Request) ([]Result, error) {
	all := make([]*sequence, len(requests))
	for i, r := range requests {
		s, err := e.submit(r)
		if err != nil {
			return nil, fmt.Errorf("request %d: %w", i, err)
		}
		defer e.drop(s)
		all[i] = s
	}
	results := make([]Result, len(requests))
	for i, s := range all {
		for results[i].Finish == "" {
			t, err := e.next(ctx, s)
			if err != nil {
				return nil, fmt.Errorf("request %d: %w", i, err)
			}
			results[i].Tokens = append(results[i].Tokens, t)
			results[i].Finish = t.Finish
		}
	}
	return results, nil
}

// submit queues a request.
func (e *Engine) submit(r Request) (*sequence, error) {
	if err := r.check(e.lm.Shape().Vocab, e.o.Context); err != nil {
		return nil, err
	}
	s := newSequence(r, e.o.Context)
	e.mu.Lock()
	defer e.mu.Unlock()
	e.waiting = append(e.waiting, s)
	return s, nil
}

// next returns the next token of s and runs passes until there is one.
func (e *Engine) next(ctx context.Context, s *sequence) (t Token, err error) {
	for ok := false; !ok && err == nil; {
		t, ok, err = e.try(ctx, s)
	}
	return t, err
}

// try returns the next token of s if there is one, else it runs one pass. The
// lock is let go after each, so that others get what the pass brought them.
func (e *Engine) try(ctx context.Context, s *sequence) (t Token, ok bool, err error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	switch {
	case len(s.ready) > 0:
		t, s.ready = s.ready[0], s.ready[1:]
		return t, true, nil
	case s.err != nil:
		return t, false, s.err
	case ctx.Err() != nil:
		return t, false, fmt.Errorf("generate: %w", context.Cause(ctx))
	case e.closed:
		return t, false, errors.New("generate: the engine is closed")
	}
	e.advance()
	return t, false, nil
}

// drop forgets a sequence, finished or not.
func (e *Engine) drop(s *sequence) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.release(s)
	e.waiting = slices.DeleteFunc(e.waiting, func(x *sequence) bool { return x == s })
}

// release takes the strip of a running sequence back.
func (e *Engine) release(s *sequence) {
	if s.slot < 0 {
		return
	}
	e.free = append(e.free, s.slot)
	s.slot = -1
	e.running = slices.DeleteFunc(e.running, func(x *sequence) bool { return x == s })
}

// advance runs one pass.
func (e *Engine) advance() {
	e.admit()
	batch, ids, spans, at := e.gather()
	e.step.Begin(e.passes)
	e.passes++
	e.pass.Set(e.step, ids, spans...)
	e.cache.begin(e.step, &e.pass, at)
	e.write(batch, e.lm.Forward(&e.pass))
}

// admit gives free strips to those who wait.
func (e *Engine) admit() {
	for len(e.waiting) > 0 && len(e.free) > 0 {
		s := e.waiting[0]
		e.waiting = e.waiting[1:]
		last := len(e.free) - 1
		s.slot, e.free = e.free[last], e.free[:last]
		e.running = append(e.running, s)
	}
}

// gather lays the next pass end to end: of every sequence all that is pending,
// where that is one token; of prompts as much as Rows allows, the oldest first.
func (e *Engine) gather() (batch []*sequence, ids []int32, spans []nn.Span, at []int) {
	room := e.o.Rows
	for _, s := range e.running {
		n := len(s.pending)
		if n > 1 {
			n = min(n, room)
			room -= n
		}
		if n == 0 {
			continue
		}
		batch = append(batch, s)
		ids = append(ids, s.pending[:n]...)
		spans = append(spans, nn.Span{Rows: n, Past: s.past})
		at = append(at, s.slot)
		s.pending, s.past = s.pending[n:], s.past+n
	}
	return batch, ids, spans, at
}

// write draws a token for every sequence of the batch that has been read to its
// end; x is the model's output, (N, C).
func (e *Engine) write(batch []*sequence, x *tensor.Tensor) {
	var last []int32
	var writers []*sequence
	for i, s := range batch {
		if len(s.pending) == 0 {
			writers = append(writers, s)
			last = append(last, lastRow(e.pass.Spans[:i+1]))
		}
	}
	if len(writers) == 0 {
		return
	}
	y := e.lm.Logits(x.Rows(e.step.Ints(last, len(last)))) // (R, V)
	e.logits = slices.Grow(e.logits[:0], y.Len())[:y.Len()]
	y.ReadFloats(e.logits)
	V := y.Dim(1)
	for i, s := range writers {
		s.add(&e.sampler, e.logits[i*V:][:V], e.o.Context)
		if s.done {
			e.release(s)
		}
	}
}

// lastRow is the row at which the last of spans ends.
func lastRow(spans []nn.Span) int32 {
	n := 0
	for _, s := range spans {
		n += s.Rows
	}
	return int32(n - 1)
}
