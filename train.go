package inkstone

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"path/filepath"

	"github.com/inkstone-ai/inkstone/corpus"
	"github.com/inkstone-ai/inkstone/eval"
	"github.com/inkstone-ai/inkstone/format"
	"github.com/inkstone-ai/inkstone/model"
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
	Notice   func(string)        // what a user should be told beside an error
}

// An Announcement says what a run is about to be, when its data have been read
// and nothing has been computed.
type Announcement struct {
	Model         string // model_type
	Parameters    int64
	Vocabulary    int
	Context       int
	Device        string
	Steps         int
	TokensPerStep int
	TrainTokens   int64
	HeldTokens    int64
}

// Trained is what [Train] and [Tune] made.
type Trained struct {
	Dir        string  `json:"dir"`
	Parameters int     `json:"parameters"`
	Steps      int     `json:"steps"`
	Loss       float64 `json:"loss"`      // of the last step
	Best       float64 `json:"best"`      // lowest held-out loss
	BestStep   int     `json:"best_step"` // where it was; the folder's weights are of this step
	Stopped    string  `json:"stopped"`   // "steps" or "patience"
	Seconds    float64 `json:"seconds"`
	WeightsSHA string  `json:"weights_sha256"`
}

// runDir is the folder inside a model's where a run keeps checkpoints and its log.
const runDir = "run"

// Train pretrains a model on text and writes its folder: config.json,
// model.safetensors, tokenizer.json and generation_config.json as other programs
// read them, inkstone.json with the settings, loss.svg and loss.png, and run/ with
// checkpoints and the metrics log. The weights are those of the best evaluation.
//
// When ctx ends, it writes a checkpoint and returns an error that wraps ctx's;
// with Resume a later call goes on to the same weights as if nothing had happened.
func Train(ctx context.Context, o TrainOptions) (*Trained, error) {
	if o.Out == "" {
		return nil, errors.New("train: no output folder")
	}
	p, err := prepare(o)
	if err != nil {
		return nil, err
	}
	defer p.close()
	if !o.Force {
		if err := p.fits(); err != nil {
			return nil, err
		}
	}
	return p.run(ctx)
}

// A pretraining is everything that a run needs, before it has memory.
type pretraining struct {
	TrainOptions
	settings  Settings
	tokenizer tokenizer.Tokenizer
	train     corpus.Tokens
	held      corpus.Tokens
	digest    string
	lm        model.LM
	shards    *corpus.Shards
}

func (p *pretraining) close() {
	if p.shards != nil {
		p.shards.Close()
	}
}

// prepare reads the data, makes or loads the tokenizer and declares the model.
func prepare(o TrainOptions) (*pretraining, error) {
	if o.Notice == nil {
		o.Notice = func(string) {}
	}
	p := &pretraining{TrainOptions: o, settings: o.Settings}
	p.settings.HeldOut = or(p.settings.HeldOut, 0.1)
	p.settings.EvalTokens = or(p.settings.EvalTokens, 1<<18)
	read := p.readText
	if len(o.Data) > 0 && corpus.IsShard(o.Data[0]) {
		read = p.readShards
	}
	if err := read(); err != nil {
		return nil, err
	}
	sum, err := corpus.Digest(p.train)
	if err != nil {
		return nil, err
	}
	p.digest = fmt.Sprintf("%x", sum)
	if p.settings, err = p.settings.derive(p.tokenizer.Size(), p.train.Len(), o.Notice); err != nil {
		return nil, err
	}
	if p.lm, err = p.settings.build(p.tokenizer.Size()); err != nil {
		return nil, err
	}
	if n := int64(p.settings.Context); p.train.Len() <= n || p.held.Len() < 2 {
		return nil, fmt.Errorf("train: %d tokens to train on and %d held out are too few for one context of %d and the token after it",
			p.train.Len(), p.held.Len(), n)
	}
	return p, nil
}

// readText splits documents, learns or loads the tokenizer and encodes.
func (p *pretraining) readText() error {
	docs, skipped, err := corpus.Read(p.Stdin, p.Data...)
	if err != nil {
		return err
	}
	if len(skipped) > 0 {
		p.Notice(fmt.Sprintf("not read (hidden, a link to a folder, or no file): %d, the first is %s", len(skipped), skipped[0]))
	}
	train, held, err := corpus.Split(docs, p.settings.HeldOut, p.settings.Seed)
	if err != nil {
		return err
	}
	if p.tokenizer, err = p.makeTokenizer(train); err != nil {
		return err
	}
	end, ok := p.tokenizer.ID(EndOfText)
	if !ok {
		end = corpus.NoEnd
	}
	p.train, p.held = corpus.Encode(p.tokenizer, train, end), corpus.Encode(p.tokenizer, held, end)
	return nil
}

// Special tokens that Train gives to a tokenizer it learns: the end of a
// document, and the two of the ChatML template.
const (
	EndOfText = "<|endoftext|>"
	TurnStart = "<|im_start|>"
	TurnEnd   = "<|im_end|>"
)

// makeTokenizer learns from the training part alone. A run that is resumed
// loads what it had: the text may be the same and still be split anew.
func (p *pretraining) makeTokenizer(docs []corpus.Document) (tokenizer.Tokenizer, error) {
	s := &p.settings
	special := []string{EndOfText, TurnStart, TurnEnd}
	switch s.Tokenizer = or(s.Tokenizer, "bpe"); s.Tokenizer {
	case "byte":
		return tokenizer.NewByte(special...)
	case "char":
		return tokenizer.NewChars(texts(docs))
	case "word":
		return tokenizer.NewWords(texts(docs), 2)
	case "bpe":
	default:
		return tokenizer.Load(s.Tokenizer)
	}
	s.Vocab, s.Split = or(s.Vocab, vocabFor(corpus.Bytes(docs))), or(s.Split, "gpt2")
	split, ok := map[string]tokenizer.Split{
		"gpt2": tokenizer.GPT2, "cl100k": tokenizer.CL100K, "qwen2": tokenizer.Qwen2, "o200k": tokenizer.O200K,
	}[s.Split]
	if !ok {
		return nil, fmt.Errorf("config: split %q is none of gpt2, cl100k, qwen2, o200k", s.Split)
	}
	return tokenizer.TrainBPE(texts(docs), tokenizer.TrainOptions{Vocab: s.Vocab, Split: split, Special: special, Threads: p.Threads})
}

func texts(docs []corpus.Document) iter.Seq[string] {
	return func(yield func(string) bool) {
		for _, d := range docs {
			if !yield(d.Text) {
				return
			}
		}
	}
}

// readShards opens token shards; their tokenizer must be given and be theirs.
func (p *pretraining) readShards() (err error) {
	if p.settings.Tokenizer == "" {
		return errors.New("train: token shards need the tokenizer that made them: set tokenizer to its path in the config")
	}
	if p.tokenizer, err = tokenizer.Load(p.settings.Tokenizer); err != nil {
		return err
	}
	if p.shards, err = corpus.OpenShards(p.Data...); err != nil {
		return err
	}
	if p.shards.Info.Tokenizer != corpus.Fingerprint(p.tokenizer) {
		return fmt.Errorf("train: %s was not made with the tokenizer %s", p.Data[0], p.settings.Tokenizer)
	}
	n := p.shards.Len()
	cut := n - int64(float64(n)*p.settings.HeldOut)
	p.train, p.held = part{p.shards, 0, cut}, part{p.shards, cut, n}
	return nil
}

// A part is a stretch of tokens.
type part struct {
	of       corpus.Tokens
	from, to int64
}

func (p part) Len() int64 { return p.to - p.from }

func (p part) ReadIDs(dst []int32, at int64) error {
	if at < 0 || at+int64(len(dst)) > p.Len() {
		return fmt.Errorf("tokens %d to %d asked for, there are %d", at, at+int64(len(dst)), p.Len())
	}
	return p.of.ReadIDs(dst, p.from+at)
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

// stepper joins the model, its optimizers and the batches.
func (p *pretraining) stepper() (*train.Stepper, error) {
	s := p.settings
	loader, err := corpus.NewLoader(p.train, s.Rows, s.Context, s.Seed)
	if err != nil {
		return nil, err
	}
	n := s.Rows * s.Context
	ids, targets, weights := make([]int32, n), make([]int32, n), make([]float32, n)
	for i := range weights {
		weights[i] = 1 / float32(n*s.Micro) // the loss of an update is a mean over all its tokens
	}
	var pass nn.Pass
	return &train.Stepper{
		Groups: s.groups(p.lm), Schedule: s.Schedule, Clip: s.Clip, Micro: s.Micro, Tokens: n * s.Micro,
		Loss: func(step *tensor.Step, index, micro int) (*tensor.Tensor, error) {
			if err := loader.Batch(int64(index*s.Micro+micro), ids, targets); err != nil {
				return nil, err
			}
			pass.SetRows(step, ids, s.Context)
			return model.Loss(p.lm, &pass, step.Ints(targets, n), step.Floats(weights, n)), nil
		},
	}, nil
}

// evaluation is the held-out loss in windows that do not overlap.
func (p *pretraining) evaluation() func(context.Context) (float64, error) {
	held := p.held
	if most := p.settings.EvalTokens; held.Len() > most {
		held = part{held, 0, most}
		p.Notice(fmt.Sprintf("evaluations during training use the first %d of %d held-out tokens (eval_tokens in the config)", most, p.held.Len()))
	}
	return func(ctx context.Context) (float64, error) {
		m, err := eval.Language(ctx, p.lm, nil, held, eval.Options{Context: p.settings.Context})
		return m.Loss, err
	}
}

// run trains and writes the folder.
func (p *pretraining) run(ctx context.Context) (*Trained, error) {
	d := tensor.CPU(p.Threads)
	defer d.Close()
	p.announce(d)
	start(p.lm, d, p.settings.Seed)
	s, err := p.stepper()
	if err != nil {
		return nil, err
	}
	sum := corpus.Fingerprint(p.tokenizer)
	r, err := train.Run(ctx, train.Config{
		Device: d, Steps: p.settings.Steps, Seed: p.settings.Seed,
		Dir: filepath.Join(p.Out, runDir), Resume: p.Resume,
		Identity:        train.Identity{Settings: p.settings, Tokenizer: fmt.Sprintf("%x", sum), Data: p.digest},
		CheckpointEvery: p.settings.CheckpointEvery, Keep: p.settings.Keep,
		Evaluate: p.evaluation(), EvaluateEvery: p.settings.EvalEvery, Patience: p.settings.Patience,
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
		Model: s.Model, Parameters: int64(model.Parameters(p.lm)), Vocabulary: p.tokenizer.Size(), Context: s.Context, Device: d.Name(),
		Steps: s.Steps, TokensPerStep: s.Rows * s.Micro * s.Context, TrainTokens: p.train.Len(), HeldTokens: p.held.Len(),
	})
}

// start draws the weights and makes them trainable.
func start(lm model.LM, d *tensor.Device, seed uint64) {
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
	if err := model.Save(p.Out, p.lm, g); err != nil {
		return nil, err
	}
	if err := tokenizer.Save(p.tokenizer, p.Out); err != nil {
		return nil, err
	}
	if err := writeJSON(filepath.Join(p.Out, SettingsFile), p.settings); err != nil {
		return nil, err
	}
	return trained(p.Out, p.lm, r)
}

// loadBest puts the weights of the best evaluation into lm.
func loadBest(lm model.LM, r train.Result) error {
	if r.BestPath == "" || r.BestPath == r.Checkpoint {
		return nil
	}
	var params []train.Param
	for _, q := range nn.Params(lm) {
		params = append(params, train.Param{Name: q.Name, Tensor: q.Tensor})
	}
	return train.LoadWeights(r.BestPath, "", params)
}

// trained draws the curve and sums the run up.
func trained(dir string, lm model.LM, r train.Result) (*Trained, error) {
	if err := curve(dir); err != nil {
		return nil, err
	}
	sum, err := train.Fingerprint(filepath.Join(dir, "model.safetensors"))
	if err != nil {
		return nil, err
	}
	return &Trained{
		Dir: dir, Parameters: model.Parameters(lm), Steps: r.Steps, Loss: r.Loss, Best: r.Best, BestStep: r.BestStep,
		Stopped: r.Stopped, Seconds: r.Elapsed.Seconds(), WeightsSHA: sum,
	}, nil
}

// curve draws the run's losses and puts the pictures beside the model.
func curve(dir string) error {
	run := filepath.Join(dir, runDir)
	if err := train.WriteCurve(run); err != nil {
		return err
	}
	for _, name := range []string{train.CurveSVG, train.CurvePNG} {
		if err := os.Rename(filepath.Join(run, name), filepath.Join(dir, name)); err != nil {
			return fmt.Errorf("train: %w", err)
		}
	}
	return nil
}

func writeJSON(path string, v any) error {
	return format.WriteFile(path, func(w io.Writer) error {
		e := json.NewEncoder(w)
		e.SetIndent("", "  ")
		e.SetEscapeHTML(false)
		return e.Encode(v)
	})
}
