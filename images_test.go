package inkstone_test

import (
	"context"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/inkstone-ai/inkstone"
	"github.com/inkstone-ai/inkstone/corpus"
	"github.com/inkstone-ai/inkstone/eval"
	"github.com/inkstone-ai/inkstone/internal/testkit"
	"github.com/inkstone-ai/inkstone/train"
)

// bars are pictures of 8 × 8: bars that lie, bars that stand and crosses, each at every
// place, in a folder for each class.
func bars(t testing.TB) string {
	dir := t.TempDir()
	for class, draw := range map[string]func(m *image.Gray, x, y, at int){
		"lying":    func(m *image.Gray, x, y, at int) { set(m, x, y, y == at) },
		"standing": func(m *image.Gray, x, y, at int) { set(m, x, y, x == at) },
		"cross":    func(m *image.Gray, x, y, at int) { set(m, x, y, x == at || y == at) },
	} {
		if err := os.MkdirAll(filepath.Join(dir, class), 0o777); err != nil {
			t.Fatal(err)
		}
		for i := range 24 {
			m := image.NewGray(image.Rect(0, 0, 8, 8))
			for x := range 8 {
				for y := range 8 {
					draw(m, x, y, i%8)
				}
			}
			m.SetGray(i%7, i%5, color.Gray{uint8(60 + i)}) // a blot, so that no two are equal
			writePNG(t, filepath.Join(dir, class, fmt.Sprintf("%02d.png", i)), m)
		}
	}
	return dir
}

func set(m *image.Gray, x, y int, on bool) {
	if on {
		m.SetGray(x, y, color.Gray{255})
	}
}

func writePNG(t testing.TB, path string, m image.Image) {
	t.Helper()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(png.Encode(f, m), f.Close()); err != nil {
		t.Fatal(err)
	}
}

func imageOptions(data, out, kind string, threads, steps int) inkstone.ImageOptions {
	s := inkstone.ImageSettings{Model: kind, Depth: 2, Width: 8, Rows: 16, Steps: steps, EvalEvery: 100, CheckpointEvery: 100, Seed: 3}
	if kind == "vit" {
		s.Width, s.Dropout = 16, 0.1
	}
	return inkstone.ImageOptions{Data: []string{data}, Out: out, Threads: threads, Settings: s}
}

func trainImages(t *testing.T, o inkstone.ImageOptions) *inkstone.Trained {
	t.Helper()
	r, err := inkstone.TrainImages(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// TestImageWeightsAreAFunctionOfSeedAndData: they do not depend on the number of threads, nor on
// an interruption, with running averages of norms and with attacks; on the attack they do.
func TestImageWeightsAreAFunctionOfSeedAndData(t *testing.T) {
	data := bars(t)
	sums := map[string]bool{}
	for _, kind := range inkstone.ImageModels() {
		for _, attack := range []train.Attack{{}, {Method: "fgsm", Epsilon: 0.1}, {Method: "pgd", Norm: "l2", Epsilon: 0.3, Steps: 2}} {
			t.Run(kind+" "+attack.Method, func(t *testing.T) {
				dir := t.TempDir()
				options := func(name string, threads int) inkstone.ImageOptions {
					o := imageOptions(data, filepath.Join(dir, name), kind, threads, 12)
					o.Settings.Adversarial, o.Settings.CheckpointEvery, o.Settings.EvalEvery = attack, 5, 6
					return o
				}
				one, two := trainImages(t, options("one", 1)), trainImages(t, options("two", 2))
				if one.WeightsSHA != two.WeightsSHA {
					t.Error("one thread and two give different weights")
				}
				killed := options("killed", 2)
				ctx, cancel := context.WithCancel(context.Background())
				killed.Progress = func(m train.Metrics) {
					if m.Step == 8 {
						cancel()
					}
				}
				if _, err := inkstone.TrainImages(ctx, killed); !errors.Is(err, context.Canceled) {
					t.Fatalf("an interrupted run: %v", err)
				}
				killed.Resume, killed.Progress = true, nil
				if again := trainImages(t, killed); again.WeightsSHA != one.WeightsSHA {
					t.Error("a resumed run gives other weights")
				}
				sums[one.WeightsSHA] = true
			})
		}
	}
	if len(sums) != 6 {
		t.Errorf("%d different weights of six runs", len(sums))
	}
}

// TestImagesAreToldApart trains, loads and asks; what was held out is found again, and an
// attack does harm.
func TestImagesAreToldApart(t *testing.T) {
	data := bars(t)
	var held eval.Report
	o := imageOptions(data, filepath.Join(t.TempDir(), "m"), "cnn", 2, 150)
	o.Measured = func(r eval.Report) { held = r }
	r := trainImages(t, o)
	m, err := inkstone.LoadClassifier(r.Dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	all, err := m.ReadLabelled(nil, data)
	if err != nil {
		t.Fatal(err)
	}
	apart, err := m.HeldOut(all)
	if err != nil {
		t.Fatal(err)
	}
	got, err := m.Evaluate(context.Background(), apart)
	if err != nil {
		t.Fatal(err)
	}
	var want eval.Report
	want.Share("accuracy", got.Right, got.Of)
	if !reflect.DeepEqual(held, want) || math.Abs(got.Loss-*r.Best) > 1e-5 || got.Accuracy() < 0.9 {
		t.Errorf("held out: %+v, loss %g, after training it was %+v, loss %g", want, got.Loss, held, *r.Best)
	}
	said, err := m.Classify(apart, 2)
	if err != nil {
		t.Fatal(err)
	}
	for i, k := range said {
		if class := m.Images().Classes[got.Said[i]]; k[0].Class != class || len(k) != 2 || k[0].Probability < k[1].Probability {
			t.Errorf("image %d: %v, evaluated as %s", i, k, class)
		}
	}
	harmed, err := m.EvaluateAttacked(context.Background(), apart, train.Attack{Method: "pgd"}, []float64{0, 0.1, 0.6}, 1, nil)
	if err != nil {
		t.Fatal(err)
	}
	if harmed[0].Right != got.Right || harmed[1].Right > harmed[0].Right || harmed[2].Accuracy > 0.1 {
		t.Errorf("attacked: %+v", harmed)
	}
}

// TestClassifierSaysWhatItLearned: a saved model and a loaded one give the same bits.
func TestClassifierSaysWhatItLearned(t *testing.T) {
	data := bars(t)
	for _, kind := range inkstone.ImageModels() {
		r := trainImages(t, imageOptions(data, filepath.Join(t.TempDir(), kind), kind, 2, 3))
		var said [2][]float32
		for i := range said {
			m, err := inkstone.LoadClassifier(r.Dir, &inkstone.LoadOptions{Threads: 1 + i})
			if err != nil {
				t.Fatal(err)
			}
			images, err := m.Read(nil, data)
			if err != nil {
				t.Fatal(err)
			}
			all, err := m.Classify(images, 3)
			if err != nil {
				t.Fatal(err)
			}
			for _, k := range all {
				for _, c := range k {
					said[i] = append(said[i], c.Probability)
				}
			}
			if err := m.Close(); err != nil {
				t.Fatal(err)
			}
		}
		testkit.SameBits(t, kind, said[0], said[1])
	}
}

func TestImageErrors(t *testing.T) {
	data, dir := bars(t), t.TempDir()
	bare := filepath.Join(dir, "bare")
	if err := os.MkdirAll(bare, 0o777); err != nil {
		t.Fatal(err)
	}
	writePNG(t, filepath.Join(bare, "1.png"), image.NewGray(image.Rect(0, 0, 8, 8)))
	for name, test := range map[string]struct {
		change func(*inkstone.ImageOptions)
		want   string
	}{
		"no labels":    {func(o *inkstone.ImageOptions) { o.Data = []string{bare} }, "images without labels"},
		"one class":    {func(o *inkstone.ImageOptions) { o.Data = []string{filepath.Dir(bare)} }, "nothing to tell apart"},
		"nothing":      {func(o *inkstone.ImageOptions) { o.Data = []string{filepath.Join(dir, "absent")} }, "absent"},
		"model":        {func(o *inkstone.ImageOptions) { o.Settings.Model = "resnet" }, `"resnet" is none of cnn, vit`},
		"patch of cnn": {func(o *inkstone.ImageOptions) { o.Settings.Patch = 2 }, "of the model vit"},
		"patch":        {func(o *inkstone.ImageOptions) { o.Settings.Model, o.Settings.Width, o.Settings.Patch = "vit", 16, 3 }, "not a multiple of patch_size 3"},
		"attack":       {func(o *inkstone.ImageOptions) { o.Settings.Adversarial.Method = "pgd" }, "above 0"},
		"depth":        {func(o *inkstone.ImageOptions) { o.Settings.Depth = 40 }, "at most 16"},
		"steps":        {func(o *inkstone.ImageOptions) { o.Settings.Steps = -1 }, "steps is -1"},
		"share":        {func(o *inkstone.ImageOptions) { o.Settings.HeldOut = 1.5 }, "held_out 1.5"},
	} {
		o := imageOptions(data, filepath.Join(dir, "out "+name), "cnn", 1, 2)
		test.change(&o)
		_, err := inkstone.TrainImages(context.Background(), o)
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v, want %q in it", name, err, test.want)
		}
		if _, err := os.Stat(o.Out); err == nil {
			t.Errorf("%s: there is a folder", name)
		}
	}
	r := trainImages(t, imageOptions(data, filepath.Join(dir, "m"), "cnn", 1, 2))
	m, err := inkstone.LoadClassifier(r.Dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	if _, err := m.Classify(&corpus.Images{H: 4, W: 8, C: 1}, 1); err == nil || !strings.Contains(err.Error(), "reads 8 × 8") {
		t.Errorf("another size: %v", err)
	}
	if _, err := m.Evaluate(context.Background(), &corpus.Images{H: 8, W: 8, C: 1}); err == nil {
		t.Error("images without labels are measured")
	}
}

// TestAttackLeavesTheWeightsAlone: an attack too small to matter changes no update.
func TestAttackLeavesTheWeightsAlone(t *testing.T) {
	data, dir := bars(t), t.TempDir()
	clean := imageOptions(data, filepath.Join(dir, "clean"), "cnn", 1, 6)
	moved := imageOptions(data, filepath.Join(dir, "moved"), "cnn", 1, 6)
	moved.Settings.Adversarial = train.Attack{Method: "fgsm", Epsilon: 1e-9}
	if a, b := trainImages(t, clean).Loss, trainImages(t, moved).Loss; math.Abs(a-b) > 1e-4 {
		t.Errorf("loss %g, with an attack that moves nothing %g", a, b)
	}
}
