package main

import (
	"context"
	"fmt"
	"path/filepath"
	"time"

	"gonum.org/v1/gonum/stat"

	"github.com/inkstone-ai/inkstone"
	"github.com/inkstone-ai/inkstone/corpus"
	"github.com/inkstone-ai/inkstone/eval"
	"github.com/inkstone-ai/inkstone/tokenizer"
	"github.com/inkstone-ai/inkstone/train"
	"github.com/inkstone-ai/inkstone/tune"
)

// A measure is what a report says of a task's head.
type measure struct {
	score, name, baseline, named string
	ending                       string
}

var measures = map[string]measure{
	"classify": {"Pearson correlation", "Pearson", "Pearson correlation of shared characters", "shared characters", ".jsonl"},
	"spans":    {"F1 of words", "F1", "F1 of the sentence nearest the question", "nearest sentence", ".json"},
	"tokens":   {"F1 of labelled words", "F1", "", "", ".jsonl"},
}

// options are those of a task's tuning.
func (e *experiment) options(task string) inkstone.HeadOptions {
	o := inkstone.HeadOptions{Task: task, Data: []string{e.path(task + "-learn" + measures[task].ending)}, Threads: e.threads, Dropout: 0.1, Precision: "bf16"}
	switch task {
	case "classify":
		o.Epochs, o.LR = 10, 5e-4
		o.WarmUp, o.WarmUpSteps = []string{e.path("chinese.txt")}, e.steps
	case "spans":
		o.Epochs, o.LR = 10, 5e-4
		o.WarmUp, o.WarmUpSteps = []string{e.path("english.txt")}, (e.steps+1)/2
	case "tokens":
		o.Epochs, o.LR = 40, 1e-3
	}
	if e.small {
		o.Steps, o.Rows, o.WarmUpSteps = 3, 4, min(o.WarmUpSteps, 3)
	}
	return o
}

// head tunes for a task once a seed and measures on its test.
func (e *experiment) head(ctx context.Context, task string) (Result, error) {
	r := Result{Task: task, Measure: measures[task].name}
	encoder, err := e.encoder(ctx, task)
	if err != nil {
		return r, err
	}
	began := time.Now()
	var report eval.Report
	for k := range e.seeds {
		dir, err := e.tune(ctx, task, encoder, e.seed+uint64(k))
		if err != nil {
			return r, err
		}
		if report, err = e.measure(task, dir); err != nil {
			return r, err
		}
		score, err := value(report, measures[task].score)
		if err != nil {
			return r, err
		}
		fmt.Fprintf(e.log, "%s, seed %d: %s %.3f\n", task, e.seed+uint64(k), r.Measure, score)
		r.Scores = append(r.Scores, score)
	}
	r.Seconds = time.Since(began).Seconds()
	r.Baselines, r.Of, err = e.baselines(task, encoder, report)
	return r, err
}

// tune trains a head and returns its folder. The first seed's warm-up serves all.
func (e *experiment) tune(ctx context.Context, task, encoder string, seed uint64) (string, error) {
	o := e.options(task)
	o.Model, o.Seed, o.Out, o.Resume = encoder, seed, e.path(fmt.Sprintf("%s-%d", task, seed)), true
	if exists(filepath.Join(o.Out, "config.json")) {
		return o.Out, nil
	}
	if warm := e.path(fmt.Sprintf("%s-%d/warmup", task, e.seed)); exists(filepath.Join(warm, "config.json")) {
		o.Model, o.WarmUp, o.WarmUpSteps = warm, nil, 0
	}
	var show func(train.Metrics)
	o.Planned = func(a inkstone.Announcement) {
		what := task
		if show == nil && len(o.WarmUp) > 0 {
			what += ", warming up"
		}
		show = e.progress(fmt.Sprintf("%s, seed %d", what, seed), a.Steps)
	}
	o.Progress = func(m train.Metrics) { show(m) }
	_, report, err := inkstone.TuneHead(ctx, o)
	if err != nil {
		return "", err
	}
	return o.Out, report.WriteText(e.log)
}

func (e *experiment) measure(task, dir string) (eval.Report, error) {
	m, err := inkstone.LoadMasked(dir, &inkstone.LoadOptions{Threads: e.threads})
	if err != nil {
		return eval.Report{}, err
	}
	defer m.Close()
	return m.EvaluateHead(inkstone.EvaluateOptions{Data: []string{e.path(task + "-test" + measures[task].ending)}})
}

// value is a number of a report.
func value(r eval.Report, name string) (float64, error) {
	for _, row := range r.Rows {
		if row.Name == name {
			return row.Value, nil
		}
	}
	return 0, fmt.Errorf("the report has no %q", name)
}

// baselines are what the heads have to beat, and of how many examples.
func (e *experiment) baselines(task, encoder string, r eval.Report) (all []Baseline, of int, err error) {
	if task == "tokens" {
		return e.byHeart(encoder)
	}
	x, err := value(r, measures[task].baseline)
	if err != nil {
		return nil, 0, err
	}
	all = []Baseline{{measures[task].named, x}}
	if task == "classify" {
		rare, n, err := e.sharedWords()
		return append(all, Baseline{"shared characters, rare ones counting more", rare}), n, err
	}
	questions, err := corpus.Questions(nil, e.path("spans-test.json"))
	return all, len(questions), err
}

// sharedWords is the correlation of what the warm-up of likeness learns from.
func (e *experiment) sharedWords() (float64, int, error) {
	docs, _, err := corpus.Read(nil, e.path("chinese.txt"))
	if err != nil {
		return 0, 0, err
	}
	pairs, err := corpus.LabelledTexts(nil, e.path("classify-test.jsonl"))
	if err != nil {
		return 0, 0, err
	}
	like := corpus.SharedWords(docs)
	said, truth := make([]float64, len(pairs)), make([]float64, len(pairs))
	for i, x := range pairs {
		said[i], truth[i] = like(x.Text, x.Pair), x.Score
	}
	return stat.Correlation(said, truth, nil), len(pairs), nil
}

// byHeart gives each word the label that it had most often in what is learned from.
func (e *experiment) byHeart(encoder string) ([]Baseline, int, error) {
	tok, err := tokenizer.Load(encoder)
	if err != nil {
		return nil, 0, err
	}
	frame, err := tokenizer.FrameOf(tok)
	if err != nil {
		return nil, 0, err
	}
	var texts [2][]corpus.Tagged
	for i, name := range []string{"tokens-learn.jsonl", "tokens-test.jsonl"} {
		if texts[i], err = corpus.TaggedTexts(nil, e.path(name)); err != nil {
			return nil, 0, err
		}
	}
	labels := tune.TagLabels(append(texts[0], texts[1]...))
	const most = 1 << 20 // tokens; nothing is read by a model
	learned, err := tune.NewTag(tok, frame, texts[0], labels, most)
	if err != nil {
		return nil, 0, err
	}
	test, err := tune.NewTag(tok, frame, texts[1], labels, most)
	if err != nil {
		return nil, 0, err
	}
	s := test.Recall(learned)
	return []Baseline{{"words by heart", s.F1()}}, s.Truth, nil
}
