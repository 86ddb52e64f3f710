package inkstone

import (
	"context"
	"fmt"

	"github.com/inkstone-ai/inkstone/corpus"
	"github.com/inkstone-ai/inkstone/eval"
	"github.com/inkstone-ai/inkstone/model"
	"github.com/inkstone-ai/inkstone/nn"
	"github.com/inkstone-ai/inkstone/tensor"
	"github.com/inkstone-ai/inkstone/train"
)

// ImageOptions say what [TrainImages] trains on: IDX files, folders and archives of images,
// see [corpus.ReadImages].
type ImageOptions = RunOptions[ImageSettings]

// TrainImages trains a classifier of images: a CNN or a ViT. It writes a folder of
// config.json and model.safetensors, with the same files beside it as [Train].
//
// Errors and the end of ctx are as for [Train].
func TrainImages(ctx context.Context, o ImageOptions) (*Trained, error) {
	return trainFolder(ctx, o, prepareImages)
}

// prepareImages reads the images and declares the model.
func prepareImages(o ImageOptions) (*folderRun, error) {
	t := &imageTraining{ImageOptions: o, settings: o.Settings}
	s := &t.settings
	s.HeldOut = or(s.HeldOut, 0.2)
	if err := s.check(); err != nil {
		return nil, err
	}
	if err := t.read(); err != nil {
		return nil, err
	}
	var err error
	if t.settings, t.model, err = s.derive(t.shape(), t.train.Len()); err != nil {
		return nil, err
	}
	return &folderRun{
		kind: s.Model, model: t.model, settings: t.settings, digest: t.digest,
		pace:  pace{s.Steps, s.EvalEvery, s.CheckpointEvery, s.Keep, s.Patience, s.Seed, s.precision()},
		input: sizeOf(t.shape()), unit: "images", rows: s.Rows, learn: t.train.Len(), held: t.held.Len(),
		steppers: t.steppers, loss: t.loss, report: t.report,
	}, nil
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

// measure tells the held-out images apart, attacked where training attacks them.
func (t *imageTraining) measure(ctx context.Context, d *tensor.Device) (*eval.ImagesMeasurement, error) {
	x, err := eval.Attacked(ctx, t.model, d, eval.Unit(nil, t.held.Pixels), t.held.Labels, t.settings.Adversarial, t.settings.Seed)
	if err != nil {
		return nil, err
	}
	return eval.Images(ctx, t.model, d, x, t.held.Labels)
}

// loss is that of held-out images.
func (t *imageTraining) loss(ctx context.Context, d *tensor.Device) (float64, error) {
	m, err := t.measure(ctx, d)
	if err != nil {
		return 0, err
	}
	return m.Loss, nil
}

// report says how many held-out images the model tells apart.
func (t *imageTraining) report(ctx context.Context, d *tensor.Device, r *eval.Report) error {
	m, err := t.measure(ctx, d)
	if err != nil {
		return err
	}
	r.Share("accuracy", m.Right, m.Of)
	return nil
}

// steppers join the model, its optimizer and the batches.
func (t *imageTraining) steppers(d *tensor.Device) (_ []*train.Stepper, done func(), err error) {
	s := &t.settings
	smoothing := tensor.CEOptions{Smoothing: max(0, s.Smoothing)}
	b := newImageBatches(t.train, s.Rows, max(0, s.Shift), s.Seed)
	attacked := newAttackedBatches(d, t.model, s.Adversarial, s.Rows, s.Seed, s.precision())
	return []*train.Stepper{{
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
	}}, attacked.free, nil
}

// sizeOf says what images a model reads, and how many classes it tells apart.
func sizeOf(s model.ImageShape) string {
	colours := map[int]string{1: "grey", 3: "colour"}[s.C]
	return fmt.Sprintf("%d × %d, %s, %d classes", s.H, s.W, colours, len(s.Classes))
}
