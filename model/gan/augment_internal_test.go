package gan

import (
	"math"
	"slices"
	"testing"

	"github.com/inkstone-ai/inkstone/internal/testkit"
	"github.com/inkstone-ai/inkstone/nn"
	"github.com/inkstone-ai/inkstone/tensor"
)

// TestAugmentMoves two images of 8 × 16 with two channels, by hand: one up and two to the right, the edge
// repeated; and not at all. Gradients come back from where a pixel went.
func TestAugmentMoves(t *testing.T) {
	d := tensor.CPU(1)
	defer d.Close()
	const B, H, W, C = 2, 8, 16, 2
	x := tensor.New(d, B, H, W, C)
	pixels := make([]float32, x.Len())
	for i := range pixels {
		pixels[i] = float32(i)
	}
	x.WriteFloats(pixels)
	x.SetTrainable(true)
	s := tensor.NewStep(d, tensor.StepOptions{Grad: true})
	defer s.Close()
	s.Begin(0)
	y := augment(s, s.Use(x), []float32{0, 1, 0.5, 0.5})
	at := func(b, y, x, c int) int {
		return ((b*H+max(0, min(H-1, y)))*W+max(0, min(W-1, x)))*C + c
	}
	counts := make([]float32, len(pixels)) // how often a pixel is seen
	for i, got := range y.Floats() {
		b, row, column, c := i/(H*W*C), i/(W*C)%H, i/C%W, i%C
		from := at(b, row+1-b, column-2+2*b, c)
		counts[from]++
		if got != pixels[from] {
			t.Fatalf("pixel (%d, %d) of image %d is %g, want %g", row, column, b, got, pixels[from])
		}
	}
	s.Backward(y.Sum())
	testkit.Close(t, "gradient", x.Grad().Floats(), counts, 1e-6, 0)
	if z := s.Use(x); augment(s, z, nil) != z {
		t.Error("images without chance are changed")
	}
}

// TestShiftsAreEven: each of −2 … 2 places for a fifth of the chances.
func TestShiftsAreEven(t *testing.T) {
	seen := map[int]int{}
	for i := range 1000 {
		m := shift(16, float32(i)/999)
		seen[8-slices.Index(m[8*16:9*16], 1)]++
	}
	for by := -2; by <= 2; by++ {
		if n := seen[by]; n < 199 || n > 201 || len(seen) != 5 {
			t.Errorf("%d of 1000 chances move by %d places, of %v", n, by, seen)
		}
	}
}

// TestBothHalvesSeeAugmented: other chance makes other losses of both halves, of real and of generated images
// each; that of the real images is nothing to the generator.
func TestBothHalvesSeeAugmented(t *testing.T) {
	losses := func(chance ...float32) [2]float32 {
		return played(t, func(b *Batch) { b.Augment = chance }, 0)
	}
	still := losses(.5, .5, .5, .5, .5, .5, .5, .5)
	if got := played(t, func(*Batch) {}, 0); got != still {
		t.Errorf("losses without moves %v, with moves by nothing %v", got, still)
	}
	real, made := losses(0, 1, 1, 0, .5, .5, .5, .5), losses(.5, .5, .5, .5, 0, 1, 1, 0)
	if real[0] == still[0] || made[0] == still[0] || made[1] == still[1] || real[1] != still[1] {
		t.Errorf("losses %v still, %v of moved real images, %v of moved generated ones", still, real, made)
	}
}

// TestSeekModesByHand: the generator's loss falls by the weight times the logarithm of the quotient of
// distances; the discriminator's does not change.
func TestSeekModesByHand(t *testing.T) {
	other := []float32{0, 1, 2, 3, -1, -2}
	without, with := played(t, func(*Batch) {}, 0.5), played(t, func(b *Batch) { b.Other = other }, 0.5)
	m, d := seekingModel(t)
	defer d.Close()
	s := tensor.NewStep(d, tensor.StepOptions{})
	defer s.Close()
	s.Begin(0)
	b := seekingBatch()
	images := func(noise []float32) []float32 {
		return m.Generator.Forward(s, s.Floats(noise, 2, 3), s.Ints(b.Classes, 2), true).Floats()
	}
	mean := func(x, y []float32) (sum float64) {
		for i := range x {
			sum += math.Abs(float64(x[i])-float64(y[i])) / float64(len(x))
		}
		return sum
	}
	apart := math.Log(mean(images(b.Noise), images(other))/mean(b.Noise, other) + 1e-5)
	testkit.Close(t, "losses", []float64{float64(with[0]), float64(with[1])}, []float64{float64(without[0]), float64(without[1]) - 0.5*apart}, 1e-5, 0)
}

func seekingModel(t *testing.T) (*GAN, *tensor.Device) {
	t.Helper()
	m, err := New(Config{Size: [2]int{8, 8}, Channels: 1, Widths: []int{2, 3}, Latent: 3, ClassWidth: 2, Classes: []string{"a", "b"}, Norm: true})
	if err != nil {
		t.Fatal(err)
	}
	d := tensor.CPU(1)
	nn.Init(m, d, 1)
	for _, p := range nn.Trainable(m) {
		p.Tensor.SetTrainable(true)
		if p.Role == nn.Filter || p.Role == nn.Matrix {
			p.Tensor.FillNormal(uint64(len(p.Name)), 0.5) // images that differ
		}
	}
	return m, d
}

func seekingBatch() Batch {
	b := Batch{Classes: []int32{0, 1}, Noise: []float32{1, -1, 0.5, 2, 0, -0.3}}
	for i := range 2 * 64 {
		b.Real = append(b.Real, float32(i*37%64)/64)
	}
	return b
}

// played are the losses of both halves of a batch, changed.
func played(t *testing.T, change func(*Batch), seeking float64) (losses [2]float32) {
	t.Helper()
	m, d := seekingModel(t)
	defer d.Close()
	g := NewGame(d, m, NonSaturating, 2, 0)
	defer g.Close()
	g.SeekModes(seeking)
	b := seekingBatch()
	change(&b)
	s := tensor.NewStep(d, tensor.StepOptions{Grad: true})
	defer s.Close()
	for i, loss := range []func(*tensor.Step, Batch) *tensor.Tensor{g.DiscriminatorLoss, g.GeneratorLoss} {
		s.Begin(0)
		losses[i] = loss(s, b).Item()
	}
	return losses
}
