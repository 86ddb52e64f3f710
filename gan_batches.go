package inkstone

import (
	"math/rand/v2"

	"github.com/inkstone-ai/inkstone/corpus"
	"github.com/inkstone-ai/inkstone/model/gan"
)

// ganBatches lay out the images of a step with noise beside them. A batch is a function of
// its number and its turn.
type ganBatches struct {
	images *imageBatches
	latent int
}

func newGANBatches(images *corpus.Images, latent, rows int, seed uint64) *ganBatches {
	return &ganBatches{images: newImageBatches(images, rows, 0, seed), latent: latent}
}

// batch is valid until the next call. The generator, in turn 1, is asked for the classes of
// the same images, with noise of its own.
func (b *ganBatches) batch(index, turn int) gan.Batch {
	var g gan.Batch
	if g.Real, g.Classes = b.images.batch(index); b.images.images.Labels == nil {
		g.Classes = nil
	}
	r := rand.New(rand.NewPCG(b.images.order.Seed^0x6e6f697365, uint64(2*index+turn)))
	g.Noise = normals(r, b.images.rows*b.latent)
	for range b.images.rows {
		g.Mix = append(g.Mix, r.Float32())
	}
	return g
}

// normals are n numbers of a standard normal distribution.
func normals(r *rand.Rand, n int) []float32 {
	x := make([]float32, n)
	for i := range x {
		x[i] = float32(r.NormFloat64())
	}
	return x
}
