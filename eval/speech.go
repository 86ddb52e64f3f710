package eval

import (
	"context"
	"fmt"

	"github.com/inkstone-ai/inkstone/corpus"
	"github.com/inkstone-ai/inkstone/generate"
	"github.com/inkstone-ai/inkstone/model/speech"
	"github.com/inkstone-ai/inkstone/nn"
	"github.com/inkstone-ai/inkstone/tensor"
)

// speechRows is the number of utterances that are heard at a time.
const speechRows = 25

// A SpeechMeasurement is how well a model writes utterances down.
type SpeechMeasurement struct {
	Utterances int
	Loss       float64     // mean of −log p over the number of words, nats
	Greedy     ErrorRate   // of words
	Beam       ErrorRate   // with the beam that was asked for
	ByLength   []ErrorRate // of utterances of so many words, from 0; by the beam where there is one
	Whole      int         // utterances without an error, likewise
}

// Speech measures a model on utterances of its words. beam is the width of a beam search beside the
// greedy one, 0: none.
//
// Errors: no utterances; a word that the model has not; the end of ctx.
func Speech(ctx context.Context, m *speech.CTC, d *tensor.Device, utterances []*corpus.Utterance, beam int) (*SpeechMeasurement, error) {
	v := &speechEvaluation{model: m, listener: m.Sound().Listener(), step: tensor.NewStep(d, tensor.StepOptions{}), beam: beam}
	defer v.step.Close()
	if err := checkWords(m.Sound(), utterances); err != nil {
		return nil, err
	}
	nn.Freeze(m, true)
	defer nn.Freeze(m, false)
	for at := 0; at < len(utterances); at += speechRows {
		if err := ctx.Err(); err != nil {
			return nil, fmt.Errorf("eval: %w", err)
		}
		v.batch(utterances[at:min(at+speechRows, len(utterances))])
	}
	v.result.Utterances = len(utterances)
	v.result.Loss /= float64(len(utterances))
	return &v.result, nil
}

func checkWords(s speech.Sound, utterances []*corpus.Utterance) error {
	if len(utterances) == 0 {
		return fmt.Errorf("eval: no utterances")
	}
	for i, u := range utterances {
		for _, k := range u.Labels {
			if k < 0 || int(k) >= len(s.Classes) {
				return fmt.Errorf("eval: utterance %d has word %d; the model has 0 to %d", i, k, len(s.Classes)-1)
			}
		}
	}
	return nil
}

// A speechEvaluation is one call of Speech.
type speechEvaluation struct {
	model    *speech.CTC
	listener *speech.Listener
	step     *tensor.Step
	beam     int
	result   SpeechMeasurement
}

// batch adds some utterances.
func (v *speechEvaluation) batch(all []*corpus.Utterance) {
	v.step.Begin(0)
	var frames [][]float32
	var words [][]int32
	for _, u := range all {
		frames, words = append(frames, v.listener.Frames(u.Samples)), append(words, u.Labels)
	}
	b := speech.Stack(frames, v.model.Sound().Mels)
	v.result.Loss += float64(len(all)) * float64(v.model.Loss(v.step, b, words).Item())
	V := len(v.model.Sound().Classes) + 1
	for i, p := range v.model.LogProbs(v.step, b) {
		said := speech.Words(generate.CTCGreedy(p, V, speech.Blank))
		one := edits(said, words[i])
		v.result.Greedy.add(one)
		if v.beam > 0 {
			one = edits(speech.Words(generate.CTCBeam(p, V, speech.Blank, v.beam)[0].Labels), words[i])
			v.result.Beam.add(one)
		}
		for len(v.result.ByLength) <= len(words[i]) {
			v.result.ByLength = append(v.result.ByLength, ErrorRate{})
		}
		v.result.ByLength[len(words[i])].add(one)
		if one.Edits() == 0 {
			v.result.Whole++
		}
	}
}

// Best are the errors with the beam, where there is one, else the greedy ones.
func (m *SpeechMeasurement) Best() ErrorRate {
	if m.Beam.Length > 0 {
		return m.Beam
	}
	return m.Greedy
}

// A WordsMeasurement is how well a model tells recordings of single words apart.
type WordsMeasurement struct {
	Loss    float64  // mean cross-entropy, nats
	Right   int      // recordings whose word it names
	Of      int      // recordings
	Said    []int32  // the word named for each
	ByClass [][2]int // right and all, of each word
}

// Words measures a model on recordings of single words. Errors are those of [Speech].
func Words(ctx context.Context, m *speech.CNN, d *tensor.Device, recordings []*corpus.Utterance) (*WordsMeasurement, error) {
	sound := m.Sound()
	listener, s := sound.Listener(), tensor.NewStep(d, tensor.StepOptions{})
	defer s.Close()
	if err := checkWords(sound, recordings); err != nil {
		return nil, err
	}
	nn.Freeze(m, true)
	defer nn.Freeze(m, false)
	r := &WordsMeasurement{Of: len(recordings), ByClass: make([][2]int, len(sound.Classes))}
	for at := 0; at < len(recordings); at += speechRows {
		if err := ctx.Err(); err != nil {
			return nil, fmt.Errorf("eval: %w", err)
		}
		var frames [][]float32
		var labels []int32
		for _, u := range recordings[at:min(at+speechRows, len(recordings))] {
			if len(u.Labels) != 1 {
				return nil, fmt.Errorf("eval: a recording of %d words; the model tells single words apart", len(u.Labels))
			}
			frames, labels = append(frames, listener.Frames(u.Samples)), append(labels, u.Labels[0])
		}
		s.Begin(0)
		z := m.Logits(s, speech.Stack(frames, sound.Mels))
		r.Said = append(r.Said, z.ArgMax(1).Ints()...)
		r.Loss += float64(z.CrossEntropy(s.Ints(labels, len(labels)), tensor.CEOptions{}).Sum().Item()) / float64(r.Of)
	}
	for i, u := range recordings {
		k := u.Labels[0]
		r.ByClass[k][1]++
		if r.Said[i] == k {
			r.ByClass[k][0]++
			r.Right++
		}
	}
	return r, nil
}
