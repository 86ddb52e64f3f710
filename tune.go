package inkstone

import (
	"context"
	"fmt"
	"io"
	"os"

	"github.com/inkstone-ai/inkstone/corpus"
	"github.com/inkstone-ai/inkstone/format"
	"github.com/inkstone-ai/inkstone/model"
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
	// Precision of products: "f32", or "bf16", twice as fast where the processor has it. "": f32.
	Precision string

	Adversarial train.Adversary // of the embeddings; zero: none

	EvalEvery       int  // steps; 0: a tenth of the run
	CheckpointEvery int  // steps; 0: a tenth of the run
	Resume          bool // continue the run in Out
	Force           bool // start though the plan exceeds the memory that is there

	Planned  func(Announcement)
	Progress func(train.Metrics)
	Notice   func(string)
}

// A tuning is what Tune needs, before it has memory.
type tuning struct {
	TuneOptions
	tok         tokenizer.Tokenizer
	template    *tokenizer.ChatTemplate
	lm          model.LM     // declared; weights are loaded when the run begins
	train, held *tune.SFT    // held: nil where there is one conversation alone
	settings    tuneSettings // resolved
	precision   tensor.DType
}

// tuneSettings are what a resume must find unchanged, and what tune.json keeps
// beside the model.
type tuneSettings struct {
	Model    string  `json:"model,omitempty"` // folder of the model to start from
	Weights  string  `json:"weights_sha256"`  // its weights
	Template string  `json:"template"`
	Rows     int     `json:"rows"`
	Steps    int     `json:"steps"`
	LR       float64 `json:"lr"`
	HeldOut  float64 `json:"held_out"`
	Seed     uint64  `json:"seed"`
	// Precision of products; absent: f32.
	Precision string `json:"precision,omitempty"`

	Adversarial train.Adversary `json:"adversarial,omitzero"`
}

// tuneFile is the settings' name in the tuned model's folder.
const tuneFile = "tune.json"

// Tune fine-tunes a model on conversations: the loss counts the assistant's
// tokens alone. It writes the same folder as [Train], with the chat template, so
// that other programs converse with the model in the same form, and tune.json
// with the settings.
//
// The tokenizer and the size of the vocabulary stay as they are: a template that
// writes special tokens needs a tokenizer that has them, as those of Train do.
//
// Errors: those of [Train]; conversations that are malformed, by file and line,
// or too long for the model's context, unless DropLong.
func Tune(ctx context.Context, o TuneOptions) (*Trained, error) {
	if same(o.Out, o.Model) {
		return nil, fmt.Errorf("tune: %s is the model to start from; write to another folder", o.Out)
	}
	if err := vacant(o.Out, o.Resume); err != nil {
		return nil, fmt.Errorf("tune: %w", err)
	}
	var t *tuning
	err := unlessDone(ctx, func() (err error) {
		t, err = prepareTuning(o)
		return err
	})
	if err != nil {
		return nil, err
	}
	if t.train.Checkpoint, err = fit(t.planned(), t.Force, t.Notice); err != nil {
		return nil, err
	}
	return t.run(ctx)
}

// DryRun prints the first three conversations token by token, with what is
// learned, and trains nothing.
func DryRun(o TuneOptions, w io.Writer) error {
	t, err := prepareTuning(o)
	if err != nil {
		return err
	}
	return t.train.DryRun(w, t.tok, 3)
}

func prepareTuning(o TuneOptions) (*tuning, error) {
	if o.Notice == nil {
		o.Notice = func(string) {}
	}
	o.Rows, o.LR, o.HeldOut, o.Epochs = or(o.Rows, 8), or(o.LR, 3e-4), or(o.HeldOut, 0.1), or(o.Epochs, 3)
	if o.Rows < 0 || o.LR < 0 || o.Epochs < 0 || o.Steps < 0 || o.HeldOut < 0 || o.HeldOut >= 1 {
		return nil, fmt.Errorf("tune: rows %d, learning rate %g, epochs %d and steps %d must not be negative, and %g is to be a share",
			o.Rows, o.LR, o.Epochs, o.Steps, o.HeldOut)
	}
	precision, err := tensor.ParsePrecision(o.Precision)
	if err != nil {
		return nil, fmt.Errorf("tune: %w", err)
	}
	if err := o.Adversarial.Check(); err != nil {
		return nil, fmt.Errorf("tune: %w", err)
	}
	t := &tuning{TuneOptions: o, precision: precision}
	for _, step := range []func() error{t.openModel, t.openTemplate, t.examples} {
		if err := step(); err != nil {
			return nil, err
		}
	}
	return t, nil
}

// openModel reads all of the model but its weights.
func (t *tuning) openModel() error {
	folder, err := format.OpenFolder(t.Model)
	if err != nil {
		return err
	}
	if t.lm, err = model.BuildLM(folder.Config); err != nil {
		return fmt.Errorf("%s: %w", t.Model, err)
	}
	if t.tok, err = OpenTokenizer(t.Model); err != nil {
		return err
	}
	if _, err := fitVocabulary(t.lm, t.tok, t.Model); err != nil {
		return fmt.Errorf("%s: %w", t.Model, err)
	}
	return nil
}

func (t *tuning) openTemplate() (err error) {
	if t.Template != "" {
		source, err := os.ReadFile(t.Template)
		if err != nil {
			return fmt.Errorf("tune: template: %w", err)
		}
		if t.template, err = tokenizer.ParseTemplate(string(source)); err != nil {
			return fmt.Errorf("tune: template %s: %w", t.Template, err)
		}
		return nil
	}
	if t.template, err = chatTemplate(t.Model); err != nil || t.template != nil {
		return err
	}
	t.template, err = tokenizer.ParseTemplate(tokenizer.ChatML)
	return err
}

// examples renders the conversations and holds out every tenth or so: at least
// one, and none of a single one.
func (t *tuning) examples() error {
	all, err := corpus.Conversations(t.Stdin, t.Data...)
	if err != nil {
		return err
	}
	every := max(2, int(1/t.HeldOut))
	var learn, held []corpus.Conversation
	for i, c := range all {
		if i%every == every-1 || i == len(all)-1 && len(held) == 0 && i > 0 {
			held = append(held, c)
		} else {
			learn = append(learn, c)
		}
	}
	o := tune.SFTOptions{Context: or(t.lm.Shape().Context, recurrentContext), Rows: t.Rows, Seed: t.Seed, DropLong: t.DropLong}
	if t.train, err = tune.NewSFT(t.tok, t.template, learn, o); err != nil {
		return err
	}
	t.train.Adversary = t.Adversarial
	if err := t.checkEnd(t.train.Examples[0]); err != nil {
		return err
	}
	if len(held) > 0 {
		t.held, err = tune.NewSFT(t.tok, t.template, held, o)
	}
	t.Steps = or(t.Steps, t.train.Steps(float64(t.Epochs)))
	return err
}

// unknown is the id that stands for what the tokenizer does not know, −1 where it
// knows everything.
func (t *tuning) unknown() int32 {
	if u, ok := t.tok.(interface{ UnknownID() int32 }); ok {
		return u.UnknownID()
	}
	return -1
}

// checkEnd refuses a template whose end of a turn the tokenizer cannot spell: the
// model would learn to end its answers with an unknown token.
func (t *tuning) checkEnd(e tune.Example) error {
	for i := len(e.IDs) - 1; i >= 0; i-- {
		if !e.Mask[i] {
			continue
		}
		if e.IDs[i] == t.unknown() {
			return fmt.Errorf("tune: the tokenizer of %s does not know what the template writes at the end of a turn: "+
				"train it with %s and %s as special tokens, or take another template", t.Model, TurnStart, TurnEnd)
		}
		break
	}
	return nil
}
