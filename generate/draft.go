package generate

import (
	"fmt"
	"slices"

	"github.com/inkstone-ai/inkstone/model"
	"github.com/inkstone-ai/inkstone/nn"
	"github.com/inkstone-ai/inkstone/tensor"
)

// A drafter guesses tokens with a smaller model, one for every sequence in each pass.
type drafter struct {
	lm      model.LM
	context int
	rows    int
	step    *tensor.Step
	passes  uint64
	pass    nn.Pass
	pool    *pool
	cache   *paged
	past    map[*sequence]*draftPast
	sampler sampler
	logits  []float32
}

// draftPast is what the drafter has read of a sequence.
type draftPast struct {
	ids   []int32
	table table
}

// newDrafter returns a drafter for the engine's model. It refuses one of other tokens.
func newDrafter(lm model.LM, for_ model.LM, o Options) (*drafter, error) {
	if got, want := lm.Shape().Vocab, for_.Shape().Vocab; got != want {
		return nil, fmt.Errorf("generate: the draft model has a vocabulary of %d tokens, the model of %d: both must have the same tokenizer", got, want)
	}
	if _, ok := lm.(model.Recurrent); ok {
		return nil, fmt.Errorf("generate: a draft model of recurrent layers can not take back what it guessed wrong")
	}
	context := lm.Shape().Context
	total := o.Slots * pagesOf(min(context, o.Context))
	d := lm.HeadWeight().Device()
	x := &drafter{lm: lm, context: context, rows: o.Rows, step: tensor.NewStep(d, tensor.StepOptions{}), pool: newPool(total), past: map[*sequence]*draftPast{}}
	x.cache = &paged{device: d, total: total}
	x.pass.Cache = x.cache
	return x, nil
}

func (x *drafter) close() {
	x.step.Close()
	x.cache.close()
}

// drop forgets a sequence.
func (x *drafter) drop(s *sequence) {
	if p := x.past[s]; p != nil {
		p.table.release()
		delete(x.past, s)
	}
}

// A draft is a row of guesses in the making.
type draft struct {
	s    *sequence
	n    int // how long it may become
	row  []guess
	text []int32
	err  error // ends this one's text, and no other's
}

// guess fills the rows of drafts, all that are not full in each pass.
func (x *drafter) guess(drafts []*draft) {
	for {
		var active []*draft
		for _, d := range drafts {
			if d.err == nil && len(d.row) < d.n && len(d.s.ids)+len(d.row) <= x.context {
				active = append(active, d)
			}
		}
		if len(active) == 0 {
			return
		}
		x.forward(active)
	}
}

// forward reads what is new of every draft, as much as rows allows, and draws a token of those
// that were read to their ends.
func (x *drafter) forward(drafts []*draft) {
	var ids, last []int32
	var spans []nn.Span
	var at []place
	var ends []*draft
	room := x.rows
	for _, d := range drafts {
		p := x.at(d)
		rest := d.text[len(p.ids):]
		n := len(rest)
		if n > 1 {
			n = min(n, room)
			room -= n
		}
		if n == 0 {
			continue
		}
		p.table.grow(len(p.ids) + n)
		spans, at = append(spans, nn.Span{Rows: n, Past: len(p.ids)}), append(at, place{pages: p.table.pages})
		ids = append(ids, rest[:n]...)
		p.ids = append(p.ids, rest[:n]...)
		if n == len(rest) {
			ends, last = append(ends, d), append(last, int32(len(ids)-1))
		}
	}
	x.step.Begin(x.passes)
	x.passes++
	x.pass.Set(x.step, ids, spans...)
	x.cache.begin(x.step, &x.pass, at)
	y := x.lm.Forward(&x.pass)
	if len(last) == 0 {
		return
	}
	logits := x.lm.Logits(y.Rows(x.step.Ints(last, len(last)))) // (R, V)
	x.logits = slices.Grow(x.logits[:0], logits.Len())[:logits.Len()]
	logits.ReadFloats(x.logits)
	for i, d := range ends {
		d.err = x.draw(d, x.logits[i*logits.Dim(1):][:logits.Dim(1)])
	}
}

// at is the past of a draft's text, with what the text does not share with it taken back.
func (x *drafter) at(d *draft) *draftPast {
	p := x.past[d.s]
	if p == nil {
		p = &draftPast{table: table{pool: x.pool}}
		p.table.claim(nil, min(x.context, d.s.most), nil)
		x.past[d.s] = p
	}
	if d.text == nil {
		d.text = slices.Clone(d.s.ids)
	}
	p.ids = p.ids[:min(common(p.ids, d.text), len(d.text)-1)]
	return p
}

// draw guesses the next token as the model would draw it, by numbers of its own.
func (x *drafter) draw(d *draft, logits []float32) error {
	s := d.s.Sampling
	q, err := x.sampler.distribution(&s, logits, d.text)
	if err != nil {
		return fmt.Errorf("the draft model: %w", err)
	}
	g := guess{}
	if s.Temperature == 0 {
		g.id = q.kept[0].id
	} else {
		s.Stream = ^s.Stream
		own := distribution{slices.Clone(q.kept), q.total}
		g = guess{own.pick(uniform(&s, d.s.written+len(d.row))), &own}
	}
	d.row, d.text = append(d.row, g), append(d.text, g.id)
	return nil
}
