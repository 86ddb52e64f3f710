package inkstone

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"github.com/inkstone-ai/inkstone/corpus"
	"github.com/inkstone-ai/inkstone/eval"
	"github.com/inkstone-ai/inkstone/format"
	"github.com/inkstone-ai/inkstone/model"
	"github.com/inkstone-ai/inkstone/nn"
	"github.com/inkstone-ai/inkstone/tensor"
	"github.com/inkstone-ai/inkstone/train"
)

// ImageOptions say what [TrainImages] trains on, where to, and how.
type ImageOptions struct {
	Data     []string // IDX files, folders and archives of images, see [corpus.ReadImages]
	Out      string   // folder of the model
	Settings ImageSettings
	Threads  int  // 0: one for each core; does not change the result
	Resume   bool // continue the run in Out

	Planned  func(Announcement)
	Progress func(train.Metrics)
	Notice   func(string)
	// Measured, where present, gets how well the best weights tell the held-out images apart.
	Measured func(*eval.ImagesMeasurement)
}

// TrainImages trains a classifier of images: a CNN or a ViT. It writes a folder of
// config.json and model.safetensors, with the same files beside it as [Train].
//
// Errors and the end of ctx are as for [Train].
func TrainImages(ctx context.Context, o ImageOptions) (*Trained, error) {
	if err := vacant(o.Out, o.Resume); err != nil {
		return nil, fmt.Errorf("train: %w", err)
	}
	if o.Notice == nil {
		o.Notice = func(string) {}
	}
	t := &imageTraining{ImageOptions: o, settings: o.Settings}
	t.settings.HeldOut = or(t.settings.HeldOut, 0.2)
	if err := t.settings.check(); err != nil {
		return nil, err
	}
	if err := unlessDone(ctx, func() error { return errors.Join(t.read(), ctx.Err()) }); err != nil {
		return nil, err
	}
	var err error
	if t.settings, t.model, err = t.settings.derive(t.shape(), t.train.Len()); err != nil {
		return nil, err
	}
	return t.run(ctx)
}

// An imageTraining is everything that a run needs, before it has memory.
type imageTraining struct {
	ImageOptions
	settings    ImageSettings
	train, held *corpus.Images
	digest      string
	model       model.Classifier
}

// read reads the images and holds some out.
func (t *imageTraining) read() error {
	s := &t.settings
	all, err := corpus.ReadImages(corpus.ImageOptions{H: s.Size[0], W: s.Size[1], Channels: s.Channels, Notice: t.Notice}, t.Data...)
	if err != nil {
		return err
	}
	if all.Labels == nil {
		return fmt.Errorf("%s: images without labels: want a folder for each class, or an IDX file of labels", named(t.Data))
	}
	if len(all.Classes) < 2 {
		return fmt.Errorf("%s: all images are of the class %q: there is nothing to tell apart", named(t.Data), all.Classes[0])
	}
	sum := all.Digest()
	t.digest = fmt.Sprintf("%x", sum)
	t.train, t.held, err = all.Split(s.HeldOut, s.Seed)
	if err != nil {
		return fmt.Errorf("%s: %w", named(t.Data), err)
	}
	return nil
}

func (t *imageTraining) shape() model.ImageShape {
	return model.ImageShape{H: t.train.H, W: t.train.W, C: t.train.C, Classes: t.train.Classes}
}

// run trains and writes the folder.
func (t *imageTraining) run(ctx context.Context) (*Trained, error) {
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
	t.announce(d)
	s := t.settings
	nn.Init(t.model, d, s.Seed)
	for _, p := range nn.Trainable(t.model) {
		p.Tensor.SetTrainable(true)
	}
	stepper, done := t.stepper(d)
	defer done()
	r, err := train.Run(ctx, train.Config{
		Device: d, Steps: s.Steps, Seed: s.Seed, Precision: s.precision(), Dir: filepath.Join(t.Out, runDir), Resume: t.Resume,
		Identity:        train.Identity{Settings: s, Data: t.digest},
		CheckpointEvery: s.CheckpointEvery, Keep: s.Keep,
		Evaluate: func(ctx context.Context) (float64, error) {
			m, err := t.measure(ctx, d)
			if err != nil {
				return 0, err
			}
			return m.Loss, nil
		},
		EvaluateEvery: s.EvalEvery, Patience: s.Patience, Progress: t.Progress, Notice: t.Notice,
	}, stepper)
	if err != nil {
		return nil, err
	}
	if err := loadBest(t.model, r); err != nil {
		return nil, err
	}
	if t.Measured != nil {
		m, err := t.measure(ctx, d)
		if err != nil {
			return nil, err
		}
		t.Measured(m)
	}
	return t.save(r)
}

// save writes the folder: config.json, with which it is whole, comes last.
func (t *imageTraining) save(r train.Result) (*Trained, error) {
	if err := writeJSON(filepath.Join(t.Out, SettingsFile), t.settings); err != nil {
		return nil, err
	}
	if err := curve(t.Out); err != nil {
		return nil, err
	}
	if err := model.SaveEncoder(t.Out, t.model); err != nil {
		return nil, err
	}
	return summary(t.Out, t.model, r)
}

// measure tells the held-out images apart, attacked where training attacks them.
func (t *imageTraining) measure(ctx context.Context, d *tensor.Device) (*eval.ImagesMeasurement, error) {
	x, err := eval.Attacked(ctx, t.model, d, eval.Unit(nil, t.held.Pixels), t.held.Labels, t.settings.Adversarial, t.settings.Seed)
	if err != nil {
		return nil, err
	}
	return eval.Images(ctx, t.model, d, x, t.held.Labels)
}

// stepper joins the model, its optimizer and the batches; done is for when the run is
// over.
func (t *imageTraining) stepper(d *tensor.Device) (_ *train.Stepper, done func()) {
	s := &t.settings
	smoothing := tensor.CEOptions{Smoothing: max(0, s.Smoothing)}
	b := newImageBatches(t.train, s.Rows, max(0, s.Shift), s.Seed)
	attacked := newAttackedBatches(d, t.model, s.Adversarial, s.Rows, s.Seed, s.precision())
	return &train.Stepper{
		Groups: s.groups(t.model), State: train.Running(nn.Params(t.model)), Schedule: s.Schedule, Clip: s.Clip, Tokens: s.Rows,
		Loss: func(step *tensor.Step, index, _ int) (*tensor.Tensor, error) {
			pixels, labels := b.batch(index)
			pixels, err := attacked.batch(index, pixels, labels)
			if err != nil {
				return nil, err
			}
			x := step.Floats(pixels, s.Rows, t.train.H, t.train.W, t.train.C)
			z := t.model.Logits(t.model.Features(step, x, true))
			return z.CrossEntropy(step.Ints(labels, s.Rows), smoothing).Mean(), nil
		},
	}, attacked.free
}

// announce tells what the run is about to be; tokens are images here.
func (t *imageTraining) announce(d *tensor.Device) {
	if t.Planned == nil {
		return
	}
	s := &t.settings
	t.Planned(Announcement{
		Model: s.Model, Parameters: int64(model.Parameters(t.model)), Images: sizeOf(t.shape()),
		Device: d.Name(), Precision: d.Precision(s.precision()).String(), Steps: s.Steps, TokensPerStep: s.Rows,
		TrainTokens: int64(t.train.Len()), HeldTokens: int64(t.held.Len()), EvalTokens: int64(t.held.Len()),
	})
}

// sizeOf says what images a model reads, and how many classes it tells apart.
func sizeOf(s model.ImageShape) string {
	colours := map[int]string{1: "grey", 3: "colour"}[s.C]
	return fmt.Sprintf("%d × %d, %s, %d classes", s.H, s.W, colours, len(s.Classes))
}
