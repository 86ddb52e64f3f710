package inkstone

import (
	"context"
	"fmt"
	"slices"

	"github.com/inkstone-ai/inkstone/corpus"
	"github.com/inkstone-ai/inkstone/eval"
	"github.com/inkstone-ai/inkstone/model/fusion"
	"github.com/inkstone-ai/inkstone/model/seq2seq"
	"github.com/inkstone-ai/inkstone/nn"
	"github.com/inkstone-ai/inkstone/tensor"
	"github.com/inkstone-ai/inkstone/train"
)

// FusionOptions say what [TrainFusion] trains on: labelled pictures ([corpus.ReadImages]) and,
// unless it is a captioner, recordings ([corpus.ReadSounds]) of the same classes; paths with .wav files are recordings.
type FusionOptions = RunOptions[FusionSettings]

// TrainFusion trains a model of several modalities: one that tells classes apart from a picture, a
// sound and a written name, whichever are there; one that brings these into one space; or one that
// captions pictures. It writes a folder of config.json and model.safetensors, with the same
// files beside it as [Train].
//
// A share of the pictures, and the recordings of some speakers, are for the test alone: no weight and
// no choice depends on them. Another share of pictures and recordings tells which weights are the
// best.
//
// Errors and the end of ctx are as for [Train]; and classes that one modality has alone.
func TrainFusion(ctx context.Context, o FusionOptions) (*Trained, error) {
	return trainFolder(ctx, o, prepareFusion)
}

// prepareFusion reads the data and declares the model.
func prepareFusion(o FusionOptions) (*folderRun, error) {
	t := &fusionTraining{FusionOptions: o, settings: o.Settings}
	s := &t.settings
	if err := s.check(); err != nil {
		return nil, err
	}
	*s = s.named()
	if err := s.checkNames(); err != nil {
		return nil, err
	}
	data, err := readFusion(o.Notice, *s, nil, [2]int{}, s.Rate, o.Data)
	if err != nil {
		return nil, err
	}
	s.chooseTest(data.sounds, o.Notice)
	if err := data.check(*s); err != nil {
		return nil, fmt.Errorf("%s: %w", named(o.Data), err)
	}
	if t.parts, err = data.split(*s); err != nil {
		return nil, fmt.Errorf("%s: %w", named(o.Data), err)
	}
	if t.settings, t.model, err = s.derive(data.pictures, data.rate()); err != nil {
		return nil, err
	}
	if err := t.prepare(); err != nil {
		return nil, err
	}
	return &folderRun{
		kind: s.Model, model: t.model, settings: t.settings, digest: data.digest(),
		pace:  pace{s.Steps, s.EvalEvery, s.CheckpointEvery, s.Keep, s.Patience, s.Seed, s.precision()},
		input: t.input(data), unit: "images", rows: s.Rows, learn: t.parts[learnPart].pictures.Len(), held: t.parts[validPart].pictures.Len(),
		steppers: t.steppers, loss: t.measure, report: t.report,
	}, nil
}

// A fusionTraining is everything that a run needs, before it has memory.
type fusionTraining struct {
	FusionOptions
	settings FusionSettings
	parts    [3]fusionData
	model    interface{ Config() any }
	triples  [2]*corpus.Triples // to learn from and for validation; nil of a captioner
	captions [][]string         // of each class; nil of the others
}

// prepare makes the triples, or the captions.
func (t *fusionTraining) prepare() (err error) {
	s := &t.settings
	if s.Model == "caption" {
		t.captions, err = s.captions(t.parts[learnPart].pictures.Classes)
		return err
	}
	var all [3]*corpus.Triples
	for part := range all {
		if all[part], err = t.parts[part].triples(*s, part, *s.Noise); err != nil {
			return fmt.Errorf("%s: the part %s: %w; test_speakers and held_out in a config file choose the parts", named(t.Data), [...]string{"to learn from", "for validation", "for the test"}[part], err)
		}
	}
	t.triples = [2]*corpus.Triples(all[:testPart])
	return nil
}

// input says what the model reads.
func (t *fusionTraining) input(data fusionData) string {
	p := data.pictures
	if data.sounds == nil {
		return fmt.Sprintf("%d × %d, %d classes", p.H, p.W, len(p.Classes))
	}
	return fmt.Sprintf("%d × %d, %d Hz, %d classes", p.H, p.W, data.sounds.Rate, len(p.Classes))
}

// steppers join the model, its optimizer and the examples.
func (t *fusionTraining) steppers(*tensor.Device) (_ []*train.Stepper, done func(), err error) {
	s := &t.settings
	b := newFusionBatches(t, learnPart)
	return []*train.Stepper{{
		Groups: s.groups(t.model), State: train.Running(nn.Params(t.model)), Schedule: s.Schedule, Clip: s.Clip, Tokens: s.Rows,
		Loss: func(step *tensor.Step, index, _ int) (*tensor.Tensor, error) { return b.loss(step, index), nil },
	}}, nil, nil
}

// measure is the mean loss of the validation part, always of the same examples, all of whose
// modalities are there, of at most 16 batches: it tells which weights are the best, not how good they are.
func (t *fusionTraining) measure(ctx context.Context, d *tensor.Device) (float64, error) {
	b := newFusionBatches(t, validPart)
	s := tensor.NewStep(d, tensor.StepOptions{Precision: t.settings.precision()})
	defer s.Close()
	nn.Freeze(t.model, true)
	defer nn.Freeze(t.model, false)
	sum, n := 0.0, min(16, max(1, t.parts[validPart].pictures.Len()/t.settings.Rows))
	for i := range n {
		if err := ctx.Err(); err != nil {
			return 0, err
		}
		s.Begin(0)
		sum += float64(b.loss(s, i).Item())
	}
	return sum / float64(n), nil
}

// report measures the best weights on the part for the test.
func (t *fusionTraining) report(ctx context.Context, d *tensor.Device, r *eval.Report) error {
	return reportFusion(ctx, d, t.model, t.settings, t.parts[testPart], r)
}

// reportFusion adds what a model of any kind makes of some data: with noise and without.
func reportFusion(ctx context.Context, d *tensor.Device, model any, s FusionSettings, data fusionData, r *eval.Report) error {
	if m, ok := model.(*seq2seq.Captioner); ok {
		return reportCaptions(ctx, d, m, s, data, r)
	}
	for _, noise := range []struct {
		name string
		of   corpus.TripleNoise
	}{{"noisy", *s.Noise}, {"clean", corpus.TripleNoise{}}} {
		t, err := data.triples(s, testPart, noise.of)
		if err != nil {
			return err
		}
		switch m := model.(type) {
		case *fusion.Fusion:
			scores, err := eval.Fusion(ctx, m, d, t, 0, eval.Sets(m.Modalities()))
			if err != nil {
				return err
			}
			for _, score := range scores {
				r.Share(fmt.Sprintf("%s, accuracy from %s", noise.name, score.Has), score.Right, score.Of)
			}
		case *fusion.Pair:
			if err := reportPairs(ctx, d, m, s, t, noise.name, r); err != nil {
				return err
			}
		}
	}
	return nil
}

// retrievalDepths are the k of retrieval@k.
var retrievalDepths = []int{1, 5}

// reportPairs adds retrieval@k between every two views.
func reportPairs(ctx context.Context, d *tensor.Device, m *fusion.Pair, s FusionSettings, t *corpus.Triples, noise string, r *eval.Report) error {
	all, err := eval.Retrievals(ctx, m, d, t, min(t.Len(), 1000), s.Languages, retrievalDepths)
	if err != nil {
		return err
	}
	for at, k := range retrievalDepths {
		for _, one := range all {
			r.Share(fmt.Sprintf("%s, retrieval@%d, %s to %s", noise, k, one.From, one.To), one.Found[at], one.Of)
		}
		r.Number(fmt.Sprintf("%s, retrieval@%d, chance", noise, k), "", all[0].Chance[at])
	}
	return nil
}

// reportCaptions adds the share of captions that are right, beside the commonest one.
func reportCaptions(ctx context.Context, d *tensor.Device, m *seq2seq.Captioner, s FusionSettings, data fusionData, r *eval.Report) error {
	captions, err := s.captions(data.pictures.Classes)
	if err != nil {
		return err
	}
	scores, err := eval.Captions(ctx, m, d, data.pictures, captions)
	if err != nil {
		return err
	}
	for _, score := range scores {
		r.Share("captions right, "+score.Language, score.Right, score.Of)
		r.Share(fmt.Sprintf("captions right, %s, always %q", score.Language, score.Majority), score.MajorityRight, score.Of)
	}
	return nil
}

// fusionData are what [TrainFusion] learns from; sounds are nil where a model hears nothing.
type fusionData struct {
	pictures *corpus.Images
	sounds   *corpus.Sounds
}

// The parts of data.
const (
	learnPart = iota
	validPart
	testPart
)

// readFusion reads pictures and recordings, as a model has them where classes, size and rate are not zero.
func readFusion(notice func(string), s FusionSettings, classes []string, size [2]int, rate int, paths []string) (d fusionData, err error) {
	pictures, sounds, err := corpus.SortPaths(paths)
	if err != nil {
		return d, err
	}
	hears := s.Model != "caption"
	switch {
	case len(pictures) == 0:
		return d, fmt.Errorf("%s: recordings alone: give pictures of the same classes too", named(paths))
	case hears && len(sounds) == 0:
		return d, fmt.Errorf("%s: no .wav file in it: give recordings of the same classes as the pictures too", named(paths))
	case !hears && len(sounds) > 0:
		return d, fmt.Errorf("%s: recordings; a captioner learns from pictures alone", named(sounds))
	}
	d.pictures, err = corpus.ReadImages(corpus.ImageOptions{Channels: 1, Classes: classes, H: size[0], W: size[1], Notice: notice}, pictures...)
	if err != nil {
		return d, err
	}
	if d.pictures.Labels == nil {
		return d, fmt.Errorf("%s: pictures without labels: want a folder for each class, or an IDX file of labels", named(pictures))
	}
	if hears {
		d.sounds, err = corpus.ReadSounds(corpus.SoundOptions{Pattern: s.pattern(), Rate: rate, Notice: notice}, sounds...)
	}
	return d, err
}

func (s *FusionSettings) pattern() string {
	if s.Pattern == "folder" {
		return ""
	}
	return or(s.Pattern, "{label}_{speaker}_{number}.wav")
}

func (d fusionData) rate() int {
	if d.sounds == nil {
		return 0
	}
	return d.sounds.Rate
}

func (d fusionData) digest() string {
	sum := d.pictures.Digest()
	if d.sounds == nil {
		return fmt.Sprintf("%x", sum)
	}
	return fmt.Sprintf("%x%x", sum, d.sounds.Digest())
}

// check refuses classes that one modality has alone, before the parts are too small to tell.
func (d fusionData) check(s FusionSettings) error {
	if d.sounds == nil {
		return nil
	}
	_, err := d.triples(s, testPart, corpus.TripleNoise{})
	return err
}

// split parts the data: to learn from, for validation, for the test.
func (d fusionData) split(s FusionSettings) (parts [3]fusionData, err error) {
	rest, test, err := d.pictures.Split(s.HeldOut, s.Seed)
	if err == nil {
		parts[testPart].pictures = test
		parts[learnPart].pictures, parts[validPart].pictures, err = rest.Split(s.HeldOut/(1-s.HeldOut), s.Seed+1)
	}
	if err != nil || d.sounds == nil {
		return parts, err
	}
	heard, test2, err := s.testSounds(d.sounds)
	if err == nil {
		parts[testPart].sounds = test2
		parts[learnPart].sounds, parts[validPart].sounds, err = heard.Split(s.HeldOut, s.Seed+1)
	}
	return parts, err
}

// testSounds holds out the recordings of the speakers for the test.
func (s *FusionSettings) testSounds(all *corpus.Sounds) (rest, test *corpus.Sounds, err error) {
	if len(s.TestSpeakers) > 0 {
		return all.SplitSpeakers(s.TestSpeakers...)
	}
	return all.Split(s.HeldOut, s.Seed)
}

// chooseTest takes the last speaker where settings name none, of two or more.
func (s *FusionSettings) chooseTest(all *corpus.Sounds, notice func(string)) {
	if len(s.TestSpeakers) > 0 || all == nil {
		return
	}
	if voices := all.Voices(); len(voices) > 1 && !slices.Contains(voices, "") {
		s.TestSpeakers = voices[len(voices)-1:]
		notice(fmt.Sprintf("nothing is learned of the speaker %q, on whom the model is measured", s.TestSpeakers[0]))
	}
}

// triples are those of a part, the ones to learn from with all shares of the noise.
func (d fusionData) triples(s FusionSettings, part int, noise corpus.TripleNoise) (*corpus.Triples, error) {
	return corpus.NewTriples(corpus.Triples{
		Pictures: d.pictures, Sounds: d.sounds, Names: s.Names, Noise: noise, Mixed: part == learnPart, Seed: s.Seed<<2 | uint64(part),
	})
}
