package inkstone

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"github.com/inkstone-ai/inkstone/corpus"
	"github.com/inkstone-ai/inkstone/format"
	"github.com/inkstone-ai/inkstone/model"
	"github.com/inkstone-ai/inkstone/model/video"
	"github.com/inkstone-ai/inkstone/nn"
	"github.com/inkstone-ai/inkstone/tensor"
	"github.com/inkstone-ai/inkstone/train"
)

// VideoOptions say what [TrainVideo] trains on, where to, and how.
type VideoOptions struct {
	Data     []string // labelled pictures of digits, see [corpus.ReadImages]; the clips are made of them
	Out      string   // folder of the model
	Settings VideoSettings
	Threads  int  // 0: one for each core; does not change the result
	Resume   bool // continue the run in Out

	Planned  func(Announcement)
	Progress func(train.Metrics)
	Notice   func(string)
}

// TrainVideo trains a ConvLSTM on clips of digits that move, which it makes of pictures: to predict
// frames from those before, and to make clips of its own from a class and a direction. The loss is
// the sum of three, in nats a pixel: of prediction, of making, of drawing first frames. It writes
// a folder of config.json and model.safetensors, with the same files beside it as [Train].
//
// Errors and the end of ctx are as for [Train].
func TrainVideo(ctx context.Context, o VideoOptions) (*Trained, error) {
	if err := vacant(o.Out, o.Resume); err != nil {
		return nil, fmt.Errorf("train: %w", err)
	}
	if o.Notice == nil {
		o.Notice = func(string) {}
	}
	t := &videoTraining{VideoOptions: o, settings: o.Settings}
	t.settings.HeldOut = or(t.settings.HeldOut, 0.2)
	if err := t.settings.check(); err != nil {
		return nil, err
	}
	if err := unlessDone(ctx, func() error { return errors.Join(t.read(), ctx.Err()) }); err != nil {
		return nil, err
	}
	var err error
	if t.settings, t.model, err = t.settings.derive(t.train); err != nil {
		return nil, err
	}
	return t.run(ctx)
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

// run trains and writes the folder.
func (t *videoTraining) run(ctx context.Context) (*Trained, error) {
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
	stepper, err := t.stepper()
	if err != nil {
		return nil, err
	}
	r, err := train.Run(ctx, train.Config{
		Device: d, Steps: s.Steps, Seed: s.Seed, Precision: s.precision(), Dir: filepath.Join(t.Out, runDir), Resume: t.Resume,
		Identity:        train.Identity{Settings: s, Data: t.digest},
		CheckpointEvery: s.CheckpointEvery, Keep: s.Keep,
		Evaluate:      func(ctx context.Context) (float64, error) { return t.measure(ctx, d) },
		EvaluateEvery: s.EvalEvery, Patience: s.Patience, Progress: t.Progress, Notice: t.Notice,
	}, stepper)
	if err != nil {
		return nil, err
	}
	if err := loadBest(t.model, r); err != nil {
		return nil, err
	}
	return t.save(r)
}

// save writes the folder: config.json, with which it is whole, comes last.
func (t *videoTraining) save(r train.Result) (*Trained, error) {
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

// stepper joins the model, its optimizer and the batches: an update sums a batch to predict and one
// to make.
func (t *videoTraining) stepper() (*train.Stepper, error) {
	s := &t.settings
	b, err := newVideoBatches(t.model, t.train, *s, learnedStream)
	if err != nil {
		return nil, err
	}
	return &train.Stepper{
		Groups: s.groups(t.model), Schedule: s.Schedule, Clip: s.Clip, Micro: 2, Tokens: s.Rows * (s.Frames + max(2, s.Context)),
		Loss: func(step *tensor.Step, index, micro int) (*tensor.Tensor, error) {
			if micro == 0 {
				return b.prediction(step, index), nil
			}
			return b.making(step, index), nil
		},
	}, nil
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

// announce tells what the run is about to be; tokens are frames here, those to train on pictures.
func (t *videoTraining) announce(d *tensor.Device) {
	if t.Planned == nil {
		return
	}
	s := &t.settings
	t.Planned(Announcement{
		Model: s.Model, Parameters: int64(model.Parameters(t.model)), Images: fmt.Sprintf("%d × %d, clips of %d", s.Side, s.Side, s.Frames),
		Device: d.Name(), Precision: d.Precision(s.precision()).String(), Steps: s.Steps, TokensPerStep: s.Rows * (s.Frames + max(2, s.Context)),
		TrainTokens: int64(t.train.Len()), HeldTokens: int64(t.held.Len()), EvalTokens: int64(t.held.Len()),
	})
}
