package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/inkstone-ai/inkstone/internal/testkit"
)

// TestWhole goes through the experiment with two methods and a handful of updates.
func TestWhole(t *testing.T) {
	t.Setenv("INKSTONE_DATA", filepath.Dir(testkit.Data(t, "safety-bias")))
	out := t.TempDir()
	err := run(t.Context(), []string{"-out", out, "-seeds", "1", "-methods", "none,virtual", "-steps", "3", "-epochs", "1", "-sentences", "40"})
	if err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(filepath.Join(out, "adversary.json"))
	if err != nil {
		t.Fatal(err)
	}
	var results []Result
	if err := json.Unmarshal(b, &results); err != nil {
		t.Fatal(err)
	}
	if len(results) != 2 || len(results[1].Accuracy) != len(harms) || len(results[1].Accuracy["words:0.4"]) != 1 {
		t.Errorf("results %+v", results)
	}
}

// TestPairsStayTogether: no sentence is learned whose pair is tested.
func TestPairsStayTogether(t *testing.T) {
	learn, test, err := readPairs(filepath.Join(testkit.Data(t, "safety-bias"), "crows_pairs_anonymized.csv.gz"))
	if err != nil {
		t.Fatal(err)
	}
	if len(learn) != 2*1207 || len(test) != 2*301 {
		t.Errorf("%d sentences to learn and %d to test, of 1,508 pairs", len(learn), len(test))
	}
	if got := mostFrequent([]sentence{{"", "a"}, {"", "b"}, {"", "b"}}, []sentence{{"", "b"}, {"", "a"}}); got != 50 {
		t.Errorf("the most frequent label has %v %%, want 50", got)
	}
}

func TestRefuses(t *testing.T) {
	t.Setenv("INKSTONE_DATA", t.TempDir())
	if err := run(t.Context(), nil); err == nil || !strings.Contains(err.Error(), "the data are missing") {
		t.Errorf("error %v, want one about missing data", err)
	}
	if err := run(t.Context(), []string{"docs"}); err == nil || !strings.Contains(err.Error(), "there are only flags") {
		t.Errorf("error %v, want one about the argument", err)
	}
}
