package inkstone

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/inkstone-ai/inkstone/corpus"
	"github.com/inkstone-ai/inkstone/model/fusion"
	"github.com/inkstone-ai/inkstone/model/seq2seq"
	"github.com/inkstone-ai/inkstone/nn"
	"github.com/inkstone-ai/inkstone/tensor"
	"github.com/inkstone-ai/inkstone/train"
)

// FusionSettings decide what [TrainFusion] computes: with the data they give the weights, bit for
// bit. A field that is zero is derived. The run stores them resolved, as inkstone.json beside
// the model; that file is a config file for another run.
type FusionSettings struct {
	Model string `json:"model"` // "fusion", "contrastive" or "caption". "": fusion

	Fusion     string   `json:"fusion,omitempty"`     // of a fusion: the way, see [fusion.Config]. "": sum
	Modalities []string `json:"modalities,omitempty"` // of a fusion: some of "picture", "sound", "name". None: all
	Absent     float64  `json:"absent,omitempty"`     // of a fusion: chance that training leaves a modality of an example out. 0: 0.15; a negative one means none

	Languages []string            `json:"languages"`          // of names, by their place. None: en, zh
	Names     map[string][]string `json:"names"`              // of each class, one a language. None: those of the digits 0 to 9
	Captions  []string            `json:"captions,omitempty"` // of a captioner: one a language, in which {class} and {name} are replaced. None: a handwritten {class}, 手写的数字{name}

	Noise        *corpus.TripleNoise `json:"noise,omitempty"`         // of a fusion and of pairs. None: such that each modality alone is right in about four of five cases
	Pattern      string              `json:"pattern,omitempty"`       // how recordings are named, see [corpus.SoundOptions]. "": {label}_{speaker}_{number}.wav; "folder": a folder for each class
	Rate         int                 `json:"rate,omitempty"`          // samples a second that recordings are resampled to. 0: 8000
	TestSpeakers []string            `json:"test_speakers,omitempty"` // whose recordings are for the test alone. None: the last one by name; where names say no speaker, a share of the recordings

	Depth   int     `json:"depth"`             // stages of the convolutional networks. 0: 3
	Stage   int     `json:"stage"`             // channels of the first stage, each further one has twice as many. 0: 8, of a captioner 16
	Width   int     `json:"width"`             // C. 0: 48
	Letters int     `json:"letters,omitempty"` // channels of a character of a name. 0: 16
	Frames  int     `json:"frames,omitempty"`  // that a sound is stretched or shrunk to. 0: 32
	Mels    int     `json:"mels,omitempty"`    // energies of a frame. 0: 24
	Heads   int     `json:"heads,omitempty"`   // of the way attention, and of a captioner. 0: 4
	Layers  int     `json:"layers,omitempty"`  // of a captioner's decoder. 0: 1
	Space   int     `json:"space,omitempty"`   // of pairs: dimensions that they share. 0: 32
	Dropout float32 `json:"dropout,omitempty"` // of a fusion and a captioner. 0: 0.1; a negative one means none

	Shift   int     `json:"shift"`    // most rows and columns by which training moves pictures, and twice that what is heard. 0: 1; a negative one means none
	HeldOut float64 `json:"held_out"` // share of the pictures that is for the test alone, and as many are for validation; so are recordings. 0: 0.2

	Rows  int `json:"rows"`  // B, of a step; of pairs rounded down to whole sets of classes. 0: 64
	Steps int `json:"steps"` // updates. 0: 300, of a captioner 800

	LR        float64        `json:"lr"`                  // peak of AdamW. 0: 3e-3
	Beta2     float64        `json:"beta2"`               // of AdamW. 0: 0.98
	Decay     float64        `json:"decay"`               // weight decay of matrices and filters. 0: 0.05; a negative one means none
	Clip      float64        `json:"clip"`                // of the gradient's norm. 0: 1
	Schedule  train.Schedule `json:"schedule"`            // zero: 5 % warm-up, then a cosine to zero
	Smoothing float32        `json:"smoothing,omitempty"` // of the classes in the loss of a fusion and a captioner. 0: 0.05; a negative one means none

	Precision string `json:"precision"` // of products in training: "f32", or "bf16". "": f32

	EvalEvery       int    `json:"eval_every"`       // steps. 0: a fifth of the run
	CheckpointEvery int    `json:"checkpoint_every"` // steps. 0: a fifth of the run
	Keep            int    `json:"keep"`             // newest checkpoints. 0: 2
	Patience        int    `json:"patience"`         // evaluations in a row without a better one before an early stop. 0: no such stop
	Seed            uint64 `json:"seed"`             // of weights, examples, and the choice of what is held out

	file string // that they were read from, for errors
}

// FusionModels are the values of [FusionSettings.Model].
func FusionModels() []string { return []string{"fusion", "contrastive", seq2seq.CaptionType} }

// ReadFusionSettings reads a config file: a JSON object with the keys of [FusionSettings]. A
// key that does not exist is an error.
func ReadFusionSettings(path string) (FusionSettings, error) {
	s := FusionSettings{file: path}
	if err := readConfig(path, &s); err != nil {
		return FusionSettings{}, err
	}
	return s, nil
}

func (s FusionSettings) errorf(format string, args ...any) error {
	return configError(s.file, format, args...)
}

// check refuses what no derivation can mend. The models' own dimensions are theirs to check.
func (s FusionSettings) check() error {
	if err := (common{
		counts: []count{
			{"depth", s.Depth}, {"stage", s.Stage}, {"width", s.Width}, {"letters", s.Letters}, {"frames", s.Frames}, {"mels", s.Mels}, {"heads", s.Heads},
			{"layers", s.Layers}, {"space", s.Space}, {"rows", s.Rows}, {"rate", s.Rate}, {"steps", s.Steps}, {"eval_every", s.EvalEvery},
			{"checkpoint_every", s.CheckpointEvery}, {"keep", s.Keep}, {"patience", s.Patience},
		},
		lr: s.LR, clip: s.Clip, beta2: s.Beta2, heldOut: s.HeldOut, precision: s.Precision, schedule: s.Schedule,
	}).check(s.errorf); err != nil {
		return err
	}
	switch {
	case s.Model != "" && !slices.Contains(FusionModels(), s.Model):
		return s.errorf("model %q is none of %s", s.Model, strings.Join(FusionModels(), ", "))
	case s.Depth > 16 || s.Stage > 1<<16>>s.Depth:
		return s.errorf("depth %d and stage %d: a network of at most 16 stages, and of at most %d channels", s.Depth, s.Stage, 1<<16)
	case !(s.Dropout < 1) || !(s.Absent < 1) || !(s.Smoothing < 1):
		return s.errorf("dropout %g, absent %g and smoothing %g must be below 1", s.Dropout, s.Absent, s.Smoothing)
	case s.Shift > mostShift:
		return s.errorf("shift %d: want at most %d", s.Shift, mostShift)
	case s.HeldOut >= 0.5:
		return s.errorf("held_out %g twice, for the test and for validation, leaves nothing to learn", s.HeldOut)
	case s.Noise != nil && s.Noise.Check() != nil:
		return s.errorf("%w", s.Noise.Check())
	case s.Fusion != "" && !slices.Contains(fusion.Ways(), s.Fusion):
		return s.errorf("fusion %q is none of %s", s.Fusion, strings.Join(fusion.Ways(), ", "))
	}
	if _, err := fusion.ParseSet(s.Modalities); err != nil {
		return s.errorf("%w", err)
	}
	return s.foreign()
}

// foreign refuses what the model asked for has not.
func (s FusionSettings) foreign() error {
	kind := or(s.Model, FusionModels()[0])
	for _, f := range []struct {
		key   string
		given bool
		of    []string
	}{
		{"fusion", s.Fusion != "", []string{"fusion"}}, {"modalities", len(s.Modalities) > 0, []string{"fusion"}}, {"absent", s.Absent != 0, []string{"fusion"}},
		{"captions", len(s.Captions) > 0, []string{"caption"}}, {"layers", s.Layers != 0, []string{"caption"}}, {"space", s.Space != 0, []string{"contrastive"}},
		{"noise", s.Noise != nil, []string{"fusion", "contrastive"}}, {"pattern", s.Pattern != "", []string{"fusion", "contrastive"}},
		{"test_speakers", len(s.TestSpeakers) > 0, []string{"fusion", "contrastive"}}, {"rate", s.Rate != 0, []string{"fusion", "contrastive"}}, {"letters", s.Letters != 0, []string{"fusion", "contrastive"}},
		{"frames", s.Frames != 0, []string{"fusion", "contrastive"}}, {"mels", s.Mels != 0, []string{"fusion", "contrastive"}},
		{"heads", s.Heads != 0, []string{"fusion", "caption"}}, {"dropout", s.Dropout != 0, []string{"fusion", "caption"}},
		{"smoothing", s.Smoothing != 0, []string{"fusion", "caption"}},
	} {
		if f.given && !slices.Contains(f.of, kind) {
			return s.errorf("%s is of %s, not of %s", f.key, strings.Join(f.of, " and "), kind)
		}
	}
	return nil
}

// named fills languages and names, before data are read.
func (s FusionSettings) named() FusionSettings {
	s.Model, s.HeldOut = or(s.Model, FusionModels()[0]), or(s.HeldOut, 0.2)
	if s.Model != seq2seq.CaptionType {
		s.Rate = or(s.Rate, 8000)
	}
	if len(s.Languages) == 0 {
		s.Languages = []string{"en", "zh"}
	}
	if len(s.Names) == 0 {
		s.Names = corpus.DigitNames()
	}
	return s
}

// checkNames asks for a name of each class in each language.
func (s FusionSettings) checkNames() error {
	for _, class := range slices.Sorted(maps.Keys(s.Names)) {
		if n := len(s.Names[class]); n != len(s.Languages) {
			return s.errorf("the class %q has %d names for the languages %q: one for each", class, n, s.Languages)
		}
	}
	return nil
}

// The noise at which each modality alone tells about four of five digits apart, found by
// bench/fusion levels.
var fusionNoise = corpus.TripleNoise{Pixel: 0.3, Hidden: 0.2, Sound: 1.8, Typing: 0.4}

// derive fills the fields that are zero and declares the model of pictures of this shape, and of sounds
// of this rate.
func (s FusionSettings) derive(pictures *corpus.Images, rate int) (FusionSettings, interface{ Config() any }, error) {
	s.Depth, s.Width, s.Shift = or(s.Depth, 3), or(s.Width, 48), or(s.Shift, 1)
	if s.Model != "contrastive" {
		s.Dropout, s.Smoothing = or(s.Dropout, 0.1), or(s.Smoothing, 0.05)
	}
	steps := 300
	if s.Model == "caption" {
		steps = 800 // a decoder has more to learn: which characters make a sentence
	}
	s.Rows, s.Steps, s.Precision = or(s.Rows, 64), or(s.Steps, steps), or(s.Precision, "f32")
	s.LR, s.Beta2, s.Decay, s.Clip = or(s.LR, 3e-3), or(s.Beta2, 0.98), or(s.Decay, 0.05), or(s.Clip, 1)
	s.Schedule = or(s.Schedule, train.Schedule{Shape: train.Cosine, Warmup: 0.05})
	fifth := max(1, s.Steps/5)
	s.EvalEvery, s.CheckpointEvery, s.Keep = or(s.EvalEvery, fifth), or(s.CheckpointEvery, fifth), or(s.Keep, 2)
	var m interface{ Config() any }
	var err error
	switch s.Model {
	case "caption":
		m, err = s.captioner(pictures)
	case "contrastive":
		s.Space, s.Stage, s.Rows = or(s.Space, 32), or(s.Stage, 8), max(1, s.Rows/len(pictures.Classes))*len(pictures.Classes)
		c := fusion.PairConfig{Space: s.Space, Classes: pictures.Classes, Names: s.Names}
		c.EncoderConfig = s.encoders(pictures, rate)
		m, err = fusion.NewPair(c)
	default:
		s.Fusion, s.Absent, s.Stage = or(s.Fusion, "sum"), or(s.Absent, 0.15), or(s.Stage, 8)
		c := fusion.Config{Fusion: s.Fusion, Dropout: max(0, s.Dropout), Classes: pictures.Classes}
		c.EncoderConfig = s.encoders(pictures, rate)
		if s.Fusion == "attention" {
			s.Heads = or(s.Heads, 4)
		}
		c.Heads = s.Heads
		m, err = fusion.New(c)
	}
	if err != nil {
		return s, nil, s.errorf("%w", err)
	}
	return s, m, nil
}

// encoders fills what is of both models that hear, and returns their encoders.
func (s *FusionSettings) encoders(pictures *corpus.Images, rate int) fusion.EncoderConfig {
	if s.Noise == nil {
		noise := fusionNoise
		s.Noise = &noise
	}
	s.Letters, s.Frames, s.Mels = or(s.Letters, 16), or(s.Frames, 32), or(s.Mels, 24)
	return fusion.EncoderConfig{
		Modalities: s.Modalities, Size: [2]int{pictures.H, pictures.W}, EarConfig: fusion.EarConfig{Rate: rate, Frames: s.Frames, Mels: s.Mels},
		Characters: s.characters(), Letters: s.Letters, Widths: s.widths(), Width: s.Width,
	}
}

// widths are the channels of the stages.
func (s *FusionSettings) widths() (widths []int) {
	for i := range s.Depth {
		widths = append(widths, s.Stage<<i)
	}
	return widths
}

// characters are those of names and of what may become of them.
func (s *FusionSettings) characters() string {
	all := corpus.TypingCharacters()
	for _, class := range slices.Sorted(maps.Keys(s.Names)) {
		for _, name := range s.Names[class] {
			all = append(all, []rune(name)...)
		}
	}
	slices.Sort(all)
	return string(slices.Compact(all))
}

// captioner declares a model of captions that has the characters of all of them.
func (s *FusionSettings) captioner(pictures *corpus.Images) (*seq2seq.Captioner, error) {
	s.Heads, s.Layers, s.Stage = or(s.Heads, 4), or(s.Layers, 1), or(s.Stage, 16)
	if len(s.Captions) == 0 {
		s.Captions = []string{"a handwritten {class}", "手写的数字{name}"}
	}
	captions, err := s.captions(pictures.Classes)
	if err != nil {
		return nil, err
	}
	var characters []rune
	longest := 0
	for _, of := range captions {
		for _, caption := range of {
			characters = append(characters, []rune(caption)...)
			longest = max(longest, len([]rune(caption)))
		}
	}
	slices.Sort(characters)
	return seq2seq.NewCaptioner(seq2seq.CaptionConfig{
		Size: [2]int{pictures.H, pictures.W}, Widths: s.widths(), Languages: s.Languages, Characters: string(slices.Compact(characters)),
		Context: longest + 2, Width: s.Width, Layers: s.Layers, Heads: s.Heads, Dropout: max(0, s.Dropout),
	})
}

// captions are those of each class, one a language.
func (s *FusionSettings) captions(classes []string) (all [][]string, err error) {
	if len(s.Captions) != len(s.Languages) {
		return nil, fmt.Errorf("%d captions for the languages %q: one for each", len(s.Captions), s.Languages)
	}
	for _, class := range classes {
		names := s.Names[class]
		if len(names) != len(s.Languages) {
			return nil, fmt.Errorf("the class %q has %d names for the languages %q: one for each", class, len(names), s.Languages)
		}
		var of []string
		for l, caption := range s.Captions {
			of = append(of, strings.NewReplacer("{class}", class, "{name}", names[l]).Replace(caption))
		}
		all = append(all, of)
	}
	return all, nil
}

func (s FusionSettings) precision() tensor.DType { return precisionOf(s.Precision) }

// groups are the model's parameters with their optimizer.
func (s FusionSettings) groups(m any) []train.Group {
	return train.AdamWGroups(nn.Params(m), train.AdamW{Beta2: s.Beta2}, s.LR, max(0, s.Decay))
}
