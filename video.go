package inkstone

import (
	"context"
	"fmt"

	"github.com/inkstone-ai/inkstone/corpus"
	"github.com/inkstone-ai/inkstone/model/video"
	"github.com/inkstone-ai/inkstone/nn"
	"github.com/inkstone-ai/inkstone/tensor"
	"github.com/inkstone-ai/inkstone/train"
)

// VideoOptions say what [TrainVideo] trains on: labelled pictures of digits, see
// [corpus.ReadImages]; the clips are made of them.
type VideoOptions = RunOptions[VideoSettings]

// TrainVideo trains a ConvLSTM on clips of digits that move, which it makes of pictures: to predict
// frames from those before, and to make clips of its own from a class and a direction. The loss is
// the sum of three: squared errors a pixel of prediction and of making, see [video.ConvLSTM.Loss], and
// nats a pixel of drawing first frames. It writes a folder of config.json and model.safetensors, with the same files beside it as [Train].
//
// Errors and the end of ctx are as for [Train].
func TrainVideo(ctx context.Context, o VideoOptions) (*Trained, error) {
	return trainFolder(ctx, o, prepareVideo)
}

// prepareVideo reads the digits and declares the model.
func prepareVideo(o VideoOptions) (*folderRun, error) {
	t := &videoTraining{VideoOptions: o, settings: o.Settings}
	s := &t.settings
	s.HeldOut = or(s.HeldOut, 0.2)
	if err := s.check(); err != nil {
		return nil, err
	}
	if err := t.read(); err != nil {
		return nil, err
	}
	var err error
	if t.settings, t.model, err = s.derive(t.train); err != nil {
		return nil, err
	}
	return &folderRun{
		kind: s.Model, model: t.model, settings: t.settings, digest: t.digest,
		pace:  pace{s.Steps, s.EvalEvery, s.CheckpointEvery, s.Keep, s.Patience, s.Seed, s.precision()},
		input: fmt.Sprintf("%d × %d, clips of %d", s.Side, s.Side, s.Frames), unit: "images", rows: s.frames(), learn: t.train.Len(), held: t.held.Len(),
		steppers: t.steppers, loss: t.measure,
	}, nil
}

// A videoTraining is everything that a run needs, before it has memory.
type videoTraining struct {
	VideoOptions
	settings    VideoSettings
	train, held *corpus.Images
	digest      string
	model       *video.ConvLSTM
}

// read reads the digits and holds some out.
func (t *videoTraining) read() error {
	all, err := readDigits(t.Notice, nil, t.Data)
	if err != nil {
		return err
	}
	sum := all.Digest()
	t.digest = fmt.Sprintf("%x", sum)
	if t.train, t.held, err = all.Split(t.settings.HeldOut, t.settings.Seed); err != nil {
		return fmt.Errorf("%s: %w", named(t.Data), err)
	}
	return nil
}

// readDigits reads grey pictures with labels.
func readDigits(notice func(string), classes, paths []string) (*corpus.Images, error) {
	all, err := corpus.ReadImages(corpus.ImageOptions{Channels: 1, Classes: classes, Notice: notice}, paths...)
	if err != nil {
		return nil, err
	}
	if all.Labels == nil {
		return nil, fmt.Errorf("%s: pictures without labels: want a folder for each class, or an IDX file of labels", named(paths))
	}
	return all, nil
}

// steppers join the model, its optimizer and the batches: an update sums a batch to predict and one
// to make.
func (t *videoTraining) steppers(*tensor.Device) (_ []*train.Stepper, done func(), err error) {
	s := &t.settings
	b, err := newVideoBatches(t.model, t.train, *s, learnedStream)
	if err != nil {
		return nil, nil, err
	}
	return []*train.Stepper{{
		Groups: s.groups(t.model), Schedule: s.Schedule, Clip: s.Clip, Micro: 2, Tokens: s.frames(),
		Loss: func(step *tensor.Step, index, micro int) (*tensor.Tensor, error) {
			if micro == 0 {
				return b.prediction(step, index), nil
			}
			return b.making(step, index), nil
		},
	}}, nil, nil
}

// measure is the loss on clips of held-out digits, always the same ones.
func (t *videoTraining) measure(ctx context.Context, d *tensor.Device) (float64, error) {
	b, err := newVideoBatches(t.model, t.held, t.settings, heldStream)
	if err != nil {
		return 0, err
	}
	s := tensor.NewStep(d, tensor.StepOptions{Precision: t.settings.precision()})
	defer s.Close()
	nn.Freeze(t.model, true)
	defer nn.Freeze(t.model, false)
	sum, batches := 0.0, max(1, t.settings.EvalClips/b.rows)
	for i := range batches {
		if err := ctx.Err(); err != nil {
			return 0, err
		}
		for _, loss := range []func(*tensor.Step, int) *tensor.Tensor{b.prediction, b.making} {
			s.Begin(0)
			sum += float64(loss(s, i).Item())
		}
	}
	return sum / float64(batches), nil
}

// frames are those of a step: clips to predict, and clips to make.
func (s *VideoSettings) frames() int { return s.Rows * (s.Frames + max(2, s.Context)) }
