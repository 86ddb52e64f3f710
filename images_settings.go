package inkstone

import (
	"fmt"
	"slices"
	"strings"

	"github.com/inkstone-ai/inkstone/model"
	"github.com/inkstone-ai/inkstone/model/vision"
	"github.com/inkstone-ai/inkstone/nn"
	"github.com/inkstone-ai/inkstone/tensor"
	"github.com/inkstone-ai/inkstone/train"
)

// ImageSettings decide what [TrainImages] computes: with the data they give the weights,
// bit for bit. A field that is zero is derived. The run stores them resolved, as
// inkstone.json beside the model; that file is a config file for another run.
type ImageSettings struct {
	Model string `json:"model"` // "cnn" or "vit". "": cnn

	Size     [2]int `json:"size"`     // height and width that images are resized to. 0: the first one's
	Channels int    `json:"channels"` // 1 or 3. 0: 1 if every image is grey

	Depth   int     `json:"depth"`   // stages of a CNN, blocks of a ViT. 0: 3 and 4
	Width   int     `json:"width"`   // channels of a CNN's first stage, each further one has twice as many; C of a ViT. 0: 32 and 64
	Heads   int     `json:"heads"`   // of a ViT. 0: one for 32 channels
	Patch   int     `json:"patch"`   // of a ViT, pixels of a side. 0: the largest of 1 to 8 that divides the image's sides into 4 or more
	Dropout float32 `json:"dropout"` // before a CNN's classes, in a ViT's blocks

	Shift   int     `json:"shift"`    // most pixels by which training moves an image, at random. 0: a fourteenth of the side; a negative one means none
	HeldOut float64 `json:"held_out"` // share of the images that is kept for evaluation. 0: 0.2

	Rows  int `json:"rows"`  // B, of a step. 0: 128
	Steps int `json:"steps"` // updates. 0: 15 passes over the images of a CNN, 60 of a ViT

	LR        float64        `json:"lr"`        // peak of AdamW. 0: 3e-3, of a ViT 1e-3
	Beta2     float64        `json:"beta2"`     // of AdamW. 0: 0.98
	Decay     float64        `json:"decay"`     // weight decay of matrices and filters. 0: 0.05; a negative one means none
	Clip      float64        `json:"clip"`      // of the gradient's norm. 0: 1
	Schedule  train.Schedule `json:"schedule"`  // zero: 5 % warm-up, then a cosine to zero
	Smoothing float32        `json:"smoothing"` // of the classes in the loss. 0: 0.1; a negative one means none

	Precision string `json:"precision"` // of products in training: "f32", or "bf16". "": f32

	// Adversarial training of the pixels: every image that is learned was attacked before.
	// Zero: none.
	Adversarial train.Attack `json:"adversarial,omitzero"`

	EvalEvery       int    `json:"eval_every"`       // steps. 0: a tenth of the run
	CheckpointEvery int    `json:"checkpoint_every"` // steps. 0: a tenth of the run
	Keep            int    `json:"keep"`             // newest checkpoints. 0: 2
	Patience        int    `json:"patience"`         // evaluations in a row without a better one before an early stop. 0: no such stop
	Seed            uint64 `json:"seed"`             // of weights, batches, moves, attacks and the choice of held-out images

	file string // that they were read from, for errors
}

// mostShift is far more pixels than an image is moved by.
const mostShift = 1 << 20

// ImageModels are the values of [ImageSettings.Model].
func ImageModels() []string { return []string{"cnn", "vit"} }

// ReadImageSettings reads a config file: a JSON object with the keys of
// [ImageSettings]. A key that does not exist is an error.
func ReadImageSettings(path string) (ImageSettings, error) {
	s := ImageSettings{file: path}
	if err := readConfig(path, &s); err != nil {
		return ImageSettings{}, err
	}
	return s, nil
}

func (s ImageSettings) errorf(format string, args ...any) error {
	return configError(s.file, format, args...)
}

// check refuses what no derivation can mend. The model's own dimensions are the
// model's to check.
func (s ImageSettings) check() error {
	if err := (common{
		counts: []count{
			{"size", s.Size[0]}, {"size", s.Size[1]}, {"depth", s.Depth}, {"width", s.Width}, {"heads", s.Heads}, {"patch", s.Patch},
			{"rows", s.Rows}, {"steps", s.Steps}, {"eval_every", s.EvalEvery}, {"checkpoint_every", s.CheckpointEvery},
			{"keep", s.Keep}, {"patience", s.Patience},
		},
		lr: s.LR, clip: s.Clip, beta2: s.Beta2, heldOut: s.HeldOut, precision: s.Precision, schedule: s.Schedule,
	}).check(s.errorf); err != nil {
		return err
	}
	switch {
	case s.Shift > mostShift:
		return s.errorf("shift %d: want at most %d", s.Shift, mostShift)
	case s.Model != "" && !slices.Contains(ImageModels(), s.Model):
		return s.errorf("model %q is none of %s", s.Model, strings.Join(ImageModels(), ", "))
	case s.Channels != 0 && s.Channels != 1 && s.Channels != 3:
		return s.errorf("channels %d are neither 1 nor 3", s.Channels)
	case s.Model != "vit" && (s.Heads != 0 || s.Patch != 0):
		return s.errorf("heads and patch are of the model vit")
	case s.Dropout < 0 || s.Dropout >= 1:
		return s.errorf("dropout %g is not in [0, 1)", s.Dropout)
	case s.Smoothing >= 1:
		return s.errorf("smoothing %g is not below 1", s.Smoothing)
	}
	if err := s.Adversarial.Check(); err != nil {
		return s.errorf("%w", err)
	}
	return nil
}

// derive fills the fields that are zero and declares the model; n are the images to train
// on.
func (s ImageSettings) derive(shape model.ImageShape, n int) (ImageSettings, model.Classifier, error) {
	s.Model, s.Size, s.Channels = or(s.Model, "cnn"), [2]int{shape.H, shape.W}, shape.C
	s.Rows, s.Precision = min(or(s.Rows, 128), n), or(s.Precision, "f32")
	s.Beta2, s.Decay, s.Clip, s.Smoothing = or(s.Beta2, 0.98), or(s.Decay, 0.05), or(s.Clip, 1), or(s.Smoothing, 0.1)
	s.Schedule = or(s.Schedule, train.Schedule{Shape: train.Cosine, Warmup: 0.05})
	s.Shift = or(s.Shift, min(shape.H, shape.W)/14)
	passes := 15
	var m model.Classifier
	var err error
	if s.Model == "vit" {
		passes = 60
		s.LR = or(s.LR, 1e-3)
		m, err = s.vit(shape)
	} else {
		s.LR = or(s.LR, 3e-3)
		m, err = s.cnn(shape)
	}
	if err != nil {
		return s, nil, s.errorf("%w", err)
	}
	s.Steps = or(s.Steps, max(1, passes*n/s.Rows))
	tenth := max(1, s.Steps/10)
	s.EvalEvery, s.CheckpointEvery, s.Keep = or(s.EvalEvery, tenth), or(s.CheckpointEvery, tenth), or(s.Keep, 2)
	return s, m, nil
}

func (s *ImageSettings) cnn(shape model.ImageShape) (model.Classifier, error) {
	s.Depth, s.Width = or(s.Depth, 3), or(s.Width, 32)
	c := vision.CNNConfig{Size: s.Size, Channels: s.Channels, Dropout: s.Dropout, Mean: 0.5, Std: 0.5, Labels: vision.NewLabels(shape.Classes)}
	for i := range min(s.Depth, 16) {
		c.Widths = append(c.Widths, s.Width<<i)
	}
	if len(c.Widths) < s.Depth {
		return nil, fmt.Errorf("vision: a CNN of %d stages, each with twice as many channels; at most 16", s.Depth)
	}
	return vision.NewCNN(c)
}

func (s *ImageSettings) vit(shape model.ImageShape) (model.Classifier, error) {
	s.Depth, s.Width = or(s.Depth, 4), or(s.Width, 64)
	s.Heads, s.Patch = or(s.Heads, max(1, s.Width/32)), or(s.Patch, patchOf(s.Size))
	return vision.NewViT(vision.ViTConfig{
		Size: s.Size, Patch: s.Patch, Channels: s.Channels, Width: s.Width, Layers: s.Depth, Heads: s.Heads, Dropout: s.Dropout,
		Labels: vision.NewLabels(shape.Classes),
	})
}

// patchOf is the largest patch of 1 to 8 pixels that divides both sides into 4 or more.
func patchOf(size [2]int) int {
	for p := 8; p > 1; p-- {
		if size[0]%p == 0 && size[1]%p == 0 && min(size[0], size[1])/p >= 4 {
			return p
		}
	}
	return 1
}

func (s ImageSettings) precision() tensor.DType { return precisionOf(s.Precision) }

// groups are the model's parameters with their optimizer.
func (s ImageSettings) groups(m any) []train.Group {
	return train.AdamWGroups(nn.Params(m), train.AdamW{Beta2: s.Beta2}, s.LR, max(0, s.Decay))
}
