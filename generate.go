package inkstone

import (
	"context"
	"iter"

	"github.com/inkstone-ai/inkstone/generate"
	"github.com/inkstone-ai/inkstone/tokenizer"
)

// GenerateOptions say how a text is continued. The zero value is greedy, to the
// model's end token or the end of its context window.
type GenerateOptions struct {
	MaxTokens int      // 0: as many as the window holds
	Stop      []string // texts that end the continuation and are no part of it
	Special   bool     // special tokens written in the prompt are meant as such
	LogProbs  int      // 0: none; n: each token's, and those of the n−1 likeliest
	Sampling  generate.Sampling

	// Shift goes on where the window is full, see [generate.Request]; MaxTokens must be set.
	Shift bool
	Keep  int
	// Drafts is how many tokens are guessed ahead at most: by LoadOptions.Draft, or where there is
	// none by looking the text's last words up. 0: none.
	Drafts int
	// PromptCache is a file of the prompt's past: it is read where it is there, else written. "": none.
	PromptCache string
}

// Generate yields the continuation of a prompt token by token; the tokens' Text,
// joined, is the continuation, and the last token says why it is the last. An
// empty prompt begins with the model's first token of a text.
func (m *Model) Generate(ctx context.Context, prompt string, o GenerateOptions) iter.Seq2[generate.Token, error] {
	return func(yield func(generate.Token, error) bool) {
		t, err := m.text()
		if err != nil {
			yield(generate.Token{}, err)
			return
		}
		p := generate.Prompt{Text: prompt, Special: o.Special, MaxTokens: o.MaxTokens, Stop: o.Stop, Sampling: o.Sampling, LogProbs: o.LogProbs,
			Shift: o.Shift, Keep: o.Keep, Drafts: o.Drafts, Cache: o.PromptCache}
		if bos := m.loaded.Generation.BOS; prompt == "" && bos != nil {
			p.IDs = []int32{*bos}
		}
		for token, err := range t.Stream(ctx, p) {
			if !yield(token, err) {
				return
			}
		}
	}
}

// text returns the model's engine for text, made at the first call.
func (m *Model) text() (*generate.Text, error) {
	if m.engine == nil {
		m.pack()
		o, err := m.engineOptions()
		if err != nil {
			return nil, err
		}
		e, err := generate.NewEngine(m.loaded.LM, o)
		if err != nil {
			return nil, err
		}
		m.engine = e
	}
	return &generate.Text{Engine: m.engine, Tokenizer: m.tok, End: m.ends()}, nil
}

// ChatOptions say how a conversation is held.
type ChatOptions struct {
	System     string   // a system message to begin with; "": none
	MaxTokens  int      // of an answer; 0: as many as the window holds
	DropOldest bool     // when the window is full drop whole turns, and tell how many, instead of refusing
	Stop       []string // texts that end an answer
	Sampling   generate.Sampling
	Drafts     int // tokens that are guessed ahead, as in [GenerateOptions]
}

// Chat begins a conversation in the form of the model's chat template.
// [generate.Chat.Say] asks and streams the answer. A folder without a template
// is an error.
func (m *Model) Chat(o ChatOptions) (*generate.Chat, error) {
	if err := m.converses(); err != nil {
		return nil, err
	}
	t, err := m.text()
	if err != nil {
		return nil, err
	}
	c := &generate.Chat{
		Text: t, Template: m.template,
		DropOldest: o.DropOldest, MaxTokens: o.MaxTokens, Stop: o.Stop, Sampling: o.Sampling, Drafts: o.Drafts,
	}
	if o.System != "" {
		c.Messages = []tokenizer.Message{{Role: "system", Content: o.System}}
	}
	return c, nil
}
