package inkstone

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"path/filepath"

	"github.com/inkstone-ai/inkstone/corpus"
	"github.com/inkstone-ai/inkstone/eval"
	"github.com/inkstone-ai/inkstone/format"
	"github.com/inkstone-ai/inkstone/model"
	"github.com/inkstone-ai/inkstone/model/bert"
	"github.com/inkstone-ai/inkstone/nn"
	"github.com/inkstone-ai/inkstone/tensor"
	"github.com/inkstone-ai/inkstone/tokenizer"
	"github.com/inkstone-ai/inkstone/train"
)

// MaskedOptions say what [TrainMasked] trains on, where to, and how.
type MaskedOptions struct {
	Data     []string  // files, folders, globs or "-"
	Stdin    io.Reader // what "-" reads
	Out      string    // folder of the model
	Settings MaskedSettings
	Threads  int  // 0: one for each core; does not change the result
	Resume   bool // continue the run in Out
	Force    bool // start though the plan exceeds the memory that is there

	Planned  func(Announcement)
	Progress func(train.Metrics)
	Notice   func(string)
	// Measured, where present, gets how well the best weights name hidden tokens of
	// all held-out text, beside baselines that have counted the training text.
	Measured func(*eval.MaskedMeasurement)
}

// TrainMasked pretrains a BERT: tokens are hidden, and the model learns to name
// them from what stands on both sides. It writes a Hugging Face folder of
// BertForMaskedLM, with the same files beside it as [Train].
//
// A row of a batch is one segment, [CLS] T−2 tokens [SEP], cut from the documents
// laid end to end with [SEP] between them: FULL-SENTENCES of Liu et al. 2019,
// arXiv:1907.11692, table 2, which found it no worse than pairs of segments with
// the prediction of next sentences, and every token is of use.
//
// Errors and the end of ctx are as for [Train].
func TrainMasked(ctx context.Context, o MaskedOptions) (*Trained, error) {
	if err := vacant(o.Out, o.Resume); err != nil {
		return nil, fmt.Errorf("train: %w", err)
	}
	p, err := prepareMasked(ctx, o)
	if err != nil {
		return nil, err
	}
	if p.checkpoint, err = fit(p.planned(), o.Force, p.Notice); err != nil {
		return nil, err
	}
	return p.run(ctx)
}

// prepareMasked reads the text and declares the model.
func prepareMasked(ctx context.Context, o MaskedOptions) (*maskedTraining, error) {
	if o.Notice == nil {
		o.Notice = func(string) {}
	}
	p := &maskedTraining{MaskedOptions: o, settings: o.Settings}
	p.settings.HeldOut, p.settings.EvalTokens = or(p.settings.HeldOut, 0.1), or(p.settings.EvalTokens, 1<<16)
	if err := p.settings.check(); err != nil {
		return nil, err
	}
	if err := unlessDone(ctx, func() error { return errors.Join(p.read(), ctx.Err()) }); err != nil {
		return nil, err
	}
	return p, p.declare()
}

// A maskedTraining is everything that a run needs, before it has memory.
type maskedTraining struct {
	MaskedOptions
	settings    MaskedSettings
	tok         tokenizer.Tokenizer
	frame       *tokenizer.Frame
	mask        int32
	train, held corpus.IDs
	digest      string
	skipped     []string
	model       *bert.BERT
	checkpoint  bool
}

// read splits documents, learns or loads the tokenizer and encodes.
func (p *maskedTraining) read() error {
	docs, skipped, err := corpus.Read(p.Stdin, p.Data...)
	if err != nil {
		return err
	}
	p.skipped = skipped
	learn, held, err := corpus.Split(docs, p.settings.HeldOut, p.settings.Seed)
	if err != nil {
		return fmt.Errorf("%s: %w", named(p.Data), err)
	}
	if p.tok, err = p.makeTokenizer(learn); err != nil {
		return err
	}
	if p.frame, p.mask, err = maskOf(p.tok); err != nil {
		return err
	}
	sep, ok := p.tok.ID(tokenizer.SepToken)
	if !ok {
		sep = corpus.NoEnd
	}
	p.train, p.held = corpus.Encode(p.tok, learn, sep), corpus.Encode(p.tok, held, sep)
	all := sha256.New()
	for _, tokens := range []corpus.IDs{p.train, p.held} {
		sum, err := corpus.Digest(tokens)
		if err != nil {
			return err
		}
		all.Write(sum[:])
	}
	p.digest = fmt.Sprintf("%x", all.Sum(nil))
	return nil
}

// maskOf returns what a masked language model needs of its tokenizer.
func maskOf(t tokenizer.Tokenizer) (*tokenizer.Frame, int32, error) {
	mask, ok := t.ID(tokenizer.MaskToken)
	if !ok || !t.IsSpecial(mask) {
		return nil, 0, fmt.Errorf("the tokenizer has no special token %s: it was not made for a masked language model", tokenizer.MaskToken)
	}
	f, err := tokenizer.FrameOf(t)
	return f, mask, err
}

// makeTokenizer learns a tokenizer from the training part, or loads one.
func (p *maskedTraining) makeTokenizer(docs []corpus.Document) (tokenizer.Tokenizer, error) {
	s := &p.settings
	switch s.Tokenizer = or(s.Tokenizer, "wordpiece"); s.Tokenizer {
	case "wordpiece":
		s.Vocab = or(s.Vocab, vocabFor(corpus.Bytes(docs)))
		t, err := tokenizer.TrainWordPiece(texts(docs), tokenizer.WordPieceOptions{Vocab: s.Vocab, Cased: s.Cased, Threads: p.Threads})
		if err != nil {
			return nil, fmt.Errorf("train: %s: %w", named(p.Data), err)
		}
		return t, nil
	case "bpe":
		s.Vocab = or(s.Vocab, vocabFor(corpus.Bytes(docs)))
		return tokenizer.TrainBPE(texts(docs), tokenizer.TrainOptions{Vocab: s.Vocab, Special: tokenizer.MaskedSpecial, Threads: p.Threads})
	}
	return OpenTokenizer(s.Tokenizer)
}

// declare derives the settings that are not given and the model's shapes.
func (p *maskedTraining) declare() (err error) {
	var pad *int32
	if id, ok := p.tok.ID(tokenizer.PadToken); ok {
		pad = &id
	}
	if p.settings, p.model, err = p.settings.derive(p.tok.Size(), pad, p.train.Len()); err != nil {
		return err
	}
	if T := p.text(); p.train.Len() <= int64(T) || p.held.Len() < 1 {
		return fmt.Errorf("train: %s: %d tokens to train on and %d held out are too few for one context of %d: give more text, or set a smaller context or row", named(p.Data), p.train.Len(), p.held.Len(), T)
	}
	return p.masking().Check()
}

// text is the number of tokens of a row that are text.
func (p *maskedTraining) text() int { return p.settings.Row - p.frame.Extra(false) }

func (p *maskedTraining) masking() *corpus.Masking {
	s := p.settings
	m := corpus.BERTMasking(s.Seed, p.mask, p.tok.Size(), p.tok.IsSpecial)
	m.Share, m.Mask, m.Random, m.WholeWords = s.MaskShare, s.MaskToken, max(0, s.MaskRandom), s.WholeWords
	m.Continues = continues(p.tok)
	return m
}

// continues tells which tokens continue the word of the one before: those that a
// WordPiece marks; of a BPE over bytes, whose words take the blank before them
// along, those that begin with a letter or a byte inside a character.
func continues(t tokenizer.Tokenizer) func(id int32) bool {
	if w, ok := t.(*tokenizer.WordPiece); ok {
		return w.Continues
	}
	return func(id int32) bool {
		b, ok := t.Token(id)
		return ok && len(b) > 0 && !t.IsSpecial(id) && (b[0] >= 0x80 || b[0] >= 'a' && b[0] <= 'z' || b[0] >= 'A' && b[0] <= 'Z')
	}
}

// A holes is the hidden tokens of a micro batch: the rows of its pass where they were,
// what they were, and what each one's loss weighs.
type holes struct {
	rows, were []int32
	weights    []float32
}

// stepper joins the model, its optimizers, the batches and the adversary, if there is
// one; done is for when the run is over.
func (p *maskedTraining) stepper(d *tensor.Device) (_ *train.Stepper, done func(), _ error) {
	s, pass := p.settings, &nn.Pass{Checkpoint: p.checkpoint}
	hide, err := p.batches(pass)
	if err != nil {
		return nil, nil, err
	}
	stepper := &train.Stepper{
		Groups: s.groups(p.model), Schedule: s.Schedule, Clip: s.Clip, Micro: s.Micro, Tokens: int(s.tokensPerStep()),
		Loss: func(step *tensor.Step, index, micro int) (*tensor.Tensor, error) {
			h, err := hide(step, index, micro)
			if err != nil {
				return nil, err
			}
			return model.MaskedLoss(p.model, pass, pass.Ints(h.rows), pass.Ints(h.were), step.Floats(h.weights, len(h.weights))), nil
		},
	}
	width, text := p.model.Shape().Width, train.Input{Pass: pass, Rows: s.Rows * s.Row}
	if s.Adversarial.Method != "virtual" {
		return stepper, s.Adversarial.Arm(stepper, d, width, text), nil
	}
	done, err = s.Adversarial.ArmVirtual(stepper, d, width, s.Seed, func(step *tensor.Step, index int) (train.Answer, error) {
		h, err := hide(step, index, 0)
		if err != nil {
			return train.Answer{}, err
		}
		logits := p.model.Logits(p.model.Forward(pass).Rows(pass.Ints(h.rows)))
		return train.Answer{Logits: logits, Targets: pass.Ints(h.were), Weights: step.Floats(h.weights, len(h.weights))}, nil
	}, text)
	return stepper, done, err
}

// batches returns what makes the pass of a micro batch and hides tokens of it.
func (p *maskedTraining) batches(pass *nn.Pass) (func(step *tensor.Step, index, micro int) (holes, error), error) {
	s, T := p.settings, p.text()
	loader, err := corpus.NewLoader(p.train, s.Rows, T, s.Seed)
	if err != nil {
		return nil, err
	}
	masking := p.masking()
	window, after := make([]int32, s.Rows*T), make([]int32, s.Rows*T)
	var ids []int32
	return func(step *tensor.Step, index, micro int) (h holes, err error) {
		number := int64(index*s.Micro + micro)
		if err := loader.Batch(number, window, after); err != nil {
			return h, err
		}
		ids = ids[:0]
		for r := range s.Rows {
			row, _ := p.frame.Join(window[r*T:(r+1)*T], nil)
			ids = append(ids, row...)
		}
		if h.rows, h.were = masking.Hide(ids, number); len(h.rows) == 0 {
			return h, fmt.Errorf("train: batch %d has no token to hide", number)
		}
		h.weights = make([]float32, len(h.rows))
		for i := range h.weights {
			h.weights[i] = s.Adversarial.Share() / float32(len(h.rows)*s.Micro)
		}
		pass.SetRows(step, ids, s.Row)
		return h, nil
	}, nil
}

// evaluate is the mean loss at masked places of the held-out tokens, which are the
// same at each evaluation.
func (p *maskedTraining) evaluate(ctx context.Context) (float64, error) {
	m, err := eval.Masked(ctx, p.model, p.tok, p.held[:min(len(p.held), int(p.settings.EvalTokens))], eval.MaskedOptions{Context: p.settings.Row})
	if err != nil {
		return 0, err
	}
	return m.Scores[0].Loss, nil
}

// start draws the weights and makes them trainable.
func (p *maskedTraining) start(d *tensor.Device) {
	start(p.model, d, p.settings.Seed)
	p.model.StartPositions()
}

// run trains and writes the folder.
func (p *maskedTraining) run(ctx context.Context) (*Trained, error) {
	if err := tensor.CheckCPU(); err != nil {
		return nil, err
	}
	unlock, err := format.LockDir(p.Out)
	if err != nil {
		return nil, fmt.Errorf("train: %w", err)
	}
	defer unlock()
	d := tensor.CPU(p.Threads)
	defer d.Close()
	p.announce(d)
	p.start(d)
	s, done, err := p.stepper(d)
	if err != nil {
		return nil, err
	}
	defer done()
	r, err := train.Run(ctx, train.Config{
		Device: d, Steps: p.settings.Steps, Seed: p.settings.Seed, Precision: p.settings.precision(),
		Dir: filepath.Join(p.Out, runDir), Resume: p.Resume,
		Identity:        train.Identity{Settings: p.settings, Tokenizer: fmt.Sprintf("%x", corpus.Fingerprint(p.tok)), Data: p.digest},
		CheckpointEvery: p.settings.CheckpointEvery, Keep: p.settings.Keep,
		Evaluate: p.evaluate, EvaluateEvery: p.settings.EvalEvery, Patience: p.settings.Patience,
		Progress: p.Progress, Notice: p.Notice,
	}, s)
	if err != nil {
		return nil, err
	}
	if err := loadBest(p.model, r); err != nil {
		return nil, err
	}
	if err := writeJSON(filepath.Join(p.Out, SettingsFile), p.settings); err != nil {
		return nil, err
	}
	trained, err := saveEncoder(p.Out, p.model, p.tok, r)
	if err != nil || p.Measured == nil {
		return trained, err
	}
	m, err := eval.Masked(ctx, p.model, p.tok, p.held, eval.MaskedOptions{Context: p.settings.Row, Counted: p.train})
	if err != nil {
		return nil, err
	}
	p.Measured(m)
	return trained, nil
}

func (p *maskedTraining) announce(d *tensor.Device) {
	if p.Planned == nil {
		return
	}
	s := p.settings
	p.Planned(Announcement{
		Model: s.Model, Parameters: int64(model.Parameters(p.model)), Vocabulary: p.tok.Size(), Context: s.Context,
		Device: d.Name(), Precision: d.Precision(s.precision()).String(), Steps: s.Steps, TokensPerStep: int(s.tokensPerStep()),
		TrainTokens: p.train.Len(), HeldTokens: p.held.Len(), EvalTokens: min(p.held.Len(), s.EvalTokens), Skipped: p.skipped,
	})
}

// saveEncoder is [save] for models that read and do not write.
func saveEncoder(dir string, m model.Encoder, tok tokenizer.Tokenizer, r train.Result) (*Trained, error) {
	if err := tokenizer.Save(tok, dir); err != nil {
		return nil, err
	}
	if err := tokenizer.SaveMaskedConfig(dir, tok); err != nil {
		return nil, err
	}
	if err := curve(dir); err != nil {
		return nil, err
	}
	if err := model.SaveEncoder(dir, m); err != nil {
		return nil, err
	}
	return summary(dir, m, r)
}
