package runs

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/inkstone-ai/inkstone"
	"github.com/inkstone-ai/inkstone/corpus"
	"github.com/inkstone-ai/inkstone/eval"
	"github.com/inkstone-ai/inkstone/model/seq2seq"
	"github.com/inkstone-ai/inkstone/tensor"
	"github.com/inkstone-ai/inkstone/train"
)

// Translation trains encoder–decoders on pairs of sentences and compares them with
// a translation memory and with IBM model 1, on pairs no sentence of which any of
// them has seen.
type Translation struct {
	Pairs         []corpus.Pair
	Out           string   // gets a folder for each architecture
	Architectures []string // see [inkstone.TranslatorSettings]; none: transformer
	Settings      inkstone.TranslatorSettings
	Minutes       float64 // of training for each
	Share         float64 // of the pairs that are translated at the end; 0: 0.05
	Seed          uint64
	Threads       int
	Watch         Watch
}

// A TranslationReport is how each did.
type TranslationReport struct {
	Train   int                 `json:"train"` // pairs that all learned from
	Test    int                 `json:"test"`
	Seed    uint64              `json:"seed"`
	Systems []TranslationSystem `json:"systems"`
	Samples []TranslationSample `json:"samples"`
}

// A TranslationSystem is one row of the table.
type TranslationSystem struct {
	Name       string                      `json:"name"`
	Parameters int                         `json:"parameters,omitempty"`
	Steps      int                         `json:"steps,omitempty"`
	Loss       float64                     `json:"held_out_loss,omitempty"` // nats per token of the best evaluation
	Train      float64                     `json:"train_seconds"`
	Scores     *inkstone.TranslationReport `json:"scores"`
}

// A TranslationSample is a source and what became of it, in the order of the systems.
type TranslationSample struct {
	Source, Target string
	Outputs        []string
}

// Run splits the pairs, trains and measures.
func (t Translation) Run(ctx context.Context) (*TranslationReport, error) {
	if t.Share == 0 {
		t.Share = 0.05
	}
	if t.Settings == (inkstone.TranslatorSettings{}) { // for some 25,000 pairs and half an hour on two cores
		t.Settings = inkstone.TranslatorSettings{Width: 192, Rows: 64, Dropout: 0.2, LR: 2e-3, Schedule: train.Schedule{Shape: train.Cosine, Warmup: 0.06}}
	}
	if len(t.Architectures) == 0 {
		t.Architectures = []string{"transformer"}
	}
	for _, a := range t.Architectures {
		if !slices.Contains(seq2seq.Architectures(), a) {
			return nil, fmt.Errorf("architecture %q is none of %s", a, strings.Join(seq2seq.Architectures(), ", "))
		}
	}
	learn, test, err := corpus.SplitPairs(t.Pairs, t.Share, t.Seed)
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(t.Out, 0o777); err != nil {
		return nil, err
	}
	learned, asked := filepath.Join(t.Out, "train.tsv"), filepath.Join(t.Out, "test.tsv")
	if err := inkstone.WritePairs(learned, learn); err != nil {
		return nil, err
	}
	if err := inkstone.WritePairs(asked, test); err != nil {
		return nil, err
	}
	r := &TranslationReport{Train: len(learn), Test: len(test), Seed: t.Seed}
	for _, baseline := range []func([]corpus.Pair, []corpus.Pair) (TranslationSystem, error){t.memory, t.ibm1} {
		s, err := baseline(learn, test)
		if err != nil {
			return nil, err
		}
		r.Systems = append(r.Systems, s)
	}
	for _, architecture := range t.Architectures {
		s, err := t.train(ctx, architecture, learned, asked)
		if err != nil {
			return nil, err
		}
		r.Systems = append(r.Systems, s)
	}
	for i := 0; i < len(test); i += max(1, len(test)/6) {
		sample := TranslationSample{Source: test[i].Source, Target: test[i].Target}
		for _, s := range r.Systems {
			sample.Outputs = append(sample.Outputs, s.Scores.Targets[i])
		}
		r.Samples = append(r.Samples, sample)
	}
	return r, nil
}

// memory is the baseline that looks the nearest source up.
func (t Translation) memory(learn, test []corpus.Pair) (TranslationSystem, error) {
	began := time.Now()
	sources, targets := make([]string, len(learn)), make([]string, len(learn))
	for i, p := range learn {
		sources[i], targets[i] = p.Source, p.Target
	}
	m := eval.NewTranslationMemory(sources, targets)
	s := TranslationSystem{Name: "translation memory", Train: time.Since(began).Seconds()}
	outputs := make([]string, len(test))
	for i, p := range test {
		outputs[i] = m.Translate(p.Source)
		t.Watch.tell("evaluate", float64(i)/float64(len(test)), "%s", s.Name)
	}
	s.Scores = inkstone.ScoreTranslations(test, outputs)
	return s, nil
}

// ibm1 is the baseline that translates word by word.
func (t Translation) ibm1(learn, test []corpus.Pair) (TranslationSystem, error) {
	began := time.Now()
	t.Watch.tell("evaluate", 0, "IBM model 1")
	sources, targets := make([][]string, len(learn)), make([][]string, len(learn))
	for i, p := range learn {
		sources[i], targets[i] = words(p.Source), eval.TokensZh.Cut(p.Target)
	}
	s := TranslationSystem{Name: "IBM model 1"}
	m, err := eval.TrainIBM1(sources, targets)
	if err != nil {
		return s, err
	}
	s.Train = time.Since(began).Seconds()
	outputs := make([]string, len(test))
	for i, p := range test {
		outputs[i] = eval.Joined(m.Translate(words(p.Source)))
	}
	s.Scores = inkstone.ScoreTranslations(test, outputs)
	return s, nil
}

// words are a source's, small letters and capitals alike; a Chinese sign is a word.
func words(s string) []string { return eval.TokensZh.Cut(strings.ToLower(s)) }

// train trains one architecture and lets it translate the test's sources.
func (t Translation) train(ctx context.Context, architecture, learned, asked string) (TranslationSystem, error) {
	s := TranslationSystem{Name: architecture}
	settings := t.Settings
	settings.Architecture, settings.Minutes, settings.Seed = architecture, t.Minutes, t.Seed
	if settings.Precision == "" {
		d := tensor.CPU(1)
		settings.Precision = fastest(d).String()
		d.Close()
	}
	out := filepath.Join(t.Out, architecture)
	trained, err := inkstone.TrainTranslator(ctx, inkstone.TranslatorOptions{
		Data: []string{learned}, Out: out, Settings: settings, Threads: t.Threads,
		Progress: t.Watch.training("pretrain", time.Duration(t.Minutes*float64(time.Minute))), Notice: func(string) {},
	})
	if err != nil {
		return s, fmt.Errorf("%s: %w", architecture, err)
	}
	s.Parameters, s.Steps, s.Train = trained.Parameters, trained.Steps, trained.Seconds
	if trained.Best != nil {
		s.Loss = *trained.Best
	}
	t.Watch.tell("evaluate", 0, "%s", architecture)
	m, err := inkstone.LoadTranslator(out, &inkstone.LoadOptions{Threads: t.Threads})
	if err != nil {
		return s, err
	}
	defer m.Close()
	s.Scores, err = m.Evaluate(ctx, inkstone.TranslationOptions{
		Data: []string{asked}, TranslateOptions: inkstone.TranslateOptions{Beam: 4, LengthPenalty: 0.6},
	})
	return s, err
}
