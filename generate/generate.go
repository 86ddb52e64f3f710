// Package generate continues sequences of token ids with a language model:
// many sequences of different lengths in one batch, each with its own sampling,
// its past kept in a cache. [Engine] knows ids only; [Text] puts a tokenizer
// around it, with stop strings and streaming of whole characters; [Chat] a
// template and a rule for the moment when the context window is full.
//
// A sequence's tokens are a function of the model, its prompt and its
// [Sampling] alone: not of what else is in the batch, the size of the batch or
// the number of threads.
//
// Dimensions, in comments throughout:
//
//	N tokens of a pass   R sequences that get a new token   C channels   V vocabulary
package generate

import (
	"errors"
	"fmt"
	"strings"
)

// A Request asks for the continuation of a prompt.
type Request struct {
	Prompt    []int32 // at least one id
	MaxTokens int     // of the continuation; 0: as many as the context window holds, [Endless] where there is none
	End       []int32 // ids that end the text
	Sampling  Sampling
	LogProbs  int // 0: none; n: each token's, and those of the n−1 likeliest
	Reader    Reader

	// Shift goes on where the window is full: the first Keep tokens and the later half of
	// the others stay, and are read again at their new places. MaxTokens must be set. A prompt that is too
	// long is shifted too. [Usage] tells how many tokens were dropped.
	Shift bool
	Keep  int

	// Drafts is how many tokens are guessed ahead at most, and all read in one pass: by the
	// engine's draft model, or where it has none by looking up how the text went on after
	// its last words before. What is written is distributed as without; looked up, or greedy, it
	// is the same text. No more than 64, nor a slot's share of the engine's Rows. 0: none.
	Drafts int
}

// Endless is how many tokens a model without a window writes when nobody says how many.
const Endless = 1024

// A Reader turns tokens into text while they are written, and may end the text
// ([Text] has one for stop strings). It belongs to one request and is called by
// whoever runs the engine; its panic comes out where the request's tokens are read. nil: tokens have no text.
type Reader interface {
	// Next takes the next id and returns the text that is now certain, and
	// whether the text ends with it.
	Next(id int32) (text string, stop bool)
	// Flush returns the text that was held back when a text ends otherwise.
	Flush() string
}

// A Token is one step of a continuation.
type Token struct {
	ID      int32
	Text    string   // what became certain with it, where the request has a Reader
	LogProb float32  // of ID under the model, before sampling bends it; 0 unless asked for
	Top     []Ranked // the likeliest tokens, best first; nil unless asked for
	Finish  Finish   // on the last token: why it is the last
	Usage   *Usage   // on the last token
}

// Usage is what a continuation took.
type Usage struct {
	Prompt   int // tokens of the prompt
	Shared   int // of them, tokens that were in the cache already
	Written  int // tokens written
	Drafted  int // tokens guessed ahead
	Accepted int // of them, tokens that were written
	Dropped  int // tokens that left the window, because it was full and Shift said so
}

// A Ranked token is one that the model holds likely.
type Ranked struct {
	ID      int32
	LogProb float32
}

// Finish says why a continuation ended. The empty string: it has not yet.
type Finish string

// Reasons to end. With Ended the last token is the one that says so and is no
// part of the ids; with the others it is.
const (
	Ended       Finish = "stop"    // the model wrote an end token, or a stop string came up
	MaxReached  Finish = "length"  // MaxTokens
	ContextFull Finish = "context" // the window holds no more tokens
)

// A Result is a whole continuation.
type Result struct {
	Tokens []Token
	Finish Finish
	Usage  Usage
}

// IDs returns the tokens of the text: all, without the one that ended it.
func (r *Result) IDs() []int32 {
	var ids []int32
	for _, t := range r.Tokens {
		if t.Finish != Ended {
			ids = append(ids, t.ID)
		}
	}
	return ids
}

// Text joins the texts of the tokens.
func (r *Result) Text() string {
	var b strings.Builder
	for _, t := range r.Tokens {
		b.WriteString(t.Text)
	}
	return b.String()
}

// ErrTooLong is wrapped by the error for a prompt that leaves no room in the
// context window.
var ErrTooLong = errors.New("the prompt does not fit the context window")

// check refuses what the engine could only fail on later.
func (r *Request) check(vocab, context int) error {
	if len(r.Prompt) == 0 {
		return errors.New("generate: an empty prompt; a text begins with a token, its first or the model's begin-of-text")
	}
	if len(r.Prompt) > context && context > 0 && !r.Shift {
		return fmt.Errorf("generate: prompt of %d tokens, context of %d: %w", len(r.Prompt), context, ErrTooLong)
	}
	if err := r.checkShift(context); err != nil {
		return err
	}
	for i, id := range r.Prompt {
		if id < 0 || int(id) >= vocab {
			return fmt.Errorf("generate: prompt[%d] is token %d, the vocabulary has %d", i, id, vocab)
		}
	}
	if r.MaxTokens < 0 || r.LogProbs < 0 || r.Drafts < 0 {
		return fmt.Errorf("generate: max tokens %d, log-probabilities %d, drafts %d: want 0 or more", r.MaxTokens, r.LogProbs, r.Drafts)
	}
	if err := r.Sampling.checkIDs(vocab); err != nil {
		return err
	}
	return r.Sampling.Check()
}

func (r *Request) checkShift(context int) error {
	switch {
	case !r.Shift:
		return nil
	case context == 0:
		return errors.New("generate: a model without a context window has nothing to shift")
	case r.MaxTokens == 0:
		return errors.New("generate: a text that shifts its window has no end of its own: set MaxTokens")
	case r.Keep < 0 || r.Keep > context-2:
		return fmt.Errorf("generate: %d tokens to keep in a window of %d: want 0 to %d", r.Keep, context, context-2)
	}
	return nil
}
