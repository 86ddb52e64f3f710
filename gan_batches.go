package inkstone

import (
	"math/rand/v2"

	"github.com/inkstone-ai/inkstone/corpus"
	"github.com/inkstone-ai/inkstone/model/gan"
)

// ganBatches lay out the images of a step with noise beside them. A batch is a function of
// its number and its turn.
type ganBatches struct {
	images           *imageBatches
	latent           int
	augment, seeking bool // whether a batch has what they need
}

func newGANBatches(images *corpus.Images, latent int, s GANSettings) *ganBatches {
	return &ganBatches{images: newImageBatches(images, s.Rows, 0, s.Seed), latent: latent, augment: s.Augment, seeking: s.ModeSeeking > 0}
}

// batch is valid until the next call. The generator, in turn 1, is asked for the classes of
// the same images, with noise of its own.
func (b *ganBatches) batch(index, turn int) gan.Batch {
	var g gan.Batch
	if g.Real, g.Classes = b.images.batch(index); b.images.images.Labels == nil {
		g.Classes = nil
	}
	r := rand.New(rand.NewPCG(b.images.order.Seed^0x6e6f697365, uint64(2*index+turn)))
	rows := b.images.rows
	g.Noise, g.Mix = normals(r, rows*b.latent), evens(r, rows)
	if b.augment {
		g.Augment = evens(r, 2*rows*gan.AugmentNumbers)
	}
	if b.seeking && turn == 1 {
		g.Other = normals(r, rows*b.latent)
	}
	return g
}

// evens are n numbers, even from 0 to 1.
func evens(r *rand.Rand, n int) []float32 {
	x := make([]float32, n)
	for i := range x {
		x[i] = r.Float32()
	}
	return x
}

// normals are n numbers of a standard normal distribution.
func normals(r *rand.Rand, n int) []float32 {
	x := make([]float32, n)
	for i := range x {
		x[i] = float32(r.NormFloat64())
	}
	return x
}
