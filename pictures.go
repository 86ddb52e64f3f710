package inkstone

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/inkstone-ai/inkstone/corpus"
	"github.com/inkstone-ai/inkstone/eval"
	"github.com/inkstone-ai/inkstone/format"
	"github.com/inkstone-ai/inkstone/model"
	"github.com/inkstone-ai/inkstone/model/unet"
	"github.com/inkstone-ai/inkstone/nn"
	"github.com/inkstone-ai/inkstone/tensor"
	"github.com/inkstone-ai/inkstone/train"
)

// HeldOutInputs is the file, in the folder of a pix2pix, of the first pictures of the pairs
// that its training never saw; the second ones are in [HeldOutImages], for a judge.
const HeldOutInputs = "held-out-inputs.zip"

// PictureOptions say what [TrainPictures] trains on: IDX files, folders and archives of
// pictures, see [corpus.ReadImages]; of pix2pix, of pairs of pictures side by side, unless the
// program draws them.
type PictureOptions = RunOptions[PictureSettings]

// TrainPictures trains a network that makes a picture of a picture: one that fills holes, or
// pix2pix. It writes a folder of config.json and model.safetensors, with the same files beside
// it as [Train], pictures of samples as training goes on in samples/, those of the end in
// samples.png, and what was held out in [HeldOutImages] and [HeldOutInputs].
//
// The weights are those that fill held-out holes best; of pix2pix those of the last step.
// Errors and the end of ctx are as for [Train].
func TrainPictures(ctx context.Context, o PictureOptions) (*Trained, error) {
	return trainFolder(ctx, o, preparePictures)
}

// A pictureModel is an [unet.Inpaint] or an [unet.Pix2Pix].
type pictureModel interface {
	Images() model.ImageShape
	Config() any
}

// A pictureTraining is everything that a run needs, before it has memory.
type pictureTraining struct {
	PictureOptions
	settings    PictureSettings
	train, held *corpus.Images // of pix2pix pairs, side by side
	digest      string
	model       pictureModel
}

// preparePictures reads the pictures and declares the model.
func preparePictures(o PictureOptions) (*folderRun, error) {
	t := &pictureTraining{PictureOptions: o, settings: o.Settings}
	s := &t.settings
	s.HeldOut = or(s.HeldOut, 0.3)
	if err := s.check(); err != nil {
		return nil, err
	}
	if err := t.read(); err != nil {
		return nil, err
	}
	shape := model.ImageShape{H: t.train.H, W: t.train.W, C: t.train.C}
	if s.Model == "pix2pix" {
		shape.W /= 2
	}
	var err error
	if t.settings, t.model, err = s.derive(shape, t.train.Len()); err != nil {
		return nil, err
	}
	f := &folderRun{
		kind: s.Model, model: t.model, settings: t.settings, digest: t.digest,
		pace:  pace{s.Steps, s.EvalEvery, s.CheckpointEvery, s.Keep, s.Patience, s.Seed, s.precision()},
		input: fmt.Sprintf("%d × %d, %s", shape.H, shape.W, map[int]string{1: "grey", 3: "colour"}[shape.C]), unit: "images",
		rows: s.Rows, learn: t.train.Len(), held: t.held.Len(),
		beside: t.keepHeld, steppers: t.steppers,
		after: func(d *tensor.Device) error { return t.draw(d, filepath.Join(t.Out, "samples.png")) },
	}
	if s.Model == "inpaint" {
		f.loss = t.loss
	}
	return f, nil
}

// read reads the pictures and holds some out.
func (t *pictureTraining) read() error {
	s := &t.settings
	if s.drawn() {
		s.From, s.To = or(s.From, "plain"), or(s.To, "plain")
	}
	all, err := s.read(corpus.ImageOptions{H: s.Size[0], W: s.Size[1], Channels: s.Channels, Notice: t.Notice}, t.Data)
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
	return nil
}

// read reads pictures, of pix2pix pairs, of the size that o says one has.
func (s *PictureSettings) read(o corpus.ImageOptions, paths []string) (*corpus.Images, error) {
	switch {
	case s.Model != "pix2pix":
		return corpus.ReadImages(o, paths...)
	case s.drawn():
		o.Channels = 1
		all, err := corpus.ReadImages(o, paths...)
		if err != nil {
			return nil, err
		}
		return s.drawPairs(all)
	}
	o.W *= 2
	all, err := corpus.ReadImages(o, paths...)
	if err != nil {
		return nil, err
	}
	if all.W <= all.H || all.W%2 != 0 {
		return nil, fmt.Errorf("%s: pictures of %d × %d are no pairs side by side, of an even number of columns and more of them than rows; to have pairs drawn of single pictures, say how: \"from\" and \"to\" of the config, %s",
			named(paths), all.H, all.W, strings.Join(corpus.Drawings(), ", "))
	}
	return all, nil
}

// drawPairs draws every picture twice.
func (s *PictureSettings) drawPairs(all *corpus.Images) (*corpus.Images, error) {
	from, err := all.Draw(s.From)
	if err != nil {
		return nil, err
	}
	to, err := all.Draw(s.To)
	if err != nil {
		return nil, err
	}
	return corpus.Beside(from, to)
}

// keepHeld writes what was held out.
func (t *pictureTraining) keepHeld() error {
	path := func(name string) string { return filepath.Join(t.Out, name) }
	if t.settings.Model != "pix2pix" {
		return format.WriteFile(path(HeldOutImages), t.held.WriteZip)
	}
	a, b, err := t.held.Halves()
	if err != nil {
		return err
	}
	if err := format.WriteFile(path(HeldOutInputs), a.WriteZip); err != nil {
		return err
	}
	return format.WriteFile(path(HeldOutImages), b.WriteZip)
}

// draw writes a picture of samples, of the same held-out pictures each time.
func (t *pictureTraining) draw(d *tensor.Device, path string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		return fmt.Errorf("train: %w", err)
	}
	return format.WriteFile(path, func(w io.Writer) error { return t.writeSamples(w, d) })
}

// drawDue draws before step index where a picture is due.
func (t *pictureTraining) drawDue(d *tensor.Device, index int) error {
	if index == 0 || index%t.settings.SampleEvery != 0 {
		return nil
	}
	return t.draw(d, filepath.Join(t.Out, "samples", fmt.Sprintf("%06d.png", index)))
}

// steppers join the networks, their optimizers and the batches.
func (t *pictureTraining) steppers(d *tensor.Device) (_ []*train.Stepper, done func(), err error) {
	switch m := t.model.(type) {
	case *unet.Inpaint:
		s, err := t.filler(d, m)
		return []*train.Stepper{s}, nil, err
	case *unet.Pix2Pix:
		s, err := t.halves(d, m)
		return s, m.EndGame, err
	}
	return nil, nil, fmt.Errorf("train: no steps of a %T are known", t.model)
}

func (t *pictureTraining) filler(d *tensor.Device, m *unet.Inpaint) (*train.Stepper, error) {
	s := &t.settings
	b, err := newHoleBatches(t.train, s, learnedStream)
	if err != nil {
		return nil, err
	}
	return &train.Stepper{
		Groups: s.groups(m, s.LR), State: train.Running(nn.Params(m)), Schedule: s.Schedule, Clip: s.Clip, Tokens: s.Rows,
		Loss: func(step *tensor.Step, index, _ int) (*tensor.Tensor, error) {
			if err := t.drawDue(d, index); err != nil {
				return nil, err
			}
			x, holes := b.batch(step, index)
			return m.Loss(step, x, holes), nil
		},
	}, nil
}

// halves are the discriminator, where there is one, and the generator.
func (t *pictureTraining) halves(d *tensor.Device, m *unet.Pix2Pix) (all []*train.Stepper, err error) {
	s := &t.settings
	b, err := newPairBatches(t.train, s)
	if err != nil {
		return nil, err
	}
	generator := &train.Stepper{
		Name: "generator", Groups: s.groups(&m.Generator, s.LR), State: train.Running(nn.Params(&m.Generator)), Schedule: s.Schedule, Clip: s.Clip, Tokens: s.Rows,
		Loss: func(step *tensor.Step, index, _ int) (*tensor.Tensor, error) {
			if m.Discriminator == nil {
				if err := t.drawDue(d, index); err != nil {
					return nil, err
				}
			}
			x, y := b.batch(step, index)
			return m.GeneratorLoss(step, x, y, float32(or(s.Weight, 1))), nil
		},
	}
	if m.Discriminator == nil {
		return []*train.Stepper{generator}, nil
	}
	return []*train.Stepper{{
		Name: "discriminator", Groups: s.groups(m.Discriminator, s.DiscriminatorLR), State: train.Running(nn.Params(m.Discriminator)), Schedule: s.Schedule, Tokens: s.Rows,
		Loss: func(step *tensor.Step, index, _ int) (*tensor.Tensor, error) {
			if err := t.drawDue(d, index); err != nil {
				return nil, err
			}
			x, y := b.batch(step, index)
			return m.DiscriminatorLoss(step, x, y), nil
		},
	}, generator}, nil
}

// loss is the mean squared error of held-out holes, always the same ones, of at most 512 pictures: it tells
// which weights are the best, not how good they are.
func (t *pictureTraining) loss(ctx context.Context, d *tensor.Device) (float64, error) {
	real := some(t.held, 512)
	holes, err := t.settings.holes(real.Len(), heldStream)
	if err != nil {
		return 0, err
	}
	made, err := fill(ctx, d, t.model.(*unet.Inpaint), real, holes)
	if err != nil {
		return 0, err
	}
	m, err := eval.Pictures(ctx, nil, d, made, real, holes)
	if err != nil {
		return 0, err
	}
	return m.HoleError, nil
}
