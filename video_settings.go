package inkstone

import (
	"github.com/inkstone-ai/inkstone/corpus"
	"github.com/inkstone-ai/inkstone/model/video"
	"github.com/inkstone-ai/inkstone/nn"
	"github.com/inkstone-ai/inkstone/tensor"
	"github.com/inkstone-ai/inkstone/train"
)

// VideoSettings decide what [TrainVideo] computes: with the data they give the weights, bit for
// bit. A field that is zero is derived. The run stores them resolved, as inkstone.json beside
// the model; that file is a config file for another run.
type VideoSettings struct {
	Model string `json:"model"` // "convlstm"

	Side    int     `json:"side"`    // pixels of a frame's height and width. 0: 64
	Frames  int     `json:"frames"`  // of a clip. 0: 20
	Context int     `json:"context"` // frames that are given to predict the others. 0: half of them
	Digits  int     `json:"digits"`  // that move in the clips that are predicted. 0: 1
	Speed   float64 `json:"speed"`   // pixels from frame to frame. 0: a tenth of the way that a digit has

	Depth   int `json:"depth"`   // convolutional layers. 0: 1
	Width   int `json:"width"`   // channels of each. 0: 16
	Kernel  int `json:"kernel"`  // taps of a side of their convolutions, odd. 0: 3
	Patch   int `json:"patch"`   // pixels of a side. 0: the largest of 1 to 8 that divides the frame's
	Global  int `json:"global"`  // channels of the state of the frame as a whole. 0: 128
	Motions int `json:"motions"` // layers that a frame is cut into, each with its motion. 0: Digits
	Hidden  int `json:"hidden"`  // channels of the drawer of first frames. 0: 256
	Latent  int `json:"latent"`  // numbers of noise that a digit is drawn from. 0: 16

	HeldOut float64 `json:"held_out"` // share of the digits of which no clip to learn is made. 0: 0.2

	Rows      int `json:"rows"`       // clips that a step predicts, and as many that it learns to make. 0: 8
	DigitRows int `json:"digit_rows"` // digits that a step learns to draw. 0: 64
	Steps     int `json:"steps"`      // updates. 0: 3000

	LR       float64        `json:"lr"`       // peak of AdamW. 0: 3e-3
	Beta2    float64        `json:"beta2"`    // of AdamW. 0: 0.98
	Decay    float64        `json:"decay"`    // weight decay of matrices and filters. 0: 0.01; a negative one means none
	Clip     float64        `json:"clip"`     // of the gradient's norm. 0: 1
	Schedule train.Schedule `json:"schedule"` // zero: 5 % warm-up, then a cosine to zero

	Precision string `json:"precision"` // of products in training: "f32", or "bf16". "": f32

	EvalClips       int    `json:"eval_clips"`       // of held-out digits, that an evaluation during the run predicts. 0: 32
	EvalEvery       int    `json:"eval_every"`       // steps. 0: a tenth of the run
	CheckpointEvery int    `json:"checkpoint_every"` // steps. 0: a tenth of the run
	Keep            int    `json:"keep"`             // newest checkpoints. 0: 2
	Patience        int    `json:"patience"`         // evaluations in a row without a better one before an early stop. 0: no such stop
	Seed            uint64 `json:"seed"`             // of weights, clips and the choice of held-out digits

	file string // that they were read from, for errors
}

// VideoModels are the values of [VideoSettings.Model].
func VideoModels() []string { return []string{"convlstm"} }

// ReadVideoSettings reads a config file: a JSON object with the keys of [VideoSettings]. A key
// that does not exist is an error.
func ReadVideoSettings(path string) (VideoSettings, error) {
	s := VideoSettings{file: path}
	if err := readConfig(path, &s); err != nil {
		return VideoSettings{}, err
	}
	return s, nil
}

func (s VideoSettings) errorf(format string, args ...any) error {
	return configError(s.file, format, args...)
}

// check refuses what no derivation can mend. The model's own dimensions are the model's to
// check, those of clips package corpus's.
func (s VideoSettings) check() error {
	if err := (common{
		counts: []count{
			{"side", s.Side}, {"frames", s.Frames}, {"context", s.Context}, {"digits", s.Digits}, {"depth", s.Depth}, {"width", s.Width},
			{"kernel", s.Kernel}, {"patch", s.Patch}, {"global", s.Global}, {"motions", s.Motions}, {"hidden", s.Hidden}, {"latent", s.Latent}, {"rows", s.Rows}, {"digit_rows", s.DigitRows},
			{"steps", s.Steps}, {"eval_clips", s.EvalClips}, {"eval_every", s.EvalEvery}, {"checkpoint_every", s.CheckpointEvery},
			{"keep", s.Keep}, {"patience", s.Patience},
		},
		lr: s.LR, clip: s.Clip, beta2: s.Beta2, heldOut: s.HeldOut, precision: s.Precision, schedule: s.Schedule,
	}).check(s.errorf); err != nil {
		return err
	}
	switch {
	case s.Model != "" && s.Model != VideoModels()[0]:
		return s.errorf("model %q is not %s", s.Model, VideoModels()[0])
	case s.Digits > mostDigits:
		return s.errorf("digits is %d, want at most %d", s.Digits, mostDigits)
	case !(s.Speed >= 0):
		return s.errorf("speed %g must not be negative", s.Speed)
	}
	return nil
}

// mostDigits is more than can be told apart in a frame.
const mostDigits = 100

// derive fills the fields that are zero and declares the model of clips of digits.
func (s VideoSettings) derive(digits *corpus.Images) (VideoSettings, *video.ConvLSTM, error) {
	s.Model, s.Side, s.Frames, s.Digits = or(s.Model, VideoModels()[0]), or(s.Side, 64), or(s.Frames, 20), or(s.Digits, 1)
	s.Context, s.Precision = or(s.Context, s.Frames/2), or(s.Precision, "f32")
	moving, err := s.moving(digits, s.Digits, 0)
	if err != nil {
		return s, nil, s.errorf("%w", err)
	}
	s.Speed = moving.Speed
	s.Depth, s.Width, s.Kernel, s.Patch = or(s.Depth, 1), or(s.Width, 16), or(s.Kernel, 3), or(s.Patch, framePatch(s.Side))
	s.Global, s.Motions = or(s.Global, 128), or(s.Motions, s.Digits)
	s.Hidden, s.Latent = or(s.Hidden, 256), or(s.Latent, 16)
	s.Rows, s.DigitRows, s.Steps = or(s.Rows, 8), min(or(s.DigitRows, 64), digits.Len()), or(s.Steps, 3000)
	s.LR, s.Beta2, s.Decay, s.Clip = or(s.LR, 3e-3), or(s.Beta2, 0.98), or(s.Decay, 0.01), or(s.Clip, 1)
	s.Schedule = or(s.Schedule, train.Schedule{Shape: train.Cosine, Warmup: 0.05})
	tenth := max(1, s.Steps/10)
	s.EvalClips, s.EvalEvery, s.CheckpointEvery, s.Keep = or(s.EvalClips, 32), or(s.EvalEvery, tenth), or(s.CheckpointEvery, tenth), or(s.Keep, 2)
	c := video.Config{
		Size: [2]int{s.Side, s.Side}, Patch: s.Patch, Kernel: s.Kernel, Global: s.Global, Motions: s.Motions, Classes: digits.Classes, Digit: [2]int{digits.H, digits.W},
		Hidden: s.Hidden, Latent: s.Latent, Context: s.Context, Frames: s.Frames,
	}
	for range min(s.Depth, 1<<10) {
		c.Widths = append(c.Widths, s.Width)
	}
	m, err := video.New(c)
	if err != nil {
		return s, nil, s.errorf("%w", err)
	}
	return s, m, nil
}

// framePatch is the largest patch of 1 to 8 pixels that divides a frame's side.
func framePatch(side int) int {
	p := 8
	for side%p != 0 {
		p--
	}
	return p
}

// moving are clips of some digits; a stream is one of several that share the seed and no clip.
func (s VideoSettings) moving(digits *corpus.Images, count int, stream uint64) (*corpus.Moving, error) {
	return corpus.NewMoving(corpus.Moving{Digits: digits, Side: s.Side, Frames: s.Frames, Count: count, Speed: s.Speed, Seed: s.Seed<<2 | stream})
}

func (s VideoSettings) precision() tensor.DType { return precisionOf(s.Precision) }

// groups are the model's parameters with their optimizer.
func (s VideoSettings) groups(m any) []train.Group {
	return train.AdamWGroups(nn.Params(m), train.AdamW{Beta2: s.Beta2}, s.LR, max(0, s.Decay))
}
