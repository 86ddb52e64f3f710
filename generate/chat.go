package generate

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"strings"

	"github.com/inkstone-ai/inkstone/tokenizer"
)

// A Chat is a conversation with a model. Every answer reads the whole of it
// again, in the words of the template; when it no longer fits the context
// window, [Chat.Say] refuses, or drops the oldest turns and tells how many.
type Chat struct {
	Text     *Text
	Template *tokenizer.ChatTemplate
	Render   tokenizer.RenderOptions

	// Messages so far; the caller may begin with a system message.
	Messages []tokenizer.Message

	DropOldest bool // where the window is full: drop whole turns instead of refusing
	Reserve    int  // tokens of the window that are kept for an answer, 0: MaxTokens, or a quarter of the window
	MaxTokens  int  // of an answer, 0: as many as the window holds
	Stop       []string
	Sampling   Sampling
	Drafts     int // tokens that are guessed ahead, as in [Request]
}

// A Reply is an answer on its way.
type Reply struct {
	Dropped int // turns that were dropped to make room

	// Tokens yields the answer as it is written, as [Text.Stream] does. To read
	// them is to hold the conversation: when the loop ends, for whatever reason,
	// the question and as much of the answer as was read are in Messages. It can
	// be ranged over once.
	Tokens iter.Seq2[Token, error]
}

// Say asks the model.
//
// Errors: the template's; a content with special tokens in it; a conversation
// that does not fit ([ErrTooLong]), even after all that may be dropped was.
func (c *Chat) Say(ctx context.Context, content string) (*Reply, error) {
	messages := append(slices.Clone(c.Messages), tokenizer.Message{Role: "user", Content: content})
	ids, messages, dropped, err := c.fit(messages)
	if err != nil {
		return nil, err
	}
	stream := c.text().Stream(ctx, Prompt{IDs: ids, MaxTokens: c.MaxTokens, Stop: c.Stop, Sampling: c.Sampling, Drafts: c.Drafts})
	return &Reply{Dropped: dropped, Tokens: func(yield func(Token, error) bool) {
		var answer strings.Builder
		defer func() {
			if answer.Len() > 0 {
				c.Messages = append(messages, tokenizer.Message{Role: "assistant", Content: answer.String()})
			}
		}()
		for t, err := range stream {
			answer.WriteString(t.Text)
			if !yield(t, err) {
				return
			}
		}
	}}, nil
}

// text is c.Text with every special token as an end: they are the template's,
// none can be a part of a message.
func (c *Chat) text() *Text {
	t := *c.Text
	t.End = slices.Clone(t.End)
	for id := range int32(t.Tokenizer.Size()) {
		if t.Tokenizer.IsSpecial(id) {
			t.End = append(t.End, id)
		}
	}
	return &t
}

// fit renders the conversation, without its oldest turns where that is allowed
// and needed, and returns what is left and how many turns went.
func (c *Chat) fit(messages []tokenizer.Message) (ids []int32, left []tokenizer.Message, dropped int, err error) {
	window := c.Text.Engine.Context()
	for {
		ids, err = c.Template.PromptIDs(c.Text.Tokenizer, messages, c.Render)
		if err != nil || window == 0 || c.reserve(window) <= window-len(ids) {
			return ids, messages, dropped, err
		}
		shorter, ok := withoutOldest(messages)
		if !c.DropOldest || !ok {
			return nil, nil, 0, fmt.Errorf("generate: the conversation takes %d tokens and the answer is to have %d, the context window %d: %w",
				len(ids), c.reserve(window), window, ErrTooLong)
		}
		messages = shorter
		dropped++
	}
}

func (c *Chat) reserve(window int) int {
	n := c.Reserve
	if n == 0 {
		n = c.MaxTokens
	}
	if n == 0 {
		n = window / 4
	}
	return max(n, 1)
}

// withoutOldest removes the first turn: a user's message and all up to the
// next. System messages in front and the last question stay.
func withoutOldest(messages []tokenizer.Message) (left []tokenizer.Message, ok bool) {
	from := 0
	for from < len(messages) && messages[from].Role == "system" {
		from++
	}
	to := from + 1
	for to < len(messages) && messages[to].Role != "user" {
		to++
	}
	if to >= len(messages) {
		return messages, false
	}
	return append(slices.Clone(messages[:from]), messages[to:]...), true
}
