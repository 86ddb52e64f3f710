package nn

import (
	"fmt"

	"github.com/inkstone-ai/inkstone/tensor"
)

// A Pass is what one forward sees: N tokens of S sequences, laid end to end.
// Training packs documents, generation mixes prompts and single tokens; a
// model cannot tell them apart. A Pass is reused: [Pass.Set] fills it anew for
// each step and, once it has seen its largest batch, allocates nothing.
type Pass struct {
	IDs      *tensor.Tensor // (N) int32, token ids
	Pos      *tensor.Tensor // (N) int32, each token's position in its sequence
	Segments *tensor.Tensor // (S, 4) int32, as FlashAttention takes it; the keys are the pass's own rows
	Spans    []Span         // S of them, their rows add up to N
	Cache    Cache          // keys and values of earlier passes; nil in training
	Types    *tensor.Tensor // (N) int32, which of two texts each token is of, for models that tell them apart; nil: the first. Set and SetRows make it nil

	// Checkpoint makes training keep the inputs of layers alone and compute the
	// rest again in Backward (Chen et al. 2016, arXiv:1604.06174): less memory, a
	// third more time, the same gradients bit for bit.
	Checkpoint bool

	// Noise is what [Pass.Embed] and [Pass.EmbedInTime] add to the embeddings, a persistent
	// tensor (N or more, C) whose first N rows are the pass's tokens; nil: nothing.
	// Adversarial training moves embeddings with it.
	Noise *tensor.Tensor

	// Replay says that the tokens are those of the pass before once more, for another
	// gradient of the same batch: a [Carry] begins where that pass began, and keeps
	// nothing of this one.
	Replay bool

	step               *tensor.Step
	ids, pos, segments []int32
	mirror             []int32 // of a pass that [Pass.Backwards] made: the row of each token there; else nil
	order              TimeOrder
	ordered            bool // order is of this pass
}

// A Span is one sequence's part of a pass: how many tokens of it the pass
// holds, and how many earlier passes held.
type Span struct{ Rows, Past int }

// Set makes p the pass of ids, whose sequences are spans. Its tensors belong to
// step s. It panics when the spans' rows do not add up to len(ids), or a
// sequence has a past and p no Cache.
func (p *Pass) Set(s *tensor.Step, ids []int32, spans ...Span) {
	p.Spans = append(p.Spans[:0], spans...)
	p.fill(s, ids)
}

// SetRows makes p the pass of len(ids)/T sequences of T tokens each, the usual
// batch of training.
func (p *Pass) SetRows(s *tensor.Step, ids []int32, T int) {
	if T < 1 || len(ids)%T != 0 {
		panic(fmt.Sprintf("nn: a pass of %d ids in sequences of %d", len(ids), T))
	}
	p.Spans = p.Spans[:0]
	for range len(ids) / T {
		p.Spans = append(p.Spans, Span{Rows: T})
	}
	p.fill(s, ids)
}

func (p *Pass) fill(s *tensor.Step, ids []int32) {
	p.step, p.pos, p.segments = s, p.pos[:0], p.segments[:0]
	p.ids, p.ordered = append(p.ids[:0], ids...), false
	for _, span := range p.Spans {
		if span.Rows < 1 || span.Past < 0 || span.Past > 0 && p.Cache == nil {
			panic(fmt.Sprintf("nn: a pass of %+v, cache %v", span, p.Cache != nil))
		}
		first, n := int32(len(p.pos)), int32(span.Rows)
		p.segments = append(p.segments, first, n, first, n)
		for i := range span.Rows {
			p.pos = append(p.pos, int32(span.Past+i))
		}
	}
	if len(p.pos) != len(ids) {
		panic(fmt.Sprintf("nn: a pass of %d ids in spans of %d rows", len(ids), len(p.pos)))
	}
	p.Types, p.mirror = nil, nil
	p.IDs = s.Ints(ids, len(ids))
	p.Pos = s.Ints(p.pos, len(ids))
	p.Segments = s.Ints(p.segments, len(p.Spans), 4)
}

// Embed returns the rows of e that stand for p's tokens, (N, C), and adds p.Noise.
func (p *Pass) Embed(e *Embedding) *tensor.Tensor {
	x := e.Forward(p.IDs)
	switch {
	case p.Noise == nil:
		return x
	case p.mirror != nil:
		return x.Add(p.step.Use(p.Noise).Rows(p.Ints(p.mirror)))
	}
	return x.Add(p.step.Use(p.Noise).Slice(0, 0, x.Dim(0)))
}

// Backwards returns a pass of the same sequences, each from its last token to its
// first, as one direction of an encoder reads them. Noise goes along with its tokens.
func (p *Pass) Backwards() *Pass {
	mirror, ids := p.Mirrored(), make([]int32, len(p.ids))
	for i, row := range mirror {
		ids[i] = p.ids[row]
	}
	q := &Pass{Noise: p.Noise}
	q.Set(p.step, ids, p.Spans...)
	q.mirror = mirror
	return q
}

// Mirrored are the rows of p's tokens, each sequence from its last to its first: the
// rows of what came of [Pass.Backwards], in the order of p.
func (p *Pass) Mirrored() []int32 {
	rows := make([]int32, 0, len(p.ids))
	for _, span := range p.Spans {
		first := len(rows)
		for i := range span.Rows {
			rows = append(rows, int32(first+span.Rows-1-i))
		}
	}
	return rows
}

// Ints is an input of p's step, as [tensor.Step.Ints]: row numbers, for example.
func (p *Pass) Ints(x []int32) *tensor.Tensor { return p.step.Ints(x, len(x)) }

// Floats is an input of p's step, as [tensor.Step.Floats].
func (p *Pass) Floats(x []float32, shape ...int) *tensor.Tensor { return p.step.Floats(x, shape...) }

// Step returns the step that the pass's tensors belong to.
func (p *Pass) Step() *tensor.Step { return p.step }

// A Layer is one of the like blocks that a model stacks.
type Layer interface {
	Forward(p *Pass, x *tensor.Tensor) *tensor.Tensor
}

// Through returns l.Forward(p, x). What the layer computed inside is given back
// where no gradient needs it, and with p.Checkpoint where one does.
func (p *Pass) Through(l Layer, x *tensor.Tensor) *tensor.Tensor {
	switch {
	case !p.step.Recording():
		return p.step.Scope(func() *tensor.Tensor { return l.Forward(p, x) })
	case p.Checkpoint:
		return p.step.Checkpoint(x, func(x *tensor.Tensor) *tensor.Tensor { return l.Forward(p, x) })
	}
	return l.Forward(p, x)
}

// A Cache owns the layout and dtype of past keys and values (paged, shared,
// quantised); models never see them.
type Cache interface {
	// Attend stores k and v (N, G, D) of a layer and returns the attention of
	// q (N, H, D) over all that the sequences have stored, (N, H, D).
	Attend(layer int, p *Pass, q, k, v *tensor.Tensor, a Attention) *tensor.Tensor
}

// A Recent is a [Cache] that also keeps the inputs of causal convolutions,
// for models that have them.
type Recent interface {
	// Recent stores x (N, C), the input of convolution number conv, and returns
	// rows and segments such that query i of a sequence finds the inputs of the
	// positions before it, as tensor's CausalConv reads them: width-1 rows of the
	// past at least, as far as there are so many.
	Recent(conv int, p *Pass, x *tensor.Tensor, width int) (rows, segments *tensor.Tensor)
}
