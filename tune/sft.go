package tune

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

// SFTOptions say how conversations become batches.
type SFTOptions struct {
	Context int    // most tokens that the model reads at once
	Rows    int    // conversations in a micro batch; 0: 8
	Micro   int    // micro batches of an update; 0: 1
	Seed    uint64 // of the order, which is drawn anew for each epoch
	// DropLong leaves out conversations that do not fit into Context and counts
	// them in [SFT.Dropped]. Without it they are an error. None is ever cut.
	DropLong bool
}

// SFT is a set of conversations for supervised fine-tuning.
//
// Nothing is padded and nothing is cut: a micro batch is whole conversations laid
// end to end, and none sees its neighbours. The loss of an update is the mean over all
// the assistant's tokens in it, each counting alike whatever the length of its answer.
//
// Batches are functions of seed and number alone, so a resume needs no position.
type SFT struct {
	Examples []Example
	Dropped  int // conversations that were too long, see SFTOptions.DropLong

	Checkpoint bool            // the loss's pass checkpoints its blocks, see [nn.Pass]
	Adversary  train.Adversary // that [SFT.Teach] arms

	o      SFTOptions
	epochs [2]order // the two that a batch may touch
}

// An Example is a conversation as the model reads it.
type Example struct {
	IDs  []int32
	Mask []bool // whether the token is learned: the assistant's words and the end of its turn
	File string // where it is from
	Line int
}

// An order is a shuffle of the examples.
type order struct {
	epoch int // from 1; 0 is none
	list  []int
}

// NewSFT renders conversations with a chat template.
//
// Errors: no conversation; one that the template refuses or that teaches nothing,
// named by file and line; without DropLong, any that is too long; with it, all.
func NewSFT(tok tokenizer.Tokenizer, template *tokenizer.ChatTemplate, conversations []corpus.Conversation, o SFTOptions) (*SFT, error) {
	if o.Context < 1 || o.Rows < 0 || o.Micro < 0 {
		return nil, fmt.Errorf("tune: context %d, rows %d, micro batches %d: want a context, and none below zero", o.Context, o.Rows, o.Micro)
	}
	if o.Rows == 0 {
		o.Rows = 8
	}
	o.Micro = max(o.Micro, 1)
	d := &SFT{o: o}
	var long []Example
	for _, c := range conversations {
		ids, mask, err := template.RenderIDs(tok, c.Messages)
		if err != nil {
			return nil, fmt.Errorf("tune: %s: line %d: %w", c.File, c.Line, err)
		}
		if e := (Example{ids, mask, c.File, c.Line}); e.tokens() > o.Context {
			long = append(long, e)
		} else if e.learned() > 0 {
			d.Examples = append(d.Examples, e)
		} else {
			return nil, fmt.Errorf("tune: %s: line %d: nothing in it is learned", c.File, c.Line)
		}
	}
	return d, d.refuse(long)
}

// refuse returns an error when conversations that are too long may not be left
// out, or when none other are there.
func (d *SFT) refuse(long []Example) error {
	d.Dropped = len(long)
	if len(d.Examples) == 0 && len(long) == 0 {
		return errors.New("tune: no conversations")
	}
	if len(long) == 0 || d.o.DropLong && len(d.Examples) > 0 {
		return nil
	}
	longest := long[0]
	for _, e := range long {
		if e.tokens() > longest.tokens() {
			longest = e
		}
	}
	advice := "leave the long ones out (--drop-long counts them)"
	if len(d.Examples) == 0 {
		advice = "shorten them"
	}
	return fmt.Errorf("tune: %d of %d conversations do not fit the context of %d tokens; the longest, %s line %d, takes %d: %s, or take a model with a longer context",
		len(long), len(long)+len(d.Examples), d.o.Context, longest.File, longest.Line, longest.tokens(), advice)
}

// tokens is the number of tokens that the model reads: the last is only a target.
func (e Example) tokens() int { return len(e.IDs) - 1 }

// learned is the number of targets that count.
func (e Example) learned() int {
	n := 0
	for _, m := range e.Mask[1:] {
		if m {
			n++
		}
	}
	return n
}

// Learned returns the number of tokens that the loss counts in one epoch.
func (d *SFT) Learned() (n int) {
	for _, e := range d.Examples {
		n += e.learned()
	}
	return n
}

// Tokens returns the number of tokens that the model reads in one epoch.
func (d *SFT) Tokens() (n int) {
	for _, e := range d.Examples {
		n += e.tokens()
	}
	return n
}

// Steps returns the number of updates in epochs passes through the examples.
func (d *SFT) Steps(epochs float64) int {
	return max(1, int(math.Ceil(epochs*float64(len(d.Examples))/float64(d.o.Rows*d.o.Micro))))
}

// Batch returns micro batch number micro of update index, both from 0, its
// weights such that those of the whole update sum to 1.
func (d *SFT) Batch(index, micro int) *train.Batch {
	total := 0
	for k := range d.o.Rows * d.o.Micro {
		total += d.example(index, k).learned()
	}
	var b train.Batch
	for k := range d.o.Rows {
		appendExample(&b, d.example(index, micro*d.o.Rows+k), 1/float64(total))
	}
	return &b
}

// appendExample lays e at the end of b, its learned tokens with the weight given.
func appendExample(b *train.Batch, e Example, weight float64) {
	n := e.tokens()
	b.IDs = append(b.IDs, e.IDs[:n]...)
	b.Targets = append(b.Targets, e.IDs[1:]...)
	for _, learned := range e.Mask[1:] {
		w := float32(0)
		if learned {
			w = float32(weight)
		}
		b.Weights = append(b.Weights, w)
	}
	b.Lengths = append(b.Lengths, n)
}

// example is number k of update index.
func (d *SFT) example(index, k int) Example {
	n := len(d.Examples)
	at := index*d.o.Rows*d.o.Micro + k
	return d.Examples[d.shuffle(at / n)[at%n]]
}

// shuffle returns the order of an epoch, from 0.
func (d *SFT) shuffle(epoch int) []int {
	o := &d.epochs[epoch%2]
	if o.epoch != epoch+1 {
		o.epoch = epoch + 1
		o.list = rand.New(rand.NewPCG(d.o.Seed, uint64(epoch))).Perm(len(d.Examples))
	}
	return o.list
}

// Teach gives s the loss of lm on the conversations, and the adversary where there is
// one. done is for when the run is over.
//
// Errors: a virtual adversary and several micro batches.
func (d *SFT) Teach(s *train.Stepper, lm model.LM) (done func(), err error) {
	p := &nn.Pass{Checkpoint: d.Checkpoint}
	s.Micro = d.o.Micro
	s.Loss = func(step *tensor.Step, index, micro int) (*tensor.Tensor, error) {
		b := d.Batch(index, micro)
		for i := range b.Weights {
			b.Weights[i] *= d.Adversary.Share()
		}
		return Loss(step, lm, p, b), nil
	}
	longest := 0
	for _, e := range d.Examples {
		longest = max(longest, e.tokens())
	}
	device, width, text := lm.HeadWeight().Device(), lm.Shape().Width, train.Input{Pass: p, Rows: d.o.Rows * longest}
	if d.Adversary.Method != "virtual" {
		return d.Adversary.Arm(s, device, width, text), nil
	}
	return d.Adversary.ArmVirtual(s, device, width, d.o.Seed, func(step *tensor.Step, index int) (train.Answer, error) {
		return scores(step, lm, p, d.Batch(index, 0)), nil
	}, text)
}

// Evaluate returns the mean loss of lm over the assistant's tokens of all examples,
// in nats: the closure for [train.Config.Evaluate], on held-out conversations.
func (d *SFT) Evaluate(ctx context.Context, lm model.LM) (float64, error) {
	s := tensor.NewStep(lm.HeadWeight().Device(), tensor.StepOptions{})
	defer s.Close()
	var p nn.Pass
	sum, learned := 0.0, 0
	for at := 0; at < len(d.Examples); at += d.o.Rows {
		if err := ctx.Err(); err != nil {
			return 0, fmt.Errorf("tune: %w", err)
		}
		var b train.Batch
		for _, e := range d.Examples[at:min(at+d.o.Rows, len(d.Examples))] {
			learned += e.learned()
			appendExample(&b, e, 1)
		}
		s.Begin(0)
		sum += float64(Loss(s, lm, &p, &b).Item())
	}
	return sum / float64(learned), nil
}
