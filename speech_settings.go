package inkstone

import (
	"slices"
	"strings"

	"github.com/inkstone-ai/inkstone/corpus"
	"github.com/inkstone-ai/inkstone/corpus/mel"
	"github.com/inkstone-ai/inkstone/model/speech"
	"github.com/inkstone-ai/inkstone/nn"
	"github.com/inkstone-ai/inkstone/tensor"
	"github.com/inkstone-ai/inkstone/train"
)

// SpeechSettings decide what [TrainSpeech] computes: with the data they give the weights, bit for
// bit. A field that is zero is derived. The run stores them resolved, as inkstone.json beside
// the model; that file is a config file for another run.
type SpeechSettings struct {
	Model string `json:"model"` // "ctc" or "audio-cnn". "": ctc

	Pattern string `json:"pattern"` // how names of recordings are made, see [corpus.SoundOptions]. "": {label}_{speaker}_{number}.wav
	Rate    int    `json:"rate"`    // samples a second that recordings are resampled to. 0: 8000

	// Unheard are speakers of whom nothing is learned; what the model is worth is measured on them.
	// Absent: the last one by name, where there are two or more. Empty: none.
	Unheard []string `json:"unheard"`
	HeldOut float64  `json:"held_out"` // share of the other speakers' recordings of which nothing is learned; they choose the best weights. 0: 0.1

	Words int        `json:"words"` // most of an utterance that is made of recordings, of ctc. 0: 7
	Gap   [2]float64 `json:"gap"`   // seconds between two words, negative: they overlap. Zero: -0.03 to 0.4
	Edge  float64    `json:"edge"`  // most seconds of silence around them. 0: 0.3, of audio-cnn 0.1; a negative one means none
	Grow  float64    `json:"grow"`  // share of the run in which utterances grow from one word to all, of ctc. 0: 0.3; a negative one means none

	Speed  float64   `json:"speed"`  // most change of speed in training, see [corpus.Spoken]. 0: 0.2; a negative one means none
	Gain   float64   `json:"gain"`   // most change of loudness in training, decibels. 0: 6; a negative one means none
	Noise  float64   `json:"noise"`  // least ratio of utterances to white noise in training, decibels. 0: 10, of audio-cnn 15; a negative one means no noise
	Colour float64   `json:"colour"` // deviation of the curves that colour the sound in training, nats, see [mel.Colour]. 0: 0.3; a negative one means none
	Masks  mel.Masks `json:"masks"`  // in training. Zero: 2 bands of 8 filters and 2 spans of 12 frames, a quarter of a recording at most, of audio-cnn 1 and 1 of 8, a fifth; bands -1: no bands

	Mels    int     `json:"mels"`    // filters of the front end. 0: 40
	Depth   int     `json:"depth"`   // layers of LSTMs of ctc, convolutions of audio-cnn. 0: 1 and 4
	Width   int     `json:"width"`   // channels of the first convolution; the second has twice as many, further ones of audio-cnn four times. 0: 16, of audio-cnn 32
	Hidden  int     `json:"hidden"`  // H of ctc, units of each direction. 0: 96
	Dropout float64 `json:"dropout"` // before LSTMs and classes. 0: 0.2; a negative one means none

	Rows  int `json:"rows"`  // utterances of a step. 0: 16, of audio-cnn 32
	Steps int `json:"steps"` // updates. 0: 1500, of audio-cnn 1000

	LR        float64        `json:"lr"`        // peak of AdamW. 0: 4e-3, of audio-cnn 3e-3
	Beta2     float64        `json:"beta2"`     // of AdamW. 0: 0.98
	Decay     float64        `json:"decay"`     // weight decay of matrices and filters. 0: 0.01; a negative one means none
	Clip      float64        `json:"clip"`      // of the gradient's norm. 0: 1
	Schedule  train.Schedule `json:"schedule"`  // zero: 10 % warm-up, then a cosine to zero
	Smoothing float64        `json:"smoothing"` // of the classes in audio-cnn's loss. 0: 0.1; a negative one means none

	Precision string `json:"precision"` // of products in training: "f32", or "bf16". "": f32

	EvalUtterances  int    `json:"eval_utterances"`  // of held-out recordings, that an evaluation during the run hears, of ctc; one at the end hears six times as many. 0: 50
	EvalEvery       int    `json:"eval_every"`       // steps. 0: a tenth of the run
	CheckpointEvery int    `json:"checkpoint_every"` // steps. 0: a tenth of the run
	Keep            int    `json:"keep"`             // newest checkpoints. 0: 2
	Patience        int    `json:"patience"`         // evaluations in a row without a better one before an early stop. 0: no such stop
	Seed            uint64 `json:"seed"`             // of weights, utterances and the choice of held-out recordings

	file string // that they were read from, for errors
}

// SpeechModels are the values of [SpeechSettings.Model].
func SpeechModels() []string { return []string{"ctc", "audio-cnn"} }

// speechPattern is how names of recordings are made by default: those of the Free Spoken Digit Dataset.
const speechPattern = "{label}_{speaker}_{number}.wav"

// ReadSpeechSettings reads a config file: a JSON object with the keys of [SpeechSettings]. A key
// that does not exist is an error.
func ReadSpeechSettings(path string) (SpeechSettings, error) {
	s := SpeechSettings{file: path}
	if err := readConfig(path, &s); err != nil {
		return SpeechSettings{}, err
	}
	return s, nil
}

func (s SpeechSettings) errorf(format string, args ...any) error {
	return configError(s.file, format, args...)
}

// check refuses what no derivation can mend. The model's own dimensions are the model's to
// check, those of utterances package corpus's.
func (s SpeechSettings) check() error {
	if err := (common{
		counts: []count{
			{"rate", s.Rate}, {"words", s.Words}, {"mels", s.Mels}, {"depth", s.Depth}, {"width", s.Width}, {"hidden", s.Hidden},
			{"rows", s.Rows}, {"steps", s.Steps}, {"eval_utterances", s.EvalUtterances}, {"eval_every", s.EvalEvery},
			{"checkpoint_every", s.CheckpointEvery}, {"keep", s.Keep}, {"patience", s.Patience},
			{"masks.filters", s.Masks.Filters}, {"masks.frames", s.Masks.Frames}, {"masks.spans", s.Masks.Spans},
		},
		lr: s.LR, clip: s.Clip, beta2: s.Beta2, heldOut: s.HeldOut, precision: s.Precision, schedule: s.Schedule,
	}).check(s.errorf); err != nil {
		return err
	}
	switch {
	case s.Model != "" && !slices.Contains(SpeechModels(), s.Model):
		return s.errorf("model %q is none of %s", s.Model, strings.Join(SpeechModels(), ", "))
	case s.Model == "audio-cnn" && (s.Words != 0 || s.Grow != 0 || s.Hidden != 0 || s.EvalUtterances != 0):
		return s.errorf("words, grow, hidden and eval_utterances are of the model ctc")
	case s.Model != "audio-cnn" && s.Smoothing != 0:
		return s.errorf("smoothing is of the model audio-cnn")
	case !(s.Dropout < 1 && s.Smoothing < 1):
		return s.errorf("dropout %g and smoothing %g must be below 1", s.Dropout, s.Smoothing)
	case !(s.Grow <= 1):
		return s.errorf("grow %g is no share of the run", s.Grow)
	case !(s.Colour <= 10):
		return s.errorf("colour %g is above 10", s.Colour)
	case !(s.Masks.Share >= 0 && s.Masks.Share <= 1) || s.Masks.Bands < -1 || max(s.Masks.Bands, s.Masks.Spans) > 1000:
		return s.errorf("masks %+v: want bands from -1, spans from 0, at most 1000 of each, and a share of 0 to 1", s.Masks)
	}
	return nil
}

// rate is that of recordings.
func (s SpeechSettings) rate() int { return or(s.Rate, 8000) }

// derive fills the fields that are zero and declares the model of words.
func (s SpeechSettings) derive(words []string) (SpeechSettings, speechModel, error) {
	s.Model, s.Pattern, s.Rate, s.Precision = or(s.Model, "ctc"), or(s.Pattern, speechPattern), s.rate(), or(s.Precision, "f32")
	ctc := s.Model == "ctc"
	pick := func(one, other float64) float64 {
		if ctc {
			return one
		}
		return other
	}
	s.Gap, s.Edge = or(s.Gap, [2]float64{-0.03, 0.4}), or(s.Edge, pick(0.3, 0.1))
	s.Speed, s.Gain, s.Noise, s.Colour = or(s.Speed, 0.2), or(s.Gain, 6), or(s.Noise, pick(10, 15)), or(s.Colour, 0.3)
	s.Masks = or(s.Masks, mel.Masks{Bands: int(pick(2, 1)), Filters: 8, Spans: int(pick(2, 1)), Frames: int(pick(12, 8)), Share: pick(0.25, 0.2)})
	s.Mels, s.Depth, s.Width, s.Dropout = or(s.Mels, 40), or(s.Depth, int(pick(1, 4))), or(s.Width, int(pick(16, 32))), or(s.Dropout, 0.2)
	s.Rows, s.Steps = or(s.Rows, int(pick(16, 32))), or(s.Steps, int(pick(1500, 1000)))
	s.LR, s.Beta2, s.Decay, s.Clip = or(s.LR, pick(4e-3, 3e-3)), or(s.Beta2, 0.98), or(s.Decay, 0.01), or(s.Clip, 1)
	s.Schedule = or(s.Schedule, train.Schedule{Shape: train.Cosine, Warmup: 0.1})
	tenth := max(1, s.Steps/10)
	s.EvalEvery, s.CheckpointEvery, s.Keep = or(s.EvalEvery, tenth), or(s.CheckpointEvery, tenth), or(s.Keep, 2)
	if ctc {
		s.Words, s.Grow, s.Hidden, s.EvalUtterances = or(s.Words, 7), or(s.Grow, 0.3), or(s.Hidden, 96), or(s.EvalUtterances, 50)
	} else {
		s.Smoothing = or(s.Smoothing, 0.1)
	}
	m, err := s.declare(words)
	if err != nil {
		return s, nil, s.errorf("%w", err)
	}
	return s, m, nil
}

// declare makes the model that resolved settings describe.
func (s SpeechSettings) declare(words []string) (speechModel, error) {
	sound := speech.Sound{Rate: s.Rate, Mels: s.Mels, Dropout: float32(max(0, s.Dropout)), Classes: words}
	if s.Model == "ctc" {
		sound.Channels = []int{s.Width, 2 * s.Width}
		m, err := speech.NewCTC(speech.CTCConfig{Sound: sound, Hidden: s.Hidden, Layers: s.Depth})
		if err != nil {
			return nil, err // not a typed nil
		}
		return m, nil
	}
	for i := range min(s.Depth, 1<<10) { // more than there may be
		sound.Channels = append(sound.Channels, s.Width<<min(i, 2))
	}
	m, err := speech.NewCNN(speech.CNNConfig{Sound: sound})
	if err != nil {
		return nil, err
	}
	return m, nil
}

// Streams of utterances, which share the seed and no utterance.
const (
	learnedUtterances = iota
	heldUtterances
	measuredUtterances
)

// spoken are utterances of some recordings as training makes them, disturbed or not.
func (s SpeechSettings) spoken(sounds *corpus.Sounds, disturbed bool, stream uint64) (*corpus.Spoken, error) {
	p := corpus.Spoken{Sounds: sounds, Most: max(1, s.Words), Gap: s.Gap, Edge: max(0, s.Edge), Seed: s.Seed<<2 | stream}
	if disturbed {
		p.Speed, p.Gain, p.Noise = max(0, s.Speed), max(0, s.Gain), max(0, s.Noise)
	}
	made, err := corpus.NewSpoken(p)
	if err != nil {
		return nil, s.errorf("%w", err)
	}
	return made, nil
}

func (s SpeechSettings) precision() tensor.DType { return precisionOf(s.Precision) }

// groups are the model's parameters with their optimizer.
func (s SpeechSettings) groups(m any) []train.Group {
	return train.AdamWGroups(nn.Params(m), train.AdamW{Beta2: s.Beta2}, s.LR, max(0, s.Decay))
}
