package inkstone

import (
	"math"

	"github.com/inkstone-ai/inkstone/model"
	"github.com/inkstone-ai/inkstone/model/gpt"
	"github.com/inkstone-ai/inkstone/model/lstm"
	"github.com/inkstone-ai/inkstone/train"
)

// A corpus's size is what the derived settings depend on beside the depth.
type size struct {
	vocab       int   // ids of the tokenizer
	train, held int64 // tokens
}

// vocabFor is the vocabulary of a BPE for a text of so many bytes: the power of
// two nearest to 2·√bytes on a logarithmic scale, so that doubling the vocabulary
// goes with four times the text. A merge should have been seen some dozens of
// times, and a small model should not spend its parameters on rare words.
func vocabFor(bytes int64) int {
	exponent := math.Round(math.Log2(2 * math.Sqrt(float64(max(bytes, 1)))))
	return min(max(1<<int(exponent), 512), 32768)
}

// derive fills the fields that are zero and declares the model. wanted is the
// number of tokens that the depth asks for where the text is too small for
// them, else 0.
func (s Settings) derive(n size) (_ Settings, lm model.LM, wanted int64, err error) {
	if s.recurrent() {
		s.streams(n.train)
	}
	s.Depth = or(s.Depth, 4)
	r, err := train.Depth(s.Depth, n.vocab)
	if err != nil {
		return s, nil, 0, s.errorf("%w", err)
	}
	s.architecture(&r)
	if !s.recurrent() && s.Width%s.Heads != 0 {
		return s, nil, 0, s.errorf("width %d is not a multiple of heads %d", s.Width, s.Heads)
	}
	if lm, err = s.build(n.vocab); err != nil {
		return s, nil, 0, s.errorf("%w", err)
	}
	s.optimization(r)
	wanted = s.horizon(r, int64(model.Parameters(lm)), n.train)
	s.intervals(n.held)
	return s, lm, wanted, nil
}

// architecture sets the model's dimensions where they are zero, and the recipe's
// to those that were given.
func (s *Settings) architecture(r *train.Recipe) {
	s.Model, s.Context = or(s.Model, "llama"), or(s.Context, r.Context)
	r.LR *= math.Sqrt(float64(r.Width) / float64(or(s.Width, r.Width))) // the recipe's is for its own width
	r.Context = s.Context
	if s.recurrent() {
		return
	}
	if s.Width == 0 {
		s.Width, s.Heads = r.Width, or(s.Heads, r.Heads)
	}
	s.Heads = or(s.Heads, max(1, s.Width/r.HeadDim))
	if s.Hidden == 0 {
		s.Hidden = (8*s.Width/3 + 63) / 64 * 64
		if s.Model == "gpt2" {
			s.Hidden = 4 * s.Width
		}
	}
	if s.Model != "gpt2" {
		s.KVHeads = or(s.KVHeads, s.Heads)
	}
	if s.Model == "inkstone_canon_llama" {
		s.CanonTaps = or(s.CanonTaps, 4)
	}
}

// build declares the model: shapes, no memory.
func (s *Settings) build(vocab int) (model.LM, error) {
	llama := gpt.LlamaConfig{
		Vocab: vocab, Context: s.Context, Layers: s.Depth, Width: s.Width, Hidden: s.Hidden,
		Heads: s.Heads, KVHeads: s.KVHeads, Tied: true,
	}
	switch s.Model {
	case "rnn", "lstm", "gru":
		return lstm.New(s.Model, lstm.Config{Vocab: vocab, Hidden: s.Width, Layers: s.Depth, Dropout: s.Dropout, Tied: true})
	case "gpt2":
		return gpt.NewGPT2(gpt.GPT2Config{
			Vocab: vocab, Context: s.Context, Layers: s.Depth, Width: s.Width, Hidden: s.Hidden, Heads: s.Heads,
			Tied: true, EmbedDropout: s.Dropout, ResidualDropout: s.Dropout,
		})
	case "inkstone_canon_llama":
		return gpt.NewCanonLlama(gpt.CanonLlamaConfig{LlamaConfig: llama, CanonWidth: s.CanonTaps})
	}
	return gpt.NewLlama(llama)
}

func (s *Settings) optimization(r train.Recipe) {
	s.Precision = or(s.Precision, "f32")
	s.Optimizer, s.LR, s.Beta2 = or(s.Optimizer, "muon"), or(s.LR, r.LR), or(s.Beta2, 0.95)
	if s.Optimizer == "muon" {
		s.MuonLR = or(s.MuonLR, r.MuonLR)
	}
	s.Decay, s.Clip, s.Schedule = or(s.Decay, r.Decay), or(s.Clip, r.Clip), or(s.Schedule, r.Schedule)
}

// horizon sets rows, micro batches and steps where they are zero: 20 tokens for
// each parameter (Hoffmann et al. 2022, arXiv:2203.15556), but no more than the
// epochs that [train.Recipe.For] allows.
func (s *Settings) horizon(r train.Recipe, parameters, tokens int64) (wanted int64) {
	full := r.Horizon(20 * parameters)
	run, cut := full.For(tokens)
	if s.Rows == 0 {
		s.Rows, s.Micro = run.Rows, or(s.Micro, run.Micro)
	}
	s.Micro = or(s.Micro, 1)
	if s.Steps != 0 {
		return 0
	}
	perStep := s.tokensPerStep()
	s.Steps = int((run.Tokens + perStep - 1) / perStep)
	if cut {
		return full.Tokens
	}
	return 0
}

func (s *Settings) tokensPerStep() int64 { return int64(s.Rows) * int64(s.Micro) * int64(s.Context) }

// intervals sets how often the run evaluates and saves. An evaluation costs a
// third of a training on the same tokens (forward alone), and all of them
// together should cost at most a quarter of the run.
func (s *Settings) intervals(held int64) {
	tenth := max(1, s.Steps/10)
	cost := min(held, s.EvalTokens) / 3
	s.EvalEvery = or(s.EvalEvery, max(tenth, int(4*cost/s.tokensPerStep())))
	s.CheckpointEvery = or(s.CheckpointEvery, tenth)
	s.Keep = or(s.Keep, 2)
}

// or is value unless that is zero.
func or[T comparable](value, absent T) T {
	var zero T
	if value == zero {
		return absent
	}
	return value
}
