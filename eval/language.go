package eval

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/inkstone-ai/inkstone/corpus"
	"github.com/inkstone-ai/inkstone/model"
	"github.com/inkstone-ai/inkstone/nn"
	"github.com/inkstone-ai/inkstone/tensor"
	"github.com/inkstone-ai/inkstone/tokenizer"
)

// Options say how [Language] cuts a text. The zero value works.
//
// A recurrent model has no window: it reads the text in a few streams side by side, one
// for 4,096 tokens and 32 at most, each from its beginning to its end, the state carried
// along. With a Context it reads windows as other models do, each from an empty state.
type Options struct {
	Context int // T, tokens of a window; 0: the model's context
	Stride  int // tokens between the beginnings of two windows; 0: Context, windows do not overlap
	Batch   int // tokens of a pass, at least one window; 0: 4096
}

// A Measurement is what [Language] found. Every token of the text but the first is predicted once,
// from as much of the text before it as its window holds: with stride = context from 0
// to context−1 tokens, with a smaller one from at least context−stride.
type Measurement struct {
	Context int   `json:"context"` // 0 where a state was carried along instead
	Stride  int   `json:"stride"`
	Streams int   `json:"streams,omitempty"` // of a recurrent model's text
	Tokens  int64 `json:"tokens"`            // predicted
	Bytes   int64 `json:"bytes"`             // that they stand for, special tokens none
	Chars   int64 `json:"characters"`        // of them, in UTF-8
	Unknown int64 `json:"unknown"`           // predictions of a token that stands for any unknown word

	Loss       float64 `json:"loss"`       // nats per token
	Perplexity float64 `json:"perplexity"` // e^Loss
	// BitsPerByte and BitsPerChar compare models of different vocabularies. They are nil
	// where tokens are unknown: to predict that a word is none of those known
	// is not to predict the word.
	BitsPerByte     *float64 `json:"bits_per_byte"`
	BitsPerChar     *float64 `json:"bits_per_character"`
	TokensPerSecond float64  `json:"tokens_per_second"`
}

// Language measures how well lm predicts tokens, which tok made. tok may be nil: then
// bytes and characters stay 0. What begins a text by the tokenizer's file, see [tokenizer.Begin], is read where
// tokens have it, and not predicted, wherever it stands: it is nothing of the text. (Where the same token also ends
// texts, their ends are not predicted either.)
//
// Errors: fewer than two tokens, or none that is predicted, a window that the model does not have, an id
// beyond its vocabulary, a stride that skips tokens, ctx's end.
func Language(ctx context.Context, lm model.LM, tok tokenizer.Tokenizer, tokens corpus.Tokens, o Options) (Measurement, error) {
	if r, ok := lm.(model.Recurrent); ok && o.Context == 0 {
		return along(ctx, r, tok, tokens, o)
	}
	o, err := o.complete(lm)
	if err != nil {
		return Measurement{}, err
	}
	e := newEvaluator(lm, tok, o)
	defer e.step.Close()
	began := time.Now()
	if err := e.text(ctx, tokens); err != nil {
		return Measurement{}, fmt.Errorf("eval: %w", err)
	}
	if e.m.Tokens == 0 {
		return Measurement{}, errors.New("eval: the text has no token to predict: it begins, and ends there")
	}
	return e.finish(time.Since(began)), nil
}

func newEvaluator(lm model.LM, tok tokenizer.Tokenizer, o Options) *evaluator {
	e := &evaluator{lm: lm, tok: tok, o: o, m: Measurement{Context: o.Context, Stride: o.Stride}}
	if tok != nil {
		e.skip = tokenizer.Begin(tok)
	}
	e.step = tensor.NewStep(lm.HeadWeight().Device(), tensor.StepOptions{})
	return e
}

// Text is [Language] of a text that tok encodes, special tokens in it being text, behind what begins one
// by the tokenizer's file.
func Text(ctx context.Context, lm model.LM, tok tokenizer.Tokenizer, text string, o Options) (Measurement, error) {
	return Language(ctx, lm, tok, corpus.IDs(slices.Concat(tokenizer.Begin(tok), tok.Encode(text))), o)
}

func (o Options) complete(lm model.LM) (Options, error) {
	most := lm.Shape().Context
	if o.Context == 0 {
		o.Context = most
	}
	if o.Context < 1 || o.Context > most && most > 0 {
		return o, fmt.Errorf("eval: a context of %d tokens, the model has %d", o.Context, most)
	}
	if o.Stride == 0 {
		o.Stride = o.Context
	}
	if o.Stride < 1 || o.Stride > o.Context {
		return o, fmt.Errorf("eval: a stride of %d with a context of %d: want 1 to the context, or tokens are skipped", o.Stride, o.Context)
	}
	if o.Batch == 0 {
		o.Batch = 4096
	}
	return o, nil
}

// evaluator collects windows into passes.
type evaluator struct {
	lm   model.LM
	tok  tokenizer.Tokenizer
	o    Options
	step *tensor.Step
	pass nn.Pass
	m    Measurement
	nats float64
	skip []int32                          // tokens that are not predicted, those that begin a text
	at   func(position int, nats float64) // where present, gets every prediction's place in its window

	ids, targets, counted []int32 // of the pass; counted lists the rows that count, R
	places                []int   // of those rows in their windows
	spans                 []nn.Span
}

func (e *evaluator) text(ctx context.Context, tokens corpus.Tokens) error {
	for w, err := range corpus.Windows(tokens, e.o.Context, e.o.Stride) {
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			return err
		}
		if len(e.ids)+len(w.IDs) > e.o.Batch {
			e.run()
		}
		if err := e.add(w); err != nil {
			return err
		}
	}
	e.run()
	return nil
}

// add puts a window into the next pass.
func (e *evaluator) add(w corpus.Window) error {
	vocab := int32(e.lm.Shape().Vocab)
	at := len(e.ids)
	for i, id := range w.IDs {
		if max(id, w.Targets[i]) >= vocab || min(id, w.Targets[i]) < 0 {
			return fmt.Errorf("token %d beyond the model's vocabulary of %d", max(id, w.Targets[i]), vocab)
		}
		if i >= w.From && !slices.Contains(e.skip, w.Targets[i]) {
			e.counted = append(e.counted, int32(at+i))
			e.places = append(e.places, i)
			e.count(w.Targets[i])
		}
	}
	e.ids = append(e.ids, w.IDs...)
	e.targets = append(e.targets, w.Targets...)
	e.spans = append(e.spans, nn.Span{Rows: len(w.IDs)})
	return nil
}

// count adds what a predicted token stands for. A character is counted at its first
// byte, so that one cut by tokens counts once.
func (e *evaluator) count(id int32) {
	e.m.Tokens++
	if e.tok == nil {
		return
	}
	if u, ok := e.tok.(interface{ UnknownID() int32 }); ok && id == u.UnknownID() {
		e.m.Unknown++
	}
	if e.tok.IsSpecial(id) {
		return
	}
	text, _ := e.tok.Token(id)
	e.m.Bytes += int64(len(text))
	for _, b := range text {
		if b&0xc0 != 0x80 {
			e.m.Chars++
		}
	}
}

// run computes the pass that was collected. Rows are added in float64: a float32
// sum of a long text would lose its last digits.
func (e *evaluator) run() {
	if len(e.counted) > 0 {
		e.step.Begin(0)
		e.pass.Set(e.step, e.ids, e.spans...)
		x, targets := e.rows(e.lm.Forward(&e.pass))
		_, rows := x.HeadLoss(e.lm.HeadWeight(), nil, targets, tensor.CEOptions{SoftCap: model.LogitSoftCap(e.lm)})
		for i, nats := range rows.Floats() {
			e.nats += float64(nats)
			if e.at != nil {
				e.at(e.places[i], float64(nats))
			}
		}
	}
	e.ids, e.targets, e.counted, e.places, e.spans = e.ids[:0], e.targets[:0], e.counted[:0], e.places[:0], e.spans[:0]
}

// rows returns the rows of x (N, C) that count, (R, C), and their targets: the head
// costs more than small models themselves.
func (e *evaluator) rows(x *tensor.Tensor) (_, targets *tensor.Tensor) {
	R := len(e.counted)
	wanted := make([]int32, R)
	for i, row := range e.counted {
		wanted[i] = e.targets[row]
	}
	if R < len(e.ids) {
		x = x.Rows(e.step.Ints(e.counted, R))
	}
	return x, e.step.Ints(wanted, R)
}

func (e *evaluator) finish(took time.Duration) Measurement {
	m := e.m
	m.Loss = e.nats / float64(m.Tokens)
	m.Perplexity = math.Exp(m.Loss)
	m.TokensPerSecond = float64(m.Tokens) / took.Seconds()
	if m.Bytes > 0 && m.Unknown == 0 {
		bits := e.nats / math.Ln2
		perByte, perChar := bits/float64(m.Bytes), bits/float64(m.Chars)
		m.BitsPerByte, m.BitsPerChar = &perByte, &perChar
		if m.Chars == 0 {
			m.BitsPerChar = nil
		}
	}
	return m
}

// Report lists the measurement.
func (m Measurement) Report(title string) Report {
	r := Report{Title: title}
	if m.Streams > 0 {
		r.Note("read in %d streams, the state carried along each; every token but the first is predicted once", m.Streams)
	} else {
		r.Note("windows of %d tokens, a new one every %d tokens (the stride); every token but the first is predicted once", m.Context, m.Stride)
	}
	r.Number("loss", "nats per token", m.Loss)
	r.Number("perplexity", "", m.Perplexity)
	if m.BitsPerByte != nil {
		r.Number("bits per byte", "", *m.BitsPerByte)
	}
	if m.BitsPerChar != nil {
		r.Number("bits per character", "", *m.BitsPerChar)
	}
	if m.Unknown > 0 {
		r.Note("bits per byte are not given: %d predicted tokens stand for unknown words", m.Unknown)
	}
	r.Number("tokens", "", float64(m.Tokens))
	r.Number("bytes", "", float64(m.Bytes))
	r.Number("tokens per second", "", m.TokensPerSecond)
	return r
}
