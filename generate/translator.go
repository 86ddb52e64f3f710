package generate

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/inkstone-ai/inkstone/model"
	"github.com/inkstone-ai/inkstone/nn"
	"github.com/inkstone-ai/inkstone/tensor"
)

// A SourceRequest asks for the target of a source.
type SourceRequest struct {
	Source []int32 // at least one id
	Begin  int32   // the token before the first of every target
	End    []int32 // ids that end a target

	// Beam is how many hypotheses are followed at once; 0 and 1: greedy, or sampled
	// where Sampling has a temperature.
	Beam int
	// LengthPenalty is α of Wu et al. 2016 (arXiv:1609.08144, eq. 14): targets are
	// compared by log P/((5+|Y|)/6)^α. 0 compares probabilities, which favours
	// short targets.
	LengthPenalty float64
	MaxTokens     int      // of the target; 0: four times the source's and forty more, but no more than the model's context
	Sampling      Sampling // scores are log-probabilities
}

// A Hypothesis is a target that a search came to.
type Hypothesis struct {
	IDs     []int32 // without the token that ended it
	LogProb float64 // of the ids and of the token that ended them, natural logarithm
	Score   float64 // LogProb with the length penalty: by which hypotheses are ranked
	Finish  Finish
}

// A Translator writes targets with one encoder–decoder, many at once. Each source
// is read once; the decoder then writes a token of every hypothesis in each pass,
// the encoder's keys and values and its own kept. What a source gets is a function
// of the model and its request alone.
type Translator struct {
	m       model.EncoderDecoder
	slots   int
	step    *tensor.Step
	passes  uint64
	sampler sampler
	scores  []float32 // (R, V)
}

// NewTranslator returns a translator that follows as many hypotheses at once as
// slots says; 0: 256. The model's weights have values and stay unchanged while it
// works; with [model.Pack] before it goes faster. One goroutine uses it, and the
// model's device, at a time.
func NewTranslator(m model.EncoderDecoder, slots int) *Translator {
	return &Translator{m: m, slots: or(slots, 256), step: tensor.NewStep(m.HeadWeight().Device(), tensor.StepOptions{})}
}

// Close frees the translator's memory.
func (t *Translator) Close() { t.step.Close() }

// Run returns for each request its hypotheses, the best first; there is one at
// least. The best one does not depend on when the search ends: it goes on until
// none that is under way could get a better score.
//
// Errors name the request: an empty source, one that is longer than the model's
// context, ids that the vocabulary has not, a beam that is to be sampled or to mind
// repetitions.
func (t *Translator) Run(ctx context.Context, requests []SourceRequest) ([][]Hypothesis, error) {
	all := make([]*search, len(requests))
	for i, r := range requests {
		if err := r.check(t.m.Shape()); err != nil {
			return nil, fmt.Errorf("request %d: %w", i, err)
		}
		all[i] = newSearch(r, t.m.Shape().Context)
	}
	order := slices.Clone(all) // sources of like lengths end together
	slices.SortStableFunc(order, func(a, b *search) int { return len(a.Source) - len(b.Source) })
	for len(order) > 0 {
		n, beams := 0, 0
		for n < len(order) && (n == 0 || beams+order[n].Beam <= t.slots) {
			beams += order[n].Beam
			n++
		}
		if err := t.together(ctx, order[:n]); err != nil {
			return nil, err
		}
		order = order[n:]
	}
	results := make([][]Hypothesis, len(all))
	for i, s := range all {
		results[i] = s.ranked()
	}
	return results, nil
}

func (r *SourceRequest) check(shape model.Shape) error {
	switch {
	case len(r.Source) == 0:
		return errors.New("generate: an empty source")
	case len(r.Source) > shape.Context:
		return fmt.Errorf("generate: source of %d tokens, context of %d: %w", len(r.Source), shape.Context, ErrTooLong)
	case r.Beam < 0 || r.MaxTokens < 0 || !(r.LengthPenalty >= 0) || math.IsInf(r.LengthPenalty, 0):
		return fmt.Errorf("generate: beam %d, max tokens %d, length penalty %g: want 0 or more", r.Beam, r.MaxTokens, r.LengthPenalty)
	case r.Beam > 1 && r.Sampling.Temperature > 0:
		return fmt.Errorf("generate: beam %d with temperature %g: a beam is searched, not sampled", r.Beam, r.Sampling.Temperature)
	case r.Beam > 1 && r.Sampling.bends():
		return fmt.Errorf("generate: beam %d with penalties or a bias: hypotheses are ranked by what the model says alone; take a beam of 1", r.Beam)
	}
	for i, id := range append(slices.Clone(r.Source), r.Begin) {
		if id < 0 || int(id) >= shape.Vocab {
			return fmt.Errorf("generate: source[%d] is token %d, the vocabulary has %d", i, id, shape.Vocab)
		}
	}
	if err := r.Sampling.checkIDs(shape.Vocab); err != nil {
		return err
	}
	return r.Sampling.Check()
}

// together runs searches side by side, each pass a token of every hypothesis.
func (t *Translator) together(ctx context.Context, searches []*search) error {
	memory := t.encode(searches)
	defer memory.Free()
	cache := t.place(searches)
	defer cache.free()
	pass := nn.Pass{Cache: cache}
	for past := 0; ; past++ {
		var ids []int32
		var spans []nn.Span
		var at []int
		memory.Of = memory.Of[:0]
		for i, s := range searches {
			for _, h := range s.live {
				ids, at = append(ids, h.last), append(at, h.slot)
				spans, memory.Of = append(spans, nn.Span{Rows: 1, Past: past}), append(memory.Of, i)
			}
		}
		if len(ids) == 0 {
			return nil
		}
		if ctx.Err() != nil {
			return fmt.Errorf("generate: %w", context.Cause(ctx))
		}
		t.begin()
		pass.Set(t.step, ids, spans...)
		cache.begin(t.step, &pass, at)
		y := t.m.Logits(t.m.Decode(&pass, memory)).LogSoftmax() // (R, V)
		if err := t.write(searches, y, cache, past+1); err != nil {
			return err
		}
	}
}

func (t *Translator) begin() {
	t.step.Begin(t.passes)
	t.passes++
}

// encode reads the sources.
func (t *Translator) encode(searches []*search) *model.Memory {
	var ids []int32
	var spans []nn.Span
	for _, s := range searches {
		ids, spans = append(ids, s.Source...), append(spans, nn.Span{Rows: len(s.Source)})
	}
	var pass nn.Pass
	t.begin()
	pass.Set(t.step, ids, spans...)
	m := t.m.Encode(&pass).Keep()
	m.Of = []int{}
	return m
}

// place gives every search a strip of the cache for each of its hypotheses.
func (t *Translator) place(searches []*search) *slots {
	c := &slots{device: t.m.HeadWeight().Device()}
	for _, s := range searches {
		for range s.Beam {
			s.free = append(s.free, c.count)
			c.count++
		}
		s.live = []hypothesis{{last: s.Begin, slot: s.take()}}
		c.context = max(c.context, s.most)
	}
	return c
}

// write adds a token to every hypothesis; y is log P, a row for each, (R, V).
func (t *Translator) write(searches []*search, y *tensor.Tensor, cache *slots, read int) error {
	t.scores = slices.Grow(t.scores[:0], y.Len())[:y.Len()]
	y.ReadFloats(t.scores)
	V, row := y.Dim(1), 0
	for _, s := range searches {
		n := len(s.live)
		rows := t.scores[row*V : (row+n)*V]
		row += n
		if n == 0 {
			continue
		}
		next, err := s.choose(&t.sampler, rows, V)
		if err != nil {
			return err
		}
		s.follow(next, func(to, from int) { cache.copy(to, from, read) })
	}
	return nil
}

// A search is a request on its way.
type search struct {
	SourceRequest
	most int // tokens of a target
	live []hypothesis
	done []Hypothesis
	free []int // strips without a hypothesis
}

// A hypothesis is a target that is not ended.
type hypothesis struct {
	ids     []int32
	last    int32 // the token to be read next: the last id, or the first of all
	logProb float64
	slot    int
	parent  int // of the hypotheses one token before
}

// A step is a hypothesis with one token more.
type step struct {
	parent  int // of search.live
	id      int32
	logProb float64
}

func newSearch(r SourceRequest, context int) *search {
	r.Beam = max(r.Beam, 1)
	s := &search{SourceRequest: r, most: min(or(r.MaxTokens, 4*len(r.Source)+40), context)}
	return s
}

func (s *search) take() int {
	slot := s.free[len(s.free)-1]
	s.free = s.free[:len(s.free)-1]
	return slot
}

// choose returns the steps that the search takes, best first. An ended hypothesis
// keeps its place in the beam, so that one of width 1 is greedy (Sutskever et al.
// 2014, arXiv:1409.3215, section 3.2).
func (s *search) choose(w *sampler, rows []float32, V int) ([]step, error) {
	if s.Beam == 1 && (s.Sampling.Temperature > 0 || s.Sampling.bends()) {
		h := &s.live[0]
		id, err := w.draw(&s.Sampling, rows, h.ids, len(h.ids))
		if err != nil {
			return nil, err
		}
		return []step{{0, id, h.logProb + float64(rows[id])}}, nil
	}
	k := s.Beam - len(s.done)
	var best []step
	for j, h := range s.live {
		row := rows[j*V:][:V]
		if _, err := argMax(row); err != nil {
			return nil, err
		}
		for id, x := range row {
			c := step{j, int32(id), h.logProb + float64(x)}
			if len(best) == k && c.logProb <= best[k-1].logProb {
				continue
			}
			at, _ := slices.BinarySearchFunc(best, c, func(a, b step) int {
				return cmp.Or(cmp.Compare(b.logProb, a.logProb), -1) // behind its equals: the earlier one wins
			})
			best = slices.Insert(best, at, c)
			best = best[:min(len(best), k)]
		}
	}
	return best, nil
}

// follow makes the steps the search's hypotheses. The first that goes on from one
// keeps its strip; for the others copyStrip(to, from) is called.
func (s *search) follow(steps []step, copyStrip func(to, from int)) {
	before := s.live
	s.live = nil
	for _, c := range steps {
		s.add(before[c.parent].ids, c)
	}
	if s.settled() {
		s.live = nil
	}
	inherited := make([]bool, len(before))
	for i := range s.live {
		h := &s.live[i]
		if h.slot = -1; !inherited[h.parent] {
			inherited[h.parent], h.slot = true, before[h.parent].slot
		}
	}
	for j, h := range before {
		if !inherited[j] {
			s.free = append(s.free, h.slot)
		}
	}
	for i := range s.live {
		if h := &s.live[i]; h.slot < 0 {
			h.slot = s.take()
			copyStrip(h.slot, before[h.parent].slot)
		}
	}
}

// add puts a step among the hypotheses, or among the whole targets.
func (s *search) add(ids []int32, c step) {
	if slices.Contains(s.End, c.id) {
		s.end(ids, c.logProb, Ended)
		return
	}
	ids = append(slices.Clip(ids), c.id)
	if len(ids) == s.most {
		s.end(ids, c.logProb, MaxReached)
		return
	}
	s.live = append(s.live, hypothesis{ids: ids, last: c.id, logProb: c.logProb, parent: c.parent})
}

// end adds a whole target.
func (s *search) end(ids []int32, logProb float64, why Finish) {
	n := len(ids)
	if why == Ended {
		n++ // the end token counts
	}
	s.done = append(s.done, Hypothesis{ids, logProb, logProb / s.penalty(n), why})
}

// penalty is that of a target of n tokens.
func (s *search) penalty(n int) float64 { return math.Pow(float64(5+n)/6, s.LengthPenalty) }

// settled reports whether no hypothesis under way can become better than the best
// one: its probability only falls, and its penalty is at most that of the longest target.
func (s *search) settled() bool {
	best := math.Inf(-1)
	for _, h := range s.done {
		if h.Finish == Ended {
			best = max(best, h.Score)
		}
	}
	for _, h := range s.live {
		if h.logProb/s.penalty(s.most+1) > best {
			return false
		}
	}
	return true
}

// ranked are the whole targets, the best first; those that were cut come behind.
func (s *search) ranked() []Hypothesis {
	slices.SortStableFunc(s.done, func(a, b Hypothesis) int {
		if (a.Finish == Ended) != (b.Finish == Ended) {
			return map[bool]int{true: -1, false: 1}[a.Finish == Ended]
		}
		return cmp.Compare(b.Score, a.Score)
	})
	return s.done
}
