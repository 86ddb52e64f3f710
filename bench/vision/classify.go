package main

import (
	"context"
	"fmt"
	"math"

	"github.com/inkstone-ai/inkstone"
	"github.com/inkstone-ai/inkstone/corpus"
)

// classify prints how many held-out images each model names, beside baselines that see the
// same images.
func classify(ctx context.Context, o options) error {
	var any trained
	for i, kind := range inkstone.ImageModels() {
		t, err := o.train(ctx, kind, inkstone.ImageSettings{Model: kind})
		if err != nil {
			return err
		}
		defer t.Close()
		if i == 0 {
			fmt.Printf("%s: %d images to learn, %d held out, seed %d\n\n| model | right of the held out (95 %% interval) | |\n|---|---:|---|\n", o.data, t.learned.Len(), t.held.Len(), o.seed)
		}
		m, err := t.Evaluate(ctx, t.held)
		if err != nil {
			return err
		}
		row(kind, m.Right, m.Of, fmt.Sprintf("%d weights, %d steps, %.0f s", t.Trained.Parameters, t.Steps, t.Seconds))
		any = t
	}
	for _, b := range []struct {
		name string
		says func(learned *corpus.Images) func(x []uint8) int32
	}{{"nearest neighbour", nearest}, {"nearest mean", nearestMean}, {"commonest class", commonest}} {
		says, right := b.says(any.learned), 0
		for i, label := range any.held.Labels {
			if says(any.held.Image(i)) == label {
				right++
			}
		}
		row(b.name, right, any.held.Len(), "")
	}
	return nil
}

// distance is the sum of squared differences.
func distance(x []uint8, y []float64) (sum float64) {
	for i, v := range x {
		d := float64(v) - y[i]
		sum += d * d
	}
	return sum
}

// nearest says the class of the learned image nearest in pixels (Cover & Hart 1967).
func nearest(learned *corpus.Images) func(x []uint8) int32 {
	return func(x []uint8) (label int32) {
		best := math.MaxInt
		for i, l := range learned.Labels {
			sum := 0
			for j, v := range learned.Image(i) {
				d := int(v) - int(x[j])
				sum += d * d
			}
			if sum < best {
				best, label = sum, l
			}
		}
		return label
	}
}

// nearestMean says the class whose mean image is nearest.
func nearestMean(learned *corpus.Images) func(x []uint8) int32 {
	size := learned.H * learned.W * learned.C
	means, counts := make([][]float64, len(learned.Classes)), make([]float64, len(learned.Classes))
	for k := range means {
		means[k] = make([]float64, size)
	}
	for i, l := range learned.Labels {
		counts[l]++
		for j, v := range learned.Image(i) {
			means[l][j] += float64(v)
		}
	}
	for k := range means {
		for j := range means[k] {
			means[k][j] /= max(1, counts[k])
		}
	}
	return func(x []uint8) (label int32) {
		best := math.Inf(1)
		for k := range means {
			if d := distance(x, means[k]); counts[k] > 0 && d < best {
				best, label = d, int32(k)
			}
		}
		return label
	}
}

// commonest says the class that most learned images have.
func commonest(learned *corpus.Images) func(x []uint8) int32 {
	counts := make([]int, len(learned.Classes))
	best := 0
	for _, l := range learned.Labels {
		if counts[l]++; counts[l] > counts[best] {
			best = int(l)
		}
	}
	return func([]uint8) int32 { return int32(best) }
}
