package main

import (
	"context"
	"math"

	"github.com/inkstone-ai/inkstone/corpus"
	"github.com/inkstone-ai/inkstone/corpus/mel"
)

// cepstra is the number of coefficients that are compared, templates that of recordings of each word by
// each speaker that are compared with.
const (
	cepstra   = 13
	templates = 20
)

// nearest is how many words of those unheard the nearest of those heard, by dynamic time warping of
// their mel cepstra, does not name (Sakoe & Chiba 1978).
func nearest(ctx context.Context, heard, unheard *corpus.Sounds) (wrong int, err error) {
	front, err := mel.New(mel.Options{Rate: heard.Rate})
	if err != nil {
		return 0, err
	}
	seen := map[string]int{}
	few := heard.Where(func(i int) bool {
		key := heard.Speakers[i] + heard.Classes[heard.Labels[i]]
		seen[key]++
		return seen[key] <= templates
	})
	var known [][][cepstra]float32
	for _, x := range few.Samples {
		known = append(known, coefficients(front, x))
	}
	for i, x := range unheard.Samples {
		if err := ctx.Err(); err != nil {
			return 0, err
		}
		word, best, said := coefficients(front, x), math.Inf(1), int32(-1)
		for j, y := range known {
			if d := warped(word, y); d < best {
				best, said = d, few.Labels[j]
			}
		}
		if said != unheard.Labels[i] {
			wrong++
		}
	}
	return wrong, nil
}

// coefficients are the discrete cosine transform of each frame's energies, without the one that is
// loudness, less their means over the recording.
func coefficients(front *mel.Frontend, x []float32) [][cepstra]float32 {
	y, M := front.LogMel(x), front.Mels()
	rows := make([][cepstra]float32, len(y)/M)
	var mean [cepstra]float32
	for t := range rows {
		for k := range cepstra {
			sum := 0.0
			for m := range M {
				sum += float64(max(y[t*M+m], -11)) * math.Cos(math.Pi*float64(k+1)*(float64(m)+0.5)/float64(M))
			}
			rows[t][k] = float32(sum)
			mean[k] += rows[t][k] / float32(len(rows))
		}
	}
	for t := range rows {
		for k := range cepstra {
			rows[t][k] -= mean[k]
		}
	}
	return rows
}

// warped is the least mean distance of two recordings' frames over all ways to walk through both, from
// their beginnings to their ends, a frame in one or in both at a time; one in both counts twice.
func warped(x, y [][cepstra]float32) float64 {
	before, row := make([]float64, len(y)+1), make([]float64, len(y)+1)
	for j := range before {
		before[j] = math.Inf(1)
	}
	before[0] = 0
	for _, a := range x {
		row[0] = math.Inf(1)
		for j := range y {
			sum := float32(0)
			for k, v := range y[j] {
				sum += (a[k] - v) * (a[k] - v)
			}
			d := math.Sqrt(float64(sum))
			row[j+1] = min(before[j]+2*d, before[j+1]+d, row[j]+d)
		}
		before, row = row, before
	}
	return before[len(y)] / float64(len(x)+len(y))
}
