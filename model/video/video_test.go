package video_test

import (
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/inkstone-ai/inkstone/internal/testkit"
	"github.com/inkstone-ai/inkstone/model/video"
	"github.com/inkstone-ai/inkstone/nn"
	"github.com/inkstone-ai/inkstone/tensor"
)

// small is a model of frames of 8 × 12, digits of 5 × 4.
func small() video.Config {
	return video.Config{
		Size: [2]int{8, 12}, Patch: 4, Widths: []int{6, 5}, Kernel: 3, Global: 4, Motions: 2, Classes: []string{"a", "b", "c"}, Digit: [2]int{5, 4},
		Hidden: 8, Latent: 3, Context: 2, Frames: 5,
	}
}

func fresh(t testing.TB, d *tensor.Device, c video.Config) *video.ConvLSTM {
	t.Helper()
	m, err := video.New(c)
	if err != nil {
		t.Fatal(err)
	}
	nn.Init(m, d, 1)
	return m
}

// TestPatches by hand: pixel (y, x) is number (y mod 4)·4 + x mod 4 of patch (y/4, x/4).
func TestPatches(t *testing.T) {
	d := tensor.CPU(1)
	defer d.Close()
	m := fresh(t, d, small())
	s := tensor.NewStep(d, tensor.StepOptions{})
	defer s.Close()
	s.Begin(0)
	x := make([]float32, 2*8*12)
	for i := range x {
		x[i] = float32(i)
	}
	p := m.Patches(s.Floats(x, 2, 8, 12))
	if got, want := p.Shape(), []int{2, 2, 3, 16}; !slices.Equal(got, want) {
		t.Fatalf("shape %v, want %v", got, want)
	}
	values := p.Floats()
	for i := range x {
		n, y, z := i/96, i/12%8, i%12
		if got := values[((n*2+y/4)*3+z/4)*16+y%4*4+z%4]; got != x[i] {
			t.Fatalf("pixel (%d, %d) of frame %d is %g, want %g", y, z, n, got, x[i])
		}
	}
	testkit.SameBits(t, "frames of patches", m.Frames(p).Floats(), x)
}

// TestForgetGateStartsOpen: of the four gates' biases, the second's are 1.
func TestForgetGateStartsOpen(t *testing.T) {
	d := tensor.CPU(1)
	defer d.Close()
	m := fresh(t, d, small())
	testkit.SameBits(t, "bias", m.Layers[1].B.Floats(), []float32{0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0})
}

// TestOneLayerMovesWhatItSaw: where nothing has been learned, a frame stays where it was, blurred: its
// white is as much, and its centre the same, away from the edge.
func TestOneLayerMovesWhatItSaw(t *testing.T) {
	d := tensor.CPU(1)
	defer d.Close()
	c := small()
	c.Size, c.Motions = [2]int{32, 32}, 1
	m := fresh(t, d, c)
	m.Mover.Motion.W.Fill(0)
	s := tensor.NewStep(d, tensor.StepOptions{})
	defer s.Close()
	s.Begin(0)
	x := make([]float32, 32*32)
	x[14*32+17], x[15*32+17] = 1, 1
	next := m.Continue(s, s.Floats(x, 1, 1, 32, 32), m.Unknown(1), 3)
	for t2, y := range next {
		sum, row, column := 0.0, 0.0, 0.0
		for i, v := range y.Floats() {
			sum, row, column = sum+float64(v), row+float64(v)*float64(i/32), column+float64(v)*float64(i%32)
		}
		testkit.Close(t, "white and centre", []float64{sum, row / sum, column / sum}, []float64{2, 14.5, 17}, 1e-3, 0)
		if t2 > 0 {
			testkit.Close(t, "a frame further on", y.Floats(), next[0].Floats(), 1e-6, 1e-7)
		}
	}
	if peak := next[0].Floats()[14*32+17]; peak > 0.2 || peak < 0.05 {
		t.Errorf("the brightest pixel is %g of 1 after a blur of 1.9 pixels", peak)
	}
}

// TestGenerateIsAFunctionOfTheWish: not of those beside it; of class, direction and seed it is.
func TestGenerateIsAFunctionOfTheWish(t *testing.T) {
	d := tensor.CPU(2)
	defer d.Close()
	m := fresh(t, d, small())
	s := tensor.NewStep(d, tensor.StepOptions{})
	defer s.Close()
	generate := func(w ...video.Wish) [][]float32 {
		clips, err := m.Generate(s, w, 4)
		if err != nil {
			t.Fatal(err)
		}
		return clips
	}
	wish := video.Wish{Class: 1, Direction: 1, Seed: 5}
	class, direction, seed := wish, wish, wish
	class.Class, direction.Direction, seed.Seed = 2, 2, 6
	together := generate(class, wish, direction, seed)
	alone := generate(wish)[0]
	testkit.SameBits(t, "clip beside others", together[1], alone)
	if len(alone) != 4*8*12 {
		t.Fatalf("%d pixels of 4 frames", len(alone))
	}
	first := 8 * 12
	for i, name := range map[int]string{0: "class", 2: "direction", 3: "seed"} {
		if slices.Equal(together[i][first:], alone[first:]) {
			t.Errorf("another %s makes the same frames 2 … 4", name)
		}
		if same := slices.Equal(together[i][:first], alone[:first]); same != (i == 2) {
			t.Errorf("another %s: the first frame is the same: %t", name, same)
		}
	}
	if one, err := m.Generate(s, []video.Wish{wish}, 1); err != nil || !slices.Equal(one[0], alone[:first]) {
		t.Errorf("a clip of one frame is not the first of four: %v", err)
	}
}

// TestGenerateIsContinue: the frames after the first are what Continue says of it.
func TestGenerateIsContinue(t *testing.T) {
	d := tensor.CPU(1)
	defer d.Close()
	m := fresh(t, d, small())
	s := tensor.NewStep(d, tensor.StepOptions{})
	defer s.Close()
	clips, err := m.Generate(s, []video.Wish{{Class: 2, Direction: math.Pi / 2, Seed: 1}}, 3)
	if err != nil {
		t.Fatal(err)
	}
	s.Begin(0)
	frames := s.Floats(clips[0][:96], 1, 1, 8, 12)
	var got []float32
	for _, x := range m.Continue(s, frames, video.Condition{Classes: []int32{2}, Directions: []float32{0, 1}}, 2) {
		got = append(got, x.Floats()...)
	}
	testkit.Close(t, "frames 2 and 3", got, clips[0][96:], 1e-6, 1e-7)
}

func TestGenerateRefuses(t *testing.T) {
	d := tensor.CPU(1)
	defer d.Close()
	m := fresh(t, d, small())
	s := tensor.NewStep(d, tensor.StepOptions{})
	defer s.Close()
	tests := []struct {
		wishes []video.Wish
		T      int
		want   string
	}{
		{[]video.Wish{{Class: 3}}, 2, "class 3; the model draws 0 to 2"},
		{[]video.Wish{{Class: -1}}, 2, "class -1"},
		{[]video.Wish{{Direction: math.Inf(1)}}, 2, "a direction of +Inf"},
		{[]video.Wish{{Direction: math.NaN()}}, 2, "a direction of NaN"},
		{[]video.Wish{{}}, 0, "1 clips of 0 frames"},
		{[]video.Wish{{}}, 1 << 20, "1 to 4096 frames"},
		{nil, 2, "0 clips"},
	}
	for _, tt := range tests {
		if _, err := m.Generate(s, tt.wishes, tt.T); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%v, %d frames: error %v, want %q", tt.wishes, tt.T, err, tt.want)
		}
	}
}

func TestConfigRefuses(t *testing.T) {
	tests := []struct {
		change func(*video.Config)
		want   string
	}{
		{func(c *video.Config) { c.Size[1] = 0 }, "image_size is 0"},
		{func(c *video.Config) { c.Size[0] = 1 << 20 }, "image_size is 1048576"},
		{func(c *video.Config) { c.Patch = 0 }, "patch_size is 0"},
		{func(c *video.Config) { c.Patch = 3 }, "patches of 3 pixels a side do not fill frames of 8 × 12"},
		{func(c *video.Config) { c.Widths = nil }, "hidden_sizes: layers is 0"},
		{func(c *video.Config) { c.Widths[1] = -5 }, "hidden_sizes has -5"},
		{func(c *video.Config) { c.Kernel = 4 }, "kernel_size 4 is even"},
		{func(c *video.Config) { c.Global = 0 }, "global_size is 0"},
		{func(c *video.Config) { c.Motions = 0 }, "num_motions is 0"},
		{func(c *video.Config) { c.Motions = 1 << 10 }, "num_motions is 1024"},
		{func(c *video.Config) { c.Global, c.Motions = 0, 0 }, "a model of an older kind"},
		{func(c *video.Config) { c.Classes = nil }, "classes is 0"},
		{func(c *video.Config) { c.Digit[0] = 9 }, "digit_size is 9, want 1 to 8"},
		{func(c *video.Config) { c.Hidden = 1 << 20 }, "drawer_hidden_size"},
		{func(c *video.Config) { c.Latent = 0 }, "latent_size is 0"},
		{func(c *video.Config) { c.Context = 5 }, "context_frames 5 leave nothing of num_frames 5"},
		{func(c *video.Config) { c.Frames = 1 }, "num_frames is 1"},
	}
	for _, tt := range tests {
		c := small()
		tt.change(&c)
		if _, err := video.New(c); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("error %v, want %q", err, tt.want)
		}
	}
}

// BenchmarkConvLSTM is frames of 64 × 64, forward alone and with gradients.
func BenchmarkConvLSTM(b *testing.B) {
	for name, grad := range map[string]bool{"forward": false, "gradient": true} {
		b.Run(name, func(b *testing.B) {
			d := tensor.CPU(2)
			defer d.Close()
			c := video.Config{
				Size: [2]int{64, 64}, Patch: 8, Widths: []int{32}, Kernel: 3, Global: 128, Motions: 1, Classes: []string{"a", "b"}, Digit: [2]int{28, 28},
				Hidden: 8, Latent: 3, Context: 10, Frames: 20,
			}
			m := fresh(b, d, c)
			for _, p := range nn.Trainable(m) {
				p.Tensor.SetTrainable(grad)
			}
			s := tensor.NewStep(d, tensor.StepOptions{Grad: grad})
			defer s.Close()
			const B = 4
			x := make([]float32, c.Frames*B*64*64)
			for b.Loop() {
				s.Begin(0)
				loss := m.Loss(s, s.Floats(x, c.Frames, B, 64, 64), c.Context, m.Unknown(B))
				if grad {
					s.Backward(loss)
				}
			}
			b.ReportMetric(float64(b.N*B*c.Frames)/b.Elapsed().Seconds(), "frames/s")
		})
	}
}
