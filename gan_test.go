package inkstone_test

import (
	"bytes"
	"context"
	"errors"
	"image/gif"
	"image/png"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/inkstone-ai/inkstone"
	"github.com/inkstone-ai/inkstone/corpus"
	"github.com/inkstone-ai/inkstone/internal/testkit"
	"github.com/inkstone-ai/inkstone/model/gan"
	"github.com/inkstone-ai/inkstone/train"
)

// halves are n pictures of H × W × C a class, noisy, bright on the class's side.
func halves(t *testing.T, n, H, W, C int, classes ...string) string {
	t.Helper()
	r := rand.New(rand.NewPCG(3, 4))
	m := &corpus.Images{H: H, W: W, C: C, Classes: classes}
	for k := range max(1, len(classes)) {
		for range n {
			for range H {
				for x := range W {
					bright := (x < W/2) == (k == 0)
					for range C {
						v := r.IntN(60)
						if bright {
							v += 180
						}
						m.Pixels = append(m.Pixels, uint8(v))
					}
				}
			}
			if classes != nil {
				m.Labels = append(m.Labels, int32(k))
			}
		}
	}
	path := filepath.Join(t.TempDir(), "halves.zip")
	var b bytes.Buffer
	if err := m.WriteZip(&b); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, b.Bytes(), 0o666); err != nil {
		t.Fatal(err)
	}
	return path
}

func ganSettings(o gan.Objective) inkstone.GANSettings {
	return inkstone.GANSettings{Objective: string(o), Width: 4, Latent: 4, Rows: 8, Steps: 6, SampleEvery: 2, CheckpointEvery: 2, Seed: 7}
}

func mustTrainGAN(t *testing.T, o inkstone.GANOptions) *inkstone.Trained {
	t.Helper()
	if o.Out == "" {
		o.Out = filepath.Join(t.TempDir(), "gan")
	}
	r, err := inkstone.TrainGAN(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func loadGAN(t *testing.T, dir string) *inkstone.GAN {
	t.Helper()
	g, err := inkstone.LoadGAN(dir, &inkstone.LoadOptions{Threads: 1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { g.Close() })
	return g
}

// TestGANSameBits: any number of threads and an interruption in the middle of a step give the
// same weights, running averages among them, and the same pictures.
func TestGANSameBits(t *testing.T) {
	data := halves(t, 20, 8, 8, 1, "left", "right")
	few := ganSettings(gan.NonSaturating)
	few.Augment, few.ModeSeeking = true, 0.1
	kinds := map[string]string{}
	for objective, s := range map[string]inkstone.GANSettings{
		"non-saturating": ganSettings(gan.NonSaturating), "wasserstein": ganSettings(gan.Wasserstein), "for few images": few,
	} {
		o := inkstone.GANOptions{Data: []string{data}, Settings: s, Threads: 1}
		want := mustTrainGAN(t, o)
		kinds[want.WeightsSHA] = objective
		o.Threads = 2
		if got := mustTrainGAN(t, o); got.WeightsSHA != want.WeightsSHA {
			t.Errorf("%s: one thread gives weights %s, two give %s", objective, want.WeightsSHA, got.WeightsSHA)
		}
		o.Out = filepath.Join(t.TempDir(), "gan")
		ctx, cancel := context.WithCancel(t.Context())
		o.Progress = func(m train.Metrics) {
			if m.Step == 3 && m.Stepper == "discriminator" {
				cancel()
			}
		}
		if _, err := inkstone.TrainGAN(ctx, o); !errors.Is(err, context.Canceled) {
			t.Fatalf("%s: an interrupted run returned %v", objective, err)
		}
		cancel()
		o.Resume, o.Progress = true, nil
		got := mustTrainGAN(t, o)
		if got.WeightsSHA != want.WeightsSHA {
			t.Errorf("%s: a resumed run gives weights %s, one without a break %s", objective, got.WeightsSHA, want.WeightsSHA)
		}
		for _, name := range []string{"samples.png", "samples/000002.png", "samples/000004.png", inkstone.HeldOutImages} {
			if read(t, filepath.Join(want.Dir, name)) != read(t, filepath.Join(got.Dir, name)) {
				t.Errorf("%s: %s differs after a break", objective, name)
			}
		}
	}
	if len(kinds) != 3 {
		t.Errorf("three kinds of training give these weights: %v", kinds)
	}
}

// TestGANLearns: each class is bright on its side, with both objectives and in colour; other
// noise makes other images, the same seed the same ones.
func TestGANLearns(t *testing.T) {
	for _, objective := range []gan.Objective{gan.NonSaturating, gan.Wasserstein} {
		s := ganSettings(objective)
		s.Width, s.Rows, s.Steps, s.SampleEvery, s.CheckpointEvery, s.LR, s.DiscriminatorLR = 8, 16, 120, 120, 120, 4e-3, 4e-3
		r := mustTrainGAN(t, inkstone.GANOptions{Data: []string{halves(t, 40, 8, 8, 3, "left", "right")}, Settings: s, Threads: 1})
		g := loadGAN(t, r.Dir)
		made, err := g.Sample([]int32{0, 0, 0, 0, 1, 1, 1, 1}, 5)
		if err != nil {
			t.Fatal(err)
		}
		for i := range made.Len() {
			var side [2]int
			for at, v := range made.Image(i) {
				side[at/3%8/4] += int(v)
			}
			if k := made.Labels[i]; side[k] < 2*side[1-k] {
				t.Errorf("%s: image %d of class %s has brightness %d left and %d right", objective, i, made.Classes[k], side[0], side[1])
			}
		}
		if bytes.Equal(made.Image(0), made.Image(1)) {
			t.Errorf("%s: other noise makes the same image", objective)
		}
		again, err := g.Sample([]int32{0}, 5)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(again.Image(0), made.Image(0)) {
			t.Errorf("%s: an image depends on the ones beside it", objective)
		}
	}
}

// TestGANJudged: a judge that learned from what was held out measures what is made; one of
// other images is refused.
func TestGANJudged(t *testing.T) {
	data := halves(t, 60, 8, 8, 1, "left", "right")
	g := loadGAN(t, mustTrainGAN(t, inkstone.GANOptions{Data: []string{data}, Settings: ganSettings(gan.NonSaturating), Threads: 1}).Dir)
	judge := func(data string) *inkstone.Classifier {
		o := inkstone.ImageOptions{Data: []string{data}, Out: filepath.Join(t.TempDir(), "judge"), Threads: 1, Settings: inkstone.ImageSettings{Depth: 1, Width: 4, Steps: 30, Rows: 8}}
		r, err := inkstone.TrainImages(t.Context(), o)
		if err != nil {
			t.Fatal(err)
		}
		c, err := inkstone.LoadClassifier(r.Dir, &inkstone.LoadOptions{Threads: 1})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
		return c
	}
	images, err := g.Read(nil, data)
	if err != nil {
		t.Fatal(err)
	}
	learned, held, err := g.HeldOut(images)
	if err != nil {
		t.Fatal(err)
	}
	kept, err := corpus.ReadImages(corpus.ImageOptions{}, filepath.Join(g.Dir(), inkstone.HeldOutImages))
	if err != nil {
		t.Fatal(err)
	}
	if kept.Digest() != held.Digest() || learned.Len()+held.Len() != images.Len() {
		t.Errorf("%d images were kept, %d are held out and %d learned of %d, or they are others", kept.Len(), held.Len(), learned.Len(), images.Len())
	}
	m, err := g.Evaluate(t.Context(), judge(filepath.Join(g.Dir(), inkstone.HeldOutImages)), images, 10, 1)
	if err != nil {
		t.Fatal(err)
	}
	if m.Of != 20 || m.ByClass[0][1] != 10 || m.Frechet <= 0 || m.Nearest <= 0 {
		t.Errorf("measured %+v", m)
	}
	for want, data := range map[string]string{
		"reads images of 4 × 8 × 1": halves(t, 20, 4, 8, 1, "left", "right"), "tells apart a, b": halves(t, 20, 8, 8, 1, "a", "b"),
	} {
		if _, err := g.Evaluate(t.Context(), judge(data), images, 10, 1); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got the error %v, want one that says %q", err, want)
		}
	}
}

// TestGANDraws: a grid has a row for each class, a walk frames that end where they began.
func TestGANDraws(t *testing.T) {
	g := loadGAN(t, mustTrainGAN(t, inkstone.GANOptions{Data: []string{halves(t, 20, 8, 8, 1, "left", "right")}, Settings: ganSettings(gan.NonSaturating), Threads: 1}).Dir)
	var b bytes.Buffer
	if err := g.WriteGrid(&b, []int32{1}, 3, 1); err != nil {
		t.Fatal(err)
	}
	one, err := png.Decode(&b)
	if err != nil {
		t.Fatal(err)
	}
	if err := g.WriteGrid(&b, nil, 3, 1); err != nil {
		t.Fatal(err)
	}
	both, err := png.Decode(&b)
	if err != nil {
		t.Fatal(err)
	}
	if both.Bounds().Dy() < 2*one.Bounds().Dy()-8 || both.Bounds().Dx() < 3*7*8 {
		t.Errorf("a grid of one class is %v, of two %v", one.Bounds(), both.Bounds())
	}
	if err := g.WriteWalk(&b, nil, 2, 1); err != nil {
		t.Fatal(err)
	}
	walk, err := gif.DecodeAll(&b)
	if err != nil {
		t.Fatal(err)
	}
	if len(walk.Image) != 24 || walk.Config.Width != 2*7*8 || walk.Config.Height != 7*8 {
		t.Errorf("a walk of %d frames of %d × %d", len(walk.Image), walk.Config.Height, walk.Config.Width)
	}
	made, err := g.Sample([]int32{0, 1}, 1)
	if err != nil {
		t.Fatal(err)
	}
	if got := walk.Image[0].Pix[0]; walk.Image[0].Palette[got] != walk.Image[0].Palette.Convert(walk.Image[0].At(0, 0)) || made.Len() != 2 {
		t.Errorf("the first frame begins with %v", walk.Image[0].At(0, 0))
	}
}

// TestWalkKeepsLength: on the way from one noise to another its length does not sink.
func TestWalkKeepsLength(t *testing.T) {
	got := inkstone.Between([]float32{2, 0}, []float32{0, 2}, 0.5)
	testkit.Close(t, "the middle", got, []float32{1.41421356, 1.41421356}, 1e-6, 0)
	testkit.Close(t, "the start", inkstone.Between([]float32{2, 1}, []float32{0, 2}, 0), []float32{2, 1}, 1e-6, 1e-6)
	testkit.Close(t, "of one direction", inkstone.Between([]float32{1, 0}, []float32{3, 0}, 0.5), []float32{2, 0}, 1e-6, 0)
}

// TestGANOfOtherImages: without labels, with labels passed over, and of one class alone.
func TestGANOfOtherImages(t *testing.T) {
	passed := ganSettings(gan.NonSaturating)
	passed.Unconditional = true
	tests := []struct {
		name, data string
		settings   inkstone.GANSettings
		classes    int
	}{
		{"no labels", halves(t, 20, 8, 8, 1), ganSettings(gan.Wasserstein), 0},
		{"labels passed over", halves(t, 20, 8, 8, 1, "left", "right"), passed, 0},
		{"one class", halves(t, 20, 8, 12, 1, "a"), ganSettings(gan.NonSaturating), 1},
	}
	for _, tt := range tests {
		g := loadGAN(t, mustTrainGAN(t, inkstone.GANOptions{Data: []string{tt.data}, Settings: tt.settings, Threads: 1}).Dir)
		if got := len(g.Images().Classes); got != tt.classes {
			t.Errorf("%s: %d classes, want %d", tt.name, got, tt.classes)
		}
		made, err := g.Sample(make([]int32, 3), 1)
		if err != nil {
			t.Fatal(err)
		}
		if made.Len() != 3 || (made.Labels != nil) != (tt.classes > 0) {
			t.Errorf("%s: %d images with labels %v", tt.name, made.Len(), made.Labels)
		}
		if _, err := g.Class("nobody"); err == nil {
			t.Errorf("%s: there is a class nobody", tt.name)
		}
		if _, err := g.Sample([]int32{1}, 1); (err != nil) != (tt.classes > 0) {
			t.Errorf("%s: of class 1 it makes an image with the error %v", tt.name, err)
		}
	}
}

// TestGANLeavesOutEmptyClasses: MNIST's files name ten classes, though some have no image.
func TestGANLeavesOutEmptyClasses(t *testing.T) {
	dir := t.TempDir()
	images, labels := []byte{0, 0, 8, 3, 0, 0, 0, 40, 0, 0, 0, 8, 0, 0, 0, 8}, []byte{0, 0, 8, 1, 0, 0, 0, 40}
	for i := range 40 {
		labels = append(labels, byte(3+2*(i%2)))
		for j := range 64 {
			images = append(images, byte(i*j))
		}
	}
	if err := errors.Join(os.WriteFile(filepath.Join(dir, "x-images-idx3-ubyte"), images, 0o666), os.WriteFile(filepath.Join(dir, "x-labels-idx1-ubyte"), labels, 0o666)); err != nil {
		t.Fatal(err)
	}
	var said []string
	r := mustTrainGAN(t, inkstone.GANOptions{Data: []string{filepath.Join(dir, "x-images-idx3-ubyte")}, Settings: ganSettings(gan.NonSaturating), Threads: 1,
		Notice: func(s string) { said = append(said, s) }})
	if got := strings.Join(loadGAN(t, r.Dir).Images().Classes, " "); got != "3 5" {
		t.Errorf("the classes are %s, want 3 and 5", got)
	}
	if want := "classes without an image are left out: 0, 1, 2, 4, 6, 7, 8, 9"; !strings.Contains(strings.Join(said, "\n"), want) {
		t.Errorf("was told %q, want %q", said, want)
	}
}

func TestGANRefused(t *testing.T) {
	square := halves(t, 20, 8, 8, 1, "left", "right")
	tests := []struct {
		want, data string
		change     func(*inkstone.GANSettings)
	}{
		{`a side is odd, and a generator doubles its rows and columns; set "size", [8, 8]`, halves(t, 20, 9, 8, 1, "a"), nil},
		{"4 images to train on are too few for a batch of 8", halves(t, 3, 8, 8, 1, "a", "b"), nil},
		{"2 images to train on are too few for a batch of 4", halves(t, 3, 8, 8, 1), func(s *inkstone.GANSettings) { s.Rows = 0 }},
		{"rows 3: norms go by a batch", square, func(s *inkstone.GANSettings) { s.Rows = 3 }},
		{`objective "hinge" is neither`, square, func(s *inkstone.GANSettings) { s.Objective = "hinge" }},
		{"penalty is of the objective wasserstein", square, func(s *inkstone.GANSettings) { s.Penalty = 1 }},
		{"mode_seeking -1 must not be negative", square, func(s *inkstone.GANSettings) { s.ModeSeeking = -1 }},
		{"augment is of the objective non-saturating", square, func(s *inkstone.GANSettings) { s.Augment, s.Objective = true, "wasserstein" }},
		{"image_size is [8 8]; each of 4 layers halves a side", square, func(s *inkstone.GANSettings) { s.Depth = 4 }},
		{"latent is -1", square, func(s *inkstone.GANSettings) { s.Latent = -1 }},
		{"beta1 1", square, func(s *inkstone.GANSettings) { s.Beta1 = 1 }},
		{"held_out 1 is no share", square, func(s *inkstone.GANSettings) { s.HeldOut = 1 }},
	}
	for _, tt := range tests {
		o := inkstone.GANOptions{Data: []string{tt.data}, Out: filepath.Join(t.TempDir(), "gan"), Settings: ganSettings(gan.NonSaturating)}
		if tt.change != nil {
			tt.change(&o.Settings)
		}
		if _, err := inkstone.TrainGAN(t.Context(), o); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("got the error %v, want one that says %q", err, tt.want)
		}
		if _, err := os.Stat(o.Out); err == nil {
			t.Errorf("a run that was refused left a folder: %s", tt.want)
		}
	}
}
