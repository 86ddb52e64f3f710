package tune

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"

	"github.com/inkstone-ai/inkstone/model"
	"github.com/inkstone-ai/inkstone/model/bert"
	"github.com/inkstone-ai/inkstone/nn"
	"github.com/inkstone-ai/inkstone/tensor"
	"github.com/inkstone-ai/inkstone/tokenizer"
	"github.com/inkstone-ai/inkstone/train"
)

// HeadOptions say how the examples of an encoder's head become batches.
type HeadOptions struct {
	Context int    // most tokens that the model reads at once
	Rows    int    // examples of an update; 0: 16
	Seed    uint64 // of the order, which is drawn anew for each epoch
}

// A Row is an example as an encoder reads it.
type Row struct {
	IDs, Types []int32 // tokens with those of the frame around them, and each one's segment
	Truth      string  // what is to be said of it, for a fingerprint of the data
	File       string  // where it is from
	Line       int
}

// A Head is a task on top of an encoder: what it learns from is given to
// [TeachHead], and what it says of an example is its own business.
type Head interface {
	// Row is example i.
	Row(i int) Row
	// Len is the number of examples.
	Len() int
	// Loss returns the mean loss of some examples, whose rows are in the pass p, in
	// order; x is what the encoder made of them, (N, C).
	Loss(m *bert.BERT, p *nn.Pass, x *tensor.Tensor, examples []int) *tensor.Tensor
}

// TeachHead gives s the loss of a head's task, rows examples an update, in an order
// that is a function of seed and epoch alone, and the adversary where there is one. done
// is for when the run is over.
//
// Errors: a virtual adversary of a task that has no labels for whole texts.
func TeachHead(s *train.Stepper, h Head, m *bert.BERT, rows int, seed uint64, a train.Adversary) (done func(), err error) {
	b := &headBatches{head: h, rows: rows, seed: seed}
	p := &nn.Pass{}
	s.Loss = func(step *tensor.Step, index, _ int) (*tensor.Tensor, error) {
		examples := b.examples(index)
		return h.Loss(m, p, forward(step, m, p, h, examples), examples).Scale(a.Share()), nil
	}
	device, width, text := nn.Params(m)[0].Tensor.Device(), m.Shape().Width, train.Input{Pass: p, Rows: rows * longest(h)}
	if a.Method != "virtual" {
		return a.Arm(s, device, width, text), nil
	}
	c, ok := h.(*Classify)
	if !ok || len(c.Labels) == 0 {
		return nil, errors.New("tune: virtual adversarial training is of labels of whole texts; take fgm or free")
	}
	return a.ArmVirtual(s, device, width, seed, func(step *tensor.Step, index int) (train.Answer, error) {
		examples := b.examples(index)
		return c.answer(step, m, p, forward(step, m, p, h, examples), examples), nil
	}, text)
}

// headBatches choose the examples of an update.
type headBatches struct {
	head   Head
	rows   int
	seed   uint64
	orders [2]order // the two that a batch may touch
}

func (b *headBatches) examples(index int) []int {
	examples := make([]int, b.rows)
	for k := range examples {
		at := index*b.rows + k
		epoch := at / b.head.Len()
		o := &b.orders[epoch%2]
		if o.epoch != epoch+1 {
			o.epoch, o.list = epoch+1, rand.New(rand.NewPCG(b.seed, uint64(epoch))).Perm(b.head.Len())
		}
		examples[k] = o.list[at%b.head.Len()]
	}
	return examples
}

// longest is the number of tokens of h's longest example.
func longest(h Head) (n int) {
	for i := range h.Len() {
		n = max(n, len(h.Row(i).IDs))
	}
	return n
}

// forward lays examples end to end, each a sequence of its own.
func forward(s *tensor.Step, m *bert.BERT, p *nn.Pass, h Head, examples []int) *tensor.Tensor {
	var rows []Row
	for _, i := range examples {
		rows = append(rows, h.Row(i))
	}
	SetRows(s, p, rows)
	return m.Forward(p)
}

// SetRows makes p the pass of some rows.
func SetRows(s *tensor.Step, p *nn.Pass, rows []Row) {
	var ids, types []int32
	spans := p.Spans[:0]
	for _, r := range rows {
		ids, types = append(ids, r.IDs...), append(types, r.Types...)
		spans = append(spans, nn.Span{Rows: len(r.IDs)})
	}
	p.Set(s, ids, spans...)
	p.Types = p.Ints(types)
}

// headSteps is the number of updates in epochs passes through n examples.
func headSteps(n, rows int, epochs float64) int {
	return max(1, int(math.Ceil(epochs*float64(n)/float64(rows))))
}

// HeadSteps is headSteps of h.
func HeadSteps(h Head, rows int, epochs float64) int { return headSteps(h.Len(), rows, epochs) }

// each computes all examples of h, some at a time, without gradients; see gets a
// batch's pass and activations.
func each(m *bert.BERT, h Head, see func(p *nn.Pass, x *tensor.Tensor, examples []int)) {
	s := tensor.NewStep(nn.Params(m)[0].Tensor.Device(), tensor.StepOptions{})
	defer s.Close()
	var p nn.Pass
	const rows = 16
	for at := 0; at < h.Len(); at += rows {
		examples := make([]int, min(rows, h.Len()-at))
		for k := range examples {
			examples[k] = at + k
		}
		s.Begin(0)
		see(&p, forward(s, m, &p, h, examples), examples)
	}
}

// HeadEvaluate is the mean loss of m over all examples: the closure for
// train's Config.Evaluate, on held-out examples.
func HeadEvaluate(h Head, m *bert.BERT) float64 {
	sum := 0.0
	each(m, h, func(p *nn.Pass, x *tensor.Tensor, examples []int) {
		sum += float64(h.Loss(m, p, x, examples).Item()) * float64(len(examples))
	})
	return sum / float64(h.Len())
}

// Start returns a model for another task that begins with the encoder of from:
// the same weights, and a head that is drawn by seed. A head for the same task and the
// same labels goes on from where it is.
func Start(from *bert.BERT, d *tensor.Device, task bert.Task, labels []string, dropout float32, seed uint64) (*bert.BERT, error) {
	c := from.Config().(bert.Config)
	c.Architectures, c.Dropout = []string{string(task)}, dropout
	c.Names, c.Numbers, c.Problem, c.Count = nil, nil, "", 0
	if task == bert.Sequences || task == bert.Tokens {
		c.SetLabels(labels)
	}
	m, err := bert.New(c)
	if err != nil {
		return nil, fmt.Errorf("tune: %w", err)
	}
	nn.Init(m, d, seed)
	have := map[string]*tensor.Tensor{}
	nn.Walk(from, func(p nn.Param) { have[p.Name] = p.Tensor })
	if !sameLabels(from, m) {
		delete(have, "classifier.weight")
		delete(have, "classifier.bias")
	}
	nn.Walk(m, func(p nn.Param) {
		if w := have[p.Name]; w != nil {
			p.Tensor.Assign(w)
		}
		p.Tensor.SetTrainable(true)
	})
	return m, nil
}

// sameLabels tells whether two classifiers say the same things in the same order.
func sameLabels(a, b *bert.BERT) bool {
	x, y := a.Config().(bert.Config), b.Config().(bert.Config)
	if x.Task() != y.Task() || x.Regression() != y.Regression() || x.Labels() != y.Labels() {
		return false
	}
	for k := range x.Labels() {
		if x.Label(k) != y.Label(k) {
			return false
		}
	}
	return true
}

var _ model.Encoder = (*bert.BERT)(nil)

// tooLong is the error of examples that the context does not hold.
func tooLong(what string, n, longest, context int, r Row) error {
	return fmt.Errorf("tune: %d %s do not fit the context of %d tokens; the longest, %s: line %d, takes %d: shorten them, or take a model with a longer context",
		n, what, context, r.File, r.Line, longest)
}

// fit refuses rows that are too long, and none at all.
func fit(what string, rows []Row, context int) error {
	if len(rows) == 0 {
		return errors.New("tune: no " + what)
	}
	n, longest := 0, Row{}
	for _, r := range rows {
		if len(r.IDs) > context {
			n++
		}
		if len(r.IDs) > len(longest.IDs) {
			longest = r
		}
	}
	if n > 0 {
		return tooLong(what, n, len(longest.IDs), context, longest)
	}
	return nil
}

// wordIDs are the pieces of a word as they stand in a text: a BPE over bytes takes
// the blank before a word along.
func wordIDs(tok tokenizer.Tokenizer, text string, from, to int) []int32 {
	if _, ok := tok.(*tokenizer.WordPiece); !ok && from > 0 && text[from-1] == ' ' {
		from--
	}
	return tok.Encode(text[from:to])
}
