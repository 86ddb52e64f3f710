package main

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/inkstone-ai/inkstone"
	"github.com/inkstone-ai/inkstone/corpus"
	"github.com/inkstone-ai/inkstone/model/wordvec"
	"github.com/inkstone-ai/inkstone/train"
)

// speed trains word2vec with one thread, dimension 100, window 5, 5 negatives.
//
// Words are counted as word2vec does, by the blanks between them: a sign of
// punctuation, a running word of its own here, does not count. The median is over
// the steps, whom a busy machine disturbs now and then; mean is all words by all of
// the run's time, evaluations and checkpoints included, and the last column all words
// by the processor time that the process has had for that, which is the core's speed
// where others use the machine as well.
func speed(ctx context.Context, o options) error {
	docs, _, err := corpus.Read(nil, o.text)
	if err != nil {
		return err
	}
	fmt.Print("| algorithm | words/s, median of the steps | quartiles | mean | words per second of processor time |\n|---|---:|---:|---:|---:|\n")
	for _, algorithm := range []string{wordvec.SkipGram, wordvec.CBOW} {
		var rates []float64
		var tokens int64
		steps, perStep := 0, 0
		var began time.Duration
		r, err := inkstone.TrainVectors(ctx, inkstone.VectorOptions{
			Data: []string{o.text}, Out: filepath.Join(o.scratch, algorithm), Threads: 1,
			Settings: inkstone.VectorSettings{Algorithm: algorithm, Dimension: 100, Window: 5, Negatives: 5, Epochs: o.epochs},
			Planned: func(a inkstone.Announcement) {
				tokens, steps, perStep = a.TrainTokens+a.HeldTokens, a.Steps, a.TokensPerStep
				began, _ = processorTime()
			},
			Progress: func(m train.Metrics) {
				if m.Evaluation == nil {
					rates = append(rates, m.TokensPerSecond)
				}
			},
		})
		if err != nil {
			return err
		}
		spent, ok := processorTime()
		words := float64(len(strings.Fields(docs[0].Text))) / float64(tokens) // by blanks, of a running word
		slices.Sort(rates)
		at := func(share float64) float64 { return words * rates[int(share*float64(len(rates)-1))] }
		mean := words * float64(steps*perStep) / r.Seconds
		processor := "–"
		if ok {
			processor = fmt.Sprintf("%.0f", words*float64(steps*perStep)/(spent-began).Seconds())
		}
		fmt.Printf("| %s | %.0f | %.0f to %.0f | %.0f | %s |\n", algorithm, at(0.5), at(0.25), at(0.75), mean, processor)
	}
	return nil
}
