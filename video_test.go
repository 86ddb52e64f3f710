package inkstone_test

import (
	"context"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/png"
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

// strokes is a folder of pictures of 6 × 6: n that stand and n that lie, no two alike.
func strokes(t testing.TB, n int) string {
	t.Helper()
	dir := t.TempDir()
	for i := range 2 * n {
		class := []string{"lying", "standing"}[i%2]
		m := image.NewGray(image.Rect(0, 0, 6, 6))
		for k := range 6 {
			at := [2]int{k, 2 + i/2%3}
			if class == "lying" {
				at[0], at[1] = at[1], at[0]
			}
			m.SetGray(at[1], at[0], color.Gray{uint8(255 - i)})
		}
		path := filepath.Join(dir, class, fmt.Sprintf("%03d.png", i))
		if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
			t.Fatal(err)
		}
		f, err := os.Create(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(png.Encode(f, m), f.Close()); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// tinyVideo trains in a second.
func tinyVideo(data, out string, threads int) inkstone.VideoOptions {
	return inkstone.VideoOptions{Data: []string{data}, Out: out, Threads: threads, Settings: inkstone.VideoSettings{
		Side: 16, Frames: 6, Digits: 2, Width: 8, Hidden: 16, Latent: 4, Rows: 2, DigitRows: 8, Steps: 12, EvalClips: 4,
		EvalEvery: 6, CheckpointEvery: 5, HeldOut: 0.25, Seed: 3,
	}}
}

func trainVideo(t testing.TB, o inkstone.VideoOptions) *inkstone.Trained {
	t.Helper()
	r, err := inkstone.TrainVideo(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// TestVideoWeightsAreAFunctionOfSeedAndData: not of threads, nor of an interruption.
func TestVideoWeightsAreAFunctionOfSeedAndData(t *testing.T) {
	data, dir := strokes(t, 20), t.TempDir()
	one := trainVideo(t, tinyVideo(data, filepath.Join(dir, "one"), 1))
	if one.Best == nil || one.Steps != 12 {
		t.Fatalf("%d steps, held-out loss %v", one.Steps, one.Best)
	}
	o := tinyVideo(data, filepath.Join(dir, "two"), 2)
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	o.Progress = func(m train.Metrics) {
		if m.Step == 7 {
			stop()
		}
	}
	if _, err := inkstone.TrainVideo(ctx, o); !errors.Is(err, context.Canceled) {
		t.Fatalf("error %v, want an interruption", err)
	}
	o.Progress, o.Resume = nil, true
	if two := trainVideo(t, o); two.WeightsSHA != one.WeightsSHA {
		t.Error("two threads and an interruption give other weights than one thread without")
	}
	o = tinyVideo(data, filepath.Join(dir, "seed"), 2)
	o.Settings.Seed++
	if other := trainVideo(t, o); other.WeightsSHA == one.WeightsSHA {
		t.Error("another seed gives the same weights")
	}
}

// TestVideoFolder: the folder gives the same clips each time, and measures held-out digits alone.
func TestVideoFolder(t *testing.T) {
	data, out := strokes(t, 20), filepath.Join(t.TempDir(), "clips")
	trained := trainVideo(t, tinyVideo(data, out, 2))
	load := func(threads int) *inkstone.Video {
		v, err := inkstone.LoadVideo(out, &inkstone.LoadOptions{Threads: threads})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { v.Close() })
		return v
	}
	a, b := load(1), load(2)
	if a.Parameters() != trained.Parameters {
		t.Errorf("%d parameters, the training had %d", a.Parameters(), trained.Parameters)
	}
	wish := []inkstone.ClipWish{{Class: "standing", Direction: 45, Seed: 1}}
	x, err := a.Generate(wish, 6)
	if err != nil {
		t.Fatal(err)
	}
	y, err := b.Generate(wish, 6)
	if err != nil {
		t.Fatal(err)
	}
	testkit.SameBits(t, "a clip, one thread and two", x[0], y[0])
	if _, err := a.Generate([]inkstone.ClipWish{{Class: "oblique"}}, 6); err == nil || !strings.Contains(err.Error(), `no class "oblique"; the model has ["lying" "standing"]`) {
		t.Errorf("error %v", err)
	}
	held := heldStrokes(t, a, data)
	clips, err := a.Clips(held, 5)
	if err != nil {
		t.Fatal(err)
	}
	if other, err := a.Clips(held, 6); err != nil || slices.Equal(other.Clip(0).Frames, clips.Clip(0).Frames) {
		t.Errorf("another seed gives the same clip, or %v", err)
	}
	m, n := measured(t, a, clips), measured(t, b, clips)
	testkit.SameBits(t, "squared error, one thread and two", m.Model.SquaredError, n.Model.SquaredError)
	checkCopies(t, clips, m)
}

// heldStrokes are the digits that training held out: none of those it had.
func heldStrokes(t *testing.T, v *inkstone.Video, data string) *corpus.Images {
	t.Helper()
	all, err := v.Read(func(string) {}, data)
	if err != nil {
		t.Fatal(err)
	}
	held, err := v.HeldOut(all)
	if err != nil {
		t.Fatal(err)
	}
	if held.Len() != 10 {
		t.Fatalf("%d of 40 digits are held out, want 10", held.Len())
	}
	learned, _, err := all.Split(0.25, 3)
	if err != nil {
		t.Fatal(err)
	}
	for i := range held.Len() {
		if slices.Contains(learned.Names, held.Names[i]) {
			t.Errorf("%s is held out and learned from", held.Names[i])
		}
	}
	return held
}

func measured(t *testing.T, v *inkstone.Video, clips *corpus.Moving) *eval.VideoMeasurement {
	t.Helper()
	m, err := v.Evaluate(context.Background(), clips, 20, nil)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// checkCopies compares the errors of a copy of frame 3 with a loop over bytes.
func checkCopies(t *testing.T, clips *corpus.Moving, m *eval.VideoMeasurement) {
	t.Helper()
	if m.First != 4 || m.Clips != 20 || len(m.Model.SquaredError) != 3 {
		t.Fatalf("%d clips, %d frames from %d on; want 20, 3 and 4", m.Clips, len(m.Model.SquaredError), m.First)
	}
	want, size := make([]float64, 3), 16*16
	for i := range 20 {
		x := clips.Clip(i).Frames
		for f := range want {
			for p := range size {
				d := (float64(x[2*size+p]) - float64(x[(3+f)*size+p])) / 255
				want[f] += d * d / 20
			}
		}
	}
	testkit.Close(t, "squared error of a copy", m.Copy.SquaredError, want, 1e-5, 0)
	if truth := m.Truth.SquaredError; !slices.Equal(truth, []float64{0, 0, 0}) {
		t.Errorf("the truth has errors %v", truth)
	}
}

func TestTrainVideoRefuses(t *testing.T) {
	data := strokes(t, 4)
	tests := []struct {
		change func(*inkstone.VideoOptions)
		want   string
	}{
		{func(o *inkstone.VideoOptions) { o.Settings.Rows = -1 }, "rows is -1"},
		{func(o *inkstone.VideoOptions) { o.Settings.Model = "gan" }, `model "gan" is not convlstm`},
		{func(o *inkstone.VideoOptions) { o.Settings.Digits = 1000 }, "digits is 1000, want at most 100"},
		{func(o *inkstone.VideoOptions) { o.Settings.LR = -1 }, "lr -1"},
		{func(o *inkstone.VideoOptions) { o.Settings.Beta2 = 1 }, "beta2 1"},
		{func(o *inkstone.VideoOptions) { o.Settings.HeldOut = 1 }, "held_out 1 is no share"},
		{func(o *inkstone.VideoOptions) { o.Settings.Precision = "f8" }, "f8"},
		{func(o *inkstone.VideoOptions) { o.Settings.Side = 6 }, "can not move in a frame of 6 × 6"},
		{func(o *inkstone.VideoOptions) { o.Settings.Speed = 99 }, "speed of 99 pixels"},
		{func(o *inkstone.VideoOptions) { o.Settings.Patch = 5 }, "patches of 5 pixels"},
		{func(o *inkstone.VideoOptions) { o.Settings.Context = 6 }, "context_frames 6 leave nothing"},
		{func(o *inkstone.VideoOptions) { o.Settings.Depth = 1 << 20 }, "hidden_sizes: layers"},
		{func(o *inkstone.VideoOptions) { o.Data = []string{filepath.Join(data, "lying")} }, "pictures without labels"},
		{func(o *inkstone.VideoOptions) { o.Data = []string{"absent"} }, "absent"},
	}
	for _, tt := range tests {
		o := tinyVideo(data, filepath.Join(t.TempDir(), "no"), 1)
		tt.change(&o)
		if _, err := inkstone.TrainVideo(context.Background(), o); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("error %v, want %q", err, tt.want)
		}
		if _, err := os.Stat(o.Out); err == nil {
			t.Errorf("%q: the folder was made", tt.want)
		}
	}
	if _, err := inkstone.LoadVideo(data, nil); err == nil {
		t.Error("a folder of pictures is loaded as a model")
	}
}
