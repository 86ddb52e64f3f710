package eval

import (
	"context"
	"fmt"

	"github.com/inkstone-ai/inkstone/model"
	"github.com/inkstone-ai/inkstone/nn"
	"github.com/inkstone-ai/inkstone/tensor"
	"github.com/inkstone-ai/inkstone/train"
)

// ImagesOptions refine [Images].
type ImagesOptions struct {
	Rows   int          // images at a time. 0: 256
	Attack train.Attack // moves every image first; zero: none
	Seed   uint64       // of the attack
}

// A ImagesMeasurement is how well a classifier tells images apart.
type ImagesMeasurement struct {
	Loss    float64  // mean cross-entropy, nats
	Right   int      // images whose class it names
	Of      int      // images
	Said    []int32  // the class named for each
	ByClass [][2]int // right and all, of each class
}

// Accuracy is the share of images whose class is named.
func (m *ImagesMeasurement) Accuracy() float64 { return ratio(m.Right, m.Of) }

// Images measures a classifier on pixels, 0 to 255, of the shape that it reads, with
// their labels. A label that it has not is an error. With an attack the model's weights,
// which must be trainable or frozen, get no gradient.
func Images(ctx context.Context, m model.Classifier, d *tensor.Device, pixels []uint8, labels []int32, o ImagesOptions) (*ImagesMeasurement, error) {
	shape := m.Images()
	one := shape.H * shape.W * shape.C
	if len(labels) == 0 || len(pixels) != len(labels)*one {
		return nil, fmt.Errorf("eval: %d bytes of images of %d × %d × %d with %d labels", len(pixels), shape.H, shape.W, shape.C, len(labels))
	}
	for i, l := range labels {
		if l < 0 || int(l) >= len(shape.Classes) {
			return nil, fmt.Errorf("eval: image %d has class %d, the model tells %d apart", i+1, l, len(shape.Classes))
		}
	}
	if o.Rows == 0 {
		o.Rows = 256
	}
	r := &ImagesMeasurement{Of: len(labels), ByClass: make([][2]int, len(shape.Classes))}
	s := tensor.NewStep(d, tensor.StepOptions{Grad: o.Attack.Method != ""})
	defer s.Close()
	nn.Freeze(m, true)
	defer nn.Freeze(m, false)
	for at := 0; at < len(labels); at += o.Rows {
		if err := ctx.Err(); err != nil {
			return nil, fmt.Errorf("eval: %w", err)
		}
		n := min(o.Rows, len(labels)-at)
		if err := r.batch(m, s, d, pixels[at*one:(at+n)*one], labels[at:at+n], o, uint64(at)); err != nil {
			return nil, err
		}
	}
	r.Loss /= float64(r.Of)
	return r, nil
}

func (r *ImagesMeasurement) batch(m model.Classifier, s *tensor.Step, d *tensor.Device, pixels []uint8, labels []int32, o ImagesOptions, at uint64) error {
	shape := m.Images()
	x := tensor.New(d, len(labels), shape.H, shape.W, shape.C)
	defer x.Free()
	x.WriteFloats(Unit(nil, pixels))
	logits := func() *tensor.Tensor { return m.Logits(m.Features(s, s.Use(x), false)) }
	if o.Attack.Method != "" {
		x.SetTrainable(true)
		err := o.Attack.Perturb(s, x, o.Seed<<32|at, func() (*tensor.Tensor, error) {
			return logits().CrossEntropy(s.Ints(labels, len(labels)), tensor.CEOptions{}).Sum(), nil
		})
		if err != nil {
			return err
		}
	}
	s.Begin(0)
	z := logits()
	said := z.ArgMax(1).Ints()
	r.Loss += float64(z.CrossEntropy(s.Ints(labels, len(labels)), tensor.CEOptions{}).Sum().Item())
	for i, l := range labels {
		r.ByClass[l][1]++
		if said[i] == l {
			r.ByClass[l][0]++
			r.Right++
		}
	}
	r.Said = append(r.Said, said...)
	return nil
}

// Unit appends bytes as numbers from 0 to 1.
func Unit(to []float32, pixels []uint8) []float32 {
	for _, p := range pixels {
		to = append(to, float32(p)/255)
	}
	return to
}
