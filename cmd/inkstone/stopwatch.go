package main

import (
	"iter"
	"time"

	"github.com/inkstone-ai/inkstone/generate"
)

// took is what --json says of a continuation's cost.
type took struct {
	Usage   usage   `json:"usage"`
	Timings timings `json:"timings"`
}

type usage struct {
	Prompt   int `json:"prompt_tokens"`
	Shared   int `json:"shared_tokens"` // of the prompt, in the cache already
	Written  int `json:"tokens"`
	Drafted  int `json:"drafted"`
	Accepted int `json:"accepted"`
	Dropped  int `json:"dropped"`
}

type timings struct {
	First  float64 `json:"first_token_s"`       // from the start: the prompt, and what it takes to load
	Prompt float64 `json:"prompt_tokens_per_s"` // of the tokens that were not in the cache
	Decode float64 `json:"tokens_per_s"`        // of the tokens behind the first
}

// A stopwatch times the tokens that pass it.
type stopwatch struct {
	begin, first, last time.Time
	n                  int
}

func newStopwatch() *stopwatch { return &stopwatch{} }

// around notes when each of tokens comes.
func (w *stopwatch) around(tokens iter.Seq2[generate.Token, error]) iter.Seq2[generate.Token, error] {
	return func(yield func(generate.Token, error) bool) {
		w.begin = time.Now()
		for t, err := range tokens {
			w.last = time.Now()
			if w.n++; w.n == 1 {
				w.first = w.last
			}
			if !yield(t, err) {
				return
			}
		}
	}
}

// took joins the times with what the last token says, nil while there is none.
func (w *stopwatch) took(u *generate.Usage) (t took) {
	if u == nil {
		return t
	}
	t.Usage = usage(*u)
	first := w.first.Sub(w.begin).Seconds()
	t.Timings = timings{First: first, Prompt: perSecond(u.Prompt-u.Shared, first), Decode: perSecond(w.n-1, w.last.Sub(w.first).Seconds())}
	return t
}

// perSecond is n a second; 0 where there is nothing to tell.
func perSecond(n int, seconds float64) float64 {
	if n <= 0 || seconds <= 0 {
		return 0
	}
	return float64(n) / seconds
}
