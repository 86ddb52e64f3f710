package inkstone

import (
	"slices"
	"testing"

	"github.com/inkstone-ai/inkstone/corpus"
	"github.com/inkstone-ai/inkstone/eval"
	"github.com/inkstone-ai/inkstone/nn"
	"github.com/inkstone-ai/inkstone/tensor"
)

// TestVideoBatches: batch k is clips k·B … k·B+B−1, frame by frame; streams share no clip; losses
// differ from batch to batch.
func TestVideoBatches(t *testing.T) {
	digits := &corpus.Images{H: 2, W: 2, C: 1, Pixels: make([]uint8, 16), Labels: []int32{0, 1, 0, 1}, Classes: []string{"a", "b"}}
	for i := range digits.Pixels {
		digits.Pixels[i] = uint8(255 - i)
	}
	s, m, err := VideoSettings{Side: 8, Frames: 4, Width: 2, Hidden: 2, Latent: 1, Rows: 3, DigitRows: 2}.derive(digits)
	if err != nil {
		t.Fatal(err)
	}
	d := tensor.CPU(1)
	defer d.Close()
	nn.Init(m, d, 1)
	step := tensor.NewStep(d, tensor.StepOptions{})
	defer step.Close()
	b, err := newVideoBatches(m, digits, s, learnedStream)
	if err != nil {
		t.Fatal(err)
	}
	step.Begin(0)
	x, clips := b.clips(step, b.predicted, 5)
	var want []*corpus.Clip
	for i := 15; i < 18; i++ {
		want = append(want, b.predicted.Clip(i))
	}
	if !slices.Equal(x.Floats(), eval.TimeMajor(nil, want, 8, 4)) || !slices.Equal(x.Shape(), []int{4, 3, 8, 8}) || len(clips) != 3 {
		t.Error("batch 5 is not clips 15, 16 and 17")
	}
	if got, want := x.Floats()[(3*3+1)*64:][:64], eval.Unit(nil, want[1].Frames[3*64:][:64]); !slices.Equal(got, want) {
		t.Errorf("frame 3 of the second clip is %v, want %v", got, want)
	}
	checkDigits(t, b)
	held, err := newVideoBatches(m, digits, s, heldStream)
	if err != nil {
		t.Fatal(err)
	}
	seeds := map[uint64]bool{}
	for _, c := range []*corpus.Moving{b.predicted, b.made, held.predicted, held.made} {
		seeds[c.Seed] = true
	}
	if len(seeds) != 4 {
		t.Errorf("%d different seeds of four streams", len(seeds))
	}
	losses := map[float32]bool{}
	for i := range 3 {
		for _, loss := range []func(*tensor.Step, int) *tensor.Tensor{b.prediction, b.making, b.drawing} {
			step.Begin(0)
			losses[loss(step, i).Item()] = true
		}
	}
	if len(losses) != 9 {
		t.Errorf("%d different losses of 3 batches of 3 kinds", len(losses))
	}
}

// checkDigits: two batches of two have each of four digits once, with its class, and noise of
// their own.
func checkDigits(t *testing.T, b *videoBatches) {
	t.Helper()
	seen, drawn := map[float32]int32{}, map[float32]bool{}
	for i := range 2 {
		pixels, classes, noise := b.digits(i)
		for k, class := range classes {
			seen[pixels[4*k]], drawn[noise[k]] = class, true
		}
	}
	for i, class := range b.made.Digits.Labels {
		if got, ok := seen[float32(255-4*i)/255]; !ok || got != class {
			t.Errorf("digit %d is not of class %d in an epoch: %v", i, class, seen)
		}
	}
	if len(drawn) != 4 {
		t.Errorf("%d different numbers of noise for 4 digits", len(drawn))
	}
}
