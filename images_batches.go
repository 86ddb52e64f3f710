package inkstone

import (
	"math/rand/v2"

	"github.com/inkstone-ai/inkstone/corpus"
	"github.com/inkstone-ai/inkstone/eval"
	"github.com/inkstone-ai/inkstone/model"
	"github.com/inkstone-ai/inkstone/nn"
	"github.com/inkstone-ai/inkstone/tensor"
	"github.com/inkstone-ai/inkstone/train"
)

// imageBatches lays out the images of a step, each moved a little. A batch is a function of
// its number.
type imageBatches struct {
	images *corpus.Images
	order  corpus.Order
	rows   int
	shift  int // most pixels of a move
	pixels []float32
	labels []int32
}

func newImageBatches(images *corpus.Images, rows, shift int, seed uint64) *imageBatches {
	return &imageBatches{images: images, order: corpus.Order{N: images.Len(), Seed: seed}, rows: rows, shift: shift}
}

// batch is the images (rows, H, W, C), from 0 to 1, and labels of step index, valid until
// the next call. Images without labels have none.
func (b *imageBatches) batch(index int) (pixels []float32, labels []int32) {
	b.pixels, b.labels = b.pixels[:0], b.labels[:0]
	r := rand.New(rand.NewPCG(b.order.Seed, uint64(index)))
	for i := range b.rows {
		at := b.order.At(index*b.rows + i)
		from := len(b.pixels)
		b.pixels = eval.Unit(b.pixels, b.images.Image(at))
		if b.shift > 0 {
			move := func() int { return r.IntN(2*b.shift+1) - b.shift }
			shifted(b.pixels[from:], b.images.H, b.images.W, b.images.C, move(), move())
		}
		if b.images.Labels != nil {
			b.labels = append(b.labels, b.images.Labels[at])
		}
	}
	return b.pixels, b.labels
}

// shifted moves an image (H, W, C) by dy rows and dx columns; what comes in from outside is
// the pixel nearest to it.
func shifted(x []float32, H, W, C, dy, dx int) {
	from := append([]float32(nil), x...)
	for r := range H {
		for c := range W {
			y, z := min(max(r-dy, 0), H-1), min(max(c-dx, 0), W-1)
			copy(x[(r*W+c)*C:(r*W+c+1)*C], from[(y*W+z)*C:])
		}
	}
}

// attackedBatches attacks batches with the weights as they are.
type attackedBatches struct {
	attack train.Attack
	model  model.Classifier
	step   *tensor.Step
	x      *tensor.Tensor // (rows, H, W, C)
	seed   uint64
}

// newAttackedBatches is nil where there is no attack.
func newAttackedBatches(d *tensor.Device, m model.Classifier, a train.Attack, rows int, seed uint64, precision tensor.DType) *attackedBatches {
	if a.Method == "" {
		return nil
	}
	shape := m.Images()
	x := tensor.New(d, rows, shape.H, shape.W, shape.C)
	x.SetName("attacked images")
	x.SetTrainable(true)
	return &attackedBatches{a, m, tensor.NewStep(d, tensor.StepOptions{Grad: true, Precision: precision}), x, seed}
}

// batch is the attacked images of a step.
func (b *attackedBatches) batch(index int, pixels []float32, labels []int32) ([]float32, error) {
	if b == nil {
		return pixels, nil
	}
	nn.Freeze(b.model, true)
	defer nn.Freeze(b.model, false)
	b.x.WriteFloats(pixels)
	err := b.attack.Perturb(b.step, b.x, b.seed<<32^uint64(index)<<8, func() (*tensor.Tensor, error) {
		z := b.model.Logits(b.model.Features(b.step, b.step.Use(b.x), false))
		return z.CrossEntropy(b.step.Ints(labels, len(labels)), tensor.CEOptions{}).Sum(), nil
	})
	return b.x.Floats(), err
}

func (b *attackedBatches) free() {
	if b != nil {
		b.step.Close()
		b.x.Free()
	}
}
