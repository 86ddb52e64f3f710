package inkstone

import (
	"errors"
	"math"

	"github.com/inkstone-ai/inkstone/model"
	"github.com/inkstone-ai/inkstone/model/bert"
	"github.com/inkstone-ai/inkstone/nn"
	"github.com/inkstone-ai/inkstone/tensor"
	"github.com/inkstone-ai/inkstone/train"
)

// MaskedSettings decide what [TrainMasked] computes: with the data they give the
// weights, bit for bit. A field that is zero is derived. The run stores them
// resolved, as inkstone.json beside the model; that file is a config file for
// another run.
type MaskedSettings struct {
	Model string `json:"model"` // "bert"

	Depth   int     `json:"depth"`   // blocks. 0: 4
	Width   int     `json:"width"`   // C. 0: 64·depth
	Hidden  int     `json:"hidden"`  // F of the feed-forward part. 0: 4·width
	Heads   int     `json:"heads"`   // H. 0: one for 64 channels
	Context int     `json:"context"` // T, tokens of a row, [CLS] and [SEP] among them. 0: 128
	Row     int     `json:"row"`     // tokens of a row in pretraining, [CLS] and [SEP] among them; positions behind are left to a tuning. 0: context
	Dropout float32 `json:"dropout"` // of the embeddings and residual branches

	Tokenizer string `json:"tokenizer"` // "wordpiece", "bpe" over bytes, or the path of one with a mask token. "": wordpiece
	Vocab     int    `json:"vocab"`     // ids of a tokenizer that is learned. 0: the power of two nearest to 2·√bytes, 512 to 32,768
	Cased     bool   `json:"cased"`     // keep capitals and accents in a WordPiece

	MaskShare  float64 `json:"mask_share"`  // of the tokens that are chosen. 0: 0.15
	MaskToken  float64 `json:"mask_token"`  // of the chosen, that become the mask token. 0: 0.8
	MaskRandom float64 `json:"mask_random"` // of the chosen, that become any token. 0: 0.1; a negative one means none
	WholeWords bool    `json:"whole_words"` // choose words rather than tokens

	HeldOut    float64 `json:"held_out"`    // share of the text that is kept for evaluation. 0: 0.1
	EvalTokens int64   `json:"eval_tokens"` // most held-out tokens of one evaluation. 0: 65,536

	Rows  int `json:"rows"`  // B, of a micro batch. 0: 16
	Micro int `json:"micro"` // micro batches of an update. 0: 1
	Steps int `json:"steps"` // updates. 0: 10 epochs

	Optimizer string         `json:"optimizer"` // "muon" (matrices; AdamW for the rest) or "adamw". "": muon
	LR        float64        `json:"lr"`        // peak of AdamW. 0: 3e-3·√(128/width)
	MuonLR    float64        `json:"muon_lr"`   // peak of Muon. 0: 0.02
	Beta2     float64        `json:"beta2"`     // of AdamW. 0: 0.98
	Decay     float64        `json:"decay"`     // weight decay of matrices. 0: 0.01; a negative one means none
	Clip      float64        `json:"clip"`      // of the gradient's norm. 0: 1
	Schedule  train.Schedule `json:"schedule"`  // zero: 3 % warm-up, constant, linear to zero over the last half

	Precision string `json:"precision"` // of products in training: "f32", or "bf16". "": f32

	// Adversarial training of the embeddings, see [train.Adversary]. Zero: none.
	Adversarial train.Adversary `json:"adversarial,omitzero"`

	EvalEvery       int    `json:"eval_every"`       // steps. 0: a tenth of the run
	CheckpointEvery int    `json:"checkpoint_every"` // steps. 0: a tenth of the run
	Keep            int    `json:"keep"`             // newest checkpoints. 0: 2
	Patience        int    `json:"patience"`         // evaluations in a row without a better one before an early stop. 0: no such stop
	Seed            uint64 `json:"seed"`             // of weights, batches, masks, dropout and the choice of held-out documents

	file string // that they were read from, for errors
}

// MaskedModels are the values of [MaskedSettings.Model].
func MaskedModels() []string { return []string{"bert"} }

// ReadMaskedSettings reads a config file: a JSON object with the keys of
// [MaskedSettings]. A key that does not exist is an error.
func ReadMaskedSettings(path string) (MaskedSettings, error) {
	s := MaskedSettings{file: path}
	if err := readConfig(path, &s); err != nil {
		return MaskedSettings{}, err
	}
	return s, nil
}

func (s MaskedSettings) errorf(format string, args ...any) error {
	return configError(s.file, format, args...)
}

// check refuses what no derivation can mend. The model's own dimensions are the
// model's to check.
func (s MaskedSettings) check() error {
	for _, n := range []struct {
		key   string
		value int
	}{
		{"depth", s.Depth}, {"width", s.Width}, {"hidden", s.Hidden}, {"heads", s.Heads}, {"context", s.Context}, {"row", s.Row},
		{"vocab", s.Vocab}, {"eval_tokens", int(s.EvalTokens)}, {"rows", s.Rows}, {"micro", s.Micro}, {"steps", s.Steps},
		{"eval_every", s.EvalEvery}, {"checkpoint_every", s.CheckpointEvery}, {"keep", s.Keep}, {"patience", s.Patience},
	} {
		if n.value < 0 {
			return s.errorf("%s is %d, want 0 or more", n.key, n.value)
		}
	}
	switch {
	case s.Model != "" && s.Model != "bert":
		return s.errorf("model %q is not bert", s.Model)
	case s.Context > 0 && s.Context < 4:
		return s.errorf("context %d: [CLS] and [SEP] leave no room for a text", s.Context)
	case s.Dropout < 0 || s.Dropout >= 1:
		return s.errorf("dropout %g is not in [0, 1)", s.Dropout)
	case s.Vocab != 0 && s.Tokenizer != "" && s.Tokenizer != "bpe" && s.Tokenizer != "wordpiece":
		return s.errorf("vocab is of a tokenizer that is learned; the tokenizer is %s", s.Tokenizer)
	case s.Cased && s.Tokenizer != "" && s.Tokenizer != "wordpiece":
		return s.errorf("cased is of a WordPiece that is learned; the tokenizer is %s", s.Tokenizer)
	case s.Optimizer != "" && s.Optimizer != "muon" && s.Optimizer != "adamw":
		return s.errorf("optimizer %q is neither muon nor adamw", s.Optimizer)
	case s.MuonLR != 0 && s.Optimizer == "adamw":
		return s.errorf("muon_lr is of the optimizer muon")
	case s.LR < 0 || s.MuonLR < 0 || s.Clip < 0:
		return s.errorf("lr %g, muon_lr %g and clip %g must not be negative", s.LR, s.MuonLR, s.Clip)
	case s.Beta2 < 0 || s.Beta2 >= 1:
		return s.errorf("beta2 %g is not in [0, 1)", s.Beta2)
	case s.HeldOut < 0 || s.HeldOut >= 1:
		return s.errorf("held_out %g is no share of the text", s.HeldOut)
	}
	if _, err := tensor.ParsePrecision(s.Precision); err != nil {
		return s.errorf("%w", err)
	}
	if err := errors.Join(s.Schedule.Check(), s.Adversarial.Check()); err != nil {
		return s.errorf("%w", err)
	}
	return nil
}

// derive fills the fields that are zero and declares the model; tokens are those
// to train on.
func (s MaskedSettings) derive(vocab int, pad *int32, tokens int64) (MaskedSettings, *bert.BERT, error) {
	s.Model, s.Depth, s.Context = "bert", or(s.Depth, 4), or(s.Context, 128)
	s.Row = or(s.Row, s.Context)
	if s.Row < 4 || s.Row > s.Context {
		return s, nil, s.errorf("row %d is not from 4 to the context of %d", s.Row, s.Context)
	}
	s.Width = or(s.Width, 64*s.Depth)
	s.Heads, s.Hidden = or(s.Heads, max(1, s.Width/64)), or(s.Hidden, 4*s.Width)
	m, err := bert.New(bert.Config{
		Architectures: []string{string(bert.FillMask)}, Vocab: vocab, Context: s.Context, Width: s.Width, Layers: s.Depth,
		Heads: s.Heads, Hidden: s.Hidden, Dropout: s.Dropout, Pad: pad,
		Std: float32(1 / math.Sqrt(float64(s.Width))), // keeps the size of what passes a matrix; the paper's 0.02 is nearly that for its 768 channels
	})
	if err != nil {
		return s, nil, s.errorf("%w", err)
	}
	s.MaskShare, s.MaskToken, s.MaskRandom = or(s.MaskShare, 0.15), or(s.MaskToken, 0.8), or(s.MaskRandom, 0.1)
	s.Precision, s.Optimizer = or(s.Precision, "f32"), or(s.Optimizer, "muon")
	s.LR, s.Beta2 = or(s.LR, 3e-3*math.Sqrt(128/float64(s.Width))), or(s.Beta2, 0.98)
	if s.Optimizer == "muon" {
		s.MuonLR = or(s.MuonLR, 0.02)
	}
	s.Decay, s.Clip = or(s.Decay, 0.01), or(s.Clip, 1)
	s.Schedule = or(s.Schedule, train.Schedule{Shape: train.WSD, Warmup: 0.03, Decay: 0.5})
	s.Rows, s.Micro = or(s.Rows, 16), or(s.Micro, 1)
	s.Steps = or(s.Steps, int(max(1, 10*tokens/s.tokensPerStep())))
	tenth := max(1, s.Steps/10)
	s.EvalEvery, s.CheckpointEvery, s.Keep = or(s.EvalEvery, tenth), or(s.CheckpointEvery, tenth), or(s.Keep, 2)
	return s, m, nil
}

func (s MaskedSettings) tokensPerStep() int64 {
	return int64(s.Rows) * int64(s.Micro) * int64(s.Row)
}

// precision is that of products, as check has found it to exist.
func (s MaskedSettings) precision() tensor.DType {
	p, _ := tensor.ParsePrecision(s.Precision)
	return p
}

// groups are the model's parameters with their optimizers.
func (s MaskedSettings) groups(m model.Encoder) []train.Group {
	adam := train.AdamW{Beta2: s.Beta2}
	if s.Optimizer == "adamw" {
		return train.AdamWGroups(nn.Params(m), adam, s.LR, max(0, s.Decay))
	}
	return train.MuonGroups(nn.Params(m), train.Muon{}, s.MuonLR, adam, s.LR, max(0, s.Decay))
}
