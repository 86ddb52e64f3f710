package bench_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/inkstone-ai/inkstone/bench"
)

// TestRun measures everything as shortly as can be: each path runs, and no share
// passes its roof by more than the noise of one short sample.
func TestRun(t *testing.T) {
	if testing.Short() {
		t.Skip("takes gigabytes of memory and some seconds")
	}
	r, err := bench.Run(t.Context(), bench.Options{Threads: 2, Rounds: 1, Sample: time.Nanosecond, Memory: 400e6})
	if err != nil {
		t.Fatal(err)
	}
	shares := 0
	for _, row := range r.Rows {
		if row.Median <= 0 || row.Low > row.Median || row.Median > row.High {
			t.Errorf("%s: %v ≤ %v ≤ %v", row.Name, row.Low, row.Median, row.High)
		}
		if row.Share != nil {
			shares++
		} else if row.Roof != "" {
			t.Errorf("%s: its roof %q was not measured", row.Name, row.Roof)
		}
	}
	if shares < 20 {
		t.Errorf("%d rows have a share of a roof", shares)
	}
	if absent := strings.Join(r.Absent, "\n"); !strings.Contains(absent, "training step C: needs") || !strings.Contains(absent, "decode step: needs") {
		t.Errorf("models of gigabytes fit 400 MB: absent are\n%s", absent)
	}
	compare(t, r)
}

// compare writes the report, reads it back, and is as fast as itself.
func compare(t *testing.T, r bench.Report) {
	path := filepath.Join(t.TempDir(), "old.json")
	b, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, b, 0o666); err != nil {
		t.Fatal(err)
	}
	old, err := bench.Read(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range r.Rows {
		if times, ok := row.Speedup(old); !ok || times != 1 {
			t.Errorf("%s: %v times faster than itself, %v", row.Name, times, ok)
		}
	}
	twice := r.Rows[0]
	twice.Median *= 2
	if times, _ := twice.Speedup(old); times != 2 {
		t.Errorf("twice as much is %v times faster", times)
	}
	slow := bench.Row{Name: "x", Unit: "ns", Median: 20}
	if times, _ := slow.Speedup(bench.Report{Rows: []bench.Row{{Name: "x", Unit: "ns", Median: 10}}}); times != 0.5 {
		t.Errorf("twice the nanoseconds are %v times faster", times)
	}
	if _, ok := twice.Speedup(bench.Report{}); ok {
		t.Error("an empty report has a row")
	}
}

func TestReadRefuses(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{"no JSON": "x", "another object": `{"loss":1}`} {
		path := filepath.Join(dir, "r.json")
		if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
		if _, err := bench.Read(path); err == nil || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := bench.Read(filepath.Join(dir, "absent.json")); err == nil {
		t.Error("an absent file gave no error")
	}
}
