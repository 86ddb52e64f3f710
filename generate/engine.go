package generate

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"math"
	"runtime"
	"slices"
	"sync"

	"github.com/inkstone-ai/inkstone/model"
	"github.com/inkstone-ai/inkstone/nn"
	"github.com/inkstone-ai/inkstone/tensor"
)

// Options are the sizes of an [Engine]. The zero value works.
type Options struct {
	Slots   int // sequences that are worked on at once, 0: 8; others wait
	Context int // window of each sequence in tokens, 0: the model's, which is also the most if it has one, or what Memory holds
	Rows    int // most prompt tokens, and most guesses, in one pass, 0: 256, whose numbers the caches hold; bounds memory and the time to the next token of others

	// Memory is the bytes of keys and values, of the sequences that are worked on and of those
	// that are over, whose beginnings later ones may share. A sequence waits until its
	// pages fit. 0: as much as Slots full windows take.
	Memory int64
	// CacheType is the type of keys and values: F32, F16, or Q8_0 where a head's channels are a
	// multiple of 32. Sums are F32.
	CacheType tensor.DType
	// Draft guesses tokens for requests that have Drafts; it has the tokenizer of the model. The
	// engine does not close it.
	Draft model.LM
}

// An Engine continues sequences with one model. Requests come and go at any
// time, from any goroutine: each pass takes along a token of every sequence
// that is writing and a part of the prompts of those that are not yet, the first come
// first. Pasts lie in pages; texts that begin with the same tokens share them.
//
// There is no goroutine behind it: whoever waits for a token runs the pass that
// brings it, for all.
type Engine struct {
	lm model.LM
	o  Options

	arrivals struct { // requests that no pass has seen
		sync.Mutex
		list []*sequence
	}

	mu      gate // held while a pass runs
	step    *tensor.Step
	passes  uint64
	pass    nn.Pass
	pool    *pool // nil for a model without a window, whose sequences are states
	cache   *paged
	drafter *drafter    // nil without a draft model
	free    []int       // slots without a sequence
	waiting []*sequence // for a slot and for pages, first come first served
	running []*sequence
	sampler sampler
	logits  []float32 // (R, V)
	print   string    // fingerprint, "" until it is asked for
	closed  bool
}

var (
	errClosed = errors.New("generate: the engine is closed")
	errBroken = errors.New("generate: a panic broke off a pass of the engine, and the texts under way with it")
)

// NewEngine returns an engine for lm, whose weights have values and stay
// unchanged while it works; with [model.Pack] before it, tokens come about
// twice as fast. The caller must not use lm's device while a method of the
// engine runs.
//
// Errors: a context that the model does not have, or that the memory does not hold; a
// negative size; a type of cache that the model's heads can not have; a draft model of another vocabulary.
func NewEngine(lm model.LM, o Options) (*Engine, error) {
	most := lm.Shape().Context
	if o.Slots < 0 || o.Rows < 0 || o.Context < 0 || o.Memory < 0 || o.Context > most && most > 0 {
		return nil, fmt.Errorf("generate: slots %d, rows %d, context %d, memory %d with a model of context %d", o.Slots, o.Rows, o.Context, o.Memory, most)
	}
	asked := o.Context
	o.Slots, o.Rows, o.Context = or(o.Slots, 8), or(o.Rows, 256), or(o.Context, most)
	if most == 0 {
		o.Context = 0
	}
	d := lm.HeadWeight().Device()
	e := &Engine{lm: lm, o: o, mu: newGate(), cache: &paged{device: d, dtype: o.CacheType, slots: o.Slots}}
	if most > 0 {
		if err := e.plan(asked); err != nil {
			return nil, err
		}
	}
	if o.Draft != nil {
		if most == 0 {
			return nil, errors.New("generate: a model of recurrent layers can not take back what was guessed wrong: it takes no draft model")
		}
		var err error
		if e.drafter, err = newDrafter(o.Draft, lm, e.o); err != nil {
			return nil, err
		}
	}
	e.step = tensor.NewStep(d, tensor.StepOptions{})
	e.pass.Cache = e.cache
	for i := range o.Slots {
		e.free = append(e.free, i)
	}
	return e, nil
}

// plan shares the memory out in pages. asked is the window that the caller wants, 0: any.
func (e *Engine) plan(asked int) error {
	shape := e.lm.Shape()
	switch t := e.o.CacheType; {
	case t != tensor.F32 && t != tensor.F16 && t != tensor.Q8_0:
		return fmt.Errorf("generate: a cache of %v: want f32, f16 or q8_0", t)
	case shape.HeadDim%t.Block() != 0:
		return fmt.Errorf("generate: a cache of %v takes heads of a multiple of %d channels, the model's have %d: take f16", t, t.Block(), shape.HeadDim)
	}
	total := e.o.Slots * pagesOf(e.o.Context)
	if size := pageBytes(shape, e.o.CacheType); e.o.Memory > 0 && size > 0 {
		total = int(e.o.Memory / int64(size))
		if total == 0 {
			return fmt.Errorf("generate: %d bytes hold no past: %d tokens take %d bytes", e.o.Memory, pageTokens, size)
		}
	}
	total = min(total, math.MaxInt32/pageTokens)
	if fits := total * pageTokens; fits < e.o.Context {
		if asked > 0 {
			return fmt.Errorf("generate: the memory of the cache holds %d tokens, the context is to have %d: %w", fits, asked, ErrTooLong)
		}
		e.o.Context = fits
	}
	e.pool, e.cache.total = newPool(total), total
	return nil
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
		e.cache.close()
		e.step.Close()
		if e.drafter != nil {
			e.drafter.close()
		}
	}
}

// Context returns the length of the window, 0 where there is none. It may be less than the
// model's where the memory holds no more.
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
		runtime.Gosched() // who comes at the same time is to be in the first pass too
		for {
			t, err := e.next(ctx, s)
			if !yield(t, err) || err != nil || t.Finish != "" {
				return
			}
		}
	}
}

// of names the request that an error is of, where there are several.
func of(requests []Request, i int, err error) error {
	if len(requests) == 1 {
		return err
	}
	return fmt.Errorf("request %d: %w", i, err)
}

// Run returns the continuations of many requests, as many at once as there are
// slots. The first error ends all.
func (e *Engine) Run(ctx context.Context, requests []Request) ([]Result, error) {
	all := make([]*sequence, len(requests))
	for i, r := range requests {
		s, err := e.submit(r)
		if err != nil {
			return nil, of(requests, i, err)
		}
		defer e.drop(s)
		all[i] = s
	}
	results := make([]Result, len(requests))
	for i, s := range all {
		for results[i].Finish == "" {
			t, err := e.next(ctx, s)
			if err != nil {
				return nil, of(requests, i, err)
			}
			results[i].Tokens = append(results[i].Tokens, t)
			results[i].Finish = t.Finish
			if t.Usage != nil {
				results[i].Usage = *t.Usage
			}
		}
	}
	return results, nil
}

// submit queues a request.
func (e *Engine) submit(r Request) (*sequence, error) {
	if err := r.check(e.lm.Shape().Vocab, e.o.Context); err != nil {
		return nil, err
	}
	if r.Drafts > 0 && e.pool == nil {
		return nil, errors.New("generate: a model of recurrent layers can not take back what was guessed wrong: set Drafts to 0")
	}
	r.Drafts = min(r.Drafts, mostGuesses, max(1, e.o.Rows/e.o.Slots))
	s := newSequence(r, e.o.Context)
	s.table.pool = e.pool
	e.arrivals.Lock()
	defer e.arrivals.Unlock()
	e.arrivals.list = append(e.arrivals.list, s)
	return s, nil
}

// next returns the next token of s. While no pass runs and there is none, it runs passes itself.
func (e *Engine) next(ctx context.Context, s *sequence) (Token, error) {
	for {
		t, ok, err := s.box.take()
		if p, is := err.(*readerPanic); is {
			panic(p)
		}
		if ok || err != nil {
			return t, err
		}
		select {
		case <-s.box.news:
		case <-ctx.Done():
			return Token{}, fmt.Errorf("generate: %w", context.Cause(ctx))
		case e.mu <- struct{}{}:
			if err := e.turn(ctx, s); err != nil {
				return Token{}, err
			}
		}
	}
}

// turn runs a pass, unless one has brought s something since it looked, and opens the gate.
func (e *Engine) turn(ctx context.Context, s *sequence) error {
	defer e.mu.Unlock()
	switch {
	case !s.box.empty():
		return nil
	case ctx.Err() != nil:
		return fmt.Errorf("generate: %w", context.Cause(ctx))
	case e.closed:
		return errClosed
	}
	e.advance()
	return nil
}

// drop forgets a sequence, finished or not.
func (e *Engine) drop(s *sequence) {
	if s.box.over() { // its pass has forgotten it
		return
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.arrive()
	e.release(s)
	e.waiting = slices.DeleteFunc(e.waiting, func(x *sequence) bool { return x == s })
}

// release takes the slot and the pages of a running sequence back. What was read of it
// stays known to the pool.
func (e *Engine) release(s *sequence) {
	if s.slot < 0 {
		return
	}
	e.free = append(e.free, s.slot)
	s.slot = -1
	e.running = slices.DeleteFunc(e.running, func(x *sequence) bool { return x == s })
	if e.pool != nil {
		if s.err == nil {
			s.table.publish(s.ids[:s.past], true)
		}
		s.table.release()
	}
	if e.drafter != nil {
		e.drafter.drop(s)
	}
}

// advance runs one pass.
func (e *Engine) advance() {
	e.admit()
	whole := false
	defer func() {
		if !whole {
			e.abandon()
		}
	}()
	e.run(e.guess(e.gather()))
	whole = true
}

// run reads the turns and adds what comes next.
func (e *Engine) run(turns []turn) {
	if len(turns) == 0 {
		return
	}
	var ids []int32
	var spans []nn.Span
	var at []place
	for _, t := range turns {
		s, n := t.s, t.rows+len(t.guesses)
		ids = append(ids, s.ids[s.past:s.past+t.rows]...)
		for _, g := range t.guesses {
			ids = append(ids, g.id)
		}
		if e.pool != nil {
			s.table.grow(s.past + n)
		}
		spans, at = append(spans, nn.Span{Rows: n, Past: s.past}), append(at, place{s.table.pages, s.slot})
		s.past += t.rows
	}
	e.step.Begin(e.passes)
	e.passes++
	e.pass.Set(e.step, ids, spans...)
	e.cache.begin(e.step, &e.pass, at)
	e.write(turns, e.lm.Forward(&e.pass))
	e.settle(turns)
}

// abandon ends all that run: a pass that panics, as where memory is out, leaves their pasts half written.
func (e *Engine) abandon() {
	for _, s := range slices.Clone(e.running) {
		if !s.done {
			s.fail(errBroken)
		}
		e.release(s)
	}
}

// arrive queues what has been submitted.
func (e *Engine) arrive() {
	e.arrivals.Lock()
	defer e.arrivals.Unlock()
	e.waiting = append(e.waiting, e.arrivals.list...)
	e.arrivals.list = nil
}

// admit gives slots and pages to those who wait, as long as there are any for the first.
func (e *Engine) admit() {
	e.arrive()
	for len(e.waiting) > 0 && len(e.free) > 0 {
		s := e.waiting[0]
		if e.pool != nil && !e.place(s) {
			return
		}
		if s.written == 0 {
			s.usage.Shared = s.past
		}
		e.waiting = e.waiting[1:]
		last := len(e.free) - 1
		s.slot, e.free = e.free[last], e.free[:last]
		e.running = append(e.running, s)
	}
}

// place claims the pages of a sequence, with those of its beginning that are there.
func (e *Engine) place(s *sequence) (ok bool) {
	s.past, ok = s.table.claim(s.ids, s.most, e.cache.copy)
	return ok
}

// A turn is a sequence's part of a pass.
type turn struct {
	s       *sequence
	rows    int     // ids that are read
	guesses []guess // read behind them
}

// ends reports whether the text is read to its end, so that a token comes next.
func (t *turn) ends() bool { return t.s.pending() == 0 }

// gather shares out the next pass: of every sequence that writes the token that is pending; of
// prompts, the first come first, as much as Rows allows, or half of it where somebody
// writes. Once a half is full no other prompt begins: the first is to have its first token soon.
func (e *Engine) gather() (turns []turn) {
	half := max(1, e.o.Rows/2)
	limit, read := e.o.Rows, 0
	if slices.ContainsFunc(e.running, func(s *sequence) bool { return s.pending() == 1 }) {
		limit = half
	}
	for _, s := range e.running {
		n := s.pending()
		if n > 1 {
			if read >= half {
				continue
			}
			n = min(n, limit-read)
			read += n
		}
		turns = append(turns, turn{s: s, rows: n})
	}
	return turns
}

// guess adds to the turns of those who write what may come next, and returns the turns without
// those of sequences that can not be guessed, which end with their errors.
func (e *Engine) guess(turns []turn) []turn {
	var drafts []*draft
	var of []int
	for i := range turns {
		s := turns[i].s
		n := s.guesses()
		if n <= 0 || s.pending() > turns[i].rows {
			continue
		}
		if e.drafter == nil {
			turns[i].guesses = s.guess(n)
			continue
		}
		drafts, of = append(drafts, &draft{s: s, n: n}), append(of, i)
	}
	if len(drafts) == 0 {
		return turns
	}
	e.drafter.guess(drafts)
	for j, d := range drafts {
		turns[of[j]].guesses = d.row
		if d.err != nil {
			d.s.fail(d.err)
			e.release(d.s)
		}
	}
	return slices.DeleteFunc(turns, func(t turn) bool { return t.s.err != nil })
}

// write draws tokens for every sequence that has been read to its end: one, and one more
// for each guess that was right; x is the model's output, (N, C).
func (e *Engine) write(turns []turn, x *tensor.Tensor) {
	var rows []int32
	first := int32(0)
	for _, t := range turns {
		if t.ends() {
			for j := range len(t.guesses) + 1 {
				rows = append(rows, first+int32(t.rows-1+j))
			}
		}
		first += int32(t.rows + len(t.guesses))
	}
	if len(rows) == 0 {
		return
	}
	y := e.lm.Logits(x.Rows(e.step.Ints(rows, len(rows)))) // (R, V)
	e.logits = slices.Grow(e.logits[:0], y.Len())[:y.Len()]
	y.ReadFloats(e.logits)
	V, at := y.Dim(1), 0
	for _, t := range turns {
		if t.ends() {
			n := (len(t.guesses) + 1) * V
			e.continued(t, e.logits[at:at+n], V)
			at += n
		}
	}
}

// continued adds the tokens of one sequence; logits has a row for the text's end and for
// every guess.
func (e *Engine) continued(t turn, logits []float32, V int) {
	s, right := t.s, 0
	s.usage.Drafted += len(t.guesses)
	for j := 0; ; j++ {
		var g *guess
		if j < len(t.guesses) {
			g = &t.guesses[j]
		}
		if !s.add(&e.sampler, logits[j*V:][:V], e.o.Context, g) || s.done {
			break
		}
		right++
	}
	s.past += right // the last token is not read
	s.guesser.learn(len(t.guesses), right, s.Drafts)
}

// shift makes room in a full window. Pages that others see too do not come back: then s waits
// again, before all others, until its own fit.
func (e *Engine) shift(s *sequence) {
	s.table.release()
	s.shift()
	if e.place(s) {
		return
	}
	e.free = append(e.free, s.slot)
	s.slot = -1
	e.running = slices.DeleteFunc(e.running, func(x *sequence) bool { return x == s })
	e.waiting = slices.Insert(e.waiting, 0, s)
	if e.drafter != nil {
		e.drafter.drop(s)
	}
}

// settle makes what was read known, gives back what is over and shifts what is full.
func (e *Engine) settle(turns []turn) {
	for _, t := range turns {
		s := t.s
		switch {
		case s.done:
			e.release(s)
			continue
		case e.pool == nil:
			continue
		}
		s.table.publish(s.ids[:s.past], false)
		if len(s.ids) > e.o.Context {
			e.shift(s)
		}
	}
}
