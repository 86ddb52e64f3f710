package runs_test

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/inkstone-ai/inkstone"
	"github.com/inkstone-ai/inkstone/corpus"
	"github.com/inkstone-ai/inkstone/generate"
	"github.com/inkstone-ai/inkstone/runs"
	"github.com/inkstone-ai/inkstone/runs/embedded"
	"github.com/inkstone-ai/inkstone/tokenizer"
)

// tinyEmbedded is the pipeline on a few packages, in seconds.
func tinyEmbedded(dir string) runs.Embedded {
	return runs.Embedded{Out: dir, Settings: runs.EmbeddedSettings{
		Minutes: 0.03, Packages: []string{"bufio", "container", "errors", "sort", "strings", "text/tabwriter"},
		Choosing: []string{"container/list"}, Held: []string{"text/tabwriter", "container/ring"},
		Vocab: 400, Depth: 1, Width: 128, Hidden: 128, Heads: 2, Context: 128, Rows: 2,
		Passes: 1, Dialogues: 30, TwoMinute: 0.01, Functions: 20, Spans: 10, Seed: 5,
		Type: "F16", // whose bound such a model keeps: its likeliest tokens are near ties
	}}
}

// TestEmbedded runs the whole pipeline, breaks it off in each stage, and goes on.
func TestEmbedded(t *testing.T) {
	if _, err := corpus.GoRoot(t.Context()); err != nil {
		t.Skip("no go command: ", err)
	}
	dir := filepath.Join(t.TempDir(), "run")
	var stages []string
	for range 40 { // each call is broken off in the first stage that those before it did not reach
		ctx, stop := context.WithCancel(t.Context())
		o := tinyEmbedded(dir)
		o.Watch = func(stage string, _ float64, _ string) {
			for _, s := range stages {
				if s == stage {
					return
				}
			}
			stages = append(stages, stage)
			stop()
		}
		card, err := o.Run(ctx)
		stop()
		if err == nil {
			checkEmbedded(t, dir, card, strings.Join(stages, " "))
			return
		}
		if !errors.Is(err, context.Canceled) {
			t.Fatal(err)
		}
	}
	t.Fatalf("it does not come to an end; stages: %v", stages)
}

func checkEmbedded(t *testing.T, dir string, card *runs.EmbeddedCard, stages string) {
	if want := "read tokenizer encode pretrain quantise verify evaluate complete memory"; stages != want {
		t.Errorf("stages %q, want %q", stages, want)
	}
	if card.Steps < 1 || !(card.Loss > 0 && card.Loss < 6) || card.Functions.Heads != 20 || card.Counts.ChoosingTokens == 0 {
		t.Errorf("card: %+v", card)
	}
	for name, bits := range map[string]float64{"model": card.BitsPerByte, "two minutes": card.TwoMinutes.BitsPerByte} {
		if !(bits > 1 && bits < 8) {
			t.Errorf("%s: %g bits per byte", name, bits)
		}
	}
	var kept runs.EmbeddedCard
	data, err := os.ReadFile(filepath.Join(dir, embedded.CardFile))
	if err = errors.Join(err, json.Unmarshal(data, &kept)); err != nil || kept.BitsPerByte != card.BitsPerByte {
		t.Errorf("card on disk: %v, %g bits per byte, want %g", err, kept.BitsPerByte, card.BitsPerByte)
	}
	if text := card.Markdown(); !strings.Contains(text, "BSD-3") || strings.Contains(text, "%!") {
		t.Errorf("card to read:\n%s", text)
	}
	useEmbedded(t, filepath.Join(dir, embedded.ModelFile))

	other := tinyEmbedded(dir)
	other.Settings.Seed = 6
	if _, err := other.Run(t.Context()); err == nil || !strings.Contains(err.Error(), "other settings") {
		t.Errorf("a run of another seed in the same folder: %v", err)
	}
}

// useEmbedded: the one file continues, fills in and converses.
func useEmbedded(t *testing.T, path string) {
	m, err := inkstone.Load(path, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	if _, ok := tokenizer.FIMOf(m.Tokenizer()); !ok {
		t.Error("the file has no tokens to fill in the middle")
	}
	long := strings.Repeat("x := y\n", 200)
	f, err := m.Infill(t.Context(), long, long, inkstone.GenerateOptions{MaxTokens: 8, Sampling: generate.Sampling{}})
	if err != nil {
		t.Fatal(err)
	}
	if f.PrefixLeft == 0 || f.SuffixLeft == 0 {
		t.Errorf("a text longer than the context: %d and %d tokens left out", f.PrefixLeft, f.SuffixLeft)
	}
	n := 0
	for _, err := range f.Tokens {
		if n++; err != nil {
			t.Fatal(err)
		}
	}
	if n == 0 || n > 8 {
		t.Errorf("%d tokens in the middle", n)
	}
	if _, err := m.Infill(t.Context(), "a", "b", inkstone.GenerateOptions{MaxTokens: 126}); err == nil {
		t.Error("no error for a middle as long as the context")
	}
	talk, err := m.Chat(inkstone.ChatOptions{MaxTokens: 4})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := talk.Say(t.Context(), "Where is Tom?"); err != nil {
		t.Error(err)
	}
}

// TestEmbeddedSettings: what cannot be is an error before any work.
func TestEmbeddedSettings(t *testing.T) {
	dir := t.TempDir()
	write := func(text string) string {
		path := filepath.Join(dir, "c.json")
		if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
		return path
	}
	if s, err := runs.ReadEmbeddedSettings(write(`{"depth": 2}`)); err != nil || s.Depth != 2 {
		t.Errorf("%+v, %v", s, err)
	}
	for _, text := range []string{`{"deep": 2}`, `{"depth": 2} {}`, `[]`} {
		if _, err := runs.ReadEmbeddedSettings(write(text)); err == nil {
			t.Errorf("no error for %s", text)
		}
	}
	for want, s := range map[string]runs.EmbeddedSettings{
		"no package no/such": {Held: []string{"no/such"}}, "depth is -1": {Depth: -1}, "leave no source": {Packages: []string{"no/such"}},
	} {
		o := runs.Embedded{Out: filepath.Join(dir, "out"), Settings: s}
		if _, err := o.Run(t.Context()); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want an error with %q", err, want)
		}
	}
}
