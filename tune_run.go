package inkstone

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/inkstone-ai/inkstone/corpus"
	"github.com/inkstone-ai/inkstone/format"
	"github.com/inkstone-ai/inkstone/model"
	"github.com/inkstone-ai/inkstone/nn"
	"github.com/inkstone-ai/inkstone/tensor"
	"github.com/inkstone-ai/inkstone/train"
	"github.com/inkstone-ai/inkstone/tune"
)

// planned is the plan of an update whose conversations all are as long as the
// longest, for some update may be so.
func (t *tuning) planned() train.Plan {
	longest := 0
	for _, e := range t.train.Examples {
		longest = max(longest, len(e.IDs))
	}
	return train.Make(t.groups(t.lm), dimensions(t.lm), train.Load{
		Rows: t.Rows, Context: longest, Tokens: int64(t.Steps) * int64(t.tokensPerStep()), Adversary: t.Adversarial,
	})
}

func (t *tuning) tokensPerStep() int { return t.train.Tokens() * t.Rows / len(t.train.Examples) }

func (t *tuning) groups(lm model.LM) []train.Group {
	return train.AdamWGroups(nn.Params(lm), train.AdamW{Beta2: 0.95}, t.LR, 0)
}

// run trains and writes the folder.
func (t *tuning) run(ctx context.Context) (*Trained, error) {
	if err := tensor.CheckCPU(); err != nil {
		return nil, err
	}
	unlock, err := format.LockDir(t.Out)
	if err != nil {
		return nil, fmt.Errorf("tune: %w", err)
	}
	defer unlock()
	d := tensor.CPU(t.Threads)
	defer d.Close()
	loaded, err := model.LoadForTraining(t.Model, d)
	if err != nil {
		return nil, err
	}
	defer loaded.Close()
	for _, p := range nn.Params(loaded.LM) {
		p.Tensor.SetTrainable(true)
	}
	c, err := t.config(d, loaded.LM)
	if err != nil {
		return nil, err
	}
	t.announce(d, loaded.Type)
	s := &train.Stepper{
		Groups:   t.groups(loaded.LM),
		Schedule: train.Schedule{Shape: train.WSD, Warmup: 0.03, Decay: 0.5}, Clip: 1,
		Tokens: t.tokensPerStep(),
	}
	done, err := t.train.Teach(s, loaded.LM)
	if err != nil {
		return nil, err
	}
	defer done()
	r, err := train.Run(ctx, c, s)
	if err != nil {
		return nil, err
	}
	return t.finish(loaded, r)
}

func (t *tuning) config(d *tensor.Device, lm model.LM) (train.Config, error) {
	weights, err := filepath.Glob(filepath.Join(t.Model, "*.safetensors"))
	if err != nil {
		return train.Config{}, fmt.Errorf("tune: %w", err)
	}
	sum, err := train.Fingerprint(weights...)
	if err != nil {
		return train.Config{}, err
	}
	t.settings = tuneSettings{t.Model, sum, t.template.Source(), t.Rows, t.Steps, t.LR, t.HeldOut, t.Seed, "", t.Adversarial}
	if t.precision != tensor.F32 {
		t.settings.Precision = t.precision.String()
	}
	identity := t.settings
	identity.Model = "" // the same weights under another path are the same
	tenth := max(1, t.Steps/10)
	c := train.Config{
		Device: d, Steps: t.Steps, Seed: t.Seed, Precision: t.precision, Dir: filepath.Join(t.Out, runDir), Resume: t.Resume,
		Identity:        train.Identity{Settings: identity, Tokenizer: fmt.Sprintf("%x", corpus.Fingerprint(t.tok)), Data: t.digest()},
		CheckpointEvery: or(t.CheckpointEvery, tenth), EvaluateEvery: or(t.EvalEvery, tenth),
		Progress: t.Progress, Notice: t.Notice,
	}
	if t.held != nil {
		c.Evaluate = func(ctx context.Context) (float64, error) { return t.held.Evaluate(ctx, lm) }
	}
	return c, nil
}

// digest is a fingerprint of what is learned and what is held out: the ids and
// the masks.
func (t *tuning) digest() string {
	h := sha256.New()
	for _, d := range []*tune.SFT{t.train, t.held} {
		fmt.Fprintln(h, d != nil)
		if d != nil {
			for _, e := range d.Examples {
				fmt.Fprintln(h, e.IDs, e.Mask)
			}
		}
	}
	return hex.EncodeToString(h.Sum(nil))
}

func (t *tuning) announce(d *tensor.Device, kind string) {
	if len(t.ends()) == 0 {
		t.Notice("the template ends a turn with no special token of this tokenizer: answers will not end by themselves")
	}
	for _, note := range unapplied(t.lm.Config()) {
		t.Notice(note)
	}
	if t.Planned == nil {
		return
	}
	a := Announcement{
		Model: kind, Parameters: int64(model.Parameters(t.lm)), Vocabulary: t.tok.Size(), Context: t.lm.Shape().Context,
		Device: d.Name(), Precision: d.Precision(t.precision).String(),
		Steps: t.Steps, TokensPerStep: t.tokensPerStep(), TrainTokens: int64(t.train.Learned()), Dropped: t.train.Dropped,
	}
	if t.held != nil {
		a.HeldTokens, a.EvalTokens = int64(t.held.Learned()), int64(t.held.Learned())
		a.Dropped += t.held.Dropped
	}
	t.Planned(a)
}

// ends are the special tokens that the model learns to write: each ends a turn.
func (t *tuning) ends() (ids model.IDs) {
	for _, e := range t.train.Examples {
		for i, id := range e.IDs {
			if e.Mask[i] && t.tok.IsSpecial(id) && id != t.unknown() && !slices.Contains(ids, id) {
				ids = append(ids, id)
			}
		}
	}
	return ids
}

// finish writes the tuned model's folder. A turn's end is now an end of text.
func (t *tuning) finish(loaded *model.Loaded, r train.Result) (*Trained, error) {
	if err := loadBest(loaded.LM, r); err != nil {
		return nil, err
	}
	g := loaded.Generation
	ends := t.ends()
	for _, id := range g.EOS {
		if !slices.Contains(ends, id) {
			ends = append(ends, id)
		}
	}
	g.EOS = ends
	if err := writeJSON(filepath.Join(t.Out, tuneFile), t.settings); err != nil {
		return nil, err
	}
	return save(t.Out, loaded.LM, t.tok, t.template, g, r)
}

// same reports whether two paths name one folder.
func same(a, b string) bool {
	x, errA := os.Stat(a)
	y, errB := os.Stat(b)
	return errA == nil && errB == nil && os.SameFile(x, y)
}
