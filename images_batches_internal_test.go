package inkstone

import (
	"slices"
	"testing"

	"github.com/inkstone-ai/inkstone/corpus"
)

// TestShifted: by hand, an image of 2 × 3; what comes in is the pixel nearest to it.
func TestShifted(t *testing.T) {
	x := []float32{1, 2, 3, 4, 5, 6}
	if shifted(x, 2, 3, 1, 1, -1); !slices.Equal(x, []float32{2, 3, 3, 2, 3, 3}) {
		t.Errorf("one row down, one column to the left: %v", x)
	}
}

// TestImageBatches: each image once an epoch, its label beside it.
func TestImageBatches(t *testing.T) {
	b := newImageBatches(&corpus.Images{H: 1, W: 1, C: 1, Pixels: []uint8{0, 51, 102, 153}, Labels: []int32{0, 1, 2, 3}, Names: make([]string, 4)}, 2, 0, 1)
	var seen []int32
	for i := range 2 {
		pixels, labels := b.batch(i)
		for k, l := range labels {
			if pixels[k] != float32(51*l)/255 {
				t.Errorf("label %d beside %g", l, pixels[k])
			}
		}
		seen = append(seen, labels...)
	}
	if slices.Sort(seen); !slices.Equal(seen, []int32{0, 1, 2, 3}) {
		t.Errorf("an epoch has %v", seen)
	}
}
