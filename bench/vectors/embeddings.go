package main

import (
	"context"
	"fmt"
	"math"
	"path/filepath"
	"slices"
	"strings"

	"github.com/inkstone-ai/inkstone"
	"github.com/inkstone-ai/inkstone/train"
)

// width is that of the models and their vectors.
const width = 128

// settings are a small word-level model of a kind.
func settings(kind string, steps int, seed uint64) inkstone.Settings {
	s := inkstone.Settings{
		Model: kind, Tokenizer: "word", Depth: 2, Width: width, Heads: 4, Context: 64, Rows: 8,
		Steps: steps, EvalEvery: steps / 4, EvalTokens: 1 << 15, CheckpointEvery: steps, Seed: seed,
	}
	if kind == "lstm" {
		s.Heads = 0
	}
	return s
}

// embeddings trains each kind of model from drawn embeddings and from skip-gram
// vectors of the same training text. The split into training and held-out text is
// the same for both, so no vector has seen what is measured.
func embeddings(ctx context.Context, o options) error {
	vectors := filepath.Join(o.scratch, "vectors")
	_, err := inkstone.TrainVectors(ctx, inkstone.VectorOptions{
		Data: []string{o.text}, Out: vectors, Threads: o.threads,
		Settings: inkstone.VectorSettings{Dimension: width, MinCount: 2, HeldOut: 0.1},
	})
	if err != nil {
		return err
	}
	kinds := []string{"gpt2"}
	if slices.Contains(inkstone.LanguageModels(), "lstm") {
		kinds = append(kinds, "lstm")
	}
	fmt.Printf("Word-level models of War and Peace, %d wide; held-out loss, nats per token, mean of %d seeds ± their standard deviation\n\n", width, o.seeds)
	fmt.Print("| model | embeddings |")
	for quarter := 1; quarter <= 4; quarter++ {
		fmt.Printf(" step %d |", o.steps*quarter/4)
	}
	fmt.Print("\n|---|---|---:|---:|---:|---:|\n")
	told := ""
	for _, kind := range kinds {
		for _, from := range []string{"", vectors} {
			losses := make([][]float64, 4)
			for seed := range o.seeds {
				s := settings(kind, o.steps, uint64(seed+1))
				s.Embeddings = from
				at := 0
				_, err := inkstone.Train(ctx, inkstone.TrainOptions{
					Data: []string{o.text}, Out: filepath.Join(o.scratch, fmt.Sprintf("%s-%d-%v", kind, seed, from != "")), Settings: s, Threads: o.threads,
					Notice: func(text string) { told = text },
					Progress: func(m train.Metrics) {
						if m.Evaluation != nil && at < 4 {
							losses[at] = append(losses[at], *m.Evaluation)
							at++
						}
					},
				})
				if err != nil {
					return err
				}
			}
			name := "drawn"
			if from != "" {
				name = "from skip-gram vectors"
			}
			fmt.Printf("| %s | %s |", kind, name)
			for _, l := range losses {
				mean, spread := moments(l)
				fmt.Printf(" %.3f ± %.3f |", mean, spread)
			}
			fmt.Println()
		}
	}
	fmt.Printf("\n%s\n", strings.ReplaceAll(told, vectors, "skip-gram"))
	return nil
}

// moments are the mean and the standard deviation of a sample, 0 of one alone.
func moments(x []float64) (mean, spread float64) {
	for _, e := range x {
		mean += e / float64(len(x))
	}
	for _, e := range x {
		spread += (e - mean) * (e - mean)
	}
	return mean, math.Sqrt(spread / float64(max(1, len(x)-1)))
}
