package inkstone

import (
	"errors"
	"slices"
	"strings"

	"github.com/inkstone-ai/inkstone/tensor"
	"github.com/inkstone-ai/inkstone/train"
)

// Settings decide what a pretraining computes: with the data they give the
// weights, bit for bit. A field that is zero is derived: the model's and the
// optimizer's from Depth (see [train.Depth]), the others as their comments say.
// [Train] stores them resolved, as inkstone.json beside the model; that file is
// a config file for another run.
type Settings struct {
	Depth int    `json:"depth"` // blocks; the dial from which the rest follows. 0: 4, of recurrent models 2
	Model string `json:"model"` // one of [LanguageModels]. "": llama

	Width     int     `json:"width"`      // C. 0: 64·depth, of recurrent models 128·depth
	Hidden    int     `json:"hidden"`     // F of the feed-forward part. 0: 4·width for GPT-2, else 8/3·width
	Heads     int     `json:"heads"`      // H. 0: one for 64 channels
	KVHeads   int     `json:"kv_heads"`   // G, not of GPT-2. 0: heads
	Context   int     `json:"context"`    // T. 0: 256, from depth 5 on 512, from depth 9 on 1024; of recurrent models how far back-propagation goes. 0: 64
	CanonTaps int     `json:"canon_taps"` // tokens that the convolution of a canon model sees. 0: 4
	Dropout   float32 `json:"dropout"`    // of GPT-2's embeddings and residual branches, and between recurrent layers

	Tokenizer string `json:"tokenizer"` // "bpe", "char", "word", "byte", or the path of one. "": bpe
	Vocab     int    `json:"vocab"`     // ids of a BPE. 0: the power of two nearest to 2·√bytes, 512 to 32,768
	Split     string `json:"split"`     // pre-tokenizer of a BPE: gpt2, cl100k, qwen2 or o200k. "": gpt2

	// Embeddings is a file of word vectors, or a folder of them, with which the
	// embedding of a word-level model starts; see [wordvec.Open] for the forms.
	Embeddings string `json:"embeddings,omitempty"`

	HeldOut    float64 `json:"held_out"`    // share of the text that is kept for evaluation. 0: 0.1
	EvalTokens int64   `json:"eval_tokens"` // most held-out tokens of one evaluation. 0: 262,144

	Rows  int `json:"rows"`  // B, of a micro batch. 0: with Micro, as many as still pay; of recurrent models 16 streams
	Micro int `json:"micro"` // micro batches of an update
	Steps int `json:"steps"` // updates. 0: 20 tokens for each parameter, but at most 4 epochs

	Optimizer string         `json:"optimizer"` // "muon" (matrices; AdamW for the rest) or "adamw". "": muon
	LR        float64        `json:"lr"`        // peak of AdamW. 0: 3e-3·√(128/width), of recurrent models ten times as much beside Muon
	MuonLR    float64        `json:"muon_lr"`   // peak of Muon. 0: 0.02, of recurrent models 0.03
	Beta2     float64        `json:"beta2"`     // of AdamW. 0: 0.95
	Decay     float64        `json:"decay"`     // weight decay of matrices. 0: 0.1; a negative one means none
	Clip      float64        `json:"clip"`      // of the gradient's norm. 0: 1
	Schedule  train.Schedule `json:"schedule"`  // zero: 3 % warm-up, constant, linear to zero over the last half

	// Checkpoint keeps the inputs of blocks alone and computes the rest again in the
	// backward: less memory, a third more time, the same weights bit for bit. [Train]
	// turns it on where the run does not fit the memory without.
	Checkpoint bool `json:"checkpoint,omitempty"`

	Precision string `json:"precision"` // of products in training: "f32", or "bf16", twice as fast where the processor has it. "": f32

	// Adversarial training of the embeddings, see [train.Adversary]. Zero: none.
	Adversarial train.Adversary `json:"adversarial,omitzero"`

	EvalEvery       int    `json:"eval_every"`       // steps. 0: a tenth of the run, more where that would take over a quarter of it
	CheckpointEvery int    `json:"checkpoint_every"` // steps. 0: a tenth of the run
	Keep            int    `json:"keep"`             // newest checkpoints. 0: 2
	Patience        int    `json:"patience"`         // evaluations in a row without a better one before an early stop. 0: no such stop
	Seed            uint64 `json:"seed"`             // of weights, batches, dropout and the choice of held-out documents

	file string // that they were read from, for errors
}

// LanguageModels are the values of [Settings.Model].
func LanguageModels() []string {
	return []string{"llama", "gpt2", "inkstone_canon_llama", "rnn", "lstm", "gru"}
}

// SettingsFile is the name under which a model's folder has its [Settings].
const SettingsFile = "inkstone.json"

// ReadSettings reads a config file: a JSON object with the keys of [Settings].
// A key that does not exist is an error, for it would be a setting that is not heeded.
func ReadSettings(path string) (Settings, error) {
	s := Settings{file: path}
	if err := readConfig(path, &s); err != nil {
		return Settings{}, err
	}
	return s, nil
}

// precision is that of products, as [Settings.check] has found it to exist.
func (s Settings) precision() tensor.DType {
	p, _ := tensor.ParsePrecision(s.Precision)
	return p
}

// errorf names the config file where there is one.
func (s Settings) errorf(format string, args ...any) error {
	return configError(s.file, format, args...)
}

// check refuses what no derivation can mend, and settings that would not be
// heeded. The model's own dimensions are the model's to check.
func (s Settings) check() error {
	if err := s.checkRun(); err != nil {
		return err
	}
	gpt2 := s.Model == "gpt2"
	switch {
	case s.Model != "" && !slices.Contains(LanguageModels(), s.Model):
		return s.errorf("model %q is none of %s", s.Model, strings.Join(LanguageModels(), ", "))
	case s.Dropout < 0 || s.Dropout >= 1:
		return s.errorf("dropout %g is not in [0, 1)", s.Dropout)
	case s.Dropout > 0 && !gpt2 && !s.recurrent():
		return s.errorf("dropout is of gpt2 and recurrent models alone")
	case s.recurrent() && (s.Heads != 0 || s.KVHeads != 0 || s.Hidden != 0 || s.Checkpoint):
		return s.errorf("heads, kv_heads, hidden and checkpoint are not of %s", s.Model)
	case s.KVHeads != 0 && gpt2:
		return s.errorf("kv_heads is not of gpt2")
	case s.CanonTaps != 0 && s.Model != "inkstone_canon_llama":
		return s.errorf("canon_taps is of inkstone_canon_llama alone")
	case s.Vocab != 0 && s.Tokenizer != "" && s.Tokenizer != "bpe":
		return s.errorf("vocab is of a BPE that is learned; the tokenizer is %s", s.Tokenizer)
	case s.Embeddings != "" && (s.Tokenizer == "" || s.Tokenizer == "bpe" || s.Tokenizer == "char" || s.Tokenizer == "byte"):
		return s.errorf("embeddings are of words: set tokenizer to word, it is %s", or(s.Tokenizer, "bpe"))
	case s.Split != "" && s.Tokenizer != "" && s.Tokenizer != "bpe":
		return s.errorf("split is of a BPE that is learned; the tokenizer is %s", s.Tokenizer)
	}
	return nil
}

func (s Settings) checkRun() error {
	for _, n := range []struct {
		key   string
		value int
	}{
		{"depth", s.Depth}, {"width", s.Width}, {"hidden", s.Hidden}, {"heads", s.Heads}, {"kv_heads", s.KVHeads},
		{"context", s.Context}, {"canon_taps", s.CanonTaps}, {"vocab", s.Vocab}, {"eval_tokens", int(s.EvalTokens)},
		{"rows", s.Rows}, {"micro", s.Micro}, {"steps", s.Steps}, {"eval_every", s.EvalEvery},
		{"checkpoint_every", s.CheckpointEvery}, {"keep", s.Keep}, {"patience", s.Patience},
	} {
		if n.value < 0 {
			return s.errorf("%s is %d, want 0 or more", n.key, n.value)
		}
	}
	switch {
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
