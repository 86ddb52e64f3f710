package inkstone

import (
	"github.com/inkstone-ai/inkstone/model"
	"github.com/inkstone-ai/inkstone/model/gan"
	"github.com/inkstone-ai/inkstone/nn"
	"github.com/inkstone-ai/inkstone/tensor"
	"github.com/inkstone-ai/inkstone/train"
)

// GANSettings decide what [TrainGAN] computes: with the data they give the weights, bit for
// bit. A field that is zero is derived. The run stores them resolved, as inkstone.json
// beside the model; that file is a config file for another run.
type GANSettings struct {
	Model     string `json:"model"`     // "gan"
	Objective string `json:"objective"` // "non-saturating" or "wasserstein", with gradient penalty. "": non-saturating

	Size          [2]int `json:"size"`          // height and width that images are resized to. 0: the first one's
	Channels      int    `json:"channels"`      // 1 or 3. 0: 1 if every image is grey
	Unconditional bool   `json:"unconditional"` // pass over the images' classes

	Depth  int `json:"depth"`  // halvings of an image. 0: until a side is odd or below 8
	Width  int `json:"width"`  // channels of the discriminator's first layer, each further one has twice as many. 0: 32
	Latent int `json:"latent"` // Z, numbers of noise. 0: 64

	HeldOut float64 `json:"held_out"` // share of the images that is kept for a judge. 0: 0.3

	Rows  int `json:"rows"`  // B, of a step. 0: 64
	Steps int `json:"steps"` // updates of both halves. 0: 50 passes over the images

	LR              float64        `json:"lr"`               // peak of the generator's AdamW. 0: 5e-4, with wasserstein 2e-4
	DiscriminatorLR float64        `json:"discriminator_lr"` // of the discriminator's. 0: 5e-4, with wasserstein 6e-4
	Beta1           float64        `json:"beta1"`            // of AdamW. 0: 0.5
	Beta2           float64        `json:"beta2"`            // of AdamW. 0: 0.99
	Penalty         float64        `json:"penalty"`          // λ of wasserstein. 0: 10
	Schedule        train.Schedule `json:"schedule"`         // zero: a cosine to zero

	Augment     bool    `json:"augment"`      // both halves see images moved: for some ten images a class; not with wasserstein
	ModeSeeking float64 `json:"mode_seeking"` // weight of the distance between images of a class, so that noise matters. 0: none

	Precision string `json:"precision"` // of products in training: "f32", or "bf16". "": f32

	SampleEvery     int    `json:"sample_every"`     // steps between pictures of samples. 0: a tenth of the run
	CheckpointEvery int    `json:"checkpoint_every"` // steps. 0: a tenth of the run
	Keep            int    `json:"keep"`             // newest checkpoints. 0: 2
	Seed            uint64 `json:"seed"`             // of weights, batches, noise and the choice of held-out images

	file string // that they were read from, for errors
}

// GANModels are the values of [GANSettings.Model].
func GANModels() []string { return []string{"gan"} }

// ReadGANSettings reads a config file: a JSON object with the keys of [GANSettings]. A key
// that does not exist is an error.
func ReadGANSettings(path string) (GANSettings, error) {
	s := GANSettings{file: path}
	if err := readConfig(path, &s); err != nil {
		return GANSettings{}, err
	}
	return s, nil
}

func (s GANSettings) errorf(format string, args ...any) error {
	return configError(s.file, format, args...)
}

// leastRows of a batch give a norm something to go by.
const leastRows = 4

// check refuses what no derivation can mend.
func (s GANSettings) check() error {
	if err := (common{
		counts: []count{
			{"size", s.Size[0]}, {"size", s.Size[1]}, {"depth", s.Depth}, {"width", s.Width}, {"latent", s.Latent}, {"rows", s.Rows}, {"steps", s.Steps},
			{"sample_every", s.SampleEvery}, {"checkpoint_every", s.CheckpointEvery}, {"keep", s.Keep},
		},
		lr: s.LR, beta1: s.Beta1, beta2: s.Beta2, heldOut: s.HeldOut, precision: s.Precision, schedule: s.Schedule,
	}).check(s.errorf); err != nil {
		return err
	}
	switch {
	case s.Model != "" && s.Model != "gan":
		return s.errorf("model %q is not gan", s.Model)
	case s.Objective != "" && s.Objective != string(gan.NonSaturating) && s.Objective != string(gan.Wasserstein):
		return s.errorf("objective %q is neither %s nor %s", s.Objective, gan.NonSaturating, gan.Wasserstein)
	case s.Channels != 0 && s.Channels != 1 && s.Channels != 3:
		return s.errorf("channels %d are neither 1 nor 3", s.Channels)
	case s.Depth > 8:
		return s.errorf("depth %d: at most 8 halvings", s.Depth)
	case s.Rows != 0 && s.Rows < leastRows:
		return s.errorf("rows %d: norms go by a batch, which has at least %d", s.Rows, leastRows)
	case !(s.DiscriminatorLR >= 0 && s.Penalty >= 0):
		return s.errorf("discriminator_lr %g and penalty %g must not be negative", s.DiscriminatorLR, s.Penalty)
	case !(s.ModeSeeking >= 0):
		return s.errorf("mode_seeking %g must not be negative", s.ModeSeeking)
	case s.Augment && s.Objective == string(gan.Wasserstein):
		return s.errorf("augment is of the objective non-saturating: the penalty of wasserstein is on images as they are")
	case s.Penalty != 0 && s.Objective != string(gan.Wasserstein):
		return s.errorf("penalty is of the objective wasserstein")
	}
	return nil
}

// derive fills the fields that are zero and declares the model; n are the images to train
// on.
func (s GANSettings) derive(shape model.ImageShape, n int) (GANSettings, *gan.GAN, error) {
	s.Model, s.Objective = "gan", or(s.Objective, string(gan.NonSaturating))
	s.Size, s.Channels = [2]int{shape.H, shape.W}, shape.C
	s.Depth, s.Width, s.Latent = or(s.Depth, halvings(s.Size)), or(s.Width, 32), or(s.Latent, 64)
	s.Rows, s.Precision = or(s.Rows, min(64, n)), or(s.Precision, "f32")
	if s.Rows > n || n < leastRows {
		return s, nil, s.errorf("%d images to train on are too few for a batch of %d", n, max(s.Rows, leastRows))
	}
	s.Steps = or(s.Steps, max(1, 50*n/s.Rows))
	s.Beta1, s.Beta2 = or(s.Beta1, 0.5), or(s.Beta2, 0.99)
	lr := [2]float64{5e-4, 5e-4}
	if s.wasserstein() {
		lr, s.Penalty = [2]float64{2e-4, 6e-4}, or(s.Penalty, 10)
	}
	s.LR, s.DiscriminatorLR = or(s.LR, lr[0]), or(s.DiscriminatorLR, lr[1])
	s.Schedule = or(s.Schedule, train.Schedule{Shape: train.Cosine})
	tenth := max(1, s.Steps/10)
	s.SampleEvery, s.CheckpointEvery, s.Keep = or(s.SampleEvery, tenth), or(s.CheckpointEvery, tenth), or(s.Keep, 2)
	if s.Depth == 0 {
		return s, nil, s.errorf("images of %d × %d: a side is odd, and a generator doubles its rows and columns; set \"size\", [%d, %d] for example",
			shape.H, shape.W, nearest8(shape.H), nearest8(shape.W))
	}
	c := gan.Config{Size: s.Size, Channels: s.Channels, Latent: s.Latent, Classes: shape.Classes, Norm: !s.wasserstein()}
	if len(c.Classes) > 0 {
		c.ClassWidth = max(8, min(64, len(c.Classes)))
	}
	for i := range s.Depth {
		c.Widths = append(c.Widths, s.Width<<i)
	}
	m, err := gan.New(c)
	if err != nil {
		return s, nil, s.errorf("%w", err)
	}
	return s, m, nil
}

func (s *GANSettings) wasserstein() bool { return s.Objective == string(gan.Wasserstein) }

// halvings is how often 2 divides both sides until one is below 8.
func halvings(size [2]int) (n int) {
	h, w := size[0], size[1]
	for n < 8 && h%2 == 0 && w%2 == 0 && (n == 0 || min(h, w) >= 8) {
		h, w, n = h/2, w/2, n+1
	}
	return n
}

// nearest8 is the multiple of 8 nearest to n.
func nearest8(n int) int { return max(8, (n+4)/8*8) }

func (s GANSettings) precision() tensor.DType { return precisionOf(s.Precision) }

// groups are the parameters of one half with their optimizer.
func (s GANSettings) groups(half any, lr float64) []train.Group {
	return train.AdamWGroups(nn.Params(half), train.AdamW{Beta1: s.Beta1, Beta2: s.Beta2}, lr, 0)
}
