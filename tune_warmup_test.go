package inkstone_test

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/inkstone-ai/inkstone"
	"github.com/inkstone-ai/inkstone/train"
)

// TestTuneHeadWarmsUp: examples of plain text come first; the tuning begins with the head
// that they made, and an interruption of either run changes nothing.
func TestTuneHeadWarmsUp(t *testing.T) {
	from, data := encoder(t), headData(t)
	text := writeText(t, "story.txt", strings.Repeat("the cat sat on the mat and the log . the owl and the dog sat on the box . \n", 3))
	for name, task := range map[string]string{"score": "classify", "spans": "spans"} {
		t.Run(name, func(t *testing.T) {
			options := func() inkstone.HeadOptions {
				return inkstone.HeadOptions{Task: task, Model: from, Data: []string{data[name]}, Out: filepath.Join(t.TempDir(), "tuned"),
					Steps: 4, Rows: 4, HeldOut: 0.2, Seed: 5, CheckpointEvery: 2, WarmUp: []string{text}, WarmUpSteps: 6}
			}
			whole := options()
			one, _, err := inkstone.TuneHead(t.Context(), whole)
			if err != nil {
				t.Fatal(err)
			}
			bare := options()
			bare.WarmUp, bare.Model = nil, filepath.Join(whole.Out, "warmup")
			two, _, err := inkstone.TuneHead(t.Context(), bare)
			if err != nil {
				t.Fatal(err)
			}
			if one.WeightsSHA != two.WeightsSHA {
				t.Error("a tuning of the warmed-up folder is another one")
			}
			killed := options()
			for run, at := range []int{5, 3} { // in the warm-up, whose steps have 4 behind them; in the tuning
				if runs := interrupted(t, killed, at); runs != run+1 {
					t.Errorf("interruption %d came in run %d", run+1, runs)
				}
				killed.Resume = true
			}
			three, _, err := inkstone.TuneHead(t.Context(), killed)
			if err != nil || three.WeightsSHA != one.WeightsSHA {
				t.Errorf("interruptions changed the weights, or %v", err)
			}
			var kept struct {
				WarmUp []string `json:"warm_up"`
				Steps  int      `json:"warm_up_steps"`
			}
			b, err := os.ReadFile(filepath.Join(one.Dir, "tune.json"))
			if err := errors.Join(err, json.Unmarshal(b, &kept)); err != nil || len(kept.WarmUp) != 1 || kept.Steps != 6 {
				t.Errorf("tune.json says %+v, %v", kept, err)
			}
		})
	}
}

// interrupted runs o until the step at of the run that is under way has happened, and
// returns the number of runs that had begun.
func interrupted(t *testing.T, o inkstone.HeadOptions, at int) (runs int) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	o.Planned = func(inkstone.Announcement) { runs++ }
	o.Progress = func(m train.Metrics) {
		if m.Step == at {
			cancel()
		}
	}
	if _, _, err := inkstone.TuneHead(ctx, o); !errors.Is(err, context.Canceled) {
		t.Fatalf("an interrupted run: %v", err)
	}
	return runs
}

// TestTuneHeadWarmUpRefuses: what plain text cannot teach is an error that says so.
func TestTuneHeadWarmUpRefuses(t *testing.T) {
	from, data, text := encoder(t), headData(t), rhymes(t)
	for _, tt := range []struct{ task, data, text, says string }{
		{"classify", data["classify"], text, "no warm-up can be made of plain text for labels"},
		{"tokens", data["tokens"], text, "no warm-up can be made of plain text for labels"},
		{"spans", data["spans"], writeText(t, "short.txt", "Too short.\n"), "no sentence of 7 words"},
		{"classify", data["score"], writeText(t, "one.txt", "One sentence alone stands here.\n"), "fewer than two sentences"},
		{"spans", data["spans"], filepath.Join(t.TempDir(), "absent.txt"), "absent.txt"},
	} {
		_, _, err := inkstone.TuneHead(t.Context(), inkstone.HeadOptions{Task: tt.task, Model: from, Data: []string{tt.data},
			Out: filepath.Join(t.TempDir(), "out"), HeldOut: 0.2, WarmUp: []string{tt.text}, WarmUpSteps: 2})
		if err == nil || !strings.Contains(err.Error(), tt.says) {
			t.Errorf("%s of %s: %v, want %q", tt.task, tt.text, err, tt.says)
		}
	}
}
