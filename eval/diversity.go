package eval

import (
	"context"
	"fmt"
	"math"

	"github.com/inkstone-ai/inkstone/corpus"
)

// diversity is the distance of two made images of a class over that of two learned ones: means over
// pairs, then over classes that have a pair of both. Where every image of a class is the same it is
// 0; without labels all images are of one class; nil where no class has pairs, or those of learned images are all the same.
func diversity(ctx context.Context, made, learned *corpus.Images) (*float64, error) {
	labelled := made.Labels != nil && learned.Labels != nil
	a, b := byClass(made, labelled), byClass(learned, labelled)
	of, best := 0.0, 0.0
	for k, images := range a {
		if err := ctx.Err(); err != nil {
			return nil, fmt.Errorf("eval: %w", err)
		}
		if len(images) > 1 && k < len(b) && len(b[k]) > 1 {
			of, best = of+spread(images), best+spread(b[k])
		}
	}
	if best == 0 {
		return nil, nil
	}
	of /= best
	return &of, nil
}

// byClass are at most 50 images of each class; more would say the same later.
func byClass(m *corpus.Images, labelled bool) [][][]uint8 {
	const most = 50
	all := make([][][]uint8, max(1, len(m.Classes)))
	for i := range m.Len() {
		k := 0
		if labelled {
			k = int(m.Labels[i])
		}
		if len(all[k]) < most {
			all[k] = append(all[k], m.Image(i))
		}
	}
	return all
}

// spread is the mean over pairs of images of their distance, as [GeneratedMeasurement.Nearest] has it.
func spread(images [][]uint8) float64 {
	mean, pairs := 0.0, float64(len(images)*(len(images)-1)/2)
	for i, x := range images {
		for _, y := range images[:i] {
			sum := 0
			for k, v := range x {
				d := int(v) - int(y[k])
				sum += d * d
			}
			mean += math.Sqrt(float64(sum)) / 255 / pairs
		}
	}
	return mean
}
