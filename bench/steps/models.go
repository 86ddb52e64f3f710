package main

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/inkstone-ai/inkstone/model/gan"
	"github.com/inkstone-ai/inkstone/model/speech"
	"github.com/inkstone-ai/inkstone/model/video"
	"github.com/inkstone-ai/inkstone/model/vision"
	"github.com/inkstone-ai/inkstone/nn"
	"github.com/inkstone-ai/inkstone/tensor"
	"github.com/inkstone-ai/inkstone/train"
)

// A subject is a model whose step is measured, and a batch of numbers that do not matter.
type subject struct {
	name, what string
	steppers   func(d *tensor.Device) ([]*train.Stepper, error)
}

var models = []subject{
	{"cnn", "a CNN, 128 images of 28 × 28: forward, backward, clipping, AdamW", cnnSteppers},
	{"gan", "a DCGAN, 64 images of 28 × 28: both halves, forward, backward, AdamW", ganSteppers},
	{"convlstm", "a ConvLSTM, 8 clips of 20 frames of 64 × 64, ten given: forward, backward, clipping, AdamW", videoSteppers},
	{"ctc", "a CTC, 16 utterances of 1.5 to 3 s: forward, backward, clipping, AdamW", ctcSteppers},
}

// stepsPerSecond is the number of whole steps per second by the median one.
func stepsPerSecond(ctx context.Context, m subject, threads int, p tensor.DType, spend time.Duration) (float64, error) {
	d := tensor.CPU(threads)
	defer d.Close()
	steppers, err := m.steppers(d)
	if err != nil {
		return 0, err
	}
	var times []float64
	turn, last := 0, time.Now()
	_, err = train.Run(ctx, train.Config{Device: d, Steps: 1 << 20, Budget: spend, Precision: p, Progress: func(train.Metrics) {
		if turn++; turn%len(steppers) != 0 {
			return
		}
		now := time.Now()
		times, last = append(times, now.Sub(last).Seconds()), now
	}}, steppers...)
	if err != nil {
		return 0, err
	}
	if len(times) < 5 {
		return 0, fmt.Errorf("%d steps alone: -seconds gives more", len(times))
	}
	times = times[3:] // the first get their memory
	slices.Sort(times)
	return 1 / times[len(times)/2], nil
}

// begin gives a model its first weights.
func begin(d *tensor.Device, m any) {
	nn.Init(m, d, 1)
	for _, p := range nn.Trainable(m) {
		p.Tensor.SetTrainable(true)
	}
}

func digits() (names []string) {
	for i := range 10 {
		names = append(names, strconv.Itoa(i))
	}
	return names
}

// some are n numbers from 0 to 1.
func some(n int) []float32 {
	x := make([]float32, n)
	for i := range x {
		x[i] = float32(i*7919%1000) / 1000
	}
	return x
}

// labels are n classes.
func labels(n int) []int32 {
	x := make([]int32, n)
	for i := range x {
		x[i] = int32(i % 10)
	}
	return x
}

func cnnSteppers(d *tensor.Device) ([]*train.Stepper, error) {
	m, err := vision.NewCNN(vision.CNNConfig{Size: [2]int{28, 28}, Channels: 1, Widths: []int{32, 64, 128}, Labels: vision.NewLabels(digits())})
	if err != nil {
		return nil, err
	}
	begin(d, m)
	const B = 128
	pixels, classes := some(B*28*28), labels(B)
	return []*train.Stepper{{
		Groups: train.AdamWGroups(nn.Params(m), train.AdamW{Beta2: 0.98}, 3e-3, 0.05), Clip: 1,
		Loss: func(s *tensor.Step, _, _ int) (*tensor.Tensor, error) {
			z := m.Logits(m.Features(s, s.Floats(pixels, B, 28, 28, 1), true))
			return z.CrossEntropy(s.Ints(classes, B), tensor.CEOptions{Smoothing: 0.1}).Mean(), nil
		},
	}}, nil
}

func ganSteppers(d *tensor.Device) ([]*train.Stepper, error) {
	const B, Z = 64, 64
	m, err := gan.New(gan.Config{Size: [2]int{28, 28}, Channels: 1, Widths: []int{32, 64}, Latent: Z, ClassWidth: 10, Classes: digits(), Norm: true})
	if err != nil {
		return nil, err
	}
	begin(d, m)
	game := gan.NewGame(d, m, gan.NonSaturating, B, 0)
	b := gan.Batch{Real: some(B * 28 * 28), Classes: labels(B), Noise: some(B * Z)}
	adam := train.AdamW{Beta1: 0.5, Beta2: 0.99}
	return []*train.Stepper{{
		Name: "discriminator", Groups: train.AdamWGroups(nn.Params(&m.Discriminator), adam, 5e-4, 0),
		Loss: func(s *tensor.Step, _, _ int) (*tensor.Tensor, error) { return game.DiscriminatorLoss(s, b), nil },
	}, {
		Name: "generator", Groups: train.AdamWGroups(nn.Params(&m.Generator), adam, 5e-4, 0),
		Loss: func(s *tensor.Step, _, _ int) (*tensor.Tensor, error) { return game.GeneratorLoss(s, b), nil },
	}}, nil
}

func videoSteppers(d *tensor.Device) ([]*train.Stepper, error) {
	const T, B, N = 20, 8, 64
	m, err := video.New(video.Config{
		Size: [2]int{N, N}, Patch: 4, Widths: []int{32, 32}, Kernel: 3, Global: 128, Motions: 1, Classes: digits(), Digit: [2]int{28, 28},
		Hidden: 1, Latent: 1, Context: T / 2, Frames: T,
	})
	if err != nil {
		return nil, err
	}
	begin(d, m)
	frames := some(T * B * N * N)
	return []*train.Stepper{{
		Groups: train.AdamWGroups(nn.Params(m), train.AdamW{Beta2: 0.98}, 2e-3, 0.01), Clip: 1,
		Loss: func(s *tensor.Step, _, _ int) (*tensor.Tensor, error) {
			return m.Loss(s, s.Floats(frames, T, B, N, N), T/2, m.Unknown(B)), nil
		},
	}}, nil
}

// ctcSteppers is the CTC that train makes by default, on utterances of 150 to 300 frames with a word each 50.
func ctcSteppers(d *tensor.Device) ([]*train.Stepper, error) {
	sound := speech.Sound{Rate: 8000, Channels: []int{16, 32}, Dropout: 0.2, Classes: digits()}
	m, err := speech.NewCTC(speech.CTCConfig{Sound: sound, Hidden: 96, Layers: 1})
	if err != nil {
		return nil, err
	}
	begin(d, m)
	const B, M = 16, 40
	var frames [][]float32
	var words [][]int32
	for i := range B {
		frames, words = append(frames, some((150+10*i)*M)), append(words, labels(3+i/5))
	}
	batch := speech.Stack(frames, M)
	return []*train.Stepper{{
		Groups: train.AdamWGroups(nn.Params(m), train.AdamW{Beta2: 0.98}, 4e-3, 0.01), Clip: 1,
		Loss: func(s *tensor.Step, _, _ int) (*tensor.Tensor, error) { return m.Loss(s, batch, words), nil },
	}}, nil
}
