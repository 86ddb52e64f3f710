package main

import (
	"context"
	"fmt"
	"math"

	"github.com/inkstone-ai/inkstone"
	"github.com/inkstone-ai/inkstone/corpus"
	"github.com/inkstone-ai/inkstone/model/fusion"
)

// goal is the accuracy of a modality alone, on validation, at which fusing has something to gain
// and something to work with.
const goal = 0.775

// ladders are the levels that are tried of each modality, the others having none.
func ladders() map[fusion.Modality][]corpus.TripleNoise {
	all := map[fusion.Modality][]corpus.TripleNoise{}
	for _, v := range []float64{0.25, 0.3, 0.35, 0.4, 0.45} {
		all[fusion.Picture] = append(all[fusion.Picture], corpus.TripleNoise{Pixel: v, Hidden: 0.2})
	}
	for _, v := range []float64{1, 1.4, 1.8, 2.2, 2.6} {
		all[fusion.Sound] = append(all[fusion.Sound], corpus.TripleNoise{Sound: v})
	}
	for _, v := range []float64{0.35, 0.4, 0.45, 0.5, 0.55} {
		all[fusion.Name] = append(all[fusion.Name], corpus.TripleNoise{Typing: v})
	}
	return all
}

// levels trains each modality alone on every level and names the one whose accuracy on
// validation is nearest to the goal.
func levels(ctx context.Context, o options) error {
	fmt.Fprintln(o.out, "| modality | pixel | hidden | sound | typing | accuracy on validation |\n|---|---|---|---|---|---|")
	for _, m := range fusion.All.List() {
		ladder, jobs := ladders()[m], []job(nil)
		for i, noise := range ladder {
			jobs = append(jobs, job{fmt.Sprintf("level-%s-%d", m, i), inkstone.FusionSettings{Modalities: []string{m.String()}, Noise: &noise, Seed: 1}, []string{"validation"}})
		}
		reports, err := o.all(ctx, jobs)
		if err != nil {
			return err
		}
		best, distance := 0, math.Inf(1)
		for i, r := range reports {
			accuracy := value(r[0], "noisy, accuracy from "+m.String())
			n := ladder[i]
			fmt.Fprintf(o.out, "| %s | %g | %g | %g | %g | %.1f %% |\n", m, n.Pixel, n.Hidden, n.Sound, n.Typing, 100*accuracy)
			if d := math.Abs(accuracy - goal); d < distance {
				best, distance = i, d
			}
		}
		fmt.Fprintf(o.out, "| %s: take | %g | %g | %g | %g | |\n", m, ladder[best].Pixel, ladder[best].Hidden, ladder[best].Sound, ladder[best].Typing)
	}
	return nil
}
