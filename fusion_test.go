package inkstone_test

import (
	"context"
	"errors"
	"fmt"
	"image"
	"image/png"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/inkstone-ai/inkstone"
	"github.com/inkstone-ai/inkstone/corpus"
	"github.com/inkstone-ai/inkstone/format"
	"github.com/inkstone-ai/inkstone/internal/testkit"
	"github.com/inkstone-ai/inkstone/train"
)

// writeWAV writes 8,000 samples a second, and the folders above.
func writeWAV(path string, samples []float32) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		return err
	}
	return format.WriteFile(path, func(w io.Writer) error { return corpus.WriteWAV(w, 8000, samples) })
}

// tone is a hum whose pitch is the class's, a little different for each speaker and number.
func tone(class string, speaker, number int) (x []float32) {
	hz := map[string]float64{"lying": 400, "standing": 1500}[class]*(1+0.03*float64(speaker)) + 20*float64(number)
	for n := range 800 + 100*number {
		x = append(x, float32(0.5*math.Sin(2*math.Pi*hz*float64(n)/8000)))
	}
	return x
}

// hums is a folder of recordings by three speakers.
func hums(t testing.TB) string {
	t.Helper()
	dir := t.TempDir()
	for _, class := range []string{"lying", "standing"} {
		for s, speaker := range []string{"ann", "bo", "cy"} {
			for number := range 6 {
				if err := writeWAV(filepath.Join(dir, fmt.Sprintf("%s_%s_%d.wav", class, speaker, number)), tone(class, s, number)); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	return dir
}

// strokeNames are their names in two languages.
func strokeNames() map[string][]string {
	return map[string][]string{"lying": {"lying", "卧"}, "standing": {"standing", "立"}}
}

// tinyFusion trains in a second.
func tinyFusion(kind string, data []string, out string, threads int) inkstone.FusionOptions {
	o := inkstone.FusionOptions{Data: data, Out: out, Threads: threads, Settings: inkstone.FusionSettings{
		Model: kind, Names: strokeNames(), Depth: 1, Stage: 4, Width: 16, Rows: 16, Steps: 50, EvalEvery: 20, CheckpointEvery: 15, Shift: -1, Seed: 3, LR: 1e-2,
	}}
	if kind == "caption" {
		o.Data, o.Settings.Captions = data[:1], []string{"a {class} bar", "{name}着的线"}
		return o
	}
	o.Settings.Noise, o.Settings.Frames, o.Settings.Mels = &corpus.TripleNoise{Pixel: 0.1, Sound: 0.2, Typing: 0.2}, 8, 8
	return o
}

func trainFusion(t testing.TB, o inkstone.FusionOptions) *inkstone.Trained {
	t.Helper()
	r, err := inkstone.TrainFusion(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func loadFusion(t testing.TB, dir string, threads int) *inkstone.Fused {
	t.Helper()
	m, err := inkstone.LoadFusion(dir, &inkstone.LoadOptions{Threads: threads})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.Close() })
	return m
}

// TestFusionWeightsAreAFunctionOfSeedAndData: not of threads, nor of an interruption, for each
// kind of model.
func TestFusionWeightsAreAFunctionOfSeedAndData(t *testing.T) {
	data, dir := []string{strokes(t, 20), hums(t)}, t.TempDir()
	few := func(kind, name string, threads int) inkstone.FusionOptions { // steps, with a checkpoint and an evaluation among them
		o := tinyFusion(kind, data, filepath.Join(dir, name), threads)
		o.Settings.Steps, o.Settings.EvalEvery, o.Settings.CheckpointEvery = 16, 6, 5
		return o
	}
	for _, kind := range inkstone.FusionModels() {
		one := trainFusion(t, few(kind, kind, 1))
		o := few(kind, kind+"-2", 2)
		ctx, stop := context.WithCancel(context.Background())
		o.Progress = func(m train.Metrics) {
			if m.Step == 12 {
				stop()
			}
		}
		if _, err := inkstone.TrainFusion(ctx, o); !errors.Is(err, context.Canceled) {
			t.Fatalf("%s: error %v, want an interruption", kind, err)
		}
		stop()
		o.Progress, o.Resume = nil, true
		if two := trainFusion(t, o); two.WeightsSHA != one.WeightsSHA {
			t.Errorf("%s: two threads and an interruption give other weights than one thread without", kind)
		}
		o = few(kind, kind+"-seed", 2)
		o.Settings.Seed++
		if other := trainFusion(t, o); other.WeightsSHA == one.WeightsSHA {
			t.Errorf("%s: another seed gives the same weights", kind)
		}
	}
}

// shownStroke is a thing of files of its own.
func shownStroke(t testing.TB, class, name string) inkstone.Shown {
	t.Helper()
	dir := t.TempDir()
	s := inkstone.Shown{Picture: filepath.Join(dir, "p.png"), Sound: filepath.Join(dir, "s.wav"), Name: name}
	m := image.NewGray(image.Rect(0, 0, 6, 6))
	for k := range 6 {
		if class == "lying" {
			m.Pix[3*6+k] = 255
		} else {
			m.Pix[k*6+3] = 255
		}
	}
	f, err := os.Create(s.Picture)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(png.Encode(f, m), f.Close(), writeWAV(s.Sound, tone(class, 1, 2))); err != nil {
		t.Fatal(err)
	}
	return s
}

// TestFusionSays: a fusion and pairs tell strokes apart from each choice of modalities and say from
// which; the folder gives the same bits each time.
func TestFusionSays(t *testing.T) {
	data, dir := []string{strokes(t, 20), hums(t)}, t.TempDir()
	lying, standing := shownStroke(t, "lying", "lyin"), shownStroke(t, "standing", "立")
	for _, kind := range []string{"fusion", "contrastive"} {
		out := filepath.Join(dir, kind)
		o := tinyFusion(kind, data, out, 2)
		if o.Settings.Steps = 150; kind == "fusion" {
			o.Settings.Absent = 0.5 // a name alone is rare otherwise, and learned late
		}
		trained := trainFusion(t, o)
		a, b := loadFusion(t, out, 1), loadFusion(t, out, 2)
		if a.Parameters() != trained.Parameters || a.Kind() != kind {
			t.Errorf("%s: %d parameters, the training had %d", a.Kind(), a.Parameters(), trained.Parameters)
		}
		var things []inkstone.Shown
		for _, s := range []inkstone.Shown{lying, standing} {
			things = append(things, s, inkstone.Shown{Picture: s.Picture}, inkstone.Shown{Sound: s.Sound}, inkstone.Shown{Name: s.Name})
		}
		said, err := a.Say(things, 2)
		if err != nil {
			t.Fatal(err)
		}
		for i, x := range said {
			if want := []string{"lying", "standing"}[i/4]; x.Classes[0].Class != want || len(x.Classes) != 2 {
				t.Errorf("%s: %+v is told as %+v", kind, things[i], x.Classes)
			}
			if want := [][]string{{"picture", "sound", "name"}, {"picture"}, {"sound"}, {"name"}}[i%4]; !slices.Equal(x.Used, want) {
				t.Errorf("%s: used %q, want %q", kind, x.Used, want)
			}
		}
		again, err := b.Say(things, 2)
		if err != nil {
			t.Fatal(err)
		}
		for i := range said {
			testkit.SameBits(t, kind, []float32{again[i].Classes[0].Probability}, []float32{said[i].Classes[0].Probability})
		}
	}
}

// TestFusionMeasured: on what nobody has learned all choices of modalities are measured, and what was
// held out is none of what was learned.
func TestFusionMeasured(t *testing.T) {
	data, out := []string{strokes(t, 20), hums(t)}, filepath.Join(t.TempDir(), "model")
	trainFusion(t, tinyFusion("fusion", data, out, 2))
	m := loadFusion(t, out, 1)
	all, err := m.Evaluate(t.Context(), "", nil, data...)
	if err != nil {
		t.Fatal(err)
	}
	test, err := m.Evaluate(t.Context(), "test", nil, data...)
	if err != nil {
		t.Fatal(err)
	}
	valid, err := m.Evaluate(t.Context(), "validation", nil, data...)
	if err != nil {
		t.Fatal(err)
	}
	if len(all.Rows) != 14 || all.Rows[0].Of != 40 || test.Rows[0].Of != 8 || valid.Rows[0].Of != 8 {
		t.Errorf("%d rows, of %d, test of %d, validation of %d; want 14, 40, 8, 8", len(all.Rows), all.Rows[0].Of, test.Rows[0].Of, valid.Rows[0].Of)
	}
	if all.Rows[7].Name != "clean, accuracy from picture+sound+name" || all.Rows[7].Value < 0.95 {
		t.Errorf("%+v", all.Rows[7])
	}
	if _, err := m.Evaluate(t.Context(), "rest", nil, data...); err == nil || !strings.Contains(err.Error(), `part "rest" is neither validation nor test`) {
		t.Error(err)
	}
}

// TestPairsMeasured: views of one class are found far above chance, every view from every other.
func TestPairsMeasured(t *testing.T) {
	data, out := []string{strokes(t, 20), hums(t)}, filepath.Join(t.TempDir(), "model")
	trainFusion(t, tinyFusion("contrastive", data, out, 2))
	r, err := loadFusion(t, out, 1).Evaluate(t.Context(), "", nil, data...)
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Rows) != 2*2*13 {
		t.Fatalf("%d rows, want 52: noisy and clean, at 1 and 5, of 12 pairs and chance", len(r.Rows))
	}
	if row := r.Rows[12]; row.Name != "noisy, retrieval@1, chance" || math.Abs(row.Value-0.5) > 1e-9 {
		t.Errorf("%+v", row)
	}
	if row := r.Rows[25]; math.Abs(row.Value-(1-20.0*19*18*17*16/(40*39*38*37*36))) > 1e-9 {
		t.Errorf("%+v", row)
	}
	for _, row := range r.Rows[26:38] {
		if !strings.HasPrefix(row.Name, "clean, retrieval@1, ") || row.Value < 0.9 {
			t.Errorf("%+v", row)
		}
	}
}

// TestCaptions: what is said of pictures is what was learned, in the language asked for.
func TestCaptions(t *testing.T) {
	data, out := []string{strokes(t, 20)}, filepath.Join(t.TempDir(), "model")
	o := tinyFusion("caption", data, out, 2)
	o.Settings.Steps = 150
	trainFusion(t, o)
	m := loadFusion(t, out, 1)
	lying, standing := shownStroke(t, "lying", ""), shownStroke(t, "standing", "")
	standing.Name = "standing"
	said, err := m.Say([]inkstone.Shown{lying, standing}, 1)
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []map[string]string{{"en": "a lying bar", "zh": "卧着的线"}, {"en": "a standing bar", "zh": "立着的线"}} {
		for language, text := range want {
			if got := said[i].Captions[language]; got != text {
				t.Errorf("%s: %q, want %q", language, got, text)
			}
		}
	}
	if !slices.Equal(said[1].Used, []string{"picture"}) || !slices.Equal(said[1].Unused, []string{"sound", "name"}) {
		t.Errorf("used %q, not %q", said[1].Used, said[1].Unused)
	}
	r, err := m.Evaluate(t.Context(), "", nil, data...)
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Rows) != 4 || r.Rows[0].Value < 0.9 || r.Rows[1].Name != `captions right, en, always "a lying bar"` || r.Rows[1].Value != 0.5 {
		t.Errorf("%+v", r.Rows)
	}
	if _, err := m.Say([]inkstone.Shown{{Name: "lying"}}, 1); err == nil || !strings.Contains(err.Error(), "reads picture; of this there is name") {
		t.Error(err)
	}
}

// copied is a folder with the files of another whose names are wanted.
func copied(from, to string, want func(name string) bool) string {
	files, err := os.ReadDir(from)
	for _, f := range files {
		if want(f.Name()) {
			var b []byte
			if b, err = os.ReadFile(filepath.Join(from, f.Name())); err == nil {
				err = os.WriteFile(filepath.Join(to, f.Name()), b, 0o666)
			}
		}
		if err != nil {
			break
		}
	}
	if err != nil {
		panic(err)
	}
	return to
}

func TestTrainFusionRefuses(t *testing.T) {
	pictures, sounds := strokes(t, 6), hums(t)
	one := t.TempDir()
	if err := writeWAV(filepath.Join(one, "lying_ann_0.wav"), tone("lying", 0, 0)); err != nil {
		t.Fatal(err)
	}
	cut := t.TempDir()
	if err := os.WriteFile(filepath.Join(cut, "lying_ann_0.wav"), []byte("RIFF"), 0o666); err != nil {
		t.Fatal(err)
	}
	for want, change := range map[string]func(*inkstone.FusionOptions){
		`model "gan" is none of fusion, contrastive, caption`: func(o *inkstone.FusionOptions) { o.Settings.Model = "gan" },
		`fusion "vote" is none of sum, mean`:                  func(o *inkstone.FusionOptions) { o.Settings.Fusion = "vote" },
		`space is of contrastive, not of fusion`:              func(o *inkstone.FusionOptions) { o.Settings.Space = 3 },
		`held_out 0.5 twice`:                                  func(o *inkstone.FusionOptions) { o.Settings.HeldOut = 0.5 },
		`typing 3 0 to 1`:                                     func(o *inkstone.FusionOptions) { o.Settings.Noise.Typing = 3 },
		`rows is -1`:                                          func(o *inkstone.FusionOptions) { o.Settings.Rows = -1 },
		`recordings alone: give pictures`:                     func(o *inkstone.FusionOptions) { o.Data = []string{sounds} },
		`no .wav file in it: give recordings`:                 func(o *inkstone.FusionOptions) { o.Data = []string{pictures} },
		`pictures of "standing" and no sounds of it`: func(o *inkstone.FusionOptions) {
			o.Data = []string{pictures, one}
			o.Settings.Pattern = "{label}_{any}.wav"
		},
		`lying_ann_0.wav: no WAV file`:                             func(o *inkstone.FusionOptions) { o.Data = []string{pictures, cut} },
		`the class "lying" has no written name`:                    func(o *inkstone.FusionOptions) { o.Settings.Names = nil },
		`no recording by the speaker "dee"; there are ["ann" "bo"`: func(o *inkstone.FusionOptions) { o.Settings.TestSpeakers = []string{"dee"} },
		`pictures without labels`:                                  func(o *inkstone.FusionOptions) { o.Data = []string{filepath.Join(pictures, "lying"), sounds} },
		`a captioner learns from pictures alone`: func(o *inkstone.FusionOptions) {
			s := &o.Settings
			s.Model, s.Noise, s.Frames, s.Mels = "caption", nil, 0, 0
		},
		`has 1 names for the languages ["en" "zh"]`: func(o *inkstone.FusionOptions) {
			o.Settings.Names = map[string][]string{"lying": {"lying"}, "standing": {"standing"}}
		},
		`has 2 names for the languages ["en"]`: func(o *inkstone.FusionOptions) { o.Settings.Languages = []string{"en"} },
		`the part for the test`: func(o *inkstone.FusionOptions) {
			some := copied(o.Data[1], t.TempDir(), func(name string) bool { return !strings.HasPrefix(name, "standing_cy") })
			o.Data = []string{pictures, some}
		},
		`shift 2097152`: func(o *inkstone.FusionOptions) { o.Settings.Shift = 1 << 21 },
		`absent`:        func(o *inkstone.FusionOptions) { o.Data = []string{"absent"} },
		`depth 17`:      func(o *inkstone.FusionOptions) { o.Settings.Depth = 17 },
	} {
		o := tinyFusion("fusion", []string{pictures, sounds}, filepath.Join(t.TempDir(), "no"), 1)
		change(&o)
		if _, err := inkstone.TrainFusion(context.Background(), o); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want %q", err, want)
		}
		if _, err := os.Stat(o.Out); err == nil {
			t.Errorf("%q: the folder was made", want)
		}
	}
	if _, err := inkstone.LoadFusion(pictures, nil); err == nil {
		t.Error("a folder of pictures is loaded as a model")
	}
}

// writeBar draws bar i of a class, no two alike.
func writeBar(path, class string, i int) error {
	m := image.NewGray(image.Rect(0, 0, 8, 8))
	for k := range 8 {
		at := (1+i/2%6)*8 + k
		if class == "standing" {
			at = k*8 + 1 + i/2%6
		}
		m.Pix[at] = uint8(200 + i)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		return err
	}
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	return errors.Join(png.Encode(f, m), f.Close())
}

// TestFusionResamples: recordings of another rate are made like the others, which is said.
func TestFusionResamples(t *testing.T) {
	pictures, sounds := strokes(t, 20), hums(t)
	fast := make([]float32, 1600)
	for i := range fast {
		fast[i] = float32(math.Sin(float64(i) / 5))
	}
	if err := format.WriteFile(filepath.Join(sounds, "lying_ann_9.wav"), func(w io.Writer) error { return corpus.WriteWAV(w, 16000, fast) }); err != nil {
		t.Fatal(err)
	}
	o := tinyFusion("fusion", []string{pictures, sounds}, filepath.Join(t.TempDir(), "model"), 1)
	o.Settings.Steps = 1
	var said []string
	o.Notice = func(text string) { said = append(said, text) }
	if _, err := inkstone.TrainFusion(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	if all := strings.Join(said, "\n"); !strings.Contains(all, "resampled to 8000") {
		t.Errorf("said: %q", all)
	}
}
