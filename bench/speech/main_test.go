package main

import (
	"bytes"
	"image/png"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/inkstone-ai/inkstone/corpus"
	"github.com/inkstone-ai/inkstone/corpus/mel"
	"github.com/inkstone-ai/inkstone/internal/testkit"
)

// TestRun trains for a few steps: the tables have all their rows.
func TestRun(t *testing.T) {
	data := testkit.Data(t, "audio-fsdd/fsdd-george-jackson-nicolas-theo.tar.gz")
	all, err := corpus.ReadSounds(corpus.SoundOptions{Pattern: "{label}_{speaker}_{number}.wav"}, data)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	few := filepath.Join(dir, "few")
	if err := os.Mkdir(few, 0o777); err != nil {
		t.Fatal(err)
	}
	for i, x := range all.Samples {
		if all.Numbers[i] > 2 || all.Speakers[i] == "george" {
			continue
		}
		var b bytes.Buffer
		if err := corpus.WriteWAV(&b, all.Rate, x); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(few, filepath.Base(all.Names[i])), b.Bytes(), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	config := filepath.Join(dir, "small.json")
	if err := os.WriteFile(config, []byte(`{"width": 2, "mels": 20, "rows": 2}`), 0o666); err != nil {
		t.Fatal(err)
	}
	var table bytes.Buffer
	if err := run(t.Context(), []string{"-unheard", "theo", "-steps", "2", "-utterances", "30", "-beam", "2", "-threads", "2", "-config", config, "-out", dir, few}, &table); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		`theo is not heard: 60 recordings of others`, `(?m)^\| audio-cnn \| [0-9.]+ % \(`, `(?m)^\| nearest by time warping \| [0-9.]+ %`, `the commonest word \| 90\.0 % `,
		`(?m)^\| ctc, greedy \| [0-9.]+ % \| [0-9.]+ % \|$`, `(?m)^\| ctc, beam of 2 \| [0-9.]+ % \| `, `audio-cnn on pieces between silence \| [0-9.]+ % \|`,
		`\| words of an utterance \| 1 \| 2 \| 3 \| 4 \| 5 \| 6 \| 7 \|`, `without an error: \d+ of 30 utterances`,
	} {
		if !regexp.MustCompile(want).Match(table.Bytes()) {
			t.Errorf("no %s in\n%s", want, &table)
		}
	}
	f, err := os.Open(filepath.Join(dir, "speech.png"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := png.Decode(f); err != nil {
		t.Error(err)
	}
}

// TestWarped by hand: a word said at half the speed is as near as it can be, and nearer than another.
func TestWarped(t *testing.T) {
	say := func(values ...float32) (rows [][cepstra]float32) {
		for _, v := range values {
			rows = append(rows, [cepstra]float32{v, v})
		}
		return rows
	}
	if d := warped(say(1, 2, 3), say(1, 1, 2, 2, 3, 3)); d != 0 {
		t.Errorf("at half the speed: %g", d)
	}
	// 1 with 1, 2 with 1 (√2), 2 with 4 (√8), over 4 frames; 2 with 4 at once would count twice.
	if d, want := warped(say(1, 2), say(1, 4)), (math.Sqrt(2)+math.Sqrt(8))/4; math.Abs(d-want) > 1e-6 {
		t.Errorf("another word: %g, want %g", d, want)
	}
}

// TestPieces: two hisses with silence between them are two pieces; a click is none.
func TestPieces(t *testing.T) {
	x, r := make([]float32, 16000), rand.New(rand.NewPCG(1, 2))
	for _, at := range [][2]int{{1000, 4000}, {8000, 12000}, {14000, 14010}} {
		for j := at[0]; j < at[1]; j++ {
			x[j] = float32(0.1 * r.NormFloat64())
		}
	}
	front, err := mel.New(mel.Options{Rate: 8000})
	if err != nil {
		t.Fatal(err)
	}
	got := pieces(front, x)
	if len(got) != 2 {
		t.Fatalf("pieces %v", got)
	}
	for i, want := range [][2]int{{1000, 4000}, {8000, 12000}} {
		if math.Abs(float64(got[i][0]-want[0])) > 200 || math.Abs(float64(got[i][1]-want[1])) > 200 {
			t.Errorf("piece %v, want about %v", got[i], want)
		}
	}
}
