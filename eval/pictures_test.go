package eval_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/inkstone-ai/inkstone/corpus"
	"github.com/inkstone-ai/inkstone/eval"
	"github.com/inkstone-ai/inkstone/internal/testkit"
	"github.com/inkstone-ai/inkstone/model/vision"
	"github.com/inkstone-ai/inkstone/nn"
	"github.com/inkstone-ai/inkstone/tensor"
)

// row is pictures of 1 × 2.
func row(pixels ...uint8) *corpus.Images {
	return &corpus.Images{H: 1, W: 2, C: 1, Pixels: pixels}
}

func TestPicturesByHand(t *testing.T) {
	// Errors of 51 and 0, 0 and 102 of 255: 0.2 and 0.4.
	m, err := eval.Pictures(t.Context(), nil, nil, row(151, 20, 30, 102), row(100, 20, 30, 204), []uint8{0, 1, 0, 1})
	if err != nil {
		t.Fatal(err)
	}
	got := []float64{m.L1, m.PSNR, m.Hole}
	testkit.Close(t, "L1, PSNR of all and of the hole", got, []float64{0.15, 13.0103, 10.9691}, 1e-6, 0) // −10·log₁₀ 0.05 and 0.08
	if m.Of != 0 {
		t.Errorf("%d were judged without a judge", m.Of)
	}
	same, err := eval.Pictures(t.Context(), nil, nil, row(1, 2), row(1, 2), nil)
	if err != nil {
		t.Fatal(err)
	}
	if same.PSNR != 100 || same.L1 != 0 || same.Hole != 0 {
		t.Errorf("equal pictures measure %+v", same)
	}
}

// TestPicturesJudged: the judge names one class always.
func TestPicturesJudged(t *testing.T) {
	d := tensor.CPU(1)
	defer d.Close()
	judge, err := vision.NewCNN(vision.CNNConfig{Size: [2]int{1, 2}, Channels: 1, Widths: []int{2}, Labels: vision.NewLabels([]string{"a", "b"})})
	if err != nil {
		t.Fatal(err)
	}
	nn.Init(judge, d, 1)
	judge.Head.W.Fill(0)
	judge.Head.B.WriteFloats([]float32{0, 1})
	real := row(1, 2, 3, 4, 5, 6)
	real.Labels, real.Classes = []int32{1, 0, 1}, []string{"a", "b"}
	m, err := eval.Pictures(t.Context(), judge, d, row(9, 9, 9, 9, 9, 9), real, nil)
	if err != nil {
		t.Fatal(err)
	}
	if m.Right != 2 || m.Of != 3 || m.Accuracy() != 2./3 {
		t.Errorf("%d of %d are recognised, want 2 of 3", m.Right, m.Of)
	}
	for want, pictures := range map[string][2]*corpus.Images{
		"without labels":         {row(1, 2), row(1, 2)},
		"1 pictures of 1 × 2":    {row(1, 2), row(1, 2, 3, 4)},
		"judge reads 1 × 2 × 1":  {{H: 2, W: 1, C: 1, Pixels: []uint8{1, 2}}, {H: 2, W: 1, C: 1, Pixels: []uint8{1, 2}}},
		"0 pictures of 1 × 2 × ": {row(), row()},
	} {
		if _, err := eval.Pictures(t.Context(), judge, d, pictures[0], pictures[1], nil); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got the error %v, want one that says %q", err, want)
		}
	}
}

// TestFills: by hand, of two pixels; what is in the hole is not looked at, what is outside
// stays.
func TestFills(t *testing.T) {
	pictures, holes := row(10, 99, 99, 30), []uint8{0, 1, 1, 0}
	learned := row(0, 7, 12, 8, 50, 29)
	mean, err := eval.FillMean(pictures, holes, learned)
	if err != nil {
		t.Fatal(err)
	}
	if want := []uint8{10, 15, 21, 30}; !slices.Equal(mean.Pixels, want) { // 44/3 and 62/3, rounded
		t.Errorf("filled with the mean: %v, want %v", mean.Pixels, want)
	}
	near, err := eval.FillNearest(t.Context(), pictures, holes, learned)
	if err != nil {
		t.Fatal(err)
	}
	if want := []uint8{10, 8, 50, 30}; !slices.Equal(near.Pixels, want) {
		t.Errorf("filled from the nearest: %v, want %v", near.Pixels, want)
	}
	if pictures.Pixels[1] != 99 {
		t.Error("the picture itself was changed")
	}
	colour := &corpus.Images{H: 1, W: 2, C: 3, Pixels: []uint8{1, 2, 3, 4, 5, 6}}
	mean, err = eval.FillMean(colour, []uint8{0, 1}, &corpus.Images{H: 1, W: 2, C: 3, Pixels: []uint8{9, 9, 9, 7, 8, 9}})
	if err != nil {
		t.Fatal(err)
	}
	if want := []uint8{1, 2, 3, 7, 8, 9}; !slices.Equal(mean.Pixels, want) {
		t.Errorf("colour is filled: %v, want %v", mean.Pixels, want)
	}
	if _, err := eval.FillMean(pictures, []uint8{1}, learned); err == nil || !strings.Contains(err.Error(), "holes of 1 pixels") {
		t.Errorf("holes of another size: %v", err)
	}
	if _, err := eval.FillNearest(t.Context(), pictures, holes, row()); err == nil || !strings.Contains(err.Error(), "filled from 0") {
		t.Errorf("no learned pictures: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := eval.FillNearest(ctx, pictures, holes, learned); !errors.Is(err, context.Canceled) {
		t.Errorf("interrupted: %v", err)
	}
}
