package inkstone

import (
	"slices"
	"strings"

	"github.com/inkstone-ai/inkstone/corpus"
	"github.com/inkstone-ai/inkstone/model"
	"github.com/inkstone-ai/inkstone/model/unet"
	"github.com/inkstone-ai/inkstone/nn"
	"github.com/inkstone-ai/inkstone/tensor"
	"github.com/inkstone-ai/inkstone/train"
)

// PictureSettings decide what [TrainPictures] computes: with the data they give the weights,
// bit for bit. A field that is zero is derived. The run stores them resolved, as
// inkstone.json beside the model; that file is a config file for another run.
type PictureSettings struct {
	Model string `json:"model"` // "inpaint" or "pix2pix". "": inpaint

	Size     [2]int `json:"size"`     // height and width that pictures are resized to. 0: the first one's
	Channels int    `json:"channels"` // 1 or 3. 0: 1 if every picture is grey

	Holes string `json:"holes,omitempty"` // of inpaint: one of [corpus.HoleKinds]. "": both

	// Of pix2pix. From and To are two of [corpus.Drawings], in which the program draws every
	// picture; where one is given, the other is "plain". Where none is, each picture is a pair,
	// the first on its left half and the second on its right.
	From      string  `json:"from,omitempty"`
	To        string  `json:"to,omitempty"`
	Objective string  `json:"objective,omitempty"` // "adversarial", beside the absolute error, or "l1", that alone. "": adversarial
	Weight    float64 `json:"weight,omitempty"`    // λ of the absolute error where there is a discriminator. 0: 100

	Depth int `json:"depth"` // levels of the network. 0: 3, or as many as 2 divides the sides for
	Width int `json:"width"` // channels of the first level, each further one has twice as many. 0: 16

	HeldOut float64 `json:"held_out"` // share of the pictures that is kept for evaluation and for a judge. 0: 0.3

	Rows  int `json:"rows"`  // B, of a step. 0: 32, of pix2pix 16
	Steps int `json:"steps"` // updates. 0: 1500, of pix2pix 1000

	LR              float64        `json:"lr"`                         // peak of AdamW. 0: 3e-3, of an adversarial pix2pix 2e-3
	DiscriminatorLR float64        `json:"discriminator_lr,omitempty"` // of the discriminator's. 0: 5e-4
	Beta1           float64        `json:"beta1"`                      // of AdamW. 0: 0.9, of an adversarial pix2pix 0.5
	Beta2           float64        `json:"beta2"`                      // of AdamW. 0: 0.98
	Clip            float64        `json:"clip"`                       // of the gradient's norm, without a discriminator. 0: 1
	Schedule        train.Schedule `json:"schedule"`                   // zero: 5 % warm-up, then a cosine to zero

	Precision string `json:"precision"` // of products in training: "f32", or "bf16". "": f32

	SampleEvery     int    `json:"sample_every"`         // steps between pictures of samples. 0: a tenth of the run
	EvalEvery       int    `json:"eval_every,omitempty"` // of inpaint: steps. 0: a tenth of the run
	CheckpointEvery int    `json:"checkpoint_every"`     // steps. 0: a tenth of the run
	Keep            int    `json:"keep"`                 // newest checkpoints. 0: 2
	Patience        int    `json:"patience,omitempty"`   // of inpaint: evaluations in a row without a better one before an early stop. 0: no such stop
	Seed            uint64 `json:"seed"`                 // of weights, batches, holes and the choice of held-out pictures

	file string // that they were read from, for errors
}

// PictureModels are the values of [PictureSettings.Model].
func PictureModels() []string { return []string{"inpaint", "pix2pix"} }

// ReadPictureSettings reads a config file: a JSON object with the keys of [PictureSettings].
// A key that does not exist is an error.
func ReadPictureSettings(path string) (PictureSettings, error) {
	s := PictureSettings{file: path}
	if err := readConfig(path, &s); err != nil {
		return PictureSettings{}, err
	}
	return s, nil
}

func (s PictureSettings) errorf(format string, args ...any) error {
	return configError(s.file, format, args...)
}

// Objectives of pix2pix.
const (
	adversarial = "adversarial"
	l1          = "l1"
)

// check refuses what no derivation can mend. The model's own dimensions are the model's to
// check.
func (s PictureSettings) check() error {
	if err := (common{
		counts: []count{
			{"size", s.Size[0]}, {"size", s.Size[1]}, {"depth", s.Depth}, {"width", s.Width}, {"rows", s.Rows}, {"steps", s.Steps},
			{"sample_every", s.SampleEvery}, {"eval_every", s.EvalEvery}, {"checkpoint_every", s.CheckpointEvery}, {"keep", s.Keep}, {"patience", s.Patience},
		},
		lr: s.LR, clip: s.Clip, beta1: s.Beta1, beta2: s.Beta2, heldOut: s.HeldOut, precision: s.Precision, schedule: s.Schedule,
	}).check(s.errorf); err != nil {
		return err
	}
	switch {
	case s.Model != "" && !slices.Contains(PictureModels(), s.Model):
		return s.errorf("model %q is none of %s", s.Model, strings.Join(PictureModels(), ", "))
	case s.Channels != 0 && s.Channels != 1 && s.Channels != 3:
		return s.errorf("channels %d are neither 1 nor 3", s.Channels)
	case s.Depth > 10:
		return s.errorf("depth %d: at most 10 levels", s.Depth)
	case s.Rows != 0 && s.Rows < leastRows:
		return s.errorf("rows %d: norms go by a batch, which has at least %d", s.Rows, leastRows)
	case !(s.DiscriminatorLR >= 0 && s.Weight >= 0):
		return s.errorf("discriminator_lr %g and weight %g must not be negative", s.DiscriminatorLR, s.Weight)
	case s.Model == "pix2pix":
		return s.checkPix2Pix()
	}
	return s.checkInpaint()
}

func (s PictureSettings) checkInpaint() error {
	switch {
	case s.From != "" || s.To != "" || s.Objective != "" || s.Weight != 0 || s.DiscriminatorLR != 0:
		return s.errorf("from, to, objective, weight and discriminator_lr are of the model pix2pix")
	case s.Holes != "" && !slices.Contains(corpus.HoleKinds(), s.Holes):
		return s.errorf("holes %q are none of %s", s.Holes, strings.Join(corpus.HoleKinds(), ", "))
	}
	return nil
}

func (s PictureSettings) checkPix2Pix() error {
	for _, style := range []string{s.From, s.To} {
		if style != "" && !slices.Contains(corpus.Drawings(), style) {
			return s.errorf("from or to %q is none of %s", style, strings.Join(corpus.Drawings(), ", "))
		}
	}
	switch {
	case s.Holes != "" || s.EvalEvery != 0 || s.Patience != 0:
		return s.errorf("holes, eval_every and patience are of the model inpaint")
	case s.Objective != "" && s.Objective != adversarial && s.Objective != l1:
		return s.errorf("objective %q is neither %s nor %s", s.Objective, adversarial, l1)
	case s.Objective == l1 && (s.Weight != 0 || s.DiscriminatorLR != 0):
		return s.errorf("weight and discriminator_lr are of the objective %s", adversarial)
	case s.drawn() && or(s.From, "plain") == or(s.To, "plain"):
		return s.errorf("from and to are both %q: there is nothing to learn", or(s.From, "plain"))
	case s.drawn() && s.Channels != 0:
		return s.errorf("channels follow from the drawings %s and %s", or(s.From, "plain"), or(s.To, "plain"))
	}
	return nil
}

// drawn says whether the program draws the pairs.
func (s PictureSettings) drawn() bool { return s.From != "" || s.To != "" }

// derive fills the fields that are zero and declares the model; n are the pictures to train
// on.
func (s PictureSettings) derive(shape model.ImageShape, n int) (PictureSettings, pictureModel, error) {
	s.Model, s.Size, s.Channels = or(s.Model, "inpaint"), [2]int{shape.H, shape.W}, shape.C
	s.Depth, s.Width, s.Precision = or(s.Depth, levels(s.Size)), or(s.Width, 16), or(s.Precision, "f32")
	rows, steps := 32, 1500
	if s.Model == "pix2pix" {
		rows, steps = 16, 1000
	}
	s.Rows, s.Steps = or(s.Rows, min(rows, n)), or(s.Steps, steps)
	if s.Rows > n || n < leastRows {
		return s, nil, s.errorf("%d pictures to train on are too few for a batch of %d", n, max(s.Rows, leastRows))
	}
	s.Beta2, s.Schedule = or(s.Beta2, 0.98), or(s.Schedule, train.Schedule{Shape: train.Cosine, Warmup: 0.05})
	tenth := max(1, s.Steps/10)
	s.SampleEvery, s.CheckpointEvery, s.Keep = or(s.SampleEvery, tenth), or(s.CheckpointEvery, tenth), or(s.Keep, 2)
	c := unet.Config{Size: s.Size, Channels: s.Channels}
	if s.drawn() {
		s.Channels = 0 // they follow
	}
	for i := range s.Depth {
		c.Widths = append(c.Widths, s.Width<<i)
	}
	if s.Model == "pix2pix" {
		return s.pix2pix(c)
	}
	s.Holes, s.LR, s.Beta1, s.Clip, s.EvalEvery = or(s.Holes, "both"), or(s.LR, 3e-3), or(s.Beta1, 0.9), or(s.Clip, 1), or(s.EvalEvery, tenth)
	m, err := unet.NewInpaint(c)
	if err != nil {
		return s, nil, s.errorf("%w", err)
	}
	return s, m, nil
}

func (s PictureSettings) pix2pix(c unet.Config) (PictureSettings, pictureModel, error) {
	if s.Objective = or(s.Objective, adversarial); s.Objective == l1 {
		s.LR, s.Beta1, s.Clip = or(s.LR, 3e-3), or(s.Beta1, 0.9), or(s.Clip, 1)
	} else {
		s.LR, s.DiscriminatorLR, s.Beta1, s.Weight = or(s.LR, 2e-3), or(s.DiscriminatorLR, 5e-4), or(s.Beta1, 0.5), or(s.Weight, 100)
		for i := 0; i < 2 && min(s.Size[0], s.Size[1])>>(i+1) >= 2; i++ {
			c.Judges = append(c.Judges, 2*s.Width<<i)
		}
		if c.Judges == nil {
			return s, nil, s.errorf("pictures of %d × %d are too small for a discriminator; the objective %s has none", s.Size[0], s.Size[1], l1)
		}
	}
	m, err := unet.NewPix2Pix(c)
	if err != nil {
		return s, nil, s.errorf("%w", err)
	}
	return s, m, nil
}

// levels are 3, or as many as both sides can be halved for.
func levels(size [2]int) (n int) {
	for n = 1; n < 3 && size[0]%(1<<n) == 0 && size[1]%(1<<n) == 0; n++ {
	}
	return n
}

// groups are parameters with their optimizer.
func (s PictureSettings) groups(part any, lr float64) []train.Group {
	return train.AdamWGroups(nn.Params(part), train.AdamW{Beta1: s.Beta1, Beta2: s.Beta2}, lr, 0)
}

// precision is that of products, as check has found it to exist.
func (s PictureSettings) precision() tensor.DType { return precisionOf(s.Precision) }
