package inkstone

import (
	"context"
	"fmt"
	"slices"

	"github.com/inkstone-ai/inkstone/corpus"
	"github.com/inkstone-ai/inkstone/eval"
	"github.com/inkstone-ai/inkstone/model/speech"
	"github.com/inkstone-ai/inkstone/tensor"
	"github.com/inkstone-ai/inkstone/train"
)

// SpeechOptions say what [TrainSpeech] trains on: recordings of single words, see
// [corpus.ReadSounds]; utterances are made of them.
type SpeechOptions = RunOptions[SpeechSettings]

// speechModel is what models of spoken words have in common.
type speechModel interface {
	Sound() speech.Sound
	Config() any
}

// TrainSpeech trains a model of spoken words: a CTC, which writes utterances down, on utterances that it
// makes of recordings, or an audio-cnn, which tells single words apart. Some speakers are not heard in
// training (see [SpeechSettings.Unheard]): Measured gets how well those are understood. It writes a
// folder of config.json and model.safetensors, with the same files beside it as [Train].
//
// Errors and the end of ctx are as for [Train].
func TrainSpeech(ctx context.Context, o SpeechOptions) (*Trained, error) {
	return trainFolder(ctx, o, prepareSpeech)
}

// prepareSpeech reads the recordings and declares the model.
func prepareSpeech(o SpeechOptions) (*folderRun, error) {
	t := &speechTraining{SpeechOptions: o, settings: o.Settings}
	s := &t.settings
	s.HeldOut = or(s.HeldOut, 0.1)
	if err := s.check(); err != nil {
		return nil, err
	}
	if err := t.read(); err != nil {
		return nil, err
	}
	var err error
	if t.settings, t.model, err = s.derive(t.train.Classes); err != nil {
		return nil, err
	}
	if _, err := s.spoken(t.train, true, learnedUtterances); err != nil {
		return nil, err
	}
	input := fmt.Sprintf("%d Hz, %d words", s.Rate, len(t.train.Classes))
	if s.Model == "ctc" {
		input += fmt.Sprintf(", utterances of 1 to %d", s.Words)
	}
	return &folderRun{
		kind: s.Model, model: t.model, settings: t.settings, digest: t.digest,
		pace:  pace{s.Steps, s.EvalEvery, s.CheckpointEvery, s.Keep, s.Patience, s.Seed, s.precision()},
		input: input, unit: "recordings", rows: s.Rows, learn: t.train.Len(), held: t.held.Len() + t.unheard.Len(),
		steppers: t.steppers, loss: t.loss, report: t.report,
	}, nil
}

// A speechTraining is everything that a run needs, before it has memory.
type speechTraining struct {
	SpeechOptions
	settings             SpeechSettings
	train, held, unheard *corpus.Sounds
	digest               string
	model                speechModel
}

// read reads the recordings, sets the unheard speakers' aside, and holds some of the others out.
func (t *speechTraining) read() error {
	s := &t.settings
	all, err := corpus.ReadSounds(corpus.SoundOptions{Pattern: or(s.Pattern, speechPattern), Rate: s.rate(), Notice: t.Notice}, t.Data...)
	if err != nil {
		return err
	}
	sum := all.Digest()
	t.digest = fmt.Sprintf("%x", sum)
	s.chooseUnheard(all, t.Notice)
	t.unheard = all.Where(func(i int) bool { return slices.Contains(s.Unheard, all.Speakers[i]) })
	heard := all
	if len(s.Unheard) > 0 {
		if heard, t.unheard, err = all.SplitSpeakers(s.Unheard...); err != nil {
			return fmt.Errorf("%s: %w", named(t.Data), err)
		}
	}
	if err := everyWordHeard(heard); err != nil {
		return fmt.Errorf("%s: %w", named(t.Data), err)
	}
	if t.train, t.held, err = heard.Split(s.HeldOut, s.Seed); err != nil {
		return fmt.Errorf("%s: %w", named(t.Data), err)
	}
	return nil
}

// chooseUnheard takes the last speaker where settings name none.
func (s *SpeechSettings) chooseUnheard(all *corpus.Sounds, notice func(string)) {
	if s.Unheard != nil {
		return
	}
	s.Unheard = []string{}
	if voices := all.Voices(); len(voices) > 1 {
		s.Unheard = voices[len(voices)-1:]
		notice(fmt.Sprintf("nothing is learned of the speaker %q, on whom the model is measured", s.Unheard[0]))
		return
	}
	notice("one speaker alone: how well others are understood is not measured")
}

// everyWordHeard refuses recordings that lack a word which only unheard speakers say.
func everyWordHeard(heard *corpus.Sounds) error {
	for k, word := range heard.Classes {
		if !slices.Contains(heard.Labels, int32(k)) {
			return fmt.Errorf("only speakers of whom nothing is learned say the word %q", word)
		}
	}
	return nil
}

// steppers join the model, its optimizer and the batches.
func (t *speechTraining) steppers(d *tensor.Device) (_ []*train.Stepper, done func(), err error) {
	s := &t.settings
	b, err := newSpeechBatches(*s, t.model.Sound(), t.train, d.Threads())
	if err != nil {
		return nil, nil, err
	}
	return []*train.Stepper{{
		Groups: s.groups(t.model), Schedule: s.Schedule, Clip: s.Clip, Tokens: s.Rows,
		Loss: func(step *tensor.Step, index, _ int) (*tensor.Tensor, error) {
			batch, words := b.batch(index)
			switch m := t.model.(type) {
			case *speech.CTC:
				return m.Loss(step, batch, words), nil
			default:
				return m.(*speech.CNN).Loss(step, batch, slices.Concat(words...), float32(max(0, s.Smoothing))), nil
			}
		},
	}}, nil, nil
}

// loss is that on held-out recordings of speakers that are heard, and for ctc on utterances of them.
func (t *speechTraining) loss(ctx context.Context, d *tensor.Device) (float64, error) {
	if m, ok := t.model.(*speech.CNN); ok {
		r, err := eval.Words(ctx, m, d, t.held.Alone())
		if err != nil {
			return 0, err
		}
		return r.Loss, nil
	}
	spoken, err := t.settings.spoken(t.held, false, heldUtterances)
	if err != nil {
		return 0, err
	}
	r, err := eval.Speech(ctx, t.model.(*speech.CTC), d, spoken.Utterances(t.settings.EvalUtterances), 0)
	if err != nil {
		return 0, err
	}
	return r.Loss, nil
}

// measuredSounds are those on which the model is measured in the end.
func (t *speechTraining) measuredSounds() *corpus.Sounds {
	if t.unheard.Len() > 0 {
		return t.unheard
	}
	return t.held
}

// report measures the model on unheard speakers.
func (t *speechTraining) report(ctx context.Context, d *tensor.Device, r *eval.Report) error {
	return speechReport(ctx, t.model, d, t.settings, t.measuredSounds(), SpeechEvaluation{}, r)
}
