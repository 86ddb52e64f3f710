package inkstone

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"iter"
	"math"
	"path/filepath"
	"time"

	"github.com/inkstone-ai/inkstone/corpus"
	"github.com/inkstone-ai/inkstone/format"
	"github.com/inkstone-ai/inkstone/model"
	"github.com/inkstone-ai/inkstone/model/seq2seq"
	"github.com/inkstone-ai/inkstone/nn"
	"github.com/inkstone-ai/inkstone/tensor"
	"github.com/inkstone-ai/inkstone/tokenizer"
	"github.com/inkstone-ai/inkstone/train"
)

// TranslatorOptions say which pairs to train an encoder–decoder on, where to, and how.
type TranslatorOptions struct {
	Data     []string  // a file of a source, a TAB and a target a line; or two files, line by line
	Stdin    io.Reader // what "-" reads
	Out      string    // folder of the model
	Settings TranslatorSettings
	Threads  int  // 0: one for each core; does not change the result
	Resume   bool // continue the run in Out
	Force    bool // start though the plan exceeds the memory that is there

	Planned  func(Announcement)
	Progress func(train.Metrics)
	Notice   func(string)
}

// TrainTranslator trains an encoder–decoder on pairs of sentences and writes the
// same folder as [Train]. Some pairs are held out, no sentence of which is in those
// it learns from (see [corpus.SplitPairs]); the weights are those of the best
// evaluation on them.
//
// It can be interrupted and resumed as Train can. Errors: those of [corpus.Pairs];
// a sentence longer than the context, by file and line; settings that do not fit
// each other; those of Train about folders and numbers.
func TrainTranslator(ctx context.Context, o TranslatorOptions) (*Trained, error) {
	if err := vacant(o.Out, o.Resume); err != nil {
		return nil, fmt.Errorf("train: %w", err)
	}
	t, err := prepareTranslator(ctx, o)
	if err != nil {
		return nil, err
	}
	if _, err := fit(t.planned(), o.Force, t.Notice); err != nil {
		return nil, err
	}
	return t.run(ctx)
}

// prepareTranslator reads the pairs and declares the model.
func prepareTranslator(ctx context.Context, o TranslatorOptions) (*translatorTraining, error) {
	if o.Notice == nil {
		o.Notice = func(string) {}
	}
	t := &translatorTraining{TranslatorOptions: o, settings: o.Settings}
	if err := t.settings.complete(); err != nil {
		return nil, err
	}
	if err := unlessDone(ctx, t.read); err != nil {
		return nil, err
	}
	var err error
	if t.model, err = seq2seq.New(t.settings.configuration(t.tok.Size())); err != nil {
		return nil, t.settings.errorf("%w", err)
	}
	return t, nil
}

// A translatorTraining is what TrainTranslator needs, before it has memory.
type translatorTraining struct {
	TranslatorOptions
	settings    TranslatorSettings
	tok         tokenizer.Tokenizer
	end         int32
	train, held *seq2seq.Pairs
	apart       []corpus.Pair // those of held
	model       model.EncoderDecoder
}

// read gets the pairs, divides them, and learns or loads the tokenizer. What
// evaluation sees, the tokenizer does not.
func (t *translatorTraining) read() error {
	s := &t.settings
	pairs, err := readPairs(t.Stdin, s.Reverse, t.Data)
	if err != nil {
		return err
	}
	learn, held, err := corpus.SplitPairs(pairs, s.HeldOut, s.Seed)
	if err != nil {
		return fmt.Errorf("%s: %w", named(t.Data), err)
	}
	t.apart = held
	if err := t.tokenizer(learn); err != nil {
		return err
	}
	var ok bool
	if t.end, ok = t.tok.ID(EndOfText); !ok {
		return s.errorf("the tokenizer %s has no %s, by which a sentence ends", s.Tokenizer, EndOfText)
	}
	for _, part := range []struct {
		pairs []corpus.Pair
		to    **seq2seq.Pairs
	}{{learn, &t.train}, {held, &t.held}} {
		if *part.to, err = seq2seq.NewPairs(t.tok, part.pairs, t.end, or(s.Context, math.MaxInt), s.Rows, s.Seed); err != nil {
			return err
		}
	}
	s.Context = or(s.Context, max(256, t.train.Longest(), t.held.Longest()))
	often := t.train.Steps(1) // of a run whose length in steps is not known
	if s.Minutes == 0 {
		s.Steps = or(s.Steps, t.train.Steps(s.Epochs))
		often = max(1, s.Steps/10)
	}
	s.EvalEvery, s.CheckpointEvery = or(s.EvalEvery, often), or(s.CheckpointEvery, often)
	return nil
}

// readPairs is corpus.Pairs in the direction of the settings.
func readPairs(stdin io.Reader, reverse bool, data []string) ([]corpus.Pair, error) {
	pairs, err := corpus.Pairs(stdin, data...)
	return turned(pairs, reverse), err
}

// turned are pairs with their sides exchanged, if that is asked for.
func turned(pairs []corpus.Pair, reverse bool) []corpus.Pair {
	if !reverse {
		return pairs
	}
	all := make([]corpus.Pair, len(pairs))
	for i, p := range pairs {
		all[i] = corpus.Pair{Source: p.Target, Target: p.Source, File: p.File, Line: p.Line}
	}
	return all
}

// tokenizer learns a vocabulary of both sides, or loads one.
func (t *translatorTraining) tokenizer(pairs []corpus.Pair) (err error) {
	s, bytes := &t.settings, int64(0)
	for side := range sides(pairs) {
		bytes += int64(len(side))
	}
	switch s.Tokenizer {
	case "bpe":
		s.Vocab = or(s.Vocab, vocabFor(4*bytes))
		t.tok, err = tokenizer.TrainBPE(sides(pairs), tokenizer.TrainOptions{Vocab: s.Vocab, Split: tokenizer.GPT2, Special: []string{EndOfText}, Threads: t.Threads})
	case "char":
		t.tok, err = tokenizer.NewChars(sides(pairs), EndOfText)
	default:
		t.tok, err = OpenTokenizer(s.Tokenizer)
	}
	return err
}

// sides yields the sentences of both sides.
func sides(pairs []corpus.Pair) iter.Seq[string] {
	return func(yield func(string) bool) {
		for _, p := range pairs {
			if !yield(p.Source) || !yield(p.Target) {
				return
			}
		}
	}
}

// run trains and writes the folder.
func (t *translatorTraining) run(ctx context.Context) (*Trained, error) {
	if err := tensor.CheckCPU(); err != nil {
		return nil, err
	}
	unlock, err := format.LockDir(t.Out)
	if err != nil {
		return nil, fmt.Errorf("train: %w", err)
	}
	defer unlock()
	d := tensor.CPU(t.Threads)
	defer d.Close()
	s := &t.settings
	precision, _ := tensor.ParsePrecision(s.Precision)
	t.announce(d, precision)
	start(t.model, d, s.Seed)
	stepper, done, err := t.stepper()
	if err != nil {
		return nil, err
	}
	defer done()
	r, err := train.Run(ctx, train.Config{
		Device: d, Steps: s.Steps, Budget: time.Duration(s.Minutes * float64(time.Minute)), Seed: s.Seed, Precision: precision, Dir: filepath.Join(t.Out, runDir), Resume: t.Resume,
		Identity:        train.Identity{Settings: *s, Tokenizer: fmt.Sprintf("%x", corpus.Fingerprint(t.tok)), Data: t.digest()},
		CheckpointEvery: s.CheckpointEvery, Keep: s.Keep, EvaluateEvery: s.EvalEvery, Patience: s.Patience,
		Evaluate: func(ctx context.Context) (float64, error) { return t.held.Evaluate(ctx, t.model) },
		Progress: t.Progress, Notice: t.Notice,
	}, stepper)
	if err != nil {
		return nil, err
	}
	if err := loadBest(t.model, r); err != nil {
		return nil, err
	}
	if err := writeJSON(filepath.Join(t.Out, SettingsFile), s); err != nil {
		return nil, err
	}
	if err := WritePairs(filepath.Join(t.Out, HeldOutFile), turned(t.apart, s.Reverse)); err != nil {
		return nil, err
	}
	return save(t.Out, t.model, t.tok, nil, model.Generation{BOS: &t.end, EOS: model.IDs{t.end}}, r)
}

// HeldOutFile is the name under which a translator's folder has the pairs that were
// held out, in the columns of the data.
const HeldOutFile = "held-out.tsv"

// WritePairs writes pairs as [corpus.Pairs] reads them.
func WritePairs(path string, pairs []corpus.Pair) error {
	return format.WriteFile(path, func(w io.Writer) error {
		for _, p := range pairs {
			if _, err := fmt.Fprintf(w, "%s\t%s\n", p.Source, p.Target); err != nil {
				return err
			}
		}
		return nil
	})
}

// stepper joins the model, its optimizers, the batches and the adversary, if there is
// one; done is for when the run is over.
func (t *translatorTraining) stepper() (_ *train.Stepper, done func(), _ error) {
	s := &t.settings
	stepper := &train.Stepper{Groups: t.groups(), Schedule: s.Schedule, Clip: s.Clip, Tokens: t.tokensPerStep()}
	done, err := t.train.Teach(stepper, t.model, max(0, s.Smoothing), s.Adversarial)
	return stepper, done, err
}

// groups are the model's parameters with their optimizers.
func (t *translatorTraining) groups() []train.Group {
	s := &t.settings
	adam := train.AdamW{Beta2: 0.98, Eps: 1e-9} // Vaswani et al. 2017, section 5.3
	if s.Optimizer == "muon" {
		return train.MuonGroups(nn.Params(t.model), train.Muon{}, s.MuonLR, adam, s.LR, s.Decay)
	}
	return train.AdamWGroups(nn.Params(t.model), adam, s.LR, s.Decay)
}

// tokensPerStep counts both sides.
func (t *translatorTraining) tokensPerStep() int {
	return t.train.Tokens() * t.settings.Rows / len(t.train.Examples)
}

func (t *translatorTraining) announce(d *tensor.Device, precision tensor.DType) {
	if t.Planned == nil {
		return
	}
	s := &t.settings
	t.Planned(Announcement{
		Model: seq2seq.Type + " (" + s.Architecture + ")", Parameters: int64(model.Parameters(t.model)), Vocabulary: t.tok.Size(), Context: s.Context,
		Device: d.Name(), Precision: d.Precision(precision).String(), Steps: s.Steps, TokensPerStep: t.tokensPerStep(),
		TrainTokens: int64(t.train.Tokens()), HeldTokens: int64(t.held.Tokens()), EvalTokens: int64(t.held.Tokens()),
	})
}

// digest is a fingerprint of what is learned and what is held out.
func (t *translatorTraining) digest() string {
	h := sha256.New()
	for _, d := range []*seq2seq.Pairs{t.train, t.held} {
		fmt.Fprintln(h, len(d.Examples))
		for _, e := range d.Examples {
			fmt.Fprintln(h, e.Source, e.Target)
		}
	}
	return hex.EncodeToString(h.Sum(nil))
}

var errNoSource = errors.New("translate: an empty source: there is nothing to translate")
