package inkstone

import (
	"context"
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

// GANOptions say what [TrainGAN] trains on: IDX files, folders and archives of images, see
// [corpus.ReadImages]. Progress comes twice a step: of the discriminator and of the generator.
type GANOptions = RunOptions[GANSettings]

// TrainGAN trains a generator of images and its discriminator, by class where the images
// have labels. It writes a folder of config.json and model.safetensors, with the same files
// beside it as [Train], pictures of samples as training goes on in samples/, those of the
// end in samples.png, and what was held out in [HeldOutImages].
//
// The weights are those of the last step: neither half's loss says how good the images are.
// Errors and the end of ctx are as for [Train].
func TrainGAN(ctx context.Context, o GANOptions) (*Trained, error) {
	return trainFolder(ctx, o, prepareGAN)
}

// prepareGAN reads the images and declares the model.
func prepareGAN(o GANOptions) (*folderRun, error) {
	t := &ganTraining{GANOptions: o, settings: o.Settings}
	s := &t.settings
	s.HeldOut = or(s.HeldOut, 0.3)
	if err := s.check(); err != nil {
		return nil, err
	}
	if err := t.read(); err != nil {
		return nil, err
	}
	shape := model.ImageShape{H: t.train.H, W: t.train.W, C: t.train.C, Classes: t.train.Classes}
	var err error
	if t.settings, t.model, err = s.derive(shape, t.train.Len()); err != nil {
		return nil, err
	}
	return &folderRun{
		kind: s.Model, model: t.model, settings: t.settings, digest: t.digest,
		pace:  pace{steps: s.Steps, checkpointEvery: s.CheckpointEvery, keep: s.Keep, seed: s.Seed, precision: s.precision()},
		input: sizeOf(t.model.Images()), unit: "images", rows: s.Rows, learn: t.train.Len(), held: t.held.Len(),
		beside:   func() error { return format.WriteFile(filepath.Join(t.Out, HeldOutImages), t.held.WriteZip) },
		steppers: t.steppers,
		after:    func(d *tensor.Device) error { return t.draw(d, filepath.Join(t.Out, "samples.png")) },
	}, nil
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

// draw writes a picture of samples, of the same noise each time.
func (t *ganTraining) draw(d *tensor.Device, path string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		return fmt.Errorf("train: %w", err)
	}
	return format.WriteFile(path, func(w io.Writer) error {
		return writeGrid(w, d, t.model, nil, 0, t.settings.Seed)
	})
}

// steppers join the two halves, their optimizers and the batches.
func (t *ganTraining) steppers(d *tensor.Device) (_ []*train.Stepper, done func(), err error) {
	s, m := &t.settings, t.model
	b := newGANBatches(t.train, m.Latent(), *s)
	game := gan.NewGame(d, m, gan.Objective(s.Objective), s.Rows, s.Penalty)
	game.SeekModes(s.ModeSeeking)
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
	}}, game.Close, nil
}
