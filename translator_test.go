package inkstone_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/inkstone-ai/inkstone"
	"github.com/inkstone-ai/inkstone/corpus"
	"github.com/inkstone-ai/inkstone/model/seq2seq"
	"github.com/inkstone-ai/inkstone/train"
)

// tinyTranslator is a training of a fraction of a second.
func tinyTranslator(architecture string) inkstone.TranslatorSettings {
	return inkstone.TranslatorSettings{Architecture: architecture, Tokenizer: "char", Width: 16, Layers: 1, Rows: 8, Steps: 12, EvalEvery: 4, CheckpointEvery: 4}
}

func numbers(t *testing.T, n int) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "numbers.tsv")
	if err := inkstone.WritePairs(path, corpus.NumberPairs(n, 1)); err != nil {
		t.Fatal(err)
	}
	return path
}

func eachArchitecture(t *testing.T, run func(t *testing.T, s inkstone.TranslatorSettings)) {
	for _, architecture := range seq2seq.Architectures() {
		t.Run(architecture, func(t *testing.T) { run(t, tinyTranslator(architecture)) })
	}
}

// interruptedTranslator is the outcome of a training that was interrupted after six steps.
func interruptedTranslator(t *testing.T, o inkstone.TranslatorOptions) *inkstone.Trained {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	o.Progress = func(m train.Metrics) {
		if m.Step == 6 {
			cancel()
		}
	}
	if _, err := inkstone.TrainTranslator(ctx, o); !errors.Is(err, context.Canceled) {
		t.Fatalf("the interrupted run: %v", err)
	}
	o.Resume, o.Progress = true, nil
	r, err := inkstone.TrainTranslator(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// TestTranslatorAgainstAnAdversary: each method and none give other weights; a run that
// was interrupted has those of one that was not.
func TestTranslatorAgainstAnAdversary(t *testing.T) {
	data := []string{numbers(t, 200)}
	eachArchitecture(t, func(t *testing.T, s inkstone.TranslatorSettings) {
		sum := map[string]bool{}
		for _, a := range []train.Adversary{{}, {Method: "fgm", Epsilon: 0.1}, {Method: "free", Epsilon: 0.1}, {Method: "virtual", Epsilon: 0.1}} {
			s.Adversarial = a
			o := inkstone.TranslatorOptions{Data: data, Out: filepath.Join(t.TempDir(), "m"), Settings: s, Threads: 1}
			one, err := inkstone.TrainTranslator(t.Context(), o)
			if err != nil {
				t.Fatal(err)
			}
			sum[one.WeightsSHA] = true
			o.Out, o.Threads = filepath.Join(t.TempDir(), "m"), 2
			if two := interruptedTranslator(t, o); two.WeightsSHA != one.WeightsSHA {
				t.Errorf("%s: another result after an interruption", a.Method)
			}
		}
		if len(sum) != 4 {
			t.Errorf("%d different weights of four adversaries", len(sum))
		}
	})
}

// TestTranslatorIsDeterministic: one thread, two threads, and a run that was
// interrupted and resumed have the same weights; what is loaded translates alike.
func TestTranslatorIsDeterministic(t *testing.T) {
	data := []string{numbers(t, 200)}
	eachArchitecture(t, func(t *testing.T, s inkstone.TranslatorSettings) {
		one, err := inkstone.TrainTranslator(t.Context(), inkstone.TranslatorOptions{Data: data, Out: filepath.Join(t.TempDir(), "m"), Settings: s, Threads: 1})
		if err != nil {
			t.Fatal(err)
		}
		two := interruptedTranslator(t, inkstone.TranslatorOptions{Data: data, Out: filepath.Join(t.TempDir(), "m"), Settings: s, Threads: 2})
		if one.WeightsSHA != two.WeightsSHA {
			t.Errorf("weights %s without a stop on one thread, %s with one on two", one.WeightsSHA, two.WeightsSHA)
		}
		if a, b := translated(t, one.Dir, 1), translated(t, two.Dir, 2); a != b {
			t.Errorf("one %s\ntwo %s", a, b)
		}
	})
}

func translated(t *testing.T, dir string, threads int) string {
	t.Helper()
	m, err := inkstone.LoadTranslator(dir, &inkstone.LoadOptions{Threads: threads})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	all, err := m.Translate(t.Context(), []string{"12", "907", "31"}, inkstone.TranslateOptions{Beam: 3, LengthPenalty: 0.6, MaxTokens: 9})
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprint(all)
}

// TestTranslatorLearns: a Transformer learns to spell short numbers backwards, which
// takes cross-attention and positions; the held-out pairs that it wrote are read again.
func TestTranslatorLearns(t *testing.T) {
	var pairs []corpus.Pair
	for i := range 400 {
		x := []byte(fmt.Sprint(100 + i*7%900))
		pairs = append(pairs, corpus.Pair{Source: string(x), Target: string([]byte{x[2], x[1], x[0]})})
	}
	path := filepath.Join(t.TempDir(), "p.tsv")
	if err := inkstone.WritePairs(path, pairs); err != nil {
		t.Fatal(err)
	}
	s := inkstone.TranslatorSettings{Tokenizer: "char", Width: 32, Heads: 2, Layers: 1, Rows: 32, Steps: 250, LR: 1e-2, Dropout: -1, Smoothing: -1, EvalEvery: 50}
	r, err := inkstone.TrainTranslator(t.Context(), inkstone.TranslatorOptions{Data: []string{path}, Out: filepath.Join(t.TempDir(), "m"), Settings: s, Threads: 2})
	if err != nil {
		t.Fatal(err)
	}
	m, err := inkstone.LoadTranslator(r.Dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	report, err := m.Evaluate(t.Context(), inkstone.TranslationOptions{Data: []string{filepath.Join(r.Dir, inkstone.HeldOutFile)}})
	if err != nil {
		t.Fatal(err)
	}
	if report.Pairs < 15 || report.Exact < report.Pairs*9/10 {
		t.Errorf("%d of %d numbers are right", report.Exact, report.Pairs)
	}
	a, err := m.Align(t.Context(), "123")
	if err != nil {
		t.Fatal(err)
	}
	if len(a.Source) != 4 || len(a.Target) != 4 || len(a.Weights) != 4 {
		t.Fatalf("alignment %+v", a)
	}
}

func TestTranslatorErrors(t *testing.T) {
	good := numbers(t, 60)
	bad := func(text string) string {
		path := filepath.Join(t.TempDir(), "bad.tsv")
		if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
		return path
	}
	tests := []struct {
		name   string
		data   string
		change func(s *inkstone.TranslatorSettings)
		says   string
	}{
		{"an empty side", bad("1\tone\n2\t\n"), nil, "bad.tsv: line 2: the target is empty"},
		{"too few", bad("1\tone\n"), nil, "too few to hold out"},
		{"too long", good, func(s *inkstone.TranslatorSettings) { s.Context = 8 }, "numbers.tsv: line "},
		{"architecture", good, func(s *inkstone.TranslatorSettings) { s.Architecture = "cnn" }, `architecture "cnn" is none of`},
		{"heads", good, func(s *inkstone.TranslatorSettings) { s.Heads = 3 }, "must divide"},
		{"heads of a recurrent one", good, func(s *inkstone.TranslatorSettings) { s.Architecture, s.Heads = "fixed", 2 }, "are of the transformer"},
		{"minutes and steps", good, func(s *inkstone.TranslatorSettings) { s.Minutes = 1 }, "stand without steps"},
		{"adversary", good, func(s *inkstone.TranslatorSettings) { s.Adversarial.Method = "pgd" }, "none of fgm, free, virtual"},
		{"negative", good, func(s *inkstone.TranslatorSettings) { s.Rows = -1 }, "rows is -1"},
		{"tokenizer", good, func(s *inkstone.TranslatorSettings) { s.Tokenizer = "nowhere.json" }, "nowhere.json"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := tinyTranslator("")
			if tt.change != nil {
				tt.change(&s)
			}
			out := filepath.Join(t.TempDir(), "m")
			_, err := inkstone.TrainTranslator(t.Context(), inkstone.TranslatorOptions{Data: []string{tt.data}, Out: out, Settings: s})
			if err == nil || !strings.Contains(err.Error(), tt.says) {
				t.Errorf("%v, want %q", err, tt.says)
			}
		})
	}
}
