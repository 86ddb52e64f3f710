package inkstone

import (
	"slices"
	"testing"

	"github.com/inkstone-ai/inkstone/corpus"
	"github.com/inkstone-ai/inkstone/internal/testkit"
	"github.com/inkstone-ai/inkstone/tensor"
)

// TestPictureBatches: a pass has every pair once, its halves together; a batch is a function
// of its number, holes too, and another number has other holes.
func TestPictureBatches(t *testing.T) {
	d := tensor.CPU(1)
	defer d.Close()
	step := tensor.NewStep(d, tensor.StepOptions{})
	defer step.Close()
	const N, rows = 12, 4
	pairs := &corpus.Images{H: 8, W: 16, C: 1}
	for i := range N {
		for p := range 8 * 16 {
			pairs.Pixels = append(pairs.Pixels, uint8(i+100*(p%16/8))) // i on the left, 100 + i on the right
		}
	}
	s := &PictureSettings{Size: [2]int{8, 8}, Holes: "both", Rows: rows, Seed: 3}
	b, err := newPairBatches(pairs, s)
	if err != nil {
		t.Fatal(err)
	}
	seen := map[int]int{}
	for index := range N / rows {
		step.Begin(0)
		x, y := b.batch(step, index)
		left, right := x.Floats(), y.Floats()
		for i := range rows {
			at := int(left[i*64]*255 + 0.5)
			seen[at]++
			if got := int(right[i*64+63]*255 + 0.5); got != 100+at {
				t.Errorf("picture %d is paired with %d", at, got)
			}
		}
	}
	if len(seen) != N {
		t.Errorf("a pass has %d of %d pairs: %v", len(seen), N, seen)
	}
	left, _, err := pairs.Halves()
	if err != nil {
		t.Fatal(err)
	}
	h, err := newHoleBatches(left, s, learnedStream)
	if err != nil {
		t.Fatal(err)
	}
	holes := func(index int) []float32 {
		step.Begin(0)
		_, holes := h.batch(step, index)
		return holes.Floats()
	}
	first, second := holes(0), holes(1)
	testkit.SameBits(t, "holes of batch 0 asked for again", holes(0), first)
	same := 0
	for i := range rows {
		for j := range rows {
			if slices.Equal(first[i*64:(i+1)*64], second[j*64:(j+1)*64]) {
				same++
			}
		}
	}
	if same > 1 {
		t.Errorf("%d holes of batch 1 are those of batch 0", same)
	}
	held, err := s.holes(1, heldStream)
	if err != nil {
		t.Fatal(err)
	}
	differ := false
	for i, v := range held {
		differ = differ || float32(v) != first[i]
	}
	if !differ {
		t.Error("the first held-out hole is the first that is learned from")
	}
}
