package runs

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"time"

	"github.com/inkstone-ai/inkstone"
	"github.com/inkstone-ai/inkstone/format"
	"github.com/inkstone-ai/inkstone/model"
	"github.com/inkstone-ai/inkstone/tensor"
	"github.com/inkstone-ai/inkstone/tokenizer"
	"github.com/inkstone-ai/inkstone/train"
)

// Embedded trains the small model that the binary carries: on the Go standard library's
// source, to go on, to fill in the middle and to write functions from their comments, and
// on conversations about the little world. It measures the model on packages that it never
// saw, quantises it and writes its card. Each stage leaves a file in Out; a run that was
// killed goes on where it was.
type Embedded struct {
	Out      string
	Settings EmbeddedSettings
	Threads  int // 0: one for each core
	Watch    Watch
	Notice   func(string) // nil: nobody is told
}

// EmbeddedSettings decide what an [Embedded] computes. Zero fields have the values of
// [EmbeddedDefaults].
type EmbeddedSettings struct {
	Minutes  float64  `json:"minutes"`  // of training; 0: what 160 minutes of one core are on all threads
	Packages []string `json:"packages"` // folders of the standard library, with what is below them; none: all
	Choosing []string `json:"choosing"` // of them, those that choose the best weights and teach nothing
	Held     []string `json:"held"`     // and those that are for measuring alone

	Vocab   int `json:"vocab"`
	Depth   int `json:"depth"`
	Width   int `json:"width"`
	Hidden  int `json:"hidden"`
	Heads   int `json:"heads"`
	Context int `json:"context"`
	Rows    int `json:"rows"`

	Passes    int     `json:"passes"`    // over the source, each cut otherwise
	Dialogues int     `json:"dialogues"` // of the little world in a pass
	Type      string  `json:"type"`      // that the weights are quantised to
	TwoMinute float64 `json:"baseline"`  // minutes of the run that the model is compared with
	Functions int     `json:"functions"` // held-out heads to complete
	Spans     int     `json:"spans"`     // of 50 tokens of training text, to see whether it goes on by heart
	Seed      uint64  `json:"seed"`
}

// EmbeddedDefaults are the settings of the model that the project ships.
func EmbeddedDefaults() EmbeddedSettings {
	return EmbeddedSettings{
		Choosing: []string{"mime/multipart", "net/mail"},
		Held:     []string{"archive/tar", "compress/bzip2", "container", "encoding/csv", "text/tabwriter", "text/template/parse"},
		Vocab:    4096, Depth: 4, Width: 256, Hidden: 768, Heads: 4, Context: 512, Rows: 12,
		Passes: 3, Dialogues: 20_000, Type: "Q8_0", TwoMinute: 2, Functions: 200, Spans: 1000, Seed: 1,
	}
}

// coreMinutes of training leave, of three core-hours, some for the corpus, the run that the model is
// compared with, and the measuring.
const coreMinutes = 160

// ReadEmbeddedSettings reads a JSON file; a key that there is not is an error.
func ReadEmbeddedSettings(path string) (s EmbeddedSettings, err error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return s, err
	}
	return s, decodeStrictly(path, data, &s)
}

// complete fills what is zero.
func (s EmbeddedSettings) complete(threads int) (EmbeddedSettings, error) {
	v, d := reflect.ValueOf(&s).Elem(), reflect.ValueOf(EmbeddedDefaults())
	for i := range v.NumField() {
		if v.Field(i).IsZero() {
			v.Field(i).Set(d.Field(i))
		}
		if f := v.Field(i); f.CanInt() && f.Int() < 0 || f.CanFloat() && !(f.Float() >= 0) {
			return s, fmt.Errorf("embedded: %s is %v, want 0 or more", v.Type().Field(i).Tag.Get("json"), f)
		}
	}
	if s.Minutes == 0 {
		s.Minutes = coreMinutes / float64(threads)
	}
	return s, nil
}

// Files in the folder of an [Embedded] run.
const (
	embeddedRun      = "embedded.json" // the settings of the run
	embeddedPace     = "pace.json"
	embeddedBaseline = "baseline.json"
)

// An embeddedStart is what makes a later call the same run.
type embeddedStart struct {
	Settings EmbeddedSettings `json:"settings"`
	Go       string           `json:"go"` // version of the source
}

// An embeddedJob is a run of Embedded under way.
type embeddedJob struct {
	Embedded
	start  embeddedStart
	source *embeddedSource
	card   EmbeddedCard
}

func (o Embedded) path(name ...string) string {
	return filepath.Join(append([]string{o.Out}, name...)...)
}

// Run does what is left to do and returns the card.
//
// Errors: no Go installation, or one of another version than a run to go on with; a folder
// that holds a run of other settings, or that another process works on; a held-out package that there
// is not; a quantised model that is not the trained one within the bounds of [inkstone.Verify].
func (o Embedded) Run(ctx context.Context) (*EmbeddedCard, error) {
	if o.Threads == 0 {
		o.Threads = runtime.GOMAXPROCS(0)
	}
	if o.Notice == nil {
		o.Notice = func(string) {}
	}
	unlock, err := format.LockDir(o.Out)
	if err != nil {
		return nil, fmt.Errorf("embedded: %w", err)
	}
	defer unlock()
	j := &embeddedJob{Embedded: o}
	for _, stage := range []func(context.Context) error{j.begin, j.corpus, j.train, j.quantise, j.baseline, j.measure} {
		if err := errors.Join(stage(ctx), ctx.Err()); err != nil {
			return nil, err
		}
	}
	return &j.card, j.card.write(o.Out)
}

// begin reads the source and the settings of a run that is under way, or notes those of
// this one.
func (j *embeddedJob) begin(ctx context.Context) (err error) {
	j.Watch.tell("read", 0, "the Go standard library")
	given := j.Settings
	if j.Settings, err = given.complete(j.Threads); err != nil {
		return err
	}
	if j.source, err = readEmbeddedSource(ctx, j.Settings); err != nil {
		return err
	}
	j.start = embeddedStart{j.Settings, j.source.version}
	var before embeddedStart
	if err := readJSON(j.path(embeddedRun), &before); errors.Is(err, fs.ErrNotExist) {
		return writeJSON(j.path(embeddedRun), j.start)
	} else if err != nil {
		return err
	}
	if given.Minutes == 0 {
		j.Settings.Minutes = before.Settings.Minutes // as many cores as there were
		j.start.Settings = j.Settings
	}
	if !reflect.DeepEqual(before, j.start) {
		return fmt.Errorf("embedded: %s holds a run of other settings or of another Go (%s, here %s): give the same ones, or another folder", j.Out, before.Go, j.start.Go)
	}
	return nil
}

// train pretrains, from the newest checkpoint where there is one, and writes the folder f32 with
// the chat template.
func (j *embeddedJob) train(ctx context.Context) error {
	if exists(j.path("f32", "config.json")) {
		return nil
	}
	if !exists(j.path("train", "config.json")) {
		if err := j.pretrain(ctx); err != nil {
			return err
		}
	}
	d := tensor.CPU(j.Threads)
	defer d.Close()
	loaded, err := model.Load(j.path("train"), d)
	if err != nil {
		return err
	}
	defer loaded.Close()
	tok, err := tokenizer.Load(j.path("data"))
	if err != nil {
		return err
	}
	template, err := tokenizer.ParseTemplate(tokenizer.ChatML)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(j.path("f32"), 0o777); err != nil {
		return err
	}
	end, _ := tok.ID(endOfText)
	turn, _ := tok.ID(turnEnd)
	return saveFolder(j.path("f32"), loaded.LM, model.Generation{BOS: &end, EOS: model.IDs{end, turn}}, tok,
		tokenizer.Config{BOS: endOfText, EOS: endOfText, Template: template})
}

func (j *embeddedJob) pretrain(ctx context.Context) error {
	o := j.options()
	if err := j.pace(ctx, &o); err != nil {
		return err
	}
	checkpoints, err := train.Checkpoints(j.path("train", "run"))
	if err != nil {
		return err
	}
	o.Resume = len(checkpoints) > 0
	var loss, rate float64
	o.Progress = func(m train.Metrics) {
		if m.Evaluation != nil {
			return
		}
		if loss == 0 {
			loss, rate = m.Loss, m.TokensPerSecond
		}
		loss, rate = loss+0.05*(m.Loss-loss), rate+0.05*(m.TokensPerSecond-rate)
		j.Watch.tell("pretrain", float64(m.Step)/float64(o.Settings.Steps), "step %d · loss %.3f · %.0f tokens/s", m.Step, loss, rate)
	}
	_, err = inkstone.Train(ctx, o)
	return err
}

// options are those of the training; the steps are not known yet.
func (j *embeddedJob) options() inkstone.TrainOptions {
	s := j.Settings
	held := float64(j.source.counts.ChoosingTokens) + 0.5 // so that rounding down gives the whole number
	return inkstone.TrainOptions{
		Data: []string{j.path("data", tokensFile)}, Out: j.path("train"), Threads: j.Threads, Notice: j.Notice,
		Settings: inkstone.Settings{
			Model: "llama", Depth: s.Depth, Width: s.Width, Hidden: s.Hidden, Heads: s.Heads, Context: s.Context, Rows: s.Rows, Micro: 1,
			Tokenizer: j.path("data", "tokenizer.json"), HeldOut: held / float64(j.source.counts.Tokens), Precision: "bf16", Seed: s.Seed,
			CheckpointEvery: 250,
		},
	}
}

// An embeddedSpeed is how fast the machine was when the run began: its steps follow.
type embeddedSpeed struct {
	TokensPerSecond float64 `json:"tokens_per_second"`
	Steps           int     `json:"steps"`
}

// evaluating is the share of the time that evaluations during training take, about.
const evaluating = 0.05

// pace measures the speed once and sets the steps that the minutes allow.
func (j *embeddedJob) pace(ctx context.Context, o *inkstone.TrainOptions) error {
	var p embeddedSpeed
	err := readJSON(j.path(embeddedPace), &p)
	if errors.Is(err, fs.ErrNotExist) {
		j.Watch.tell("pretrain", 0, "measuring the speed")
		measure := time.Duration(min(20, j.Settings.Minutes*6) * float64(time.Second))
		o.Settings.Steps = 1
		plan, err := inkstone.Plan(ctx, *o, measure)
		if err != nil {
			return err
		}
		if plan.TokensPerSecond == nil {
			return errors.New("embedded: the training does not fit the memory that is free")
		}
		p.TokensPerSecond = *plan.TokensPerSecond
		seconds := j.Settings.Minutes * 60 * (1 - evaluating)
		p.Steps = max(1, int(seconds*p.TokensPerSecond/float64(o.Settings.Rows*o.Settings.Context)))
		if err := writeJSON(j.path(embeddedPace), p); err != nil {
			return err
		}
	} else if err != nil {
		return err
	}
	o.Settings.Steps = p.Steps
	return nil
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

func writeJSON(path string, v any) error {
	return format.WriteFile(path, func(w io.Writer) error {
		e := json.NewEncoder(w)
		e.SetIndent("", "  ")
		e.SetEscapeHTML(false)
		return e.Encode(v)
	})
}

func readJSON(path string, v any) error {
	data, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	return decodeStrictly(path, data, v)
}
