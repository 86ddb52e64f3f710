package generate

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"os"
	"slices"
	"strings"

	"github.com/inkstone-ai/inkstone/tokenizer"
)

// A Text is an [Engine] for text instead of ids.
type Text struct {
	Engine    *Engine
	Tokenizer tokenizer.Tokenizer
	End       []int32 // ids that end a text, as the model's generation_config.json names them
}

// A Prompt asks for the continuation of a text.
type Prompt struct {
	Text      string   // what begins a text by the tokenizer's file, see [tokenizer.Begin], is put before it
	IDs       []int32  // the prompt as ids, instead of Text
	Special   bool     // special tokens written in Text are meant as such
	MaxTokens int      // of the continuation; 0: as many as the window holds
	Stop      []string // texts that end the continuation and are no part of it
	Sampling  Sampling
	LogProbs  int // as in [Request]
	Shift     bool
	Keep      int
	Drafts    int

	// Cache is a file of the prompt's past, read where it is there, else written
	// ([Engine.RestorePrompt], [Engine.SavePrompt]); "": none. One of another prompt is an error. For Stream
	// alone, and not with Shift, whose prompt may come to change.
	Cache string
}

// Stream yields the continuation token by token. Joined, the tokens' Text is
// the continuation: bytes of a character wait until it is whole, and what may
// be the beginning of a stop string until it is none.
func (t *Text) Stream(ctx context.Context, p Prompt) iter.Seq2[Token, error] {
	return func(yield func(Token, error) bool) {
		r, err := t.request(p)
		there := len(r.Prompt)
		if err == nil && p.Cache != "" {
			there, err = t.cached(ctx, p, r.Prompt)
		}
		if err != nil {
			yield(Token{}, err)
			return
		}
		for token, err := range t.Engine.Stream(ctx, r) {
			if u := token.Usage; u != nil {
				u.Shared = min(u.Shared, there)
			}
			if !yield(token, err) {
				return
			}
		}
	}
}

// cached brings the past of a prompt from a file, or reads it and puts it there. It returns how many of the
// prompt's tokens did not have to be read.
func (t *Text) cached(ctx context.Context, p Prompt, prompt []int32) (there int, err error) {
	if p.Shift {
		return 0, errors.New("generate: Shift drops tokens of a prompt, Cache keeps the whole of it: set one of them")
	}
	if _, err := os.Stat(p.Cache); errors.Is(err, fs.ErrNotExist) {
		there = t.Engine.known(prompt)
		return there, t.Engine.SavePrompt(ctx, p.Cache, prompt)
	}
	ids, err := t.Engine.RestorePrompt(p.Cache)
	if err != nil {
		return 0, err
	}
	if n := common(ids, prompt); n < min(len(ids), len(prompt)) {
		return 0, fmt.Errorf("generate: prompt cache %s: its prompt of %d tokens is no beginning of this one, which has another token at place %d: name another file, or remove this one", p.Cache, len(ids), n)
	}
	return len(prompt), nil
}

// Run returns the continuations of many texts, see [Engine.Run].
func (t *Text) Run(ctx context.Context, prompts []Prompt) ([]Result, error) {
	requests := make([]Request, len(prompts))
	for i, p := range prompts {
		if p.Cache != "" {
			return nil, fmt.Errorf("generate: prompt %d: Cache %s is for Stream alone", i, p.Cache)
		}
		var err error
		if requests[i], err = t.request(p); err != nil {
			return nil, err
		}
	}
	return t.Engine.Run(ctx, requests)
}

// request brings a prompt into the engine's form.
func (t *Text) request(p Prompt) (Request, error) {
	for _, stop := range p.Stop {
		if stop == "" {
			return Request{}, errors.New("generate: an empty stop string, which every text contains")
		}
	}
	ids := p.IDs
	switch {
	case ids != nil && p.Text != "":
		return Request{}, errors.New("generate: a prompt as text and as ids")
	case ids != nil:
	case p.Special:
		ids = begun(t.Tokenizer, t.Tokenizer.EncodeSpecial(p.Text))
	default:
		ids = begun(t.Tokenizer, t.Tokenizer.Encode(p.Text))
	}
	if dry := &p.Sampling.DRY; dry.Multiplier > 0 && dry.Breakers == nil {
		var err error
		if dry.Breakers, err = t.breakers(dry.Sequences); err != nil {
			return Request{}, err
		}
	}
	return Request{
		Prompt: ids, MaxTokens: p.MaxTokens, End: t.End, Sampling: p.Sampling, LogProbs: p.LogProbs,
		Shift: p.Shift, Keep: p.Keep, Drafts: p.Drafts,
		Reader: &stopper{stream: tokenizer.NewStream(t.Tokenizer), stops: p.Stop},
	}, nil
}

// begun is ids behind what begins a text, unless that was written.
func begun(t tokenizer.Tokenizer, ids []int32) []int32 {
	begin := tokenizer.Begin(t)
	if len(ids) >= len(begin) && slices.Equal(ids[:len(begin)], begin) {
		return ids
	}
	return slices.Concat(begin, ids)
}

// A stopper decodes tokens and watches for stop strings, wherever the borders
// of tokens fall in them.
type stopper struct {
	stream *tokenizer.Stream
	stops  []string
	held   string // the end of the text so far, a beginning of some stop string
}

// Next returns the text before a stop string, which ends it, or all but what
// may yet become one.
func (s *stopper) Next(id int32) (text string, stop bool) {
	s.held += s.stream.Next(id)
	if at := s.find(); at >= 0 {
		text, s.held = s.held[:at], ""
		return text, true
	}
	n := len(s.held) - s.hopeful()
	text, s.held = s.held[:n], s.held[n:]
	return text, false
}

// Flush returns what was held back, up to a stop string that the last bytes made whole.
func (s *stopper) Flush() string {
	s.held += s.stream.Flush()
	text := s.held
	if at := s.find(); at >= 0 {
		text = text[:at]
	}
	s.held = ""
	return text
}

// find returns where the first stop string begins, -1 where there is none.
func (s *stopper) find() int {
	first := -1
	for _, stop := range s.stops {
		if at := strings.Index(s.held, stop); at >= 0 && (first < 0 || at < first) {
			first = at
		}
	}
	return first
}

// hopeful is the length of the longest end of the held text with which a stop
// string begins.
func (s *stopper) hopeful() int {
	for n := len(s.held); n > 0; n-- {
		for _, stop := range s.stops {
			if strings.HasPrefix(stop, s.held[len(s.held)-n:]) {
				return n
			}
		}
	}
	return 0
}
