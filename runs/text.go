package runs

import (
	"context"
	"fmt"
	"iter"
	"time"
	"unicode/utf8"

	"github.com/inkstone-ai/inkstone/corpus"
	"github.com/inkstone-ai/inkstone/corpus/ngram"
	"github.com/inkstone-ai/inkstone/eval"
	"github.com/inkstone-ai/inkstone/generate"
	"github.com/inkstone-ai/inkstone/model"
	"github.com/inkstone-ai/inkstone/model/gpt"
	"github.com/inkstone-ai/inkstone/nn"
	"github.com/inkstone-ai/inkstone/tensor"
	"github.com/inkstone-ai/inkstone/tokenizer"
	"github.com/inkstone-ai/inkstone/train"
)

// Text trains a small GPT on text for a few minutes and holds its bits per
// byte against compressors and n-gram models on the same held-out files.
type Text struct {
	Train, Held []corpus.Document
	Out         string
	Budget      time.Duration
	Seed        uint64
	Threads     int
	Watch       Watch
}

// The recipe for minutes on two cores; see LOG.md.
const (
	textVocab   = 2048
	textContext = 256
	textRows    = 12
	textMuonLR  = 0.03
	textAdamLR  = 1e-2 // of embeddings and head, which see a token seldom in so few steps
)

// A TextReport is what [Text.Run] found.
type TextReport struct {
	Seed       uint64      `json:"seed"`
	Parameters int         `json:"parameters"`
	Precision  string      `json:"precision"` // of products in training
	Trained    []Phase     `json:"trained"`
	TrainBytes int64       `json:"train_bytes"`
	HeldBytes  int64       `json:"held_bytes"`
	Overlap    float64     `json:"overlap"` // share of held-out bytes in 4-line runs seen in training
	Bits       []BitsRow   `json:"bits_per_byte"`
	Samples    []Sample    `json:"samples,omitempty"`
	Functions  *Completion `json:"functions,omitempty"` // of Go source alone
}

// A BitsRow is one way to code the held-out text.
type BitsRow struct {
	Name        string  `json:"name"`
	BitsPerByte float64 `json:"bits_per_byte"`
}

// A Sample is a continuation of held-out text.
type Sample struct {
	Prompt string `json:"prompt"`
	Text   string `json:"text"`
}

// A textModel is what Text trains, with what measuring it needs.
type textModel struct {
	lm     model.LM
	tok    tokenizer.Tokenizer
	end    int32
	report *TextReport
	rate   float64 // of learning, over the recipe's; 0: 1
}

// context is the tokens of a window: the recipe's, or as many as the model has.
func (m *textModel) context() int { return min(textContext, m.lm.Shape().Context) }

// endsText is how the folder of a model of text says where a text ends.
var endsText = tokenizer.Config{BOS: endOfText, EOS: endOfText}

// Run trains, measures and writes the folder Out. more, where not nil, measures further.
func (o Text) Run(ctx context.Context, more func(context.Context, *textModel) error) (*TextReport, error) {
	d := tensor.CPU(o.Threads)
	defer d.Close()
	m, err := o.declare(d)
	if err != nil {
		return nil, err
	}
	if err := o.train(ctx, d, m); err != nil {
		return nil, err
	}
	model.Pack(m.lm)
	if err := o.measure(ctx, m); err != nil {
		return nil, err
	}
	if more == nil {
		more = o.continuations
	}
	if err := more(ctx, m); err != nil {
		return nil, err
	}
	return m.report, saveFolder(o.Out, m.lm, model.Generation{BOS: &m.end, EOS: model.IDs{m.end}}, m.tok, endsText)
}

// declare learns the tokenizer on the training part and draws the model.
func (o Text) declare(d *tensor.Device) (*textModel, error) {
	m := &textModel{report: &TextReport{
		Seed: o.Seed, TrainBytes: corpus.Bytes(o.Train), HeldBytes: corpus.Bytes(o.Held), Overlap: corpus.Overlap(o.Train, o.Held),
	}}
	var err error
	m.tok, err = tokenizer.TrainBPE(texts(o.Train), tokenizer.TrainOptions{
		Vocab: textVocab, Special: tokenizer.ChatMLSpecial, Threads: o.Threads,
		Progress: func(done, total int) { o.Watch.tell("tokenizer", float64(done)/float64(total), "%d merges", done) },
	})
	if err != nil {
		return nil, err
	}
	m.end, _ = m.tok.ID(endOfText)
	lm, err := gpt.NewCanonLlama(gpt.CanonLlamaConfig{
		LlamaConfig: gpt.LlamaConfig{
			Vocab: m.tok.Size(), Layers: 4, Width: 128, Hidden: 384, Heads: 4, Context: textContext,
		},
	})
	if err != nil {
		return nil, err
	}
	m.lm, m.report.Parameters = lm, model.Parameters(lm)
	nn.Init(lm, d, o.Seed)
	for _, p := range nn.Params(lm) {
		p.Tensor.SetTrainable(true)
	}
	return m, nil
}

func texts(docs []corpus.Document) iter.Seq[string] {
	return func(yield func(string) bool) {
		for _, d := range docs {
			if !yield(d.Text) {
				return
			}
		}
	}
}

// train reads random windows for as long as the budget lasts.
func (o Text) train(ctx context.Context, d *tensor.Device, m *textModel) error {
	o.Watch.tell("encode", 0, "")
	T, rate := m.context(), m.rate
	if rate == 0 {
		rate = 1
	}
	loader, err := corpus.NewLoader(corpus.Encode(m.tok, o.Train, m.end), textRows, T, o.Seed)
	if err != nil {
		return err
	}
	n := textRows * T
	ids, targets, weights := make([]int32, n), make([]int32, n), make([]float32, n)
	for i := range weights {
		weights[i] = 1 / float32(n)
	}
	var pass nn.Pass
	r, err := train.Run(ctx, train.Config{
		Device: d, Budget: o.Budget, Seed: o.Seed, Precision: fastest(d), Dir: o.Out + "/pretrain",
		Progress: o.Watch.training("pretrain", o.Budget),
	}, &train.Stepper{
		Groups:   train.MuonGroups(nn.Params(m.lm), train.Muon{}, textMuonLR*rate, train.AdamW{Beta2: 0.95}, textAdamLR*rate, 0),
		Schedule: train.Schedule{Shape: train.WSD, Warmup: 0.03, Decay: 0.5}, Clip: 1, Tokens: n,
		Loss: func(step *tensor.Step, index, _ int) (*tensor.Tensor, error) {
			if err := loader.Batch(int64(index), ids, targets); err != nil {
				return nil, err
			}
			pass.SetRows(step, ids, T)
			return model.Loss(m.lm, &pass, step.Ints(targets, n), step.Floats(weights, n)), nil
		},
	})
	if err != nil {
		return fmt.Errorf("quickstart: %w", err)
	}
	m.report.Precision = fastest(d).String()
	m.report.Trained = []Phase{{"pretrain", r.Steps, r.Steps * n, r.Elapsed.Seconds(), r.Loss}}
	return nil
}

// measure codes the held-out files in five ways.
func (o Text) measure(ctx context.Context, m *textModel) error {
	held := corpus.Encode(m.tok, o.Held, m.end)
	o.Watch.tell("evaluate", 0, "the model on %d tokens", len(held))
	lm, err := eval.Language(ctx, m.lm, m.tok, held, eval.Options{Context: textContext, Stride: textContext / 2})
	if err != nil {
		return err
	}
	bytes := float64(m.report.HeldBytes)
	add := func(name string, bits float64) { m.report.Bits = append(m.report.Bits, BitsRow{name, bits / bytes}) }
	add("this model", lm.Loss*float64(lm.Tokens)/ln2)
	o.Watch.tell("evaluate", 0.5, "gzip -9")
	add("gzip -9, each file alone", corpus.Gzip(o.Held)*bytes)
	add("gzip -9, primed with the last 32 KiB of training text", corpus.GzipPrimed(o.Train, o.Held)*bytes)
	o.Watch.tell("evaluate", 0.6, "n-grams")
	two, five, err := o.ngrams(m)
	if err != nil {
		return err
	}
	add("order-2 byte model", two)
	add("order-5 Kneser-Ney on the same tokens", five)
	return nil
}

const ln2 = 0.6931471805599453

// ngrams returns the bits of the held-out text under the two n-gram models,
// which have counted all of the training text; the model has seen what its time
// allowed.
func (o Text) ngrams(m *textModel) (two, five float64, err error) {
	b := ngram.TrainBytes(slicesOf(o.Train)...)
	kn, err := ngram.Train(encodeEach(m, o.Train), m.tok.Size(), 5)
	if err != nil {
		return 0, 0, err
	}
	for _, d := range o.Held {
		two += b.Bits(d.Text)
	}
	for _, ids := range encodeEach(m, o.Held) {
		five += kn.Bits(ids)
	}
	return two, five, nil
}

func slicesOf(docs []corpus.Document) []string {
	all := make([]string, len(docs))
	for i, d := range docs {
		all[i] = d.Text
	}
	return all
}

// encodeEach is each document's ids with the end of text, as the model codes it.
func encodeEach(m *textModel, docs []corpus.Document) [][]int32 {
	all := make([][]int32, len(docs))
	for i, d := range docs {
		all[i] = append(m.tok.Encode(d.Text), m.end)
	}
	return all
}

// continuations writes on from three places of the held-out text.
func (o Text) continuations(ctx context.Context, m *textModel) error {
	e, err := generate.NewEngine(m.lm, generate.Options{})
	if err != nil {
		return err
	}
	defer e.Close()
	t := &generate.Text{Engine: e, Tokenizer: m.tok, End: []int32{m.end}}
	held := corpus.Encode(m.tok, o.Held, corpus.NoEnd)
	for i := range 3 {
		const before = 32 // tokens of the prompt
		at := (2*i + 1) * len(held) / 6
		prompt := m.whole(held[at:min(at+before, len(held))])
		r, err := t.Run(ctx, []generate.Prompt{{
			IDs: prompt, MaxTokens: 64, Sampling: generate.Sampling{Temperature: 0.8, TopP: 0.95, Seed: o.Seed, Stream: uint64(i)},
		}})
		if err != nil {
			return err
		}
		m.report.Samples = append(m.report.Samples, Sample{m.tok.Decode(prompt), m.tok.Decode(r[0].IDs())})
	}
	return nil
}

// whole leaves off the tokens at both ends that hold parts of a character, at most
// three at each; text that is not UTF-8 stays as it is.
func (m *textModel) whole(ids []int32) []int32 {
	for from := range min(4, len(ids)) {
		for less := range min(4, len(ids)-from) {
			part := ids[from : len(ids)-less]
			if utf8.ValidString(m.tok.Decode(part)) {
				return part
			}
		}
	}
	return ids
}
