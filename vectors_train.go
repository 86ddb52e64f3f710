package inkstone

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"github.com/inkstone-ai/inkstone/corpus"
	"github.com/inkstone-ai/inkstone/format"
	"github.com/inkstone-ai/inkstone/model"
	"github.com/inkstone-ai/inkstone/model/wordvec"
	"github.com/inkstone-ai/inkstone/nn"
	"github.com/inkstone-ai/inkstone/tensor"
	"github.com/inkstone-ai/inkstone/tokenizer"
	"github.com/inkstone-ai/inkstone/train"
)

// VectorOptions say what to learn word vectors from, where to, and how.
type VectorOptions struct {
	Data     []string  // files, folders, globs, or "-"
	Stdin    io.Reader // what "-" reads
	Out      string    // folder of the model
	Settings VectorSettings
	Threads  int  // 0: one for each core; does not change the result
	Resume   bool // continue the run in Out

	Planned  func(Announcement)  // what the run is about to be, where present
	Progress func(train.Metrics) // each step and evaluation, where present
	Notice   func(string)        // what a user should be told beside an error, where present
}

// TrainVectors learns word vectors from text and writes their folder: config.json,
// model.safetensors, tokenizer.json (the word vocabulary), inkstone.json with the
// settings, loss.svg and loss.png, and run/ with checkpoints and the metrics log.
// The vectors are those of the end of the run, not of its best evaluation: what the
// held-out loss gains late is little, what similar words gain is not in it. So
// [Trained.Best] is the held-out loss at the end.
//
// The running words of a text are the words and the signs of the vocabulary; blanks
// are none. A word that is rarer than min_count is the unknown word, which gets a
// vector too. When ctx ends, it writes a checkpoint and returns an error that wraps
// ctx's; with Resume a later call goes on to the same vectors.
//
// Errors: those of [Train] about Out and data, and settings that do not fit.
func TrainVectors(ctx context.Context, o VectorOptions) (*Trained, error) {
	if err := vacant(o.Out, o.Resume); err != nil {
		return nil, fmt.Errorf("train: %w", err)
	}
	if o.Notice == nil {
		o.Notice = func(string) {}
	}
	s, err := o.Settings.complete()
	if err != nil {
		return nil, err
	}
	t := &vectorTraining{VectorOptions: o, settings: s}
	if err := unlessDone(ctx, func() error { return errors.Join(t.read(), ctx.Err()) }); err != nil {
		return nil, err
	}
	return t.run(ctx)
}

// A vectorTraining is a run of word vectors.
type vectorTraining struct {
	VectorOptions
	settings    VectorSettings
	tok         *tokenizer.Words
	train, held corpus.IDs // running words, each document followed by end
	end         int32
	counts      []float32 // of each id in train; of end 0
	skipped     []string
}

// A vectorRun is what a paper's model adds to the loop.
type vectorRun struct {
	model    wordModel
	stepper  *train.Stepper
	perEpoch int64 // steps
	evaluate func(context.Context) (float64, error)
}

// read gets the running words to train on and those held out.
func (t *vectorTraining) read() error {
	docs, skipped, err := corpus.Read(t.Stdin, t.Data...)
	if err != nil {
		return err
	}
	t.skipped = skipped
	train, held, err := corpus.Split(docs, t.settings.HeldOut, t.settings.Seed)
	if err != nil {
		return fmt.Errorf("%s: %w", named(t.Data), err)
	}
	if t.tok, err = tokenizer.NewWords(texts(train), t.settings.MinCount, EndOfText); err != nil {
		return fmt.Errorf("train: %s: no word occurs %d times: choose a smaller min_count: %w", named(t.Data), t.settings.MinCount, err)
	}
	t.end, _ = t.tok.ID(EndOfText)
	t.train, t.held = runningWords(t.tok, train, t.end), runningWords(t.tok, held, t.end)
	t.counts = countWords(t.train, t.tok.Size(), t.end)
	if len(t.train) < 2*t.settings.Window || len(t.held) < 2 {
		return fmt.Errorf("train: %s: %d words to train on and %d held out are too few for a window of %d",
			named(t.Data), len(t.train), len(t.held), t.settings.Window)
	}
	return nil
}

// runningWords are the ids of documents without blanks.
func runningWords(tok tokenizer.Tokenizer, docs []corpus.Document, end int32) corpus.IDs {
	blank := make([]bool, tok.Size())
	for id := range blank {
		b, _ := tok.Token(int32(id))
		blank[id] = len(b) > 0 && strings.TrimSpace(string(b)) == ""
	}
	ids := corpus.Encode(tok, docs, end)
	words := ids[:0]
	for _, id := range ids {
		if !blank[id] {
			words = append(words, id)
		}
	}
	return words
}

func countWords(ids []int32, size int, end int32) []float32 {
	counts := make([]int, size)
	for _, id := range ids {
		counts[id]++
	}
	counts[end] = 0
	all := make([]float32, size)
	for i, n := range counts {
		all[i] = float32(n)
	}
	return all
}

// run trains and writes the folder.
func (t *vectorTraining) run(ctx context.Context) (_ *Trained, err error) {
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
	declare := t.word2vec
	if t.settings.Algorithm == GloVe {
		declare = t.glove
	}
	r, err := declare(d)
	if err != nil {
		return nil, err
	}
	steps := int(r.perEpoch) * t.settings.Epochs
	t.settings.EvalEvery = or(t.settings.EvalEvery, max(1, steps/10))
	t.settings.CheckpointEvery = or(t.settings.CheckpointEvery, max(1, steps/10))
	t.announce(d, r, steps)
	digest, err := t.digest()
	if err != nil {
		return nil, err
	}
	result, err := train.Run(ctx, train.Config{
		Device: d, Steps: steps, Seed: t.settings.Seed, Dir: filepath.Join(t.Out, runDir), Resume: t.Resume,
		Identity:        train.Identity{Settings: t.settings, Tokenizer: fmt.Sprintf("%x", corpus.Fingerprint(t.tok)), Data: digest},
		CheckpointEvery: t.settings.CheckpointEvery, Keep: t.settings.Keep,
		Evaluate: r.evaluate, EvaluateEvery: t.settings.EvalEvery,
		Progress: t.Progress, Notice: t.Notice,
	}, r.stepper)
	if err != nil {
		return nil, err
	}
	held, err := r.evaluate(ctx)
	if err != nil {
		return nil, fmt.Errorf("train: %w", err)
	}
	return t.finish(r.model, result, held)
}

func (t *vectorTraining) digest() (string, error) {
	all := sha256.New()
	for _, ids := range []corpus.IDs{t.train, t.held} {
		sum, err := corpus.Digest(ids)
		if err != nil {
			return "", err
		}
		all.Write(sum[:])
	}
	return fmt.Sprintf("%x", all.Sum(nil)), nil
}

func (t *vectorTraining) announce(d *tensor.Device, r *vectorRun, steps int) {
	if t.Planned == nil {
		return
	}
	t.Planned(Announcement{
		Model: t.settings.Algorithm, Parameters: int64(model.Parameters(r.model)), Vocabulary: t.tok.Size(), Context: t.settings.Window,
		Device: d.Name(), Precision: tensor.F32.String(), Steps: steps, TokensPerStep: r.stepper.Tokens,
		TrainTokens: t.train.Len(), HeldTokens: t.held.Len(), EvalTokens: t.held.Len(), Skipped: t.skipped,
	})
}

// word2vec declares the model of Mikolov et al. and its batches: windows of running
// words, dealt out in another order in each epoch.
func (t *vectorTraining) word2vec(d *tensor.Device) (*vectorRun, error) {
	s := &t.settings
	c := wordvec.Word2VecConfig{Architecture: s.Algorithm, Vocab: t.tok.Size(), Width: s.Dimension, Window: s.Window, Negatives: s.Negatives}
	m, err := wordvec.NewWord2Vec(c)
	if err != nil {
		return nil, s.errorf("%w", err)
	}
	nn.Init(m, d, s.Seed)
	m.Counts.W.WriteFloats(t.counts)
	sampler, err := wordvec.NewSampler(c, t.counts, s.Subsample, t.end)
	if err != nil {
		return nil, fmt.Errorf("train: %s: %w", named(t.Data), err)
	}
	s.Step = min(or(s.Step, steadyStep(s.LR*sampler.Load(t.counts))), len(t.train)-1)
	loader, err := corpus.NewLoader(t.train, 1, s.Step, s.Seed)
	if err != nil {
		return nil, err
	}
	inMost, outMost := sampler.Rows(s.Step)
	in, out := &train.Rows{Most: inMost}, &train.Rows{Most: outMost}
	inRows, outRows := wordvec.NewRenumbering(c.Vocab), wordvec.NewRenumbering(c.Vocab)
	ids, next := make([]int32, s.Step), make([]int32, s.Step)
	var b wordvec.Batch
	stepper := &train.Stepper{
		// The papers' rate is of one pair at a time, the loss a mean over a step's pairs:
		// the step's rate is that of all its pairs together.
		Groups: []train.Group{{
			Name: "vectors", Rule: train.SGD{}, LR: s.LR * sampler.Expected(t.counts) * float64(s.Step),
			Params: []train.Param{{Name: "in.weight", Tensor: m.In.W, Rows: in}, {Name: "out.weight", Tensor: m.Out.W, Rows: out}},
		}},
		Schedule: train.Schedule{Shape: train.WSD, Decay: 1, Floor: 1e-4}, Tokens: s.Step,
		Loss: func(step *tensor.Step, index, _ int) (*tensor.Tensor, error) {
			if err := loader.Batch(int64(index), ids, next); err != nil {
				return nil, err
			}
			sampler.Fill(&b, ids, s.Seed, uint64(index))
			inRows.Apply(b.In)
			outRows.Apply(b.Out)
			return m.Loss(in.Take(step, inRows.Rows), out.Take(step, outRows.Rows), step, &b), nil
		},
	}
	evaluate := func(ctx context.Context) (float64, error) { return negativeLoss(ctx, d, m, sampler, t.held, 1<<16) }
	return &vectorRun{m, stepper, loader.Windows(), evaluate}, nil
}

// steadyStep is the running words of an update, 1,024 or, where one word would move
// by too many pairs at a time, fewer: load is the rate times the pairs that a running
// word gives to the busiest row. With a vocabulary of a dozen words 1,024 diverge.
func steadyStep(load float64) int {
	const bound = 6 // a text of 20 words diverges at 12, War and Peace does not
	return max(16, min(1024, int(bound/load)/32*32))
}

// negativeLoss is the mean loss of word2vec's pairs over the first most running
// words, with noise that is the same each time.
func negativeLoss(ctx context.Context, d *tensor.Device, m *wordvec.Word2Vec, sampler *wordvec.Sampler, ids corpus.IDs, most int) (float64, error) {
	const window, seed = 1024, 0x9e3779b97f4a7c15
	step := tensor.NewStep(d, tensor.StepOptions{})
	defer step.Close()
	sum, pairs := 0.0, 0
	var b wordvec.Batch
	ids = ids[:min(len(ids), most)]
	for at := 0; at < len(ids); at += window {
		if err := ctx.Err(); err != nil {
			return 0, err
		}
		sampler.Fill(&b, ids[at:min(at+window, len(ids))], seed, uint64(at))
		step.Begin(0)
		sum += float64(m.Loss(m.In.W, m.Out.W, step, &b).Item()) * float64(b.Pairs)
		pairs += b.Pairs
	}
	if pairs == 0 {
		return 0, fmt.Errorf("vectors: the held-out text has no two words near each other")
	}
	return sum / float64(pairs), nil
}

// glove counts which words stand near each other and declares the model of
// Pennington et al. and its batches of counts.
func (t *vectorTraining) glove(d *tensor.Device) (*vectorRun, error) {
	s := &t.settings
	m, err := wordvec.NewGloVe(wordvec.GloVeConfig{Vocab: t.tok.Size(), Width: s.Dimension, Window: s.Window, XMax: s.XMax, Alpha: s.Alpha})
	if err != nil {
		return nil, s.errorf("%w", err)
	}
	nn.Init(m, d, s.Seed)
	m.Counts.W.WriteFloats(t.counts)
	near := wordvec.CountCooccurrences(t.train, s.Window, t.end, s.Seed)
	s.Step = min(s.Step, int(near.Len())-1)
	if s.Step < 1 {
		return nil, fmt.Errorf("train: %s: no two words stand near each other", named(t.Data))
	}
	loader, err := corpus.NewLoader(near, 1, s.Step, s.Seed)
	if err != nil {
		return nil, err
	}
	most := min(s.Step, t.tok.Size())
	rows := [4]*train.Rows{{Most: most}, {Most: most}, {Most: most}, {Most: most}}
	is, js := wordvec.NewRenumbering(t.tok.Size()), wordvec.NewRenumbering(t.tok.Size())
	numbers, next := make([]int32, s.Step), make([]int32, s.Step)
	i, j, x := make([]int32, s.Step), make([]int32, s.Step), make([]float32, s.Step)
	stepper := &train.Stepper{
		Groups: []train.Group{{Name: "vectors", Rule: train.AdaGrad{}, LR: s.LR, Params: []train.Param{
			{Name: "in.weight", Tensor: m.In.W, Rows: rows[0]}, {Name: "out.weight", Tensor: m.Out.W, Rows: rows[1]},
			{Name: "in_bias.weight", Tensor: m.InBias.W, Rows: rows[2]}, {Name: "out_bias.weight", Tensor: m.OutBias.W, Rows: rows[3]},
		}}},
		Tokens: s.Step,
		Loss: func(step *tensor.Step, index, _ int) (*tensor.Tensor, error) {
			if err := loader.Batch(int64(index), numbers, next); err != nil {
				return nil, err
			}
			near.Pick(numbers, i, j, x)
			is.Apply(i)
			js.Apply(j)
			tables := wordvec.Tables{
				In: rows[0].Take(step, is.Rows), Out: rows[1].Take(step, js.Rows),
				InBias: rows[2].Take(step, is.Rows), OutBias: rows[3].Take(step, js.Rows),
			}
			return m.Loss(tables, step, i, j, x), nil
		},
	}
	held := wordvec.CountCooccurrences(t.held, s.Window, t.end, s.Seed)
	evaluate := func(ctx context.Context) (float64, error) { return leastSquares(ctx, d, m, held) }
	return &vectorRun{m, stepper, loader.Windows(), evaluate}, nil
}

// leastSquares is the mean of GloVe's loss over counts.
func leastSquares(ctx context.Context, d *tensor.Device, m *wordvec.GloVe, near *wordvec.Cooccurrences) (float64, error) {
	const together = 1 << 14
	if near.Len() == 0 {
		return 0, fmt.Errorf("vectors: the held-out text has no two words near each other")
	}
	step := tensor.NewStep(d, tensor.StepOptions{})
	defer step.Close()
	sum, n := 0.0, int(near.Len())
	for at := 0; at < n; at += together {
		if err := ctx.Err(); err != nil {
			return 0, err
		}
		to := min(at+together, n)
		step.Begin(0)
		mean := m.Loss(m.Tables(), step, near.I[at:to], near.J[at:to], near.X[at:to]).Item()
		sum += float64(mean) * float64(to-at)
	}
	return sum / float64(n), nil
}

// finish writes the folder; the model with its config.json comes last, as in [save].
func (t *vectorTraining) finish(m wordModel, r train.Result, held float64) (*Trained, error) {
	if err := writeJSON(filepath.Join(t.Out, SettingsFile), t.settings); err != nil {
		return nil, err
	}
	if err := tokenizer.Save(t.tok, t.Out); err != nil {
		return nil, err
	}
	if err := curve(t.Out); err != nil {
		return nil, err
	}
	if err := model.Save(t.Out, m, model.Generation{}); err != nil {
		return nil, err
	}
	sum, err := train.Fingerprint(filepath.Join(t.Out, "model.safetensors"))
	if err != nil {
		return nil, err
	}
	return &Trained{
		Dir: t.Out, Parameters: model.Parameters(m), Steps: r.Steps, Loss: r.Loss, Best: &held, BestStep: r.Steps,
		Stopped: r.Stopped, Seconds: r.Elapsed.Seconds(), WeightsSHA: sum,
	}, nil
}
