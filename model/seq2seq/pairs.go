package seq2seq

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"

	"github.com/inkstone-ai/inkstone/corpus"
	"github.com/inkstone-ai/inkstone/model"
	"github.com/inkstone-ai/inkstone/nn"
	"github.com/inkstone-ai/inkstone/tensor"
	"github.com/inkstone-ai/inkstone/tokenizer"
	"github.com/inkstone-ai/inkstone/train"
)

// An Example is a pair as a model reads it.
type Example struct {
	Source []int32 // with the end token
	Target []int32 // without: the decoder reads the end token and then the target, and is to say the target and then the end token
}

// Pairs is a set of pairs to learn from, or to measure on.
//
// A batch is so many pairs laid end to end, drawn anew for each epoch. As nothing
// is padded, there is nothing to gain by putting pairs of one length together, and a
// batch of all lengths has the less noisy gradient. Batches are functions of seed and
// number alone.
type Pairs struct {
	Examples []Example

	end    int32
	rows   int
	seed   uint64
	epochs [2]order // the two that a batch may touch
}

// An order is a shuffle of the examples.
type order struct {
	epoch int // from 1; 0 is none
	list  []int
}

// NewPairs encodes pairs; end is the token that ends a sentence, rows the pairs of
// a batch. Errors: no pair; one that is longer than context, named by file and line.
func NewPairs(tok tokenizer.Tokenizer, pairs []corpus.Pair, end int32, context, rows int, seed uint64) (*Pairs, error) {
	if len(pairs) == 0 {
		return nil, errors.New("seq2seq: no pairs")
	}
	d := &Pairs{end: end, rows: rows, seed: seed}
	for _, p := range pairs {
		e := Example{append(tok.Encode(p.Source), end), tok.Encode(p.Target)}
		if n := max(len(e.Source), len(e.Target)+1); n > context {
			return nil, fmt.Errorf("seq2seq: %s: line %d: a sentence of %d tokens, the context has %d: raise the context, or take the pair out",
				p.File, p.Line, n, context)
		}
		d.Examples = append(d.Examples, e)
	}
	return d, nil
}

// Tokens returns the number of tokens of all sources and targets.
func (d *Pairs) Tokens() (n int) {
	for _, e := range d.Examples {
		n += len(e.Source) + len(e.Target) + 1
	}
	return n
}

// Sides returns the mean tokens of a source and of a target as the decoder reads it,
// rounded up.
func (d *Pairs) Sides() (source, target int) {
	n := len(d.Examples)
	for _, e := range d.Examples {
		source, target = source+len(e.Source), target+len(e.Target)+1
	}
	return (source + n - 1) / n, (target + n - 1) / n
}

// Lengths returns the tokens of the source and of the target, as the decoder reads it, of
// the first n pairs of a run in the order of its batches.
func (d *Pairs) Lengths(n int) [][2]int {
	lengths := make([][2]int, n)
	for i := range lengths {
		e := d.example(i)
		lengths[i] = [2]int{len(e.Source), len(e.Target) + 1}
	}
	return lengths
}

// Longest returns the most tokens of a sentence.
func (d *Pairs) Longest() (n int) {
	for _, e := range d.Examples {
		n = max(n, len(e.Source), len(e.Target)+1)
	}
	return n
}

// Steps returns the number of batches in epochs passes through the pairs.
func (d *Pairs) Steps(epochs float64) int {
	return max(1, int(math.Ceil(epochs*float64(len(d.Examples))/float64(d.rows))))
}

// A batch is the passes of some examples and what is to be said.
type batch struct {
	sources, inputs, targets []int32
	source, target           []nn.Span
}

func (b *batch) add(e Example, end int32) {
	b.sources = append(b.sources, e.Source...)
	b.inputs = append(append(b.inputs, end), e.Target...)
	b.targets = append(append(b.targets, e.Target...), end)
	b.source = append(b.source, nn.Span{Rows: len(e.Source)})
	b.target = append(b.target, nn.Span{Rows: len(e.Target) + 1})
}

// sides are the passes of a batch.
type sides struct{ source, target nn.Pass }

// set makes p the passes of b.
func (p *sides) set(s *tensor.Step, b *batch) {
	p.source.Set(s, b.sources, b.source...)
	p.target.Set(s, b.inputs, b.target...)
}

// loss is the sum over the targets' tokens, each with the same weight.
func (b *batch) loss(m model.EncoderDecoder, s *tensor.Step, p *sides, weight, smoothing float32) *tensor.Tensor {
	p.set(s, b)
	n := len(b.targets)
	return model.EncoderDecoderLoss(m, &p.source, &p.target, s.Ints(b.targets, n), s.Full(weight, n), smoothing)
}

// Teach gives s the loss of m on the pairs, the mean over the targets' tokens of a batch
// with label smoothing, and the adversary where there is one. done is for when the run is
// over.
//
// The adversary moves the embeddings of the sources and of what the decoder reads of the
// targets, each sentence by itself ("enc-dec" of Sato et al. 2019, ACL P19-1020): a source
// comes from outside and may be misspelled, and what a decoder reads when it translates is
// what it has written, which may be wrong.
//
// Errors: those of [train.Adversary.ArmVirtual].
func (d *Pairs) Teach(s *train.Stepper, m model.EncoderDecoder, smoothing float32, a train.Adversary) (done func(), err error) {
	p := &sides{}
	s.Loss = func(step *tensor.Step, index, _ int) (*tensor.Tensor, error) {
		b := d.batch(index)
		return b.loss(m, step, p, a.Share()/float32(len(b.targets)), smoothing), nil
	}
	most, device, width := d.rows*d.Longest(), m.HeadWeight().Device(), m.Shape().Width
	inputs := []train.Input{{Pass: &p.source, Rows: most}, {Pass: &p.target, Rows: most}}
	if a.Method != "virtual" {
		return a.Arm(s, device, width, inputs...), nil
	}
	return a.ArmVirtual(s, device, width, d.seed, func(step *tensor.Step, index int) (train.Answer, error) {
		b := d.batch(index)
		p.set(step, b)
		n := len(b.targets)
		return train.Answer{
			Logits:  m.Logits(m.Decode(&p.target, m.Encode(&p.source))),
			Targets: step.Ints(b.targets, n), Weights: step.Full(1/float32(n), n), Smoothing: smoothing,
		}, nil
	}, inputs...)
}

// batch is number index.
func (d *Pairs) batch(index int) *batch {
	var b batch
	for k := range d.rows {
		b.add(d.example(index*d.rows+k), d.end)
	}
	return &b
}

// Batch returns the pairs of batch number index, a source and a target each, as
// [Example] has them.
func (d *Pairs) Batch(index int) (pairs [][2][]int32) {
	for k := range d.rows {
		e := d.example(index*d.rows + k)
		pairs = append(pairs, [2][]int32{e.Source, e.Target})
	}
	return pairs
}

// BatchLoss is the loss that [Pairs.Teach] gives, of one batch of pairs, again and again:
// to measure speed.
func BatchLoss(pairs [][2][]int32, end int32, smoothing float32, m model.EncoderDecoder) func(s *tensor.Step, index, micro int) (*tensor.Tensor, error) {
	return func(s *tensor.Step, _, _ int) (*tensor.Tensor, error) {
		var b batch
		for _, p := range pairs {
			b.add(Example{p[0], p[1]}, end)
		}
		return b.loss(m, s, &sides{}, 1/float32(len(b.targets)), smoothing), nil
	}
}

// example is number at, counted over all epochs.
func (d *Pairs) example(at int) Example {
	epoch, place := at/len(d.Examples), at%len(d.Examples)
	o := &d.epochs[epoch%2]
	if o.epoch != epoch+1 {
		o.epoch = epoch + 1
		o.list = rand.New(rand.NewPCG(d.seed, uint64(epoch))).Perm(len(d.Examples))
	}
	return d.Examples[o.list[place]]
}

// Evaluate returns the mean loss of m over the targets' tokens of all pairs, in
// nats, without smoothing: the closure for train.Config.Evaluate.
func (d *Pairs) Evaluate(ctx context.Context, m model.EncoderDecoder) (float64, error) {
	s := tensor.NewStep(m.HeadWeight().Device(), tensor.StepOptions{})
	defer s.Close()
	sum, tokens := 0.0, 0
	for at := 0; at < len(d.Examples); at += d.rows {
		if err := ctx.Err(); err != nil {
			return 0, fmt.Errorf("seq2seq: %w", err)
		}
		var b batch
		for _, e := range d.Examples[at:min(at+d.rows, len(d.Examples))] {
			b.add(e, d.end)
		}
		s.Begin(0)
		sum += float64(b.loss(m, s, &sides{}, 1, 0).Item())
		tokens += len(b.targets)
	}
	return sum / float64(tokens), nil
}
