package inkstone

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/inkstone-ai/inkstone/model"
	"github.com/inkstone-ai/inkstone/model/gpt"
	"github.com/inkstone-ai/inkstone/train"
)

// Settings decide what a pretraining computes: with the data and the tokenizer
// they give the weights, bit for bit. A field that is zero is derived: the
// model's and the optimizer's from Depth (see [train.Depth]), the others as
// their comments say. [Train] stores them resolved, as inkstone.json beside the
// model; that file is a config file for another run.
type Settings struct {
	Depth int    `json:"depth"` // blocks; the dial from which the rest follows. 0: 4
	Model string `json:"model"` // "llama" (0), "gpt2" or "inkstone_canon_llama"

	Width     int     `json:"width"`      // C
	Hidden    int     `json:"hidden"`     // F of the feed-forward part; of GPT-2 4·width
	Heads     int     `json:"heads"`      // H
	KVHeads   int     `json:"kv_heads"`   // G, of a Llama; 0: heads
	Context   int     `json:"context"`    // T
	CanonTaps int     `json:"canon_taps"` // tokens that the convolution of a canon model sees; 0: 4
	Dropout   float32 `json:"dropout"`    // of GPT-2's embeddings and residual branches

	Tokenizer string `json:"tokenizer"` // "bpe", "char", "word", "byte", or a path to load; "": bpe
	Vocab     int    `json:"vocab"`     // ids of a BPE; 0: about 2·√bytes of the text, 512 to 32,768
	Split     string `json:"split"`     // pre-tokenizer of a BPE: gpt2, cl100k, qwen2 or o200k; "": gpt2

	HeldOut    float64 `json:"held_out"`    // share of the text that is kept for evaluation; 0: 0.1
	EvalTokens int64   `json:"eval_tokens"` // most held-out tokens of one evaluation; 0: 262,144

	Rows  int `json:"rows"`  // B, of a micro batch
	Micro int `json:"micro"` // micro batches of an update
	Steps int `json:"steps"` // updates; 0: the depth's horizon, at most 4 epochs

	Optimizer string         `json:"optimizer"` // "muon" (matrices; AdamW for the rest) or "adamw"; "": muon
	LR        float64        `json:"lr"`        // of AdamW
	MuonLR    float64        `json:"muon_lr"`
	Beta2     float64        `json:"beta2"` // of AdamW; 0: 0.95
	Decay     float64        `json:"decay"` // weight decay of matrices; a negative one means none
	Clip      float64        `json:"clip"`
	Schedule  train.Schedule `json:"schedule"`

	EvalEvery       int    `json:"eval_every"`       // steps; 0: a tenth of the run
	CheckpointEvery int    `json:"checkpoint_every"` // steps; 0: as EvalEvery
	Keep            int    `json:"keep"`             // newest checkpoints; 0: 2
	Patience        int    `json:"patience"`         // evaluations without a better one before an early stop; 0: none
	Seed            uint64 `json:"seed"`
}

// SettingsFile is the name under which a model's folder has its [Settings].
const SettingsFile = "inkstone.json"

// ReadSettings reads a config file: a JSON object with the keys of [Settings].
// A key that does not exist is an error, for it would be a setting that is not heeded.
func ReadSettings(path string) (Settings, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return Settings{}, fmt.Errorf("config: %w", err)
	}
	var s Settings
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	if err := d.Decode(&s); err != nil {
		return Settings{}, fmt.Errorf("config: %s: %w", path, err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return Settings{}, fmt.Errorf("config: %s: more than one JSON value", path)
	}
	return s, nil
}

// vocabFor is the vocabulary of a BPE for a text of so many bytes: a power of
// two near 2·√bytes. A merge should have been seen some dozens of times, and a
// small model should not spend its parameters on rare words.
func vocabFor(bytes int64) int {
	v := 512
	for v < 32768 && int64(v)*int64(v) < 4*bytes/2 {
		v *= 2
	}
	return v
}

// derive fills the fields that are zero, for a vocabulary and a number of
// training tokens. What was shortened is said through notice.
func (s Settings) derive(vocab int, tokens int64, notice func(string)) (Settings, error) {
	s.Depth = or(s.Depth, 4)
	r, err := train.Depth(s.Depth, vocab)
	if err != nil {
		return s, err
	}
	s.Model, s.Optimizer, s.Beta2 = or(s.Model, "llama"), or(s.Optimizer, "muon"), or(s.Beta2, 0.95)
	s.Context = or(s.Context, r.Context)
	s.LR, s.MuonLR, s.Decay, s.Clip = or(s.LR, r.LR), or(s.MuonLR, r.MuonLR), or(s.Decay, r.Decay), or(s.Clip, r.Clip)
	if s.Schedule == (train.Schedule{}) {
		s.Schedule = r.Schedule
	}
	if s.Width == 0 {
		s.Width, s.Heads = r.Width, or(s.Heads, r.Heads)
	}
	s.Heads = or(s.Heads, max(1, s.Width/r.HeadDim))
	s.Hidden = or(s.Hidden, s.hidden(r))
	r.Width, r.Hidden, r.Heads, r.HeadDim, r.Context = s.Width, s.Hidden, s.Heads, s.Width/s.Heads, s.Context
	s.horizon(r.Horizon(20*r.Parameters(vocab)), tokens, notice)
	s.EvalEvery = or(s.EvalEvery, max(1, s.Steps/10))
	s.CheckpointEvery = or(s.CheckpointEvery, s.EvalEvery)
	s.Keep = or(s.Keep, 2)
	return s, s.check()
}

// hidden is the usual width of the feed-forward part.
func (s Settings) hidden(r train.Recipe) int {
	if s.Model == "gpt2" {
		return 4 * s.Width
	}
	if s.Width == r.Width {
		return r.Hidden
	}
	return (8*s.Width/3 + 63) / 64 * 64
}

// horizon sets rows, micro batches and steps where they are zero.
func (s *Settings) horizon(r train.Recipe, tokens int64, notice func(string)) {
	shorter, cut := r.For(tokens)
	if s.Rows == 0 {
		s.Rows, s.Micro = shorter.Rows, or(s.Micro, shorter.Micro)
	}
	s.Micro = or(s.Micro, 1)
	if s.Steps != 0 {
		return
	}
	perStep := int64(s.Rows) * int64(s.Micro) * int64(s.Context)
	s.Steps = int((shorter.Tokens + perStep - 1) / perStep)
	if cut {
		notice(fmt.Sprintf("the depth asks for %d tokens; the text has %d, which are read 4 times: %d steps (--steps sets another number)",
			r.Tokens, tokens, s.Steps))
	}
}

func (s Settings) check() error {
	switch {
	case s.Optimizer != "muon" && s.Optimizer != "adamw":
		return fmt.Errorf("config: optimizer %q is neither muon nor adamw", s.Optimizer)
	case s.Width%s.Heads != 0:
		return fmt.Errorf("config: width %d is not a multiple of heads %d", s.Width, s.Heads)
	case s.Rows < 1 || s.Micro < 1 || s.Steps < 1 || s.Context < 1:
		return fmt.Errorf("config: rows %d, micro %d, steps %d and context %d must be positive", s.Rows, s.Micro, s.Steps, s.Context)
	case s.HeldOut < 0 || s.HeldOut >= 1:
		return fmt.Errorf("config: held_out %g is no share of the text", s.HeldOut)
	case s.Dropout > 0 && s.Model != "gpt2":
		return fmt.Errorf("config: dropout is of gpt2; a %s has none", s.Model)
	}
	return nil
}

// build declares the model: shapes, no memory.
func (s Settings) build(vocab int) (model.LM, error) {
	llama := gpt.LlamaConfig{
		Vocab: vocab, Context: s.Context, Layers: s.Depth, Width: s.Width, Hidden: s.Hidden,
		Heads: s.Heads, KVHeads: s.KVHeads, Tied: true,
	}
	switch s.Model {
	case "llama":
		return gpt.NewLlama(llama)
	case "inkstone_canon_llama":
		return gpt.NewCanonLlama(gpt.CanonLlamaConfig{LlamaConfig: llama, CanonWidth: s.CanonTaps})
	case "gpt2":
		return gpt.NewGPT2(gpt.GPT2Config{
			Vocab: vocab, Context: s.Context, Layers: s.Depth, Width: s.Width, Hidden: s.Hidden, Heads: s.Heads,
			Tied: true, EmbedDropout: s.Dropout, ResidualDropout: s.Dropout,
		})
	}
	return nil, fmt.Errorf("config: model %q is none of llama, gpt2, inkstone_canon_llama", s.Model)
}

func or[T comparable](value, absent T) T {
	var zero T
	if value == zero {
		return absent
	}
	return value
}
