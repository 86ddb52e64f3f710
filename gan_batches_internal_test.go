package inkstone

import (
	"slices"
	"testing"

	"github.com/inkstone-ai/inkstone/corpus"
)

// TestGANBatchesOfFew: what is asked for beside images, noise and places changes none of these; the
// generator alone has other noise, and each turn chance of its own.
func TestGANBatchesOfFew(t *testing.T) {
	images := &corpus.Images{H: 2, W: 2, C: 1, Pixels: make([]uint8, 4*8), Labels: make([]int32, 8), Classes: []string{"a"}}
	const rows, latent = 4, 3
	plain := newGANBatches(images, latent, GANSettings{Rows: rows, Seed: 1})
	few := newGANBatches(images, latent, GANSettings{Rows: rows, Seed: 1, Augment: true, ModeSeeking: 1})
	chances := map[float32]bool{}
	for index := range 2 {
		for turn := range 2 {
			p, f := plain.batch(index, turn), few.batch(index, turn)
			if !slices.Equal(p.Noise, f.Noise) || !slices.Equal(p.Mix, f.Mix) || !slices.Equal(p.Real, f.Real) {
				t.Error("batches of few images have other images, noise or places")
			}
			if p.Augment != nil || p.Other != nil {
				t.Errorf("a batch has what nobody asked for: %v, %v", p.Augment, p.Other)
			}
			if len(f.Augment) != 2*rows*2 || len(f.Other) != turn*rows*latent {
				t.Errorf("turn %d has %d numbers of chance and %d of other noise", turn, len(f.Augment), len(f.Other))
			}
			if turn == 1 && slices.Equal(f.Other, f.Noise) {
				t.Error("the other noise is the same")
			}
			chances[f.Augment[0]] = true
		}
	}
	if len(chances) != 4 {
		t.Errorf("%d chances of four turns", len(chances))
	}
}
