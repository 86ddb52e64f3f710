package inkstone_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"image/png"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/inkstone-ai/inkstone"
	"github.com/inkstone-ai/inkstone/corpus"
	"github.com/inkstone-ai/inkstone/eval"
	"github.com/inkstone-ai/inkstone/internal/testkit"
	"github.com/inkstone-ai/inkstone/train"
)

// tones is a folder of recordings of 8000 samples a second: n of each of three speakers, whose voices
// differ by their height, who say "up", a tone that rises, and "down", one that falls.
func tones(t testing.TB, n int) string {
	t.Helper()
	dir := t.TempDir()
	for k, speaker := range []string{"ann", "bob", "eve"} {
		for i := range 2 * n {
			word, slope := "up", 1.0
			if i%2 == 1 {
				word, slope = "down", -1
			}
			x, phase := make([]float32, 1200+80*i), 0.0
			for j := range x {
				at := float64(j)/float64(len(x)) - 0.5
				phase += 2 * math.Pi * (1 + 0.1*float64(k)) * (1200 + 1200*slope*at) / 8000
				x[j] = float32(0.3*math.Sin(phase) + 0.001*math.Sin(float64(j*j)*1e-3)) // and something like noise
			}
			var b bytes.Buffer
			if err := corpus.WriteWAV(&b, 8000, x); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("%s_%s_%d.wav", word, speaker, i)), b.Bytes(), 0o666); err != nil {
				t.Fatal(err)
			}
		}
	}
	return dir
}

// tinySpeech trains in a second.
func tinySpeech(kind, data, out string, threads int) inkstone.SpeechOptions {
	s := inkstone.SpeechSettings{Model: kind, Width: 4, Mels: 20, Rows: 4, Steps: 12, EvalEvery: 6, CheckpointEvery: 5, HeldOut: 0.25, Seed: 3}
	if kind == "ctc" {
		s.Words, s.Hidden, s.EvalUtterances = 2, 8, 4
	} else {
		s.Depth = 2
	}
	return inkstone.SpeechOptions{Data: []string{data}, Out: out, Threads: threads, Settings: s}
}

func trainSpeech(t testing.TB, o inkstone.SpeechOptions) *inkstone.Trained {
	t.Helper()
	r, err := inkstone.TrainSpeech(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func loadSpeech(t testing.TB, dir string, threads int) *inkstone.Speech {
	t.Helper()
	m, err := inkstone.LoadSpeech(dir, &inkstone.LoadOptions{Threads: threads})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.Close() })
	return m
}

// TestSpeechWeightsAreAFunctionOfSeedAndData: not of threads, nor of an interruption.
func TestSpeechWeightsAreAFunctionOfSeedAndData(t *testing.T) {
	data := tones(t, 5)
	for _, kind := range inkstone.SpeechModels() {
		dir := t.TempDir()
		one := trainSpeech(t, tinySpeech(kind, data, filepath.Join(dir, "one"), 1))
		if one.Best == nil || one.Steps != 12 {
			t.Fatalf("%s: %d steps, held-out loss %v", kind, one.Steps, one.Best)
		}
		o := tinySpeech(kind, data, filepath.Join(dir, "two"), 2)
		ctx, stop := context.WithCancel(context.Background())
		o.Progress = func(m train.Metrics) {
			if m.Step == 7 {
				stop()
			}
		}
		if _, err := inkstone.TrainSpeech(ctx, o); !errors.Is(err, context.Canceled) {
			t.Fatalf("%s: error %v, want an interruption", kind, err)
		}
		stop()
		o.Progress, o.Resume = nil, true
		if two := trainSpeech(t, o); two.WeightsSHA != one.WeightsSHA {
			t.Errorf("%s: two threads and an interruption give other weights than one thread without", kind)
		}
		o = tinySpeech(kind, data, filepath.Join(dir, "seed"), 2)
		o.Settings.Seed++
		if other := trainSpeech(t, o); other.WeightsSHA == one.WeightsSHA {
			t.Errorf("%s: another seed gives the same weights", kind)
		}
		o = tinySpeech(kind, data, filepath.Join(dir, "two"), 2)
		o.Settings.Unheard, o.Resume = []string{"ann"}, true
		if _, err := inkstone.TrainSpeech(context.Background(), o); err == nil {
			t.Errorf("%s: a run goes on with other speakers", kind)
		}
	}
}

// TestSpeechLearns: words of a speaker who was not heard, in utterances whose number of words is not
// told, are written down; what the folder gives is what the training measured.
func TestSpeechLearns(t *testing.T) {
	data, out := tones(t, 6), filepath.Join(t.TempDir(), "m")
	o := tinySpeech("ctc", data, out, 2)
	s := &o.Settings
	s.Rows, s.Steps, s.EvalEvery, s.Hidden, s.LR, s.Dropout = 8, 160, 80, 16, 0.015, -1
	s.Speed, s.Colour, s.Noise, s.Masks.Bands, s.Grow = 0.1, -1, -1, -1, 0.5
	var held eval.Report
	o.Measured = func(r eval.Report) { held = r }
	trainSpeech(t, o)
	m := loadSpeech(t, out, 1)
	sounds, err := m.ReadLabelled(nil, data)
	if err != nil {
		t.Fatal(err)
	}
	unheard, err := m.HeldOut(sounds)
	if err != nil {
		t.Fatal(err)
	}
	if got := unheard.Voices(); !slices.Equal(got, []string{"eve"}) || unheard.Len() != 12 {
		t.Errorf("%d recordings by %q are held out, want 12 by eve", unheard.Len(), got)
	}
	r, err := m.Evaluate(context.Background(), unheard, inkstone.SpeechEvaluation{Beam: 4})
	if err != nil {
		t.Fatal(err)
	}
	rows := map[string]float64{}
	for _, row := range r.Rows {
		rows[row.Name] = row.Value
	}
	for _, row := range held.Rows {
		if rows[row.Name] != row.Value {
			t.Errorf("%s: %g, the training measured %g", row.Name, rows[row.Name], row.Value)
		}
	}
	if e := rows["word error rate, utterances"]; e > 0.1 || len(held.Rows) != 8 {
		t.Errorf("word error rate %g of %+v", e, held.Rows)
	}
	if e, ok := rows["word error rate, utterances, beam of 4"]; !ok || e > 0.1 {
		t.Errorf("with a beam of 4: %g, %t", e, ok)
	}
	transcribes(t, m, unheard)
}

// transcribes holds a transcript against its utterance, and draws it.
func transcribes(t *testing.T, m *inkstone.Speech, unheard *corpus.Sounds) {
	t.Helper()
	all, err := m.Utterances(unheard, 20, 5)
	if err != nil {
		t.Fatal(err)
	}
	right := 0
	for _, u := range all {
		one := &corpus.Sounds{Rate: 8000, Samples: [][]float32{u.Samples}, Names: []string{"u.wav"}}
		said, err := m.Transcribe(context.Background(), one, 0)
		if err != nil {
			t.Fatal(err)
		}
		beamed, err := m.Transcribe(context.Background(), one, 4)
		if err != nil {
			t.Fatal(err)
		}
		if beamed[0].LogProb == nil || *beamed[0].LogProb > 0 || said[0].LogProb != nil || said[0].Name != "u.wav" {
			t.Errorf("transcripts %+v and %+v", said[0], beamed[0])
		}
		var want []string
		for _, k := range u.Labels {
			want = append(want, unheard.Classes[k])
		}
		if said[0].Text != strings.Join(want, " ") {
			continue
		}
		right++
		for i, w := range said[0].Words { // a moment of the word is in the word, or just after it
			from, to := float64(u.Words[i].From)/8000, float64(u.Words[i].To)/8000+0.2
			if w.Word != want[i] || w.From < from-0.05 || w.From > to {
				t.Errorf("word %+v, said from %.2f to %.2f", w, from, to)
			}
		}
	}
	if right < 15 {
		t.Errorf("%d of 20 utterances are written down", right)
	}
	p, err := m.Posteriors(8000, all[0].Samples)
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := m.WriteScore(&b, p); err != nil {
		t.Fatal(err)
	}
	if img, err := png.Decode(&b); err != nil || img.Bounds().Dx() < 3*len(p.Energies)/20 {
		t.Errorf("a picture %v, %v", img, err)
	}
	if _, err := m.Classify(context.Background(), unheard, 1); err == nil || !strings.Contains(err.Error(), "an audio-cnn tells single words apart") {
		t.Errorf("classes of a ctc: %v", err)
	}
	if _, err := m.Posteriors(16000, all[0].Samples); err == nil || !strings.Contains(err.Error(), "hears 1 or more, 8000 a second") {
		t.Errorf("another rate: %v", err)
	}
}

// TestWordsAreToldApart: an audio-cnn names the words of a speaker whom it has not heard, with one
// thread as with two.
func TestWordsAreToldApart(t *testing.T) {
	data, out := tones(t, 6), filepath.Join(t.TempDir(), "m")
	o := tinySpeech("audio-cnn", data, out, 2)
	o.Settings.Rows, o.Settings.Steps, o.Settings.EvalEvery, o.Settings.LR, o.Settings.Unheard = 8, 60, 60, 0.01, []string{"ann"}
	trainSpeech(t, o)
	var probabilities [2][]float32
	for i, m := range []*inkstone.Speech{loadSpeech(t, out, 1), loadSpeech(t, out, 2)} {
		sounds, err := m.ReadLabelled(nil, data)
		if err != nil {
			t.Fatal(err)
		}
		unheard, err := m.HeldOut(sounds)
		if err != nil {
			t.Fatal(err)
		}
		words, err := m.MeasureWords(context.Background(), unheard.Alone())
		if err != nil {
			t.Fatal(err)
		}
		if words.Right < 11 || words.Of != 12 || words.ByClass[0][1] != 6 || words.ByClass[0][0]+words.ByClass[1][0] != words.Right {
			t.Errorf("words of ann: %+v", words)
		}
		said, err := m.Classify(context.Background(), unheard, 2)
		if err != nil {
			t.Fatal(err)
		}
		for j, k := range said {
			probabilities[i] = append(probabilities[i], k[0].Probability, k[1].Probability)
			if got := unheard.Classes[words.Said[j]]; got != k[0].Class || k[0].Probability < k[1].Probability {
				t.Errorf("recording %d: %v, measured %q", j, k, got)
			}
		}
		if _, err := m.Transcribe(context.Background(), unheard, 0); err == nil || !strings.Contains(err.Error(), "a ctc writes utterances down") {
			t.Errorf("a transcript of an audio-cnn: %v", err)
		}
	}
	testkit.SameBits(t, "probabilities, one thread and two", probabilities[0], probabilities[1])
}

// TestTrainSpeechRefuses: what can not be learned from is said, with the file, and nothing is written.
func TestTrainSpeechRefuses(t *testing.T) {
	data := tones(t, 2)
	other := filepath.Join(t.TempDir(), "more")
	if err := os.CopyFS(other, os.DirFS(data)); err != nil {
		t.Fatal(err)
	}
	whole, err := os.ReadFile(filepath.Join(data, "up_ann_0.wav"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(other, "yes_eve_0.wav"), whole, 0o666); err != nil {
		t.Fatal(err)
	}
	cut := filepath.Join(t.TempDir(), "up_ann_0.wav")
	if err := os.WriteFile(cut, whole[:500], 0o666); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		data   string
		change func(s *inkstone.SpeechSettings)
		want   string
	}{
		{data, func(s *inkstone.SpeechSettings) { s.Unheard = []string{"zoe"} }, `no recording by the speaker "zoe"; there are ["ann" "bob" "eve"]`},
		{data, func(s *inkstone.SpeechSettings) { s.Unheard = []string{"ann", "bob", "eve"} }, "leaves 0 recordings to train on"},
		{other, func(s *inkstone.SpeechSettings) {}, `only speakers of whom nothing is learned say the word "yes"`},
		{data, func(s *inkstone.SpeechSettings) { s.Pattern = "{label}-{speaker}.wav" }, "is not made like the pattern"},
		{data, func(s *inkstone.SpeechSettings) { s.Pattern = "{speaker}.wav" }, "there is no {label} in it"},
		{cut, func(s *inkstone.SpeechSettings) {}, "up_ann_0.wav: a WAV file that is cut off"},
		{data, func(s *inkstone.SpeechSettings) { s.Model = "rnn-t" }, `model "rnn-t" is none of ctc, audio-cnn`},
		{data, func(s *inkstone.SpeechSettings) { s.Smoothing = 0.1 }, "smoothing is of the model audio-cnn"},
		{data, func(s *inkstone.SpeechSettings) { s.Dropout = 1 }, "dropout 1"},
		{data, func(s *inkstone.SpeechSettings) { s.Grow = 2 }, "grow 2 is no share"},
		{data, func(s *inkstone.SpeechSettings) { s.Masks.Bands = -2 }, "want bands from -1"},
		{data, func(s *inkstone.SpeechSettings) { s.Speed = 0.9 }, "a speed of 1 ± 0.9"},
		{data, func(s *inkstone.SpeechSettings) { s.Gap = [2]float64{-1, 0} }, "the shortest recording lasts"},
		{data, func(s *inkstone.SpeechSettings) { s.Mels = 2000 }, "no bin of an FFT"},
		{data, func(s *inkstone.SpeechSettings) { s.Rate = -8000 }, "rate is -8000"},
	}
	for _, tt := range tests {
		o := tinySpeech("ctc", tt.data, filepath.Join(t.TempDir(), "m"), 1)
		tt.change(&o.Settings)
		if _, err := inkstone.TrainSpeech(context.Background(), o); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("error %v, want %q", err, tt.want)
		}
		if _, err := os.Stat(filepath.Join(o.Out, "config.json")); err == nil {
			t.Errorf("%s: a model was written", tt.want)
		}
	}
}

// TestSpeechOfOneSpeaker: with no other speaker to set aside, recordings are, and it is said.
func TestSpeechOfOneSpeaker(t *testing.T) {
	data, out := tones(t, 4), filepath.Join(t.TempDir(), "m")
	o := tinySpeech("ctc", filepath.Join(data, "*_bob_*.wav"), out, 1)
	o.Settings.Rate = 16000
	var said []string
	o.Notice = func(s string) { said = append(said, s) }
	trainSpeech(t, o)
	want := []string{"8 recordings of 8000 samples a second are resampled to 16000", "one speaker alone: how well others are understood is not measured"}
	if !slices.Equal(said, want) {
		t.Errorf("notices %q, want %q", said, want)
	}
	m := loadSpeech(t, out, 1)
	sounds, err := m.ReadLabelled(nil, o.Data...)
	if err != nil {
		t.Fatal(err)
	}
	if held, err := m.HeldOut(sounds); err != nil || held.Len() != 2 {
		t.Errorf("%d recordings are held out, want one of each word; %v", held.Len(), err)
	}
	b, err := os.ReadFile(filepath.Join(out, "inkstone.json"))
	var stored struct{ Unheard []string }
	if err = errors.Join(err, json.Unmarshal(b, &stored)); err != nil || stored.Unheard == nil || len(stored.Unheard) > 0 {
		t.Errorf("unheard %q, %v: want an empty list, so that the settings mean the same with more speakers", stored.Unheard, err)
	}
	if _, err := m.ReadLabelled(nil, data, filepath.Join(tones(t, 1), "up_ann_0.wav")); err != nil {
		t.Error(err)
	}
	if err := os.Rename(filepath.Join(data, "up_ann_0.wav"), filepath.Join(data, "left_ann_0.wav")); err != nil {
		t.Fatal(err)
	}
	if _, err := m.ReadLabelled(nil, data); err == nil || !strings.Contains(err.Error(), `left_ann_0.wav: its word "left" is none of ["down" "up"]`) {
		t.Errorf("another word: %v", err)
	}
}

// TestUnheardTeachNothing: other recordings of the speaker who is not heard give the same weights, and
// the best of them are chosen all the same; other recordings of another speaker give other weights.
func TestUnheardTeachNothing(t *testing.T) {
	data := tones(t, 4)
	train := func(swap string) string {
		dir := filepath.Join(t.TempDir(), "data")
		if err := os.CopyFS(dir, os.DirFS(data)); err != nil {
			t.Fatal(err)
		}
		if swap != "" { // what goes up goes down, and the other way round
			for i := range 4 {
				up, down := filepath.Join(dir, fmt.Sprintf("up_%s_%d.wav", swap, 2*i)), filepath.Join(dir, fmt.Sprintf("down_%s_%d.wav", swap, 2*i+1))
				if err := errors.Join(os.Rename(up, up+"x"), os.Rename(down, up), os.Rename(up+"x", down)); err != nil {
					t.Fatal(err)
				}
			}
		}
		return trainSpeech(t, tinySpeech("audio-cnn", dir, filepath.Join(t.TempDir(), "m"), 1)).WeightsSHA
	}
	first := train("")
	if train("eve") != first {
		t.Error("recordings of the speaker who is not heard change the weights")
	}
	if train("bob") == first {
		t.Error("recordings of a speaker who is heard change nothing")
	}
}
