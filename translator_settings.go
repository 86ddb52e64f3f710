package inkstone

import (
	"errors"
	"math"
	"slices"
	"strings"

	"github.com/inkstone-ai/inkstone/model/seq2seq"
	"github.com/inkstone-ai/inkstone/tensor"
	"github.com/inkstone-ai/inkstone/train"
)

// TranslatorSettings decide what the training of an encoder–decoder computes: with
// the pairs they give the weights, bit for bit. A field that is zero is derived as
// its comment says. [TrainTranslator] stores them resolved, as inkstone.json beside
// the model; that file is a config file for another run.
type TranslatorSettings struct {
	Model        string `json:"model"`        // "seq2seq"; "" means the same
	Architecture string `json:"architecture"` // "transformer", "attention" or "fixed". "": transformer
	Reverse      bool   `json:"reverse"`      // the second column is the source, the first the target

	Width    int     `json:"width"`     // C. 0: 256
	Layers   int     `json:"layers"`    // of the encoder, and of the decoder. 0: 3, of a recurrent one 1
	Heads    int     `json:"heads"`     // H, of the Transformer. 0: one for 64 channels
	Hidden   int     `json:"hidden"`    // F, of the Transformer. 0: 4·width
	PostNorm bool    `json:"post_norm"` // of the Transformer: the norm after the sum, as in its paper
	Context  int     `json:"context"`   // most tokens of a sentence. 0: 256, more where the pairs have a longer one
	Dropout  float32 `json:"dropout"`   // 0: 0.1; a negative one means none

	Tokenizer string `json:"tokenizer"` // "bpe", learned from both sides, "char", or the path of one. "": bpe
	Vocab     int    `json:"vocab"`     // ids of a BPE. 0: the power of two nearest to 4·√bytes, 512 to 32,768

	HeldOut   float64        `json:"held_out"`  // share of the pairs that chooses the best weights. 0: 0.05
	Rows      int            `json:"rows"`      // pairs of an update. 0: 128
	Steps     int            `json:"steps"`     // updates. 0: as Epochs says
	Epochs    float64        `json:"epochs"`    // passes through the pairs. 0: 20
	Minutes   float64        `json:"minutes"`   // of a run whose end is a time: its weights depend on the clock. 0: the end is a step
	Smoothing float32        `json:"smoothing"` // ε of label smoothing. 0: 0.1; a negative one means none
	Optimizer string         `json:"optimizer"` // "adamw", as the papers have it, or "muon" (matrices; AdamW for the rest). "": adamw
	MuonLR    float64        `json:"muon_lr"`   // peak of Muon. 0: 0.02
	LR        float64        `json:"lr"`        // peak, of AdamW. 0: 2e-3·√(128/width)
	Decay     float64        `json:"decay"`     // weight decay of matrices
	Clip      float64        `json:"clip"`      // of the gradient's norm. 0: 1
	Schedule  train.Schedule `json:"schedule"`  // zero: noam, with a tenth of the run as its warm-up
	Precision string         `json:"precision"` // of products in training: "f32", or "bf16", twice as fast where the processor has it. "": f32

	// Adversarial training of the embeddings of both sides, see [seq2seq.Pairs.Teach].
	// Zero: none.
	Adversarial train.Adversary `json:"adversarial,omitzero"`

	EvalEvery       int    `json:"eval_every"`       // steps. 0: a tenth of the run
	CheckpointEvery int    `json:"checkpoint_every"` // steps. 0: a tenth of the run
	Keep            int    `json:"keep"`             // newest checkpoints. 0: 2
	Patience        int    `json:"patience"`         // evaluations in a row without a better one before an early stop. 0: no such stop
	Seed            uint64 `json:"seed"`             // of weights, batches, dropout and the choice of held-out pairs

	file string // that they were read from, for errors
}

// ReadTranslatorSettings reads a config file: a JSON object with the keys of
// [TranslatorSettings]. A key that does not exist is an error.
func ReadTranslatorSettings(path string) (TranslatorSettings, error) {
	s := TranslatorSettings{file: path}
	if err := readConfig(path, &s); err != nil {
		return TranslatorSettings{}, err
	}
	return s, nil
}

func (s *TranslatorSettings) errorf(format string, args ...any) error {
	return configError(s.file, format, args...)
}

// complete fills in what does not depend on the data, and refuses what no
// derivation can mend.
func (s *TranslatorSettings) complete() error {
	s.Model, s.Architecture = or(s.Model, seq2seq.Type), or(s.Architecture, seq2seq.TransformerArchitecture)
	if err := s.check(); err != nil {
		return err
	}
	s.Width = or(s.Width, 256)
	if s.Architecture == seq2seq.TransformerArchitecture {
		s.Layers, s.Heads, s.Hidden = or(s.Layers, 3), or(s.Heads, max(1, s.Width/64)), or(s.Hidden, 4*s.Width)
	}
	s.Layers = or(s.Layers, 1)
	s.Dropout, s.Smoothing = or(s.Dropout, 0.1), or(s.Smoothing, 0.1)
	s.HeldOut, s.Rows, s.Epochs, s.Clip = or(s.HeldOut, 0.05), or(s.Rows, 128), or(s.Epochs, 20), or(s.Clip, 1)
	s.LR = or(s.LR, 2e-3*math.Sqrt(128/float64(s.Width)))
	if s.Optimizer = or(s.Optimizer, "adamw"); s.Optimizer == "muon" {
		s.MuonLR = or(s.MuonLR, 0.02)
	}
	s.Tokenizer, s.Precision = or(s.Tokenizer, "bpe"), or(s.Precision, "f32")
	if s.Schedule == (train.Schedule{}) {
		s.Schedule = train.Schedule{Shape: train.Noam, Warmup: 0.1}
	}
	return nil
}

func (s *TranslatorSettings) check() error {
	for _, n := range []struct {
		key   string
		value int
	}{
		{"width", s.Width}, {"layers", s.Layers}, {"heads", s.Heads}, {"hidden", s.Hidden}, {"context", s.Context}, {"vocab", s.Vocab},
		{"rows", s.Rows}, {"steps", s.Steps}, {"eval_every", s.EvalEvery}, {"checkpoint_every", s.CheckpointEvery}, {"keep", s.Keep}, {"patience", s.Patience},
	} {
		if n.value < 0 {
			return s.errorf("%s is %d, want 0 or more", n.key, n.value)
		}
	}
	transformer := s.Architecture == seq2seq.TransformerArchitecture
	switch {
	case s.Model != seq2seq.Type:
		return s.errorf("model %q: these are settings of %s", s.Model, seq2seq.Type)
	case !slices.Contains(seq2seq.Architectures(), s.Architecture):
		return s.errorf("architecture %q is none of %s", s.Architecture, strings.Join(seq2seq.Architectures(), ", "))
	case !transformer && (s.Heads != 0 || s.Hidden != 0 || s.PostNorm):
		return s.errorf("heads, hidden and post_norm are of the transformer")
	case s.Dropout >= 1 || s.Smoothing >= 1 || s.HeldOut < 0 || s.HeldOut >= 1:
		return s.errorf("dropout %g, smoothing %g and held_out %g must be below 1", s.Dropout, s.Smoothing, s.HeldOut)
	case s.Minutes < 0 || s.Minutes > 0 && s.Steps > 0:
		return s.errorf("minutes %g must not be negative, and stand without steps", s.Minutes)
	case s.Optimizer != "" && s.Optimizer != "adamw" && s.Optimizer != "muon" || s.MuonLR < 0 || s.MuonLR > 0 && s.Optimizer != "muon":
		return s.errorf("optimizer %q with muon_lr %g: want adamw, or muon with a rate from 0", s.Optimizer, s.MuonLR)
	case s.LR < 0 || s.Decay < 0 || s.Clip < 0 || s.Epochs < 0:
		return s.errorf("lr %g, decay %g, clip %g and epochs %g must not be negative", s.LR, s.Decay, s.Clip, s.Epochs)
	case s.Vocab != 0 && s.Tokenizer != "" && s.Tokenizer != "bpe":
		return s.errorf("vocab is of a BPE that is learned; the tokenizer is %s", s.Tokenizer)
	}
	if _, err := tensor.ParsePrecision(s.Precision); err != nil {
		return s.errorf("%w", err)
	}
	if err := errors.Join(s.Schedule.Check(), s.Adversarial.Check()); err != nil {
		return s.errorf("%w", err)
	}
	return nil
}

// configuration is the model's.
func (s *TranslatorSettings) configuration(vocab int) seq2seq.Config {
	return seq2seq.Config{
		Architecture: s.Architecture, Vocab: vocab, Context: s.Context, Width: s.Width,
		EncoderLayers: s.Layers, DecoderLayers: s.Layers, Heads: s.Heads, Hidden: s.Hidden, PostNorm: s.PostNorm, Dropout: max(0, s.Dropout),
	}
}
