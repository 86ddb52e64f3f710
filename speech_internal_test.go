package inkstone

import (
	"testing"

	"github.com/inkstone-ai/inkstone/corpus"
)

// TestUtterancesGrow: from one word to all, also where the quotient of steps is rounded up.
func TestUtterancesGrow(t *testing.T) {
	for _, tt := range []struct {
		words, steps, index, want int
		grow                      float64
	}{
		{7, 100, 0, 1, 0.7}, {7, 100, 9, 1, 0.7}, {7, 100, 10, 2, 0.7}, {7, 100, 69, 7, 0.7}, {7, 100, 70, 7, 0.7}, {7, 100, 99, 7, 0.7},
		{11, 122, 61, 11, 0.5}, {11, 244, 122, 11, 0.5}, {7, 100, 0, 7, 0},
	} {
		b := speechBatches{growth: tt.grow * float64(tt.steps) / float64(tt.words), spoken: make([]*corpus.Spoken, tt.words)}
		if got := b.longest(tt.index); got != tt.want {
			t.Errorf("%d words, step %d of %d, grow %g: %d, want %d", tt.words, tt.index, tt.steps, tt.grow, got, tt.want)
		}
	}
}
