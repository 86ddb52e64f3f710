package main

import (
	"cmp"
	"context"
	"fmt"

	"github.com/inkstone-ai/inkstone"
	"github.com/inkstone-ai/inkstone/format"
	"github.com/inkstone-ai/inkstone/internal/plot"
	"github.com/inkstone-ai/inkstone/train"
)

// epsilons are those of the attacks that both models are measured under; the last allows
// any image.
var epsilons = []float64{0, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 1}

// attack is the one that measures.
var attack = train.Attack{Method: "pgd", Steps: 20}

// robust prints how many held-out images both models name when they are attacked.
func robust(ctx context.Context, o options) error {
	plain, err := o.train(ctx, "plain", inkstone.ImageSettings{})
	if err != nil {
		return err
	}
	defer plain.Close()
	hard, err := o.train(ctx, "pgd", inkstone.ImageSettings{
		Steps: cmp.Or(o.steps, 1500), LR: 0.004, Smoothing: -1, Adversarial: train.Attack{Method: "pgd", Epsilon: o.epsilon, Steps: 5},
	})
	if err != nil {
		return err
	}
	defer hard.Close()
	fmt.Printf("%s: %d images to learn, %d held out, seed %d. plain: %d steps, %.0f s; pgd, trained at ε = %g with 5 steps: %d steps, %.0f s\n\n",
		o.data, hard.learned.Len(), hard.held.Len(), o.seed, plain.Steps, plain.Seconds, o.epsilon, hard.Steps, hard.Seconds)
	fmt.Printf("| ε, linf, %d steps | plain | pgd | pgd, attacked through plain |\n|---:|---:|---:|---:|\n", attack.Steps)
	lines := []plot.Line{{Name: "plain"}, {Name: "trained on attacks"}, {Name: "… attacked through plain"}}
	for _, epsilon := range epsilons {
		share, err := underAttack(ctx, plain, hard, epsilon, o.seed)
		if err != nil {
			return err
		}
		fmt.Printf("| %g | %.1f %% | %.1f %% | %.1f %% |\n", epsilon, 100*share[0], 100*share[1], 100*share[2])
		if epsilon < 1 {
			for i := range lines {
				lines[i].X, lines[i].Y = append(lines[i].X, epsilon), append(lines[i].Y, 100*share[i])
			}
		}
	}
	if o.plot == "" {
		return nil
	}
	chart := plot.Chart{X: plot.Scale{Name: "ε"}, Y: plot.Scale{Name: "accuracy, %"}, Lines: lines}
	return format.WriteFile(o.plot, chart.WritePNG)
}

// underAttack is the accuracy of the plain model and of the hard one on images that were
// attacked through each itself, and of the hard one on images attacked through the other.
func underAttack(ctx context.Context, plain, hard trained, epsilon float64, seed uint64) (share [3]float64, err error) {
	a := attack
	if a.Epsilon = epsilon; epsilon == 0 {
		a = train.Attack{}
	}
	for i, pair := range [][2]trained{{plain, plain}, {hard, hard}, {plain, hard}} {
		x, err := pair[0].Attacked(ctx, hard.held, a, seed)
		if err != nil {
			return share, err
		}
		m, err := pair[1].EvaluatePixels(ctx, x, hard.held.Labels)
		if err != nil {
			return share, err
		}
		share[i] = m.Accuracy()
	}
	return share, nil
}
