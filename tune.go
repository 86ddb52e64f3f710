package inkstone

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"

	"github.com/inkstone-ai/inkstone/corpus"
	"github.com/inkstone-ai/inkstone/format"
	"github.com/inkstone-ai/inkstone/model"
	"github.com/inkstone-ai/inkstone/nn"
	"github.com/inkstone-ai/inkstone/tensor"
	"github.com/inkstone-ai/inkstone/tokenizer"
	"github.com/inkstone-ai/inkstone/train"
	"github.com/inkstone-ai/inkstone/tune"
)

// TuneOptions say which model to fine-tune, on what, and how. Zero numbers take
// the value in their comments.
type TuneOptions struct {
	Model    string    // folder of the model to start from
	Data     []string  // JSON lines of {"messages": […]}
	Stdin    io.Reader // what "-" reads
	Out      string    // folder of the tuned model
	Template string    // file of a Jinja chat template; "": the model's own, or ChatML where it has none
	DropLong bool      // leave out conversations that the context does not hold, and count them; else they are an error

	Epochs  int     // passes over the data; 0: 3
	Steps   int     // updates; 0: as Epochs says
	Rows    int     // conversations of an update; 0: 8
	LR      float64 // peak, of AdamW; 0: 3e-4
	HeldOut float64 // share of the conversations kept for evaluation; 0: 0.1
	Seed    uint64
	Threads int

	EvalEvery       int // steps; 0: a tenth of the run
	CheckpointEvery int // steps; 0: as EvalEvery
	Resume, Force   bool

	Planned  func(Announcement)
	Progress func(train.Metrics)
	Notice   func(string)
}

// A tuning is what Tune needs, before it trains.
type tuning struct {
	TuneOptions
	tok         tokenizer.Tokenizer
	template    *tokenizer.ChatTemplate
	loaded      *model.Loaded
	train, held *tune.SFT
	digest      string
}

// Tune fine-tunes a model on conversations: the loss counts the assistant's
// tokens alone. It writes the same folder as [Train], with the chat template, so
// that other programs converse with the model in the same form.
//
// The tokenizer and the size of the vocabulary stay as they are: a template that
// writes special tokens needs a tokenizer that has them, as those of Train do.
func Tune(ctx context.Context, o TuneOptions) (*Trained, error) {
	if o.Out == "" {
		return nil, errors.New("tune: no output folder")
	}
	if same(o.Out, o.Model) {
		return nil, fmt.Errorf("tune: %s is the model to start from; write to another folder", o.Out)
	}
	d := tensor.CPU(o.Threads)
	defer d.Close()
	t, err := prepareTuning(o, d)
	if err != nil {
		return nil, err
	}
	defer t.loaded.Close()
	return t.run(ctx, d)
}

// DryRun prints the first three conversations token by token, with what is
// learned, and trains nothing.
func DryRun(o TuneOptions, w io.Writer) error {
	d := tensor.CPU(1)
	defer d.Close()
	t, err := prepareTuning(o, d)
	if err != nil {
		return err
	}
	defer t.loaded.Close()
	return t.train.DryRun(w, t.tok, 3)
}

func prepareTuning(o TuneOptions, d *tensor.Device) (*tuning, error) {
	if o.Notice == nil {
		o.Notice = func(string) {}
	}
	o.Rows, o.LR, o.HeldOut, o.Epochs = or(o.Rows, 8), or(o.LR, 3e-4), or(o.HeldOut, 0.1), or(o.Epochs, 3)
	t := &tuning{TuneOptions: o}
	conversations, err := corpus.Conversations(o.Stdin, o.Data...)
	if err != nil {
		return nil, err
	}
	if t.tok, err = tokenizer.Load(o.Model); err != nil {
		return nil, err
	}
	if err := t.openTemplate(); err != nil {
		return nil, err
	}
	if t.loaded, err = model.LoadForTraining(o.Model, d); err != nil {
		return nil, err
	}
	err = errors.Join(model.CheckVocabulary(t.loaded.LM, t.tok.Size()), t.examples(conversations))
	if err != nil {
		return nil, errors.Join(err, t.loaded.Close())
	}
	return t, nil
}

func (t *tuning) openTemplate() (err error) {
	if t.Template != "" {
		source, err := os.ReadFile(t.Template)
		if err != nil {
			return fmt.Errorf("tune: template: %w", err)
		}
		t.template, err = tokenizer.ParseTemplate(string(source))
		return err
	}
	if t.template, err = chatTemplate(t.Model); err != nil || t.template != nil {
		return err
	}
	t.template, err = tokenizer.ParseTemplate(tokenizer.ChatML)
	for _, special := range []string{TurnStart, TurnEnd} {
		if _, ok := t.tok.ID(special); !ok {
			t.Notice(fmt.Sprintf("the tokenizer has no %s: the ChatML template spells it in several tokens", special))
		}
	}
	return err
}

// examples renders the conversations and holds out every tenth or so: at least
// one, and none of a single one.
func (t *tuning) examples(all []corpus.Conversation) error {
	every := max(2, int(1/t.HeldOut))
	var learn, held []corpus.Conversation
	for i, c := range all {
		if i%every == every-1 || i == len(all)-1 && len(held) == 0 && i > 0 {
			held = append(held, c)
		} else {
			learn = append(learn, c)
		}
	}
	o := tune.SFTOptions{Context: t.loaded.LM.Shape().Context, Rows: t.Rows, Seed: t.Seed, DropLong: t.DropLong}
	var err error
	if t.train, err = tune.NewSFT(t.tok, t.template, learn, o); err != nil {
		return err
	}
	if t.train.Dropped > 0 {
		t.Notice(fmt.Sprintf("%d conversations do not fit the context of %d tokens and are left out", t.train.Dropped, o.Context))
	}
	if len(held) > 0 {
		t.held, err = tune.NewSFT(t.tok, t.template, held, o)
	}
	t.digest = digest(t.train)
	return err
}

// digest is a fingerprint of what is learned: the ids and the masks.
func digest(d *tune.SFT) string {
	h := sha256.New()
	for _, e := range d.Examples {
		fmt.Fprintln(h, e.IDs, e.Mask)
	}
	return hex.EncodeToString(h.Sum(nil))
}

// settings are what a resume must find unchanged.
func (t *tuning) settings(steps int) map[string]any {
	return map[string]any{
		"model": t.Model, "template": t.template.Source(), "rows": t.Rows, "lr": t.LR, "held_out": t.HeldOut,
		"steps": steps, "seed": t.Seed,
	}
}

func (t *tuning) run(ctx context.Context, d *tensor.Device) (*Trained, error) {
	lm := t.loaded.LM
	for _, p := range nn.Params(lm) {
		p.Tensor.SetTrainable(true)
	}
	steps := or(t.Steps, t.train.Steps(float64(t.Epochs)))
	sum := corpus.Fingerprint(t.tok)
	c := train.Config{
		Device: d, Steps: steps, Seed: t.Seed, Dir: filepath.Join(t.Out, runDir), Resume: t.Resume,
		Identity:        train.Identity{Settings: t.settings(steps), Tokenizer: fmt.Sprintf("%x", sum), Data: t.digest},
		CheckpointEvery: or(t.CheckpointEvery, or(t.EvalEvery, max(1, steps/10))), EvaluateEvery: or(t.EvalEvery, max(1, steps/10)),
		Progress: t.Progress, Notice: t.Notice,
	}
	if t.held != nil {
		c.Evaluate = func(ctx context.Context) (float64, error) { return t.held.Evaluate(ctx, lm) }
	} else {
		t.Notice("one conversation alone: none is held out for evaluation")
	}
	t.announce(d, steps)
	r, err := train.Run(ctx, c, &train.Stepper{
		Groups:   train.AdamWGroups(nn.Params(lm), train.AdamW{Beta2: 0.95}, t.LR, 0),
		Schedule: train.Schedule{Shape: train.WSD, Warmup: 0.03, Decay: 0.5}, Clip: 1,
		Tokens: t.train.Tokens() * t.Rows / len(t.train.Examples), Loss: t.train.LossFunc(lm),
	})
	if err != nil {
		return nil, err
	}
	return t.finish(r)
}

func (t *tuning) announce(d *tensor.Device, steps int) {
	if t.Planned == nil {
		return
	}
	s := t.loaded.LM.Shape()
	a := Announcement{
		Model: t.loaded.Type, Parameters: int64(model.Parameters(t.loaded.LM)), Vocabulary: t.tok.Size(), Context: s.Context, Device: d.Name(),
		Steps: steps, TokensPerStep: t.train.Tokens() * t.Rows / len(t.train.Examples), TrainTokens: int64(t.train.Learned()),
	}
	if t.held != nil {
		a.HeldTokens = int64(t.held.Learned())
	}
	t.Planned(a)
}

// finish writes the tuned model's folder. A turn's end is now an end of text.
func (t *tuning) finish(r train.Result) (*Trained, error) {
	if err := loadBest(t.loaded.LM, r); err != nil {
		return nil, err
	}
	g := t.loaded.Generation
	if id, ok := t.tok.ID(TurnEnd); ok && !slices.Contains(g.EOS, id) {
		g.EOS = append(model.IDs{id}, g.EOS...)
	}
	if err := model.Save(t.Out, t.loaded.LM, g); err != nil {
		return nil, err
	}
	if err := tokenizer.Save(t.tok, t.Out); err != nil {
		return nil, err
	}
	if err := saveTemplate(t.Out, t.template); err != nil {
		return nil, err
	}
	return trained(t.Out, t.loaded.LM, r)
}

// saveTemplate writes chat_template.jinja, where other programs look for it.
func saveTemplate(dir string, t *tokenizer.ChatTemplate) error {
	return format.WriteFile(filepath.Join(dir, "chat_template.jinja"), func(w io.Writer) error {
		_, err := io.WriteString(w, t.Source())
		return err
	})
}

// same reports whether two paths name one folder.
func same(a, b string) bool {
	x, errA := os.Stat(a)
	y, errB := os.Stat(b)
	return errA == nil && errB == nil && os.SameFile(x, y)
}
