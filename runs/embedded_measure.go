package runs

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/inkstone-ai/inkstone"
	"github.com/inkstone-ai/inkstone/corpus"
	"github.com/inkstone-ai/inkstone/eval"
	"github.com/inkstone-ai/inkstone/generate"
	"github.com/inkstone-ai/inkstone/model"
	"github.com/inkstone-ai/inkstone/runs/embedded"
	"github.com/inkstone-ai/inkstone/tensor"
	"github.com/inkstone-ai/inkstone/tokenizer"
)

// quantise writes the GGUF file and refuses it where it is not the trained model.
func (j *embeddedJob) quantise(ctx context.Context) error {
	path := j.path(embedded.ModelFile)
	if !exists(path) {
		j.Watch.tell("quantise", 0, "")
		if _, err := inkstone.Convert(j.path("f32"), path, &inkstone.ConvertOptions{Type: j.Settings.Type, Threads: j.Threads}); err != nil {
			return err
		}
	}
	v, err := inkstone.Verify(ctx, j.path("f32"), path, inkstone.VerifyOptions{Threads: j.Threads, Text: "", Progress: func(done, total int) {
		j.Watch.tell("verify", float64(done)/float64(total), "")
	}})
	if err != nil {
		return err
	}
	if !v.OK {
		return errors.Join(fmt.Errorf("embedded: %s is not the trained model: %s", path, strings.Join(v.Failures, "; ")), os.Remove(path))
	}
	j.card.Quantised = v.Parity
	return nil
}

// A TwoMinutes is the run that the model is compared with: quickstart's, on the same split.
type TwoMinutes struct {
	Minutes     float64 `json:"minutes"`
	Parameters  int     `json:"parameters"`
	BitsPerByte float64 `json:"bits_per_byte"`
	Parse       Share   `json:"parse"`
	Check       Share   `json:"type_check"`
}

// baseline trains the two-minute model, unless that is done.
func (j *embeddedJob) baseline(ctx context.Context) error {
	err := readJSON(j.path(embeddedBaseline), &j.card.TwoMinutes)
	if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	dir := j.path("baseline")
	if err := os.RemoveAll(dir); err != nil { // of a run that was killed: it depends on the clock and cannot go on
		return err
	}
	s := j.Settings
	code := Code{Seed: s.Seed, Heads: s.Functions, Watch: j.Watch}
	r, err := Text{
		Train: sample(j.source.learn, codeTrain, s.Seed), Held: j.source.tests, Out: dir, Seed: s.Seed, Threads: j.Threads,
		Budget: time.Duration(s.TwoMinute * float64(time.Minute)), Watch: j.Watch,
	}.Run(ctx, func(ctx context.Context, m *textModel) error {
		return code.complete(ctx, m, j.source.root, j.source.tests)
	})
	if err != nil {
		return err
	}
	j.card.TwoMinutes = TwoMinutes{s.TwoMinute, r.Parameters, r.Bits[0].BitsPerByte, r.Functions.Parse, r.Functions.Check}
	return writeJSON(j.path(embeddedBaseline), j.card.TwoMinutes)
}

// measure measures the quantised file, for that is what people get.
func (j *embeddedJob) measure(ctx context.Context) error {
	d := tensor.CPU(j.Threads)
	defer d.Close()
	path := j.path(embedded.ModelFile)
	loaded, err := model.Load(path, d)
	if err != nil {
		return err
	}
	defer loaded.Close()
	tok, err := inkstone.OpenTokenizer(path)
	if err != nil {
		return err
	}
	loaded.Pack()
	m := &textModel{lm: loaded.LM, tok: tok, report: &TextReport{}}
	m.end, _ = tok.ID(endOfText)
	held := corpus.Encode(tok, j.source.tests, m.end)
	j.Watch.tell("evaluate", 0, "the model on %d tokens", len(held))
	T := loaded.LM.Shape().Context
	measured, err := eval.Language(ctx, loaded.LM, tok, held, eval.Options{Context: T, Stride: T / 2})
	if err != nil {
		return err
	}
	s, c := j.Settings, &j.card
	c.BitsPerByte = measured.Loss * float64(measured.Tokens) / ln2 / float64(j.source.counts.HeldBytes)
	code := Code{Seed: s.Seed, Heads: s.Functions, Watch: j.Watch}
	if err := code.complete(ctx, m, j.source.root, j.source.tests); err != nil {
		return err
	}
	c.Functions = *m.report.Functions
	if c.Memorised, err = j.memorised(ctx, m); err != nil {
		return err
	}
	return j.describe(loaded)
}

// span is the tokens of a beginning and of a continuation that is known by heart or not.
const span = 50

// memorised is the share of spans of the training text that the model, given the span
// before, goes on with word for word when it writes the likeliest tokens: extractable
// memorisation (Carlini et al. 2022, arXiv:2202.07646).
func (j *embeddedJob) memorised(ctx context.Context, m *textModel) (Share, error) {
	spans := j.spans(m.tok)
	if len(spans) == 0 {
		return Share{}, errors.New("embedded: the training text has no span to ask for")
	}
	j.Watch.tell("memory", 0, "%d spans", len(spans))
	e, err := generate.NewEngine(m.lm, generate.Options{Slots: 32, Rows: 2048, CacheType: generate.CacheType(m.lm)})
	if err != nil {
		return Share{}, err
	}
	defer e.Close()
	requests := make([]generate.Request, len(spans))
	for i, ids := range spans {
		requests[i] = generate.Request{Prompt: ids[:span], MaxTokens: span, End: []int32{m.end}}
	}
	results, err := e.Run(ctx, requests)
	if err != nil {
		return Share{}, err
	}
	known := 0
	for i := range results {
		if slices.Equal(results[i].IDs(), spans[i][span:]) {
			known++
		}
	}
	return share(known, len(spans)), nil
}

// spans draws twice 50 tokens from whole files that were learned from.
func (j *embeddedJob) spans(tok tokenizer.Tokenizer) [][]int32 {
	r := rand.New(rand.NewPCG(j.Settings.Seed, 19))
	all := corpus.Encode(tok, sample(j.source.learn, codeTrain, j.Settings.Seed), corpus.NoEnd)
	var spans [][]int32
	for len(spans) < j.Settings.Spans && len(all) > 2*span {
		at := r.IntN(len(all) - 2*span)
		spans = append(spans, all[at:at+2*span])
	}
	return spans
}
