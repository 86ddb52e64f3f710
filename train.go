package inkstone

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"

	"github.com/inkstone-ai/inkstone/corpus"
	"github.com/inkstone-ai/inkstone/eval"
	"github.com/inkstone-ai/inkstone/format"
	"github.com/inkstone-ai/inkstone/model"
	"github.com/inkstone-ai/inkstone/model/wordvec"
	"github.com/inkstone-ai/inkstone/nn"
	"github.com/inkstone-ai/inkstone/tensor"
	"github.com/inkstone-ai/inkstone/tokenizer"
	"github.com/inkstone-ai/inkstone/train"
)

// TrainOptions say what to train on, where to, and how.
type TrainOptions struct {
	Data     []string  // files, folders, globs, "-", or token shards
	Stdin    io.Reader // what "-" reads
	Out      string    // folder of the model
	Settings Settings
	Threads  int  // 0: one for each core; does not change the result
	Resume   bool // continue the run in Out
	Force    bool // start though the plan exceeds the memory that is there

	Planned  func(Announcement)  // what the run is about to be, where present
	Progress func(train.Metrics) // each step and evaluation, where present
	Notice   func(string)        // what a user should be told beside an error, where present
}

// An Announcement says what a run is about to be, when its data have been read
// and nothing has been computed.
type Announcement struct {
	Model         string // model_type
	Parameters    int64
	Vocabulary    int
	Context       int
	Device        string
	Precision     string // that products really have: f32 or bf16
	Steps         int
	TokensPerStep int
	TrainTokens   int64 // of one epoch
	HeldTokens    int64 // held out
	EvalTokens    int64 // of them, that an evaluation during the run reads

	Input string // what a model of other things than text reads
	Unit  string // what is counted in place of tokens: images, say

	Wanted  int64    // tokens that the depth asks for where the text is too small for them, else 0
	Skipped []string // what folders hold and was not read: hidden names, links to folders
	Dropped int      // conversations that the context does not hold, left out as asked
}

// Trained is what [Train] and [Tune] made.
type Trained struct {
	Dir        string   `json:"dir"`
	Parameters int      `json:"parameters"`
	Steps      int      `json:"steps"`
	Loss       float64  `json:"loss"`      // of the last step
	Best       *float64 `json:"best"`      // lowest held-out loss; nil where nothing was held out
	BestStep   int      `json:"best_step"` // where it was; the folder's weights are of this step
	Stopped    string   `json:"stopped"`   // "steps" or "patience"
	Seconds    float64  `json:"seconds"`
	WeightsSHA string   `json:"weights_sha256"` // of model.safetensors
}

// Train pretrains a model on text and writes its folder: config.json,
// model.safetensors, tokenizer.json and generation_config.json as other programs
// read them, inkstone.json with the settings, loss.svg and loss.png, and run/ with
// checkpoints and the metrics log. The weights are those of the best evaluation.
//
// When ctx ends, it writes a checkpoint and returns an error that wraps ctx's;
// with Resume a later call goes on to the same weights as if nothing had happened.
//
// Errors: an Out that cannot be written, holds another model, or is used by
// another run ([format.ErrLocked]); data that are missing, no text, or too short;
// settings that do not fit each other; a plan that exceeds the memory; a loss
// that is not finite ([train.NonFiniteError]).
func Train(ctx context.Context, o TrainOptions) (*Trained, error) {
	if err := vacant(o.Out, o.Resume); err != nil {
		return nil, fmt.Errorf("train: %w", err)
	}
	p, err := prepare(ctx, o)
	if err != nil {
		return nil, err
	}
	defer p.close()
	if err := p.fits(); err != nil {
		return nil, err
	}
	return p.run(ctx)
}

// A pretraining is everything that a run needs, before it has memory.
type pretraining struct {
	TrainOptions
	vectors *wordvec.Vectors // with which embeddings start; nil: none

	settings  Settings
	tokenizer tokenizer.Tokenizer
	train     corpus.Tokens
	held      corpus.Tokens
	digest    string // of train and held
	lm        model.LM
	wanted    int64 // see Announcement
	skipped   []string
	shards    *corpus.Shards // nil when the data are text
	carry     *nn.Carry      // of a recurrent model under way, else nil
}

func (p *pretraining) close() error {
	if p.carry != nil {
		p.carry.Free()
	}
	if p.shards == nil {
		return nil
	}
	return p.shards.Close()
}

// prepare reads the data, makes or loads the tokenizer and declares the model.
func prepare(ctx context.Context, o TrainOptions) (*pretraining, error) {
	if o.Notice == nil {
		o.Notice = func(string) {}
	}
	p := &pretraining{TrainOptions: o, settings: o.Settings}
	p.settings.HeldOut = or(p.settings.HeldOut, 0.1)
	p.settings.EvalTokens = or(p.settings.EvalTokens, 1<<18)
	if p.settings.Embeddings != "" {
		p.settings.Tokenizer = or(p.settings.Tokenizer, "word")
	}
	if err := p.settings.check(); err != nil {
		return nil, err
	}
	err := unlessDone(ctx, func() error {
		err := errors.Join(p.read(), ctx.Err())
		if err == nil {
			err = p.readEmbeddings()
		}
		if err != nil {
			return errors.Join(err, p.close())
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	if err := p.declare(); err != nil {
		return nil, errors.Join(err, p.close())
	}
	return p, nil
}

// unlessDone does work that looks at no context, such as reading and counting,
// and returns without it when ctx ends first: it is then left to itself, and
// nobody looks at what it makes.
func unlessDone(ctx context.Context, work func() error) error {
	done := make(chan error, 1)
	go func() { done <- work() }()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return fmt.Errorf("interrupted before the first step: %w", ctx.Err())
	}
}

// declare derives the settings that are not given and the model's shapes.
func (p *pretraining) declare() (err error) {
	n := size{p.tokenizer.Size(), p.train.Len(), p.held.Len()}
	if p.settings, p.lm, p.wanted, err = p.settings.derive(n); err != nil {
		return err
	}
	if T := int64(p.settings.Context); n.train <= T || n.held < 2 {
		return fmt.Errorf("train: %s: %d tokens to train on and %d held out are too few for one context of %d and the token after it: give more text, or set a smaller context",
			named(p.Data), n.train, n.held, T)
	}
	return nil
}

// A nextBatch makes the pass of a micro batch and returns its targets.
type nextBatch func(step *tensor.Step, index, micro int) (targets []int32, err error)

// stepper joins the model, its optimizers, the batches and the adversary, if there is
// one; done is for when the run is over.
func (p *pretraining) stepper(d *tensor.Device) (_ *train.Stepper, done func(), _ error) {
	s := p.settings
	n, pass := s.Rows*s.Context, &nn.Pass{Checkpoint: s.Checkpoint}
	batch, state, err := p.batches(pass)
	if err != nil {
		return nil, nil, err
	}
	weights := make([]float32, n)
	for i := range weights {
		weights[i] = s.Adversarial.Share() / float32(n*s.Micro) // the loss of an update is a mean over all its tokens
	}
	stepper := &train.Stepper{
		Groups: s.groups(p.lm), State: state, Schedule: s.Schedule, Clip: s.Clip, Micro: s.Micro, Tokens: n * s.Micro,
		Loss: func(step *tensor.Step, index, micro int) (*tensor.Tensor, error) {
			targets, err := batch(step, index, micro)
			if err != nil {
				return nil, err
			}
			return model.Loss(p.lm, pass, step.Ints(targets, n), step.Floats(weights, n)), nil
		},
	}
	width, text := p.lm.Shape().Width, train.Input{Pass: pass, Rows: n}
	if s.Adversarial.Method != "virtual" {
		return stepper, s.Adversarial.Arm(stepper, d, width, text), nil
	}
	done, err = s.Adversarial.ArmVirtual(stepper, d, width, s.Seed, func(step *tensor.Step, index int) (train.Answer, error) {
		targets, err := batch(step, index, 0)
		if err != nil {
			return train.Answer{}, err
		}
		return train.Answer{Logits: p.lm.Logits(p.lm.Forward(pass)), Targets: step.Ints(targets, n), Weights: step.Floats(weights, n)}, nil
	}, text)
	return stepper, done, err
}

// batches is windows of the text, dealt out in another order in each epoch; of a
// recurrent model streams, with the states that they carry.
func (p *pretraining) batches(pass *nn.Pass) (_ nextBatch, state []train.Param, _ error) {
	if lm, ok := p.lm.(model.Recurrent); ok {
		return p.alongStreams(lm, pass)
	}
	s := p.settings
	loader, err := corpus.NewLoader(p.train, s.Rows, s.Context, s.Seed)
	if err != nil {
		return nil, nil, err
	}
	ids, targets := make([]int32, s.Rows*s.Context), make([]int32, s.Rows*s.Context)
	return func(step *tensor.Step, index, micro int) ([]int32, error) {
		if err := loader.Batch(int64(index*s.Micro+micro), ids, targets); err != nil {
			return nil, err
		}
		pass.SetRows(step, ids, s.Context)
		return targets, nil
	}, nil, nil
}

// groups are the model's parameters with their optimizers.
func (s Settings) groups(lm model.LM) []train.Group {
	decay := max(0, s.Decay)
	adam := train.AdamW{Beta2: s.Beta2}
	if s.Optimizer == "adamw" {
		return train.AdamWGroups(nn.Params(lm), adam, s.LR, decay)
	}
	return train.MuonGroups(nn.Params(lm), train.Muon{}, s.MuonLR, adam, s.LR, decay)
}

// evalTokens are the held-out tokens that an evaluation reads: the first ones,
// so that the losses of one run can be compared.
func (p *pretraining) evalTokens() corpus.Tokens {
	if most := p.settings.EvalTokens; p.held.Len() > most {
		return part{p.held, 0, most}
	}
	return p.held
}

// evaluate is the held-out loss in windows that do not overlap, or with a state along
// the whole text.
func (p *pretraining) evaluate(ctx context.Context) (float64, error) {
	o := eval.Options{Context: p.settings.Context}
	if p.settings.recurrent() {
		o.Context = 0
	}
	m, err := eval.Language(ctx, p.lm, nil, p.evalTokens(), o)
	return m.Loss, err
}

// run trains and writes the folder.
func (p *pretraining) run(ctx context.Context) (*Trained, error) {
	if err := tensor.CheckCPU(); err != nil {
		return nil, err
	}
	unlock, err := format.LockDir(p.Out) // until the last file is written; train.Run locks its own part
	if err != nil {
		return nil, fmt.Errorf("train: %w", err)
	}
	defer unlock()
	d := tensor.CPU(p.Threads)
	defer d.Close()
	p.announce(d)
	start(p.lm, d, p.settings.Seed)
	if err := p.embed(); err != nil {
		return nil, err
	}
	s, done, err := p.stepper(d)
	if err != nil {
		return nil, err
	}
	defer done()
	identity := p.settings
	identity.Checkpoint = false // it does not change the weights
	r, err := train.Run(ctx, train.Config{
		Device: d, Steps: p.settings.Steps, Seed: p.settings.Seed, Precision: p.settings.precision(),
		Dir: filepath.Join(p.Out, runDir), Resume: p.Resume,
		Identity:        train.Identity{Settings: identity, Tokenizer: fmt.Sprintf("%x", corpus.Fingerprint(p.tokenizer)), Data: p.digest},
		CheckpointEvery: p.settings.CheckpointEvery, Keep: p.settings.Keep,
		Evaluate: p.evaluate, EvaluateEvery: p.settings.EvalEvery, Patience: p.settings.Patience,
		Progress: p.Progress, Notice: p.Notice,
	}, s)
	if err != nil {
		return nil, err
	}
	return p.finish(r)
}

func (p *pretraining) announce(d *tensor.Device) {
	if p.Planned == nil {
		return
	}
	s := p.settings
	p.Planned(Announcement{
		Model: s.Model, Parameters: int64(model.Parameters(p.lm)), Vocabulary: p.tokenizer.Size(), Context: s.Context,
		Device: d.Name(), Precision: d.Precision(s.precision()).String(),
		Steps: s.Steps, TokensPerStep: int(s.tokensPerStep()),
		TrainTokens: p.train.Len(), HeldTokens: p.held.Len(), EvalTokens: p.evalTokens().Len(),
		Wanted: p.wanted, Skipped: p.skipped,
	})
}

// start draws the weights and makes them trainable.
func start(lm any, d *tensor.Device, seed uint64) {
	nn.Init(lm, d, seed)
	for _, q := range nn.Params(lm) {
		q.Tensor.SetTrainable(true)
	}
}

// finish writes the model's folder from the best checkpoint.
func (p *pretraining) finish(r train.Result) (*Trained, error) {
	if err := loadBest(p.lm, r); err != nil {
		return nil, err
	}
	g := model.Generation{}
	if end, ok := p.tokenizer.ID(EndOfText); ok {
		g.BOS, g.EOS = &end, model.IDs{end}
	}
	if err := writeJSON(filepath.Join(p.Out, SettingsFile), p.settings); err != nil {
		return nil, err
	}
	if p.settings.Model == "inkstone_canon_llama" {
		p.Notice("inkstone_canon_llama is an architecture of Inkstone: other programs do not load " + p.Out)
	}
	return save(p.Out, p.lm, p.tokenizer, nil, g, r)
}
