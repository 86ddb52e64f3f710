package inkstone

import (
	"context"
	"fmt"
	"strings"

	"github.com/inkstone-ai/inkstone/corpus"
	"github.com/inkstone-ai/inkstone/eval"
	"github.com/inkstone-ai/inkstone/generate"
	"github.com/inkstone-ai/inkstone/model/speech"
	"github.com/inkstone-ai/inkstone/tensor"
)

// A Speech is a loaded model of spoken words. Its methods are called by one goroutine at a time.
type Speech struct{ inFolder[speechModel] }

// LoadSpeech opens the folder of a CTC or an audio-cnn, one that [TrainSpeech] wrote. Errors are those
// of [Load].
func LoadSpeech(dir string, o *LoadOptions) (*Speech, error) {
	f, err := openFolder[speechModel](dir, o)
	if err != nil {
		return nil, err
	}
	return &Speech{f}, nil
}

// Sound tells what the model hears, and its words.
func (s *Speech) Sound() speech.Sound { return s.opened.Model.Sound() }

// Kind is "ctc", of a model that writes utterances down, or "audio-cnn", of one that tells words apart.
func (s *Speech) Kind() string { return s.opened.Type }

// Read reads recordings, whatever is said in them, resampled to the model's rate.
func (s *Speech) Read(notice func(string), paths ...string) (*corpus.Sounds, error) {
	return corpus.ReadSounds(corpus.SoundOptions{Pattern: "{label}", Rate: s.Sound().Rate, Notice: notice}, paths...)
}

// ReadLabelled reads recordings of the model's words, whose names are made like those of the training.
func (s *Speech) ReadLabelled(notice func(string), paths ...string) (*corpus.Sounds, error) {
	settings, err := s.settings()
	if err != nil {
		return nil, err
	}
	all, err := corpus.ReadSounds(corpus.SoundOptions{Pattern: settings.Pattern, Rate: s.Sound().Rate, Notice: notice}, paths...)
	if err != nil {
		return nil, err
	}
	return all.Relabel(s.Sound().Classes)
}

// HeldOut is the part of a training's recordings, all of them given here, by speakers that it did not
// hear; where it heard all, those that it held out.
func (s *Speech) HeldOut(sounds *corpus.Sounds) (*corpus.Sounds, error) {
	settings, err := s.settings()
	if err != nil {
		return nil, err
	}
	held := sounds
	if len(settings.Unheard) > 0 {
		_, held, err = sounds.SplitSpeakers(settings.Unheard...)
	} else {
		_, held, err = sounds.Split(settings.HeldOut, settings.Seed)
	}
	return held, err
}

// settings are those of the training.
func (s *Speech) settings() (SpeechSettings, error) {
	return settingsOf(s.dir, "how its recordings were named and who was heard", ReadSpeechSettings)
}

// A SpeechEvaluation refines [Speech.Evaluate].
type SpeechEvaluation struct {
	Utterances int    // that are made of the recordings, of ctc. 0: six times the training's eval_utterances
	Beam       int    // width of a beam search beside the greedy one, of ctc. 0: none
	Seed       uint64 // of the utterances
}

// Evaluate measures the model on recordings: each of them alone, and with a CTC on utterances that are
// made of them as in training, undisturbed.
func (s *Speech) Evaluate(ctx context.Context, sounds *corpus.Sounds, o SpeechEvaluation) (r eval.Report, err error) {
	settings, err := s.settings()
	if err != nil {
		return r, err
	}
	err = speechReport(ctx, s.opened.Model, s.device, settings, sounds, o, &r)
	return r, err
}

// Utterances are the first n that a training with this model's settings makes of recordings,
// undisturbed.
func (s *Speech) Utterances(sounds *corpus.Sounds, n int, seed uint64) ([]*corpus.Utterance, error) {
	settings, err := s.settings()
	if err != nil {
		return nil, err
	}
	settings.Seed = seed
	spoken, err := settings.spoken(sounds, false, measuredUtterances)
	if err != nil {
		return nil, err
	}
	return spoken.Utterances(n), nil
}

// Measure is how well a CTC writes utterances down; see [eval.Speech].
func (s *Speech) Measure(ctx context.Context, utterances []*corpus.Utterance, beam int) (*eval.SpeechMeasurement, error) {
	m, err := s.ctc()
	if err != nil {
		return nil, err
	}
	return eval.Speech(ctx, m, s.device, utterances, beam)
}

// MeasureWords is how well an audio-cnn tells recordings of single words apart; see [eval.Words].
func (s *Speech) MeasureWords(ctx context.Context, recordings []*corpus.Utterance) (*eval.WordsMeasurement, error) {
	m, err := s.cnn()
	if err != nil {
		return nil, err
	}
	return eval.Words(ctx, m, s.device, recordings)
}

func (s *Speech) ctc() (*speech.CTC, error) {
	if m, ok := s.opened.Model.(*speech.CTC); ok {
		return m, nil
	}
	return nil, fmt.Errorf("model: %s tells single words apart; a ctc writes utterances down", s.dir)
}

func (s *Speech) cnn() (*speech.CNN, error) {
	if m, ok := s.opened.Model.(*speech.CNN); ok {
		return m, nil
	}
	return nil, fmt.Errorf("model: %s writes utterances down; an audio-cnn tells single words apart", s.dir)
}

// A Transcript is what is said in a recording.
type Transcript struct {
	Name    string            `json:"sound"`
	Seconds float64           `json:"seconds"`
	Text    string            `json:"text"`
	LogProb *float64          `json:"log_prob,omitempty"` // of Text, with a beam search
	Words   []TranscribedWord `json:"words"`              // those of the likeliest class of each frame, greedy
}

// A TranscribedWord is a word and the seconds in which a model says it; it may do so in a moment of the
// word alone.
type TranscribedWord struct {
	Word string  `json:"word"`
	From float64 `json:"from"`
	To   float64 `json:"to"`
}

// Transcribe writes recordings down, greedily or, with a width of 1 or more, by beam search.
//
// Errors: a model that tells single words apart; recordings of another rate.
func (s *Speech) Transcribe(ctx context.Context, sounds *corpus.Sounds, beam int) (all []Transcript, err error) {
	for i, x := range sounds.Samples {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		p, err := s.Posteriors(sounds.Rate, x)
		if err != nil {
			return nil, err
		}
		t := Transcript{Name: sounds.Names[i], Seconds: float64(len(x)) / float64(sounds.Rate), Words: s.words(p)}
		var text []string
		for _, w := range t.Words {
			text = append(text, w.Word)
		}
		if beam > 0 {
			best := generate.CTCBeam(p.LogProbs, len(s.Sound().Classes)+1, speech.Blank, beam)[0]
			t.LogProb, text = &best.LogProb, nil
			for _, k := range speech.Words(best.Labels) {
				text = append(text, s.Sound().Classes[k])
			}
		}
		t.Text = strings.Join(text, " ")
		all = append(all, t)
	}
	return all, nil
}

// words are those of the likeliest class of each frame.
func (s *Speech) words(p *Posteriors) []TranscribedWord {
	words := []TranscribedWord{}
	for _, span := range generate.CTCPath(p.LogProbs, len(s.Sound().Classes)+1, speech.Blank) {
		words = append(words, TranscribedWord{s.Sound().Classes[span.Label-1], float64(span.From) * p.Frame, float64(span.To) * p.Frame})
	}
	return words
}

// Posteriors are what a CTC says of a recording, frame by frame.
type Posteriors struct {
	Energies []float32 // (T, M) as the model sees them, standardised
	LogProbs []float32 // (N, V) of the blank and then each word
	Frame    float64   // seconds from one row of LogProbs to the next
	Stride   int       // rows of Energies for one of LogProbs
}

// Posteriors hears samples of a rate, which must be the model's.
func (s *Speech) Posteriors(rate int, samples []float32) (*Posteriors, error) {
	m, err := s.ctc()
	if err != nil {
		return nil, err
	}
	c := m.Sound()
	if rate != c.Rate || len(samples) == 0 {
		return nil, fmt.Errorf("model: %d samples, %d a second; %s hears 1 or more, %d a second", len(samples), rate, s.dir, c.Rate)
	}
	step := tensor.NewStep(s.device, tensor.StepOptions{})
	defer step.Close()
	step.Begin(0)
	x := c.Listener().Frames(samples)
	p := m.LogProbs(step, speech.Stack([][]float32{x}, c.Mels))[0]
	n := m.Reduction()
	return &Posteriors{x, p, float64(n*c.Hop) / float64(c.Rate), n}, nil
}

// Classify returns the n likeliest words of each recording, the likeliest first.
//
// Errors: a model that writes utterances down; recordings of another rate.
func (s *Speech) Classify(ctx context.Context, sounds *corpus.Sounds, n int) (all [][]Classification, err error) {
	m, err := s.cnn()
	if err != nil {
		return nil, err
	}
	c := m.Sound()
	if sounds.Rate != c.Rate {
		return nil, fmt.Errorf("model: recordings of %d samples a second; %s hears %d", sounds.Rate, s.dir, c.Rate)
	}
	step, listener := tensor.NewStep(s.device, tensor.StepOptions{}), c.Listener()
	defer step.Close()
	for _, x := range sounds.Samples {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		step.Begin(0)
		z := m.Logits(step, speech.Stack([][]float32{listener.Frames(x)}, c.Mels))
		all = append(all, likeliest(c.Classes, z.Softmax().Floats(), n))
	}
	return all, nil
}

// speechReport measures a model on recordings.
func speechReport(ctx context.Context, model speechModel, d *tensor.Device, s SpeechSettings, sounds *corpus.Sounds, o SpeechEvaluation, r *eval.Report) error {
	if m, ok := model.(*speech.CNN); ok {
		words, err := eval.Words(ctx, m, d, sounds.Alone())
		if err != nil {
			return err
		}
		r.Number("loss", "nats", words.Loss)
		r.Share("accuracy", words.Right, words.Of)
		for k, n := range words.ByClass {
			if n[1] > 0 {
				r.Share("accuracy of word "+m.Sound().Classes[k], n[0], n[1])
			}
		}
		return nil
	}
	m := model.(*speech.CTC)
	s.Seed = o.Seed
	spoken, err := s.spoken(sounds, false, measuredUtterances)
	if err != nil {
		return err
	}
	alone, err := eval.Speech(ctx, m, d, sounds.Alone(), o.Beam)
	if err != nil {
		return err
	}
	made, err := eval.Speech(ctx, m, d, spoken.Utterances(or(o.Utterances, 6*s.EvalUtterances)), o.Beam)
	if err != nil {
		return err
	}
	errorRates(r, "recordings of one word", alone, o.Beam)
	errorRates(r, "utterances", made, o.Beam)
	for n, e := range made.ByLength {
		if e.Length > 0 {
			r.Rate(fmt.Sprintf("word error rate, utterances of %d", n), e)
		}
	}
	return nil
}

// errorRates adds the rows of one kind of recordings.
func errorRates(r *eval.Report, of string, m *eval.SpeechMeasurement, beam int) {
	r.Number("loss, "+of, "nats a word", m.Loss)
	r.Rate("word error rate, "+of, m.Greedy)
	if beam > 0 {
		r.Rate(fmt.Sprintf("word error rate, %s, beam of %d", of, beam), m.Beam)
	}
	r.Share("without an error, "+of, m.Whole, m.Utterances)
}
