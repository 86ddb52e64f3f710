package eval

import (
	"context"
	"fmt"
	"time"

	"github.com/inkstone-ai/inkstone/corpus"
	"github.com/inkstone-ai/inkstone/model"
	"github.com/inkstone-ai/inkstone/nn"
	"github.com/inkstone-ai/inkstone/tokenizer"
)

const (
	streamTokens = 4096 // of the text for each stream, at least: its first tokens lack the past
	mostStreams  = 32   // are read at once
	streamStep   = 128  // tokens of a stream in a pass
)

// along reads the whole text with a recurrent model, the state carried from pass
// to pass. A stream ends with the token with which the next begins, so every token but
// the first is predicted once.
func along(ctx context.Context, lm model.Recurrent, tok tokenizer.Tokenizer, tokens corpus.Tokens, o Options) (Measurement, error) {
	last := tokens.Len() - 1
	if o.Stride != 0 {
		return Measurement{}, fmt.Errorf("eval: a stride of %d without a context: a recurrent model has no windows of its own", o.Stride)
	}
	if last < 1 {
		return Measurement{}, fmt.Errorf("eval: %d tokens: nothing to predict", tokens.Len())
	}
	streams := min(max(1, last/streamTokens), mostStreams)
	e := newEvaluator(lm, tok, o)
	defer e.step.Close()
	carry := nn.NewCarry(lm.HeadWeight().Device(), int(streams), lm.StateWidths()...)
	defer carry.Free()
	e.pass.Cache, e.m.Streams = carry, int(streams)
	began := time.Now()
	length := (last + streams - 1) / streams
	for past := int64(0); past < length; past += streamStep {
		if err := ctx.Err(); err != nil {
			return Measurement{}, fmt.Errorf("eval: %w", err)
		}
		for s := range streams { // the last one is the shortest: those that go on are the first
			from := s*length + past
			if err := e.stretch(tokens, from, min(streamStep, length-past, last-from), past); err != nil {
				return Measurement{}, fmt.Errorf("eval: %w", err)
			}
		}
		e.run()
	}
	return e.finish(time.Since(began)), nil
}

// stretch puts n tokens of a stream into the next pass.
func (e *evaluator) stretch(tokens corpus.Tokens, from, n, past int64) error {
	if n <= 0 {
		return nil
	}
	row := make([]int32, n+1)
	if err := tokens.ReadIDs(row, from); err != nil {
		return err
	}
	if err := e.add(corpus.Window{IDs: row[:n], Targets: row[1:]}); err != nil {
		return err
	}
	e.spans[len(e.spans)-1].Past = int(past)
	return nil
}

// A Band is the loss at a range of distances to the beginning of a text.
type Band struct {
	From   int     `json:"from"` // positions, from 1; the token at position p is predicted from p before it
	To     int     `json:"to"`
	Tokens int64   `json:"tokens"`
	Loss   float64 `json:"loss"` // nats per token
}

// Bands measures the loss by how much of the text a model sees: positions 1 to 4, 5 to
// 16, 17 to 64 and so on of windows of so many tokens, each read from its beginning with nothing before it. tok
// may be nil, as in [Language].
func Bands(ctx context.Context, lm model.LM, tok tokenizer.Tokenizer, tokens corpus.Tokens, window int) ([]Band, error) {
	o, err := Options{Context: window}.complete(lm)
	if err != nil {
		return nil, err
	}
	var bands []Band
	for from := 1; from <= window; from = bands[len(bands)-1].To + 1 {
		bands = append(bands, Band{From: from, To: min(window, max(4, 4*(from-1)))})
	}
	e := newEvaluator(lm, tok, o)
	defer e.step.Close()
	e.at = func(position int, nats float64) {
		i := 0
		for bands[i].To <= position {
			i++
		}
		bands[i].Tokens++
		bands[i].Loss += nats
	}
	if err := e.text(ctx, tokens); err != nil {
		return nil, fmt.Errorf("eval: %w", err)
	}
	for i := range bands {
		bands[i].Loss /= float64(max(1, bands[i].Tokens))
	}
	return bands, nil
}
