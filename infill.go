package inkstone

import (
	"context"
	"fmt"
	"iter"

	"github.com/inkstone-ai/inkstone/generate"
	"github.com/inkstone-ai/inkstone/tokenizer"
)

// infillTokens are the most tokens of a middle where nobody says how many.
const infillTokens = 128

// An Infill is what [Model.Infill] writes and what it has not seen.
type Infill struct {
	Tokens iter.Seq2[generate.Token, error] // of the middle, as [Model.Generate] yields them

	// Tokens of the text that the window has no room for: the first of the prefix and the
	// last of the suffix.
	PrefixLeft, SuffixLeft int
}

// Infill writes what belongs between two texts (fill-in-the-middle, Bavarian et al. 2022,
// arXiv:2207.14255). The nearest parts of both are read where the window does not hold
// all: as much of the suffix as half of it, and of the prefix what is left.
//
// Errors: a model whose tokenizer has no special tokens for it; more MaxTokens (0: 128) than leave
// room for a prompt.
func (m *Model) Infill(ctx context.Context, prefix, suffix string, o GenerateOptions) (*Infill, error) {
	fim, ok := tokenizer.FIMOf(m.tok)
	if !ok {
		return nil, fmt.Errorf("model: %s was not trained to fill in the middle: its tokenizer has no %s", m.dir, tokenizer.FIMSpecial[0])
	}
	o.MaxTokens = or(o.MaxTokens, infillTokens)
	before, after := m.tok.Encode(prefix), m.tok.Encode(suffix)
	f := &Infill{}
	if T := m.Context(); T > 0 {
		room := T - o.MaxTokens - 3 // of the special tokens
		if room < 2 {
			return nil, fmt.Errorf("model: %s: %d tokens to write leave no room for a prompt in a context of %d: ask for fewer", m.dir, o.MaxTokens, T)
		}
		behind := min(len(after), max(room/2, room-len(before)))
		ahead := min(len(before), room-behind)
		f.PrefixLeft, f.SuffixLeft = len(before)-ahead, len(after)-behind
		before, after = before[f.PrefixLeft:], after[:behind]
	}
	t, err := m.text()
	if err != nil {
		return nil, err
	}
	f.Tokens = t.Stream(ctx, generate.Prompt{
		IDs: fim.Prompt(before, after), MaxTokens: o.MaxTokens, Stop: o.Stop, Sampling: o.Sampling, LogProbs: o.LogProbs, Drafts: o.Drafts,
	})
	return f, nil
}
