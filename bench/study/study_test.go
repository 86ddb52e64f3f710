package main

import (
	"bytes"
	"context"
	"encoding/json"
	"image/png"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/inkstone-ai/inkstone"
	"github.com/inkstone-ai/inkstone/bench"
	"github.com/inkstone-ai/inkstone/internal/testkit"
	"github.com/inkstone-ai/inkstone/train"
)

// TestMain lets the test's own binary be the process of a point.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == "point" {
		if err := command(context.Background(), os.Args[1:]); err != nil {
			os.Stderr.WriteString(err.Error())
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// TestStudyIsDrawn: the table of the program is what the command draws, in order, so
// that anyone can make it again.
func TestStudyIsDrawn(t *testing.T) {
	have, err := results("../../train/study.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	want := wholeStudy()
	if len(have) != len(want) {
		t.Fatalf("the table has %d runs, the command draws %d", len(have), len(want))
	}
	for i, r := range have {
		if u := want[i]; r.ID != u.id || r.Share != u.share || r.Depth != u.settings.Depth || r.Text != u.text.name {
			t.Errorf("line %d is %s of depth %d, drawn is %s of depth %d", i+1, r.ID, r.Depth, u.id, u.settings.Depth)
		}
	}
}

// TestUnseenIsUnseen: no text of the check is in the study.
func TestUnseenIsUnseen(t *testing.T) {
	seen := map[string]bool{}
	for _, x := range train.Study() {
		seen[x.Text] = true
	}
	for _, u := range unseen {
		if seen[u.name] {
			t.Errorf("%s is in the study", u.name)
		}
	}
}

// TestTextsAreThere reads every text, where the shared data are.
func TestTextsAreThere(t *testing.T) {
	data := testkit.Data(t, "")
	for _, x := range slices.Concat(first, second, third, unseen) {
		docs, err := x.read(t.Context(), data)
		if err != nil {
			t.Errorf("%s: %v", x.name, err)
		}
		if n := len(strings.Join(docs, "")); n < 50_000 {
			t.Errorf("%s has %d bytes", x.name, n)
		}
	}
}

// TestLossesResume: a second call trains what the file lacks, and nothing twice.
func TestLossesResume(t *testing.T) {
	tiny := text{"tiny", func(context.Context, string) ([]string, error) {
		return []string{strings.Repeat("the ink of the stone is black, the paper of the book is white\n", 200)}, nil
	}}
	s := inkstone.Settings{Depth: 1, Width: 16, Heads: 2, Context: 16, Rows: 2, Tokenizer: "byte"}
	runs := []run{{id: "a", text: tiny, share: 1, settings: s, tokens: 320}, {id: "b", text: tiny, share: 2, settings: s, tokens: 640}}
	o := options{out: filepath.Join(t.TempDir(), "runs.jsonl"), threads: 1}
	if err := losses(t.Context(), runs[:1], o); err != nil {
		t.Fatal(err)
	}
	first, err := os.ReadFile(o.out)
	if err != nil {
		t.Fatal(err)
	}
	if err := check(t.Context(), runs, o); err != nil {
		t.Fatal(err)
	}
	both, err := os.ReadFile(o.out)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.HasPrefix(both, first) || bytes.Count(both, []byte("\n")) != 2 {
		t.Errorf("after the second call the file is\n%s", both)
	}
	all, err := results(o.out)
	if err != nil {
		t.Fatal(err)
	}
	if a, b := all[0], all[1]; a.Tokens != 320 || b.Tokens != 640 || b.Unique >= a.Unique || a.Loss <= 0 {
		t.Errorf("the file says %+v and %+v", a, b)
	}
}

// TestScale measures two tiny sweeps, each point in a process of its own.
func TestScale(t *testing.T) {
	c := bench.Configuration{Name: "tiny", Layers: 1, Width: 16, Heads: 1, Context: 16, Rows: 2, Vocab: 64}
	large := c
	large.Vocab = 100_000
	o := options{out: t.TempDir(), threads: 1}
	all := []sweep{
		{Name: "parameters", What: "parameters", rounds: 3, Points: []point{{Configuration: c, X: weights(c)}, {Configuration: large, X: weights(large)}}},
		{Name: "threads", What: "threads", rounds: 1, Points: []point{{Configuration: c, X: 2, Threads: 2}}},
	}
	if err := scale(t.Context(), all, o); err != nil {
		t.Fatal(err)
	}
	for _, p := range all[0].Points { // the median of three rounds
		if r := p.Report.RoofShare; !(0 < p.Lowest && p.Lowest <= r && r <= p.Highest && p.Lowest < p.Highest) {
			t.Errorf("%s: %g is not the middle of %g to %g", p.Configuration, r, p.Lowest, p.Highest)
		}
	}
	for _, name := range []string{"scale-parameters.png", "scale-share.png", "scale-threads.png"} {
		b, err := os.ReadFile(filepath.Join(o.out, name))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := png.Decode(bytes.NewReader(b)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	b, err := os.ReadFile(filepath.Join(o.out, "scale.json"))
	if err != nil {
		t.Fatal(err)
	}
	var got []sweep
	if err := json.Unmarshal(b, &got); err != nil {
		t.Fatal(err)
	}
	small, big := got[0].Points[0].Report, got[0].Points[1].Report
	if small.TokensPerSecond <= big.TokensPerSecond || small.PeakBytes > 0 && small.PeakBytes+16e6 > big.PeakBytes {
		t.Errorf("small %+v, large %+v: want a process of its own for each", small, big)
	}
	if n := got[1].Points[0].Report.Machine.Threads; n != 2 {
		t.Errorf("the last point had %d threads", n)
	}
}

// TestFigures: four pictures, each of runs that differ in one thing and name it.
func TestFigures(t *testing.T) {
	files := map[string]bool{}
	for _, f := range figures() {
		files[f.file] = true
		names := map[string]bool{}
		for _, c := range f.runs {
			names[c.name] = true
		}
		if len(names) != len(f.runs) || len(names) < 2 {
			t.Errorf("%s has lines %v", f.file, names)
		}
	}
	if len(files) != 4 {
		t.Errorf("figures %v", files)
	}
}

func TestCommandRefuses(t *testing.T) {
	for _, test := range [][]string{{}, {"nothing"}, {"losses"}, {"scale", "-nonsense"}} {
		if err := command(t.Context(), test); err == nil {
			t.Errorf("%q: no error", test)
		}
	}
}
