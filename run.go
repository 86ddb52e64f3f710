package inkstone

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"github.com/inkstone-ai/inkstone/eval"
	"github.com/inkstone-ai/inkstone/format"
	"github.com/inkstone-ai/inkstone/model"
	"github.com/inkstone-ai/inkstone/nn"
	"github.com/inkstone-ai/inkstone/tensor"
	"github.com/inkstone-ai/inkstone/train"
)

// RunOptions say what a model of pictures or of sound is trained on, where to, and how; S are
// the settings of its family.
type RunOptions[S any] struct {
	Data     []string // files, folders and archives; each family says of what
	Out      string   // folder of the model
	Settings S
	Threads  int  // 0: one for each core; does not change the result
	Resume   bool // continue the run in Out

	Planned  func(Announcement)
	Progress func(train.Metrics) // once a step of each stepper
	Notice   func(string)
	// Measured, where present, gets how well the weights do on what was held out, of families
	// that measure it at the end.
	Measured func(eval.Report)
}

// A folderRun is a training that is ready to start: data are read, nothing has memory yet.
type folderRun struct {
	kind     string // model_type
	model    interface{ Config() any }
	settings any // resolved
	pace     pace
	digest   string // of the data
	input    string // what the model reads, for the announcement
	unit     string // what is counted, in the plural
	rows     int    // of them in a step
	learn    int    // of them to learn from
	held     int    // of them held out

	beside   func() error                                                        // writes beside the model what does not need it; may be nil
	steppers func(d *tensor.Device) (_ []*train.Stepper, done func(), err error) // done is for when the run is over; may be nil
	loss     func(ctx context.Context, d *tensor.Device) (float64, error)        // on what is held out; nil: the last weights are the best
	report   func(ctx context.Context, d *tensor.Device, r *eval.Report) error   // on what is held out, of the best weights; may be nil
	after    func(d *tensor.Device) error                                        // writes beside the model after the run; may be nil
}

// A pace is what settings of all families say of how a run goes.
type pace struct {
	steps, evalEvery, checkpointEvery, keep, patience int
	seed                                              uint64
	precision                                         tensor.DType
}

// trainFolder prepares a run, runs it and writes the folder; prepare may take as long as
// reading takes.
//
// Errors and the end of ctx are as for [Train].
func trainFolder[S any](ctx context.Context, o RunOptions[S], prepare func(RunOptions[S]) (*folderRun, error)) (*Trained, error) {
	if err := vacant(o.Out, o.Resume); err != nil {
		return nil, fmt.Errorf("train: %w", err)
	}
	if o.Notice == nil {
		o.Notice = func(string) {}
	}
	var f *folderRun
	if err := unlessDone(ctx, func() (err error) {
		f, err = prepare(o)
		return errors.Join(err, ctx.Err())
	}); err != nil {
		return nil, err
	}
	if err := tensor.CheckCPU(); err != nil {
		return nil, err
	}
	unlock, err := format.LockDir(o.Out)
	if err != nil {
		return nil, fmt.Errorf("train: %w", err)
	}
	defer unlock()
	d := tensor.CPU(o.Threads)
	defer d.Close()
	if o.Planned != nil {
		o.Planned(f.announcement(d))
	}
	r, err := runSteps(ctx, o, f, d)
	if err != nil {
		return nil, err
	}
	if o.Measured != nil && f.report != nil {
		var report eval.Report
		if err := f.report(ctx, d, &report); err != nil {
			return nil, err
		}
		o.Measured(report)
	}
	return f.save(o.Out, d, r)
}

// runSteps trains a model and leaves it with the best weights.
func runSteps[S any](ctx context.Context, o RunOptions[S], f *folderRun, d *tensor.Device) (r train.Result, err error) {
	nn.Init(f.model, d, f.pace.seed)
	for _, p := range nn.Trainable(f.model) {
		p.Tensor.SetTrainable(true)
	}
	steppers, done, err := f.steppers(d)
	if err != nil {
		return r, err
	}
	if done != nil {
		defer done()
	}
	p := f.pace
	c := train.Config{
		Device: d, Steps: p.steps, Seed: p.seed, Precision: p.precision, Dir: filepath.Join(o.Out, runDir), Resume: o.Resume,
		Identity:        train.Identity{Settings: f.settings, Data: f.digest},
		CheckpointEvery: p.checkpointEvery, Keep: p.keep, EvaluateEvery: p.evalEvery, Patience: p.patience,
		Progress: o.Progress, Notice: o.Notice,
	}
	if f.loss != nil {
		c.Evaluate = func(ctx context.Context) (float64, error) { return f.loss(ctx, d) }
	}
	if r, err = train.Run(ctx, c, steppers...); err != nil || f.loss == nil {
		return r, err
	}
	return r, loadBest(f.model, r)
}

// save writes the folder: config.json, with which it is whole, comes last.
func (f *folderRun) save(dir string, d *tensor.Device, r train.Result) (*Trained, error) {
	if f.beside != nil {
		if err := f.beside(); err != nil {
			return nil, err
		}
	}
	if f.after != nil {
		if err := f.after(d); err != nil {
			return nil, err
		}
	}
	if err := writeJSON(filepath.Join(dir, SettingsFile), f.settings); err != nil {
		return nil, err
	}
	if err := curve(dir); err != nil {
		return nil, err
	}
	if err := model.SaveEncoder(dir, f.model); err != nil {
		return nil, err
	}
	return summary(dir, f.model, r)
}

// announcement tells what the run is about to be.
func (f *folderRun) announcement(d *tensor.Device) Announcement {
	a := Announcement{
		Model: f.kind, Parameters: int64(model.Parameters(f.model)), Input: f.input, Unit: f.unit,
		Device: d.Name(), Precision: d.Precision(f.pace.precision).String(), Steps: f.pace.steps, TokensPerStep: f.rows,
		TrainTokens: int64(f.learn), HeldTokens: int64(f.held),
	}
	if f.loss != nil {
		a.EvalTokens = a.HeldTokens
	}
	return a
}
