package runs

import (
	"context"
	"fmt"
	"path/filepath"
	"time"

	"github.com/inkstone-ai/inkstone"
	"github.com/inkstone-ai/inkstone/corpus"
	"github.com/inkstone-ai/inkstone/eval"
	"github.com/inkstone-ai/inkstone/format"
	"github.com/inkstone-ai/inkstone/model"
	"github.com/inkstone-ai/inkstone/nn"
	"github.com/inkstone-ai/inkstone/tensor"
)

// From trains a model on text twice for the same time, from its own weights and from
// random ones, and tells what the start was worth.
type From struct {
	Model       string // folder or GGUF file
	Train, Held []corpus.Document
	Out         string        // gets the one that started from the weights
	Budget      time.Duration // of each
	Seed        uint64
	Threads     int
	Watch       Watch
}

// fromRate is the learning rate, over that of random weights, of a start from trained
// ones: what they know is not to be washed away.
const fromRate = 0.3

// A FromReport has bits per byte of the held-out text, less is better.
type FromReport struct {
	Seed       uint64  `json:"seed"`
	Parameters int     `json:"parameters"`
	TrainBytes int64   `json:"train_bytes"`
	HeldBytes  int64   `json:"held_bytes"`
	Before     float64 `json:"bits_per_byte_before"` // of the model, before any training on this text
	Started    float64 `json:"bits_per_byte"`        // after it
	Random     float64 `json:"bits_per_byte_random"` // of random weights, after the same time
	Gain       float64 `json:"gain"`                 // Random − Started
	Trained    []Phase `json:"trained"`              // from the weights, from random ones
}

// GoWithout is the Go standard library in two parts: what the embedded model learns from, and
// the packages that it never sees.
func GoWithout(ctx context.Context) (train, held []corpus.Document, err error) {
	s, err := EmbeddedSettings{}.complete(1)
	if err != nil {
		return nil, nil, err
	}
	e, err := readEmbeddedSource(ctx, s)
	if err != nil {
		return nil, nil, err
	}
	return e.learn, e.tests, nil
}

// Run trains and measures. Out then holds the model that started from the weights.
//
// Errors: a model that cannot be loaded or whose tokenizer has no end of text; too little text.
func (o From) Run(ctx context.Context) (*FromReport, error) {
	d := tensor.CPU(o.Threads)
	defer d.Close()
	tok, err := inkstone.OpenTokenizer(o.Model)
	if err != nil {
		return nil, err
	}
	end, ok := tok.ID(endOfText)
	if !ok {
		return nil, fmt.Errorf("quickstart: %s: its tokenizer has no %s to put between documents", o.Model, endOfText)
	}
	r := &FromReport{Seed: o.Seed, TrainBytes: corpus.Bytes(o.Train), HeldBytes: corpus.Bytes(o.Held)}
	for _, random := range []bool{false, true} {
		m := &textModel{tok: tok, end: end, report: &TextReport{HeldBytes: r.HeldBytes}}
		if err := o.one(ctx, d, m, r, random); err != nil {
			return nil, err
		}
	}
	r.Gain = r.Random - r.Started
	return r, nil
}

// one trains once, and where it started from the weights it saves what came of them.
func (o From) one(ctx context.Context, d *tensor.Device, m *textModel, r *FromReport, random bool) (err error) {
	text := Text{Train: o.Train, Held: o.Held, Out: filepath.Join(o.Out, "weights"), Budget: o.Budget, Seed: o.Seed, Threads: o.Threads, Watch: o.Watch}
	if random {
		text.Out = filepath.Join(o.Out, "random")
		err = o.draw(d, m)
	} else {
		var loaded *model.Loaded
		if loaded, err = model.LoadForTraining(o.Model, d); err != nil {
			return err
		}
		defer loaded.Close()
		m.lm, m.rate, r.Parameters = loaded.LM, fromRate, model.Parameters(loaded.LM)
		r.Before, err = o.bits(ctx, m)
	}
	if err != nil {
		return err
	}
	for _, p := range nn.Params(m.lm) {
		p.Tensor.SetTrainable(true)
	}
	if err := text.train(ctx, d, m); err != nil {
		return err
	}
	r.Trained = append(r.Trained, m.report.Trained...)
	model.Pack(m.lm)
	bits, err := o.bits(ctx, m)
	if random || err != nil {
		r.Random = bits
		return err
	}
	r.Started = bits
	return saveFolder(o.Out, m.lm, model.Generation{BOS: &m.end, EOS: model.IDs{m.end}}, m.tok, endsText)
}

// draw makes the same model with random weights, as the folder Out says by then.
func (o From) draw(d *tensor.Device, m *textModel) error {
	folder, err := format.OpenFolder(o.Out)
	if err != nil {
		return err
	}
	if m.lm, err = model.BuildLM(folder.Config); err != nil {
		return err
	}
	nn.Init(m.lm, d, o.Seed)
	return nil
}

// bits codes the held-out text, bits per byte.
func (o From) bits(ctx context.Context, m *textModel) (float64, error) {
	held := corpus.Encode(m.tok, o.Held, m.end)
	T := m.context()
	o.Watch.tell("evaluate", 0, "the model on %d tokens", len(held))
	lm, err := eval.Language(ctx, m.lm, m.tok, held, eval.Options{Context: T, Stride: T / 2})
	return lm.Loss * float64(lm.Tokens) / ln2 / float64(m.report.HeldBytes), err
}
