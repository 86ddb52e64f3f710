package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/inkstone-ai/inkstone"
	"github.com/inkstone-ai/inkstone/train"
)

// encoders of the tasks. The one for hidden words reads little at once, which it needs no
// more of, and learns soonest so; the other English one reads passages.
var encoders = map[string]string{"fill-mask": "words", "spans": "english", "tokens": "english", "classify": "chinese"}

// encoder returns the folder of the encoder for a task; it trains it where it is not there.
func (e *experiment) encoder(ctx context.Context, task string) (string, error) {
	name := encoders[task]
	dir := e.path(name)
	if exists(filepath.Join(dir, "config.json")) {
		return dir, nil
	}
	s := inkstone.MaskedSettings{
		Depth: 2, Width: 128, Heads: 4, Context: 160, Row: 32, Rows: 32, Vocab: 4096, Cased: true, MaskShare: 0.2, LR: 0.005, Precision: "bf16",
		Steps: e.steps, HeldOut: 0.02, EvalTokens: 16384, EvalEvery: max(1, e.steps/20), Seed: e.seed,
	}
	text := name
	switch name {
	case "words":
		s.Context, s.Cased, text = 32, false, "english"
	case "chinese":
		s.Steps = (e.steps + 1) / 2 // the text is half as long
	}
	if e.small {
		s.Depth, s.Width, s.Heads, s.Vocab, s.Steps, s.Rows, s.HeldOut, s.EvalEvery = 1, 16, 1, 1024, 3, 2, 0.1, 3
	}
	began := time.Now()
	_, err := inkstone.TrainMasked(ctx, inkstone.MaskedOptions{
		Data: []string{e.path(text + ".txt")}, Out: dir, Settings: s, Threads: e.threads, Resume: true, Progress: e.progress(name+" encoder", s.Steps),
	})
	e.took[name] = time.Since(began).Seconds()
	return dir, err
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// progress shows where a training is, at most every ten seconds.
func (e *experiment) progress(what string, steps int) func(train.Metrics) {
	var began, last time.Time
	from := -1
	return func(m train.Metrics) {
		if from < 0 {
			began, last, from = time.Now(), time.Now(), m.Step
		}
		if m.Evaluation != nil || time.Since(last) < 10*time.Second {
			return
		}
		last = time.Now()
		rate := float64(m.Step-from) / last.Sub(began).Seconds()
		left := time.Duration(float64(steps-m.Step) / rate * float64(time.Second))
		fmt.Fprintf(e.log, "%3.0f %% · %s · loss %.3f · %.1f steps/s · ETA %s\n", 100*float64(m.Step)/float64(steps), what, m.Loss, rate, left.Round(time.Second))
	}
}

// fillMask is how many hidden words the English encoder names.
func (e *experiment) fillMask(ctx context.Context, task string) (Result, error) {
	dir, err := e.encoder(ctx, task)
	if err != nil {
		return Result{}, err
	}
	m, err := inkstone.LoadMasked(dir, &inkstone.LoadOptions{Threads: e.threads})
	if err != nil {
		return Result{}, err
	}
	defer m.Close()
	found, err := m.Evaluate(ctx, inkstone.MaskedEvaluateOptions{
		EvaluateOptions: inkstone.EvaluateOptions{Data: []string{e.path("english-held.txt")}}, Counted: []string{e.path("english.txt")},
	})
	if err != nil {
		return Result{}, err
	}
	r := Result{Task: task, Measure: "top 1", Of: found.Hidden, Seconds: e.took[encoders[task]]}
	for i, s := range found.Scores {
		share := float64(s.Top1) / float64(found.Hidden)
		if i == 0 {
			r.Scores = []float64{share}
			fmt.Fprintf(e.log, "fill-mask: top 5 %.3f, loss %.3f\n", float64(s.Top5)/float64(found.Hidden), s.Loss)
			continue
		}
		r.Baselines = append(r.Baselines, Baseline{s.Name, share})
	}
	return r, nil
}
