package inkstone

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/inkstone-ai/inkstone/corpus"
	"github.com/inkstone-ai/inkstone/format"
	"github.com/inkstone-ai/inkstone/model"
	"github.com/inkstone-ai/inkstone/model/gan"
	"github.com/inkstone-ai/inkstone/nn"
	"github.com/inkstone-ai/inkstone/tensor"
	"github.com/inkstone-ai/inkstone/train"
)

// HeldOutImages is the file, in the folder of a GAN, of the images that its training never
// saw: a judge learns from them.
const HeldOutImages = "held-out.zip"

// GANOptions say what [TrainGAN] trains on, where to, and how.
type GANOptions struct {
	Data     []string // IDX files, folders and archives of images, see [corpus.ReadImages]
	Out      string   // folder of the model
	Settings GANSettings
	Threads  int  // 0: one for each core; does not change the result
	Resume   bool // continue the run in Out

	Planned  func(Announcement)
	Progress func(train.Metrics) // twice a step: of the discriminator and of the generator
	Notice   func(string)
}

// TrainGAN trains a generator of images and its discriminator, by class where the images
// have labels. It writes a folder of config.json and model.safetensors, with the same files
// beside it as [Train], pictures of samples as training goes on in samples/, those of the
// end in samples.png, and what was held out in [HeldOutImages].
//
// The weights are those of the last step: neither half's loss says how good the images are.
// Errors and the end of ctx are as for [Train].
func TrainGAN(ctx context.Context, o GANOptions) (*Trained, error) {
	if err := vacant(o.Out, o.Resume); err != nil {
		return nil, fmt.Errorf("train: %w", err)
	}
	if o.Notice == nil {
		o.Notice = func(string) {}
	}
	t := &ganTraining{GANOptions: o, settings: o.Settings}
	t.settings.HeldOut = or(t.settings.HeldOut, 0.3)
	if err := t.settings.check(); err != nil {
		return nil, err
	}
	if err := unlessDone(ctx, func() error { return errors.Join(t.read(), ctx.Err()) }); err != nil {
		return nil, err
	}
	shape := model.ImageShape{H: t.train.H, W: t.train.W, C: t.train.C, Classes: t.train.Classes}
	var err error
	if t.settings, t.model, err = t.settings.derive(shape, t.train.Len()); err != nil {
		return nil, err
	}
	return t.run(ctx)
}

// A ganTraining is everything that a run needs, before it has memory.
type ganTraining struct {
	GANOptions
	settings    GANSettings
	train, held *corpus.Images
	digest      string
	model       *gan.GAN
}

// read reads the images and holds some out.
func (t *ganTraining) read() error {
	s := &t.settings
	all, err := corpus.ReadImages(corpus.ImageOptions{H: s.Size[0], W: s.Size[1], Channels: s.Channels, Notice: t.Notice}, t.Data...)
	if err != nil {
		return err
	}
	t.digest = fmt.Sprintf("%x", all.Digest())
	all, empty := all.WithoutEmpty()
	if len(empty) > 0 {
		t.Notice(fmt.Sprintf("classes without an image are left out: %s", strings.Join(empty, ", ")))
	}
	if t.train, t.held, err = all.Split(s.HeldOut, s.Seed); err != nil {
		return fmt.Errorf("%s: %w", named(t.Data), err)
	}
	if s.Unconditional {
		t.train.Labels, t.train.Classes = nil, nil
	}
	return nil
}

// run trains and writes the folder.
func (t *ganTraining) run(ctx context.Context) (*Trained, error) {
	if err := tensor.CheckCPU(); err != nil {
		return nil, err
	}
	unlock, err := format.LockDir(t.Out)
	if err != nil {
		return nil, fmt.Errorf("train: %w", err)
	}
	defer unlock()
	if err := format.WriteFile(filepath.Join(t.Out, HeldOutImages), t.held.WriteZip); err != nil {
		return nil, err
	}
	d := tensor.CPU(t.Threads)
	defer d.Close()
	t.announce(d)
	s := t.settings
	nn.Init(t.model, d, s.Seed)
	for _, p := range nn.Trainable(t.model) {
		p.Tensor.SetTrainable(true)
	}
	steppers, done := t.steppers(d)
	defer done()
	r, err := train.Run(ctx, train.Config{
		Device: d, Steps: s.Steps, Seed: s.Seed, Precision: s.precision(), Dir: filepath.Join(t.Out, runDir), Resume: t.Resume,
		Identity:        train.Identity{Settings: s, Data: t.digest},
		CheckpointEvery: s.CheckpointEvery, Keep: s.Keep, Progress: t.Progress, Notice: t.Notice,
	}, steppers...)
	if err != nil {
		return nil, err
	}
	return t.save(d, r)
}

// save writes the folder: config.json, with which it is whole, comes last.
func (t *ganTraining) save(d *tensor.Device, r train.Result) (*Trained, error) {
	if err := t.draw(d, filepath.Join(t.Out, "samples.png")); err != nil {
		return nil, err
	}
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

// draw writes a picture of samples, of the same noise each time.
func (t *ganTraining) draw(d *tensor.Device, path string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		return fmt.Errorf("train: %w", err)
	}
	return format.WriteFile(path, func(w io.Writer) error {
		return writeGrid(w, d, t.model, nil, 0, t.settings.Seed)
	})
}

// steppers join the two halves, their optimizers and the batches; done is for when the run
// is over.
func (t *ganTraining) steppers(d *tensor.Device) (_ []*train.Stepper, done func()) {
	s, m := &t.settings, t.model
	b := newGANBatches(t.train, m.Latent(), s.Rows, s.Seed)
	game := gan.NewGame(d, m, gan.Objective(s.Objective), s.Rows, s.Penalty)
	return []*train.Stepper{{
		Name: "discriminator", Groups: s.groups(&m.Discriminator, s.DiscriminatorLR), State: train.Running(nn.Params(&m.Discriminator)), Schedule: s.Schedule, Tokens: s.Rows,
		Loss: func(step *tensor.Step, index, _ int) (*tensor.Tensor, error) {
			if index > 0 && index%s.SampleEvery == 0 {
				if err := t.draw(d, filepath.Join(t.Out, "samples", fmt.Sprintf("%06d.png", index))); err != nil {
					return nil, err
				}
			}
			return game.DiscriminatorLoss(step, b.batch(index, 0)), nil
		},
	}, {
		Name: "generator", Groups: s.groups(&m.Generator, s.LR), State: train.Running(nn.Params(&m.Generator)), Schedule: s.Schedule, Tokens: s.Rows,
		Loss: func(step *tensor.Step, index, _ int) (*tensor.Tensor, error) {
			return game.GeneratorLoss(step, b.batch(index, 1)), nil
		},
	}}, game.Close
}

// announce tells what the run is about to be; tokens are images here.
func (t *ganTraining) announce(d *tensor.Device) {
	if t.Planned == nil {
		return
	}
	s := &t.settings
	t.Planned(Announcement{
		Model: s.Model, Parameters: int64(model.Parameters(t.model)), Images: sizeOf(t.model.Images()),
		Device: d.Name(), Precision: d.Precision(s.precision()).String(), Steps: s.Steps, TokensPerStep: s.Rows,
		TrainTokens: int64(t.train.Len()), HeldTokens: int64(t.held.Len()),
	})
}
