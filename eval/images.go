package eval

import (
	"context"
	"fmt"

	"github.com/inkstone-ai/inkstone/model"
	"github.com/inkstone-ai/inkstone/nn"
	"github.com/inkstone-ai/inkstone/tensor"
	"github.com/inkstone-ai/inkstone/train"
)

// imageRows is the number of images that are told apart at a time.
const imageRows = 256

// An ImagesMeasurement is how well a classifier tells images apart.
type ImagesMeasurement struct {
	Loss    float64  // mean cross-entropy, nats
	Right   int      // images whose class it names
	Of      int      // images
	Said    []int32  // the class named for each
	ByClass [][2]int // right and all, of each class
}

// Accuracy is the share of images whose class is named.
func (m *ImagesMeasurement) Accuracy() float64 { return ratio(m.Right, m.Of) }

// Images measures a classifier on images, numbers from 0 to 1 of the shape that it reads,
// and their labels. A label that it has not is an error.
func Images(ctx context.Context, m model.Classifier, d *tensor.Device, images []float32, labels []int32) (*ImagesMeasurement, error) {
	shape := m.Images()
	r := &ImagesMeasurement{Of: len(labels), ByClass: make([][2]int, len(shape.Classes))}
	s := tensor.NewStep(d, tensor.StepOptions{})
	defer s.Close()
	err := eachImages(ctx, m, images, labels, func(x []float32, labels []int32, _ int) error {
		s.Begin(0)
		n := len(labels)
		z := m.Logits(m.Features(s, s.Floats(x, n, shape.H, shape.W, shape.C), false))
		r.Said = append(r.Said, z.ArgMax(1).Ints()...)
		r.Loss += float64(z.CrossEntropy(s.Ints(labels, n), tensor.CEOptions{}).Sum().Item())
		return nil
	})
	if err != nil {
		return nil, err
	}
	r.Loss /= float64(r.Of)
	for i, l := range labels {
		r.ByClass[l][1]++
		if r.Said[i] == l {
			r.ByClass[l][0]++
			r.Right++
		}
	}
	return r, nil
}

// Attacked returns the images as an attack moves them to where the classifier's loss is
// larger. The model's weights get no gradient. seed decides where pgd starts.
func Attacked(ctx context.Context, m model.Classifier, d *tensor.Device, images []float32, labels []int32, a train.Attack, seed uint64) ([]float32, error) {
	if a.Method == "" {
		return images, nil
	}
	shape := m.Images()
	s := tensor.NewStep(d, tensor.StepOptions{Grad: true})
	defer s.Close()
	nn.Freeze(m, true)
	defer nn.Freeze(m, false)
	var moved []float32
	err := eachImages(ctx, m, images, labels, func(clean []float32, labels []int32, at int) error {
		x := tensor.New(d, len(labels), shape.H, shape.W, shape.C)
		defer x.Free()
		x.WriteFloats(clean)
		x.SetTrainable(true)
		err := a.Perturb(s, x, seed<<32|uint64(at), func() (*tensor.Tensor, error) {
			z := m.Logits(m.Features(s, s.Use(x), false))
			return z.CrossEntropy(s.Ints(labels, len(labels)), tensor.CEOptions{}).Sum(), nil
		})
		moved = append(moved, x.Floats()...)
		return err
	})
	return moved, err
}

// eachImages calls f for some images at a time, from image number at on.
func eachImages(ctx context.Context, m model.Classifier, images []float32, labels []int32, f func(x []float32, labels []int32, at int) error) error {
	shape := m.Images()
	one := shape.H * shape.W * shape.C
	if len(labels) == 0 || len(images) != len(labels)*one {
		return fmt.Errorf("eval: %d numbers of images of %d × %d × %d with %d labels", len(images), shape.H, shape.W, shape.C, len(labels))
	}
	for i, l := range labels {
		if l < 0 || int(l) >= len(shape.Classes) {
			return fmt.Errorf("eval: image %d has class %d, the model tells %d apart", i+1, l, len(shape.Classes))
		}
	}
	for at := 0; at < len(labels); at += imageRows {
		if err := ctx.Err(); err != nil {
			return fmt.Errorf("eval: %w", err)
		}
		to := min(at+imageRows, len(labels))
		if err := f(images[at*one:to*one], labels[at:to], at); err != nil {
			return err
		}
	}
	return nil
}

// Unit appends bytes as numbers from 0 to 1.
func Unit(to []float32, pixels []uint8) []float32 {
	for _, p := range pixels {
		to = append(to, float32(p)/255)
	}
	return to
}
