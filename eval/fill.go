package eval

import (
	"context"
	"fmt"
	"math"
	"slices"

	"github.com/inkstone-ai/inkstone/corpus"
)

// What fills holes without a model, to compare one with. Holes are (N, H, W), 1 where a
// pixel is missing; what a picture has there is not looked at.

// FillMean fills holes with the mean of the pictures that a model learned from, pixel by
// pixel.
func FillMean(pictures *corpus.Images, holes []uint8, learned *corpus.Images) (*corpus.Images, error) {
	if err := fits(pictures, holes, learned); err != nil {
		return nil, err
	}
	sum := make([]int, pictures.H*pictures.W*pictures.C)
	for i, v := range learned.Pixels {
		sum[i%len(sum)] += int(v)
	}
	mean, n := make([]uint8, len(sum)), learned.Len()
	for i, v := range sum {
		mean[i] = uint8((v + n/2) / n)
	}
	return filled(pictures, holes, func(int) []uint8 { return mean }), nil
}

// FillNearest fills each hole with the pixels of that one of the learned pictures whose
// others are nearest by the sum of squares, the first of equals.
func FillNearest(ctx context.Context, pictures *corpus.Images, holes []uint8, learned *corpus.Images) (*corpus.Images, error) {
	if err := fits(pictures, holes, learned); err != nil {
		return nil, err
	}
	one := pictures.H * pictures.W
	var nearest []int
	for i := range pictures.Len() {
		if err := ctx.Err(); err != nil {
			return nil, fmt.Errorf("eval: %w", err)
		}
		nearest = append(nearest, nearestKnown(pictures.Image(i), holes[i*one:(i+1)*one], learned))
	}
	return filled(pictures, holes, func(i int) []uint8 { return learned.Image(nearest[i]) }), nil
}

// nearestKnown is the number of the learned picture nearest to one by its known pixels.
func nearestKnown(picture, hole []uint8, learned *corpus.Images) (at int) {
	C, best := learned.C, math.MaxInt
	var known []int
	for p := range picture {
		if hole[p/C] == 0 {
			known = append(known, p)
		}
	}
	for j := range learned.Len() {
		other, sum := learned.Image(j), 0
		for _, p := range known {
			e := int(picture[p]) - int(other[p])
			if sum += e * e; sum >= best {
				break
			}
		}
		if sum < best {
			best, at = sum, j
		}
	}
	return at
}

// filled are pictures with pixels of others in their holes.
func filled(pictures *corpus.Images, holes []uint8, from func(i int) []uint8) *corpus.Images {
	made := *pictures
	made.Pixels = slices.Clone(pictures.Pixels)
	one := pictures.H * pictures.W * pictures.C
	for i := range pictures.Len() {
		other := from(i)
		for p := range one {
			if holes[(i*one+p)/pictures.C] != 0 {
				made.Pixels[i*one+p] = other[p]
			}
		}
	}
	return &made
}

func fits(pictures *corpus.Images, holes []uint8, learned *corpus.Images) error {
	if pictures.H != learned.H || pictures.W != learned.W || pictures.C != learned.C || learned.Len() == 0 {
		return fmt.Errorf("eval: pictures of %d × %d × %d are filled from %d of %d × %d × %d", pictures.H, pictures.W, pictures.C, learned.Len(), learned.H, learned.W, learned.C)
	}
	if len(holes)*pictures.C != len(pictures.Pixels) {
		return fmt.Errorf("eval: holes of %d pixels in %d pictures of %d × %d", len(holes), pictures.Len(), pictures.H, pictures.W)
	}
	return nil
}
