package inkstone

import (
	"github.com/inkstone-ai/inkstone/model/wordvec"
)

// GloVe is the value of [VectorSettings.Algorithm] beside [wordvec.SkipGram] and
// [wordvec.CBOW].
const GloVe = "glove"

// VectorSettings decide what [TrainVectors] computes: with the data they give the
// vectors, bit for bit. A field that is zero takes the default that its comment
// gives; inkstone.json beside the model has them resolved.
type VectorSettings struct {
	Algorithm string `json:"algorithm"` // "skipgram", "cbow" or "glove". "": skipgram
	Dimension int    `json:"dimension"` // C. 0: 100
	Window    int    `json:"window"`    // words at this distance are near. 0: 5, of glove 10
	MinCount  int    `json:"min_count"` // words that are rarer become the unknown one. 0: 5

	Negatives int     `json:"negatives,omitempty"` // k, not of glove. 0: 5
	Subsample float64 `json:"subsample,omitempty"` // frequency from which words are thinned out, not of glove. 0: 1e-3; a negative one means none
	XMax      float64 `json:"x_max,omitempty"`     // of glove: counts from here on weigh 1. 0: 100
	Alpha     float64 `json:"alpha,omitempty"`     // of glove: power of the weight. 0: 0.75

	Epochs  int     `json:"epochs"`   // times that the text, or glove's table of counts, is gone through. 0: 15
	LR      float64 `json:"lr"`       // at the start; it falls in a line to nothing, glove's stays. 0: 0.025, of cbow 0.05, of glove 0.05
	Step    int     `json:"step"`     // running words, of glove pairs, of one update. 0: 1,024, fewer of a small vocabulary, of glove 4,096
	HeldOut float64 `json:"held_out"` // share of the text that is kept for evaluation. 0: 0.05

	EvalEvery       int    `json:"eval_every"`       // steps. 0: a tenth of the run
	CheckpointEvery int    `json:"checkpoint_every"` // steps. 0: a tenth of the run
	Keep            int    `json:"keep"`             // newest checkpoints. 0: 2
	Seed            uint64 `json:"seed"`             // of weights, batches and negatives

	file string // that they were read from, for errors
}

// ReadVectorSettings reads a config file: a JSON object with the keys of
// [VectorSettings]. A key that does not exist is an error.
func ReadVectorSettings(path string) (VectorSettings, error) {
	s := VectorSettings{file: path}
	if err := readConfig(path, &s); err != nil {
		return VectorSettings{}, err
	}
	return s, nil
}

func (s VectorSettings) errorf(format string, args ...any) error {
	return configError(s.file, format, args...)
}

// complete checks the settings and fills in the defaults that do not depend on data.
func (s VectorSettings) complete() (VectorSettings, error) {
	s.Algorithm = or(s.Algorithm, wordvec.SkipGram)
	glove := s.Algorithm == GloVe
	switch {
	case s.Algorithm != wordvec.SkipGram && s.Algorithm != wordvec.CBOW && !glove:
		return s, s.errorf("algorithm %q is none of %s, %s and %s", s.Algorithm, wordvec.SkipGram, wordvec.CBOW, GloVe)
	case glove && (s.Negatives != 0 || s.Subsample != 0):
		return s, s.errorf("negatives and subsample are not of glove")
	case !glove && (s.XMax != 0 || s.Alpha != 0):
		return s, s.errorf("x_max and alpha are of glove alone")
	case min(s.Dimension, s.Window, s.MinCount, s.Negatives, s.Epochs, s.Step, s.EvalEvery, s.CheckpointEvery, s.Keep) < 0:
		return s, s.errorf("a negative number: dimension %d, window %d, min_count %d, negatives %d, epochs %d, step %d, eval_every %d, checkpoint_every %d or keep %d",
			s.Dimension, s.Window, s.MinCount, s.Negatives, s.Epochs, s.Step, s.EvalEvery, s.CheckpointEvery, s.Keep)
	case s.LR < 0 || s.XMax < 0 || s.Alpha < 0:
		return s, s.errorf("lr %g, x_max %g and alpha %g must not be negative", s.LR, s.XMax, s.Alpha)
	case s.HeldOut < 0 || s.HeldOut >= 1:
		return s, s.errorf("held_out %g is no share of the text", s.HeldOut)
	case s.Window > mostWindow:
		return s, s.errorf("window %d, at most %d", s.Window, mostWindow)
	}
	s.Dimension, s.MinCount, s.Epochs, s.HeldOut = or(s.Dimension, 100), or(s.MinCount, 5), or(s.Epochs, 15), or(s.HeldOut, 0.05)
	s.Keep = or(s.Keep, 2)
	switch s.Algorithm {
	case GloVe:
		s.Window, s.LR, s.Step = or(s.Window, 10), or(s.LR, 0.05), or(s.Step, 4096)
		s.XMax, s.Alpha = or(s.XMax, 100), or(s.Alpha, 0.75)
		return s, nil
	case wordvec.CBOW:
		s.LR = or(s.LR, 0.05)
	}
	s.Window, s.LR = or(s.Window, 5), or(s.LR, 0.025)
	s.Negatives, s.Subsample = or(s.Negatives, 5), or(s.Subsample, 1e-3)
	return s, nil
}

// mostWindow keeps a block's words in the bounds of a small product.
const mostWindow = 100
