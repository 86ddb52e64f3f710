package inkstone_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/inkstone-ai/inkstone"
	"github.com/inkstone-ai/inkstone/train"
)

func writeText(t testing.TB, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
		t.Fatal(err)
	}
	return path
}

// headData are small tasks over the words of rhymes, one for each head.
func headData(t *testing.T) map[string]string {
	animals, places := []string{"cat", "dog", "owl", "fox"}, []string{"mat", "log", "bough", "box"}
	var labels, scores, tags, squad strings.Builder
	squad.WriteString(`{"data":[`)
	for i := range 64 {
		a, p := animals[i%4], places[i/4%4]
		text := fmt.Sprintf("%s the %s sat on the %s .", strings.Repeat("the ", i%5), a, p)
		label := map[bool]string{true: "rhyme", false: "none"}[i%4 == i/4%4]
		fmt.Fprintf(&labels, `{"text":"the %s sat .","pair":"%d on the %s .","label":%q}`+"\n", a, i, p, label)
		fmt.Fprintf(&scores, `{"text":"%d the %s sat .","label":%d}`+"\n", i, a, i%4)
		at := strings.Index(text, a)
		fmt.Fprintf(&tags, `{"text":%q,"spans":[{"start":%d,"end":%d,"label":"ANIMAL"}]}`+"\n", text, at, at+len(a))
		if i > 0 {
			squad.WriteString(",")
		}
		fmt.Fprintf(&squad, `{"title":"%d","paragraphs":[{"context":%q,"qas":[{"question":"sat ?","answers":[{"answer_start":%d,"text":%q}]}]}]}`, i, text, at, a)
	}
	squad.WriteString("]}")
	return map[string]string{
		"classify": writeText(t, "labels.jsonl", labels.String()), "score": writeText(t, "scores.jsonl", scores.String()),
		"tokens": writeText(t, "tags.jsonl", tags.String()), "spans": writeText(t, "squad.json", squad.String()),
	}
}

// encoder is a small BERT, hardly trained, with a context for pairs.
func encoder(t *testing.T) string {
	o := maskedOptions(rhymes(t), filepath.Join(t.TempDir(), "encoder"), 2, 10)
	o.Settings.Context = 40
	return trainMasked(t, o).Dir
}

// TestTuneHead trains each head, finds that it learned, and finds the saved
// folder to say the same; threads and an interruption change nothing.
func TestTuneHead(t *testing.T) {
	from, data := encoder(t), headData(t)
	for name, path := range data {
		t.Run(name, func(t *testing.T) {
			task := strings.Replace(name, "score", "classify", 1)
			options := func(threads, steps int) inkstone.HeadOptions {
				return inkstone.HeadOptions{Task: task, Model: from, Data: []string{path}, Out: filepath.Join(t.TempDir(), "tuned"), Threads: threads,
					Steps: steps, Rows: 8, LR: 3e-3, HeldOut: 0.2, Dropout: 0.1, Seed: 5, CheckpointEvery: 5}
			}
			tune := func(o inkstone.HeadOptions) (*inkstone.Trained, string) {
				r, report, err := inkstone.TuneHead(context.Background(), o)
				if err != nil {
					t.Fatal(err)
				}
				b, err := json.Marshal(report.Rows)
				if err != nil {
					t.Fatal(err)
				}
				return r, string(b)
			}
			one, said := tune(options(1, 8))
			two, _ := tune(options(2, 8))
			killed := options(2, 8)
			ctx, cancel := context.WithCancel(context.Background())
			killed.Progress = func(m train.Metrics) {
				if m.Step == 6 {
					cancel()
				}
			}
			if _, _, err := inkstone.TuneHead(ctx, killed); !errors.Is(err, context.Canceled) {
				t.Fatalf("an interrupted run: %v", err)
			}
			killed.Resume, killed.Progress = true, nil
			again, same := tune(killed)
			if one.WeightsSHA != two.WeightsSHA || one.WeightsSHA != again.WeightsSHA || said != same {
				t.Error("weights or reports depend on the threads or on the interruption")
			}
			m, err := inkstone.LoadMasked(one.Dir, nil)
			if err != nil {
				t.Fatal(err)
			}
			defer m.Close()
			a, errA := m.EvaluateHead(inkstone.EvaluateOptions{Data: []string{path}})
			m2, err := inkstone.LoadMasked(again.Dir, &inkstone.LoadOptions{Threads: 1})
			if err != nil {
				t.Fatal(err)
			}
			defer m2.Close()
			b, errB := m2.EvaluateHead(inkstone.EvaluateOptions{Data: []string{path}})
			if diff := cmp.Diff(a, b); diff != "" || errA != nil || errB != nil {
				t.Errorf("%v %v %s", errA, errB, diff)
			}
			x, errX := m.Say("the cat sat on the mat .", pairOf(task))
			y, errY := m2.Say("the cat sat on the mat .", pairOf(task))
			if diff := cmp.Diff(x, y); diff != "" || errX != nil || errY != nil {
				t.Errorf("%v %v %s", errX, errY, diff)
			}
		})
	}
}

func pairOf(task string) string {
	if task == "spans" {
		return "the owl sat on the bough ."
	}
	return ""
}

// TestHoldOut: examples that share a text, even through others, are on one side; a part of
// about the share is held out, another one with another seed.
func TestHoldOut(t *testing.T) {
	var all [][]string
	for i := range 60 { // chains of three
		all = append(all, []string{fmt.Sprint(i/3, "/", i%3), fmt.Sprint(i/3, "/", i%3+1)})
	}
	parts := map[string]bool{}
	for seed := range uint64(5) {
		learn, held, err := inkstone.HoldOut(all, func(x []string) []string { return x }, 0.2, seed)
		if err != nil {
			t.Fatal(err)
		}
		if len(held) < 9 || len(held) > 18 || len(learn)+len(held) != len(all) {
			t.Errorf("seed %d: %d of %d are held out, %d learned", seed, len(held), len(all), len(learn))
		}
		learned := map[string]bool{}
		for _, x := range learn {
			learned[x[0]], learned[x[1]] = true, true
		}
		for _, x := range held {
			if learned[x[0]] || learned[x[1]] {
				t.Errorf("seed %d: %v is held out and part of it learned", seed, x)
			}
		}
		parts[fmt.Sprint(held)] = true
	}
	if len(parts) < 2 {
		t.Error("the seed does not matter")
	}
}

// TestTuneHeadLearns: the words that stand for animals can be found.
func TestTuneHeadLearns(t *testing.T) {
	data := headData(t)
	for task, least := range map[string]float64{"tokens": 0.9, "spans": 0.8} {
		o := inkstone.HeadOptions{Task: task, Model: encoder(t), Data: []string{data[task]}, Out: filepath.Join(t.TempDir(), "tuned"), Threads: 2, Steps: 80, Rows: 8, LR: 1e-2, HeldOut: 0.2, Seed: 1}
		_, report, err := inkstone.TuneHead(context.Background(), o)
		if err != nil {
			t.Fatal(err)
		}
		if got := report.Rows[0].Value; got < least {
			t.Errorf("%s: %s %.2f, want %.2f at least", task, report.Rows[0].Name, got, least)
		}
	}
}

// TestTuneHeadAgainstAnAdversary: the option reaches the weights of each task; what a
// task can not do is refused.
func TestTuneHeadAgainstAnAdversary(t *testing.T) {
	from, data := encoder(t), headData(t)
	tuned := func(task string, a train.Adversary) (string, error) {
		r, _, err := inkstone.TuneHead(t.Context(), inkstone.HeadOptions{
			Task: task, Model: from, Data: []string{data[task]}, Out: filepath.Join(t.TempDir(), "tuned"), Steps: 3, Rows: 4, HeldOut: 0.25, Adversarial: a,
		})
		if err != nil {
			return "", err
		}
		return r.WeightsSHA, nil
	}
	for _, task := range []string{"classify", "tokens", "spans"} {
		sums := map[string]bool{}
		for _, method := range []string{"", "fgm", "free", "virtual"} {
			a := train.Adversary{Method: method}
			if method != "" {
				a.Epsilon = 0.3
			}
			sum, err := tuned(task, a)
			if refused := method == "virtual" && task != "classify"; refused != (err != nil) {
				t.Fatalf("%s against %q: error %v", task, method, err)
			}
			sums[sum] = true
		}
		if len(sums) != 4 {
			t.Errorf("%s: %d different weights of four adversaries", task, len(sums))
		}
	}
}

// TestTuneHeadResumesTheSameData: a label, a score, a span or an answer that is another
// one now is other data, though the texts are the same.
func TestTuneHeadResumesTheSameData(t *testing.T) {
	from, data := encoder(t), headData(t)
	for name, change := range map[string][2]string{
		"classify": {`"label":"none"}`, `"label":"rhyme"}`}, "score": {`"label":3}`, `"label":2}`},
		"tokens": {`"start":5,"end":8`, `"start":9,"end":12`}, "spans": {`"answer_start":5,"text":"cat"`, `"answer_start":9,"text":"sat"`},
	} {
		o := inkstone.HeadOptions{
			Task: strings.Replace(name, "score", "classify", 1), Model: from, Data: []string{data[name]}, Out: filepath.Join(t.TempDir(), "tuned"),
			Steps: 1, Rows: 2, HeldOut: 0.2, CheckpointEvery: 1,
		}
		if _, _, err := inkstone.TuneHead(t.Context(), o); err != nil {
			t.Fatal(err)
		}
		before := read(t, data[name])
		after := strings.Replace(before, change[0], change[1], 1)
		if before == after {
			t.Fatalf("%s: nothing changed", name)
		}
		o.Data, o.Resume, o.Steps = []string{writeText(t, filepath.Base(data[name]), after)}, true, 1
		if _, _, err := inkstone.TuneHead(t.Context(), o); err == nil || !strings.Contains(err.Error(), "data") {
			t.Errorf("%s: a resume with other truths: %v", name, err)
		}
	}
}

func TestTuneHeadErrors(t *testing.T) {
	from, data, dir := encoder(t), headData(t), t.TempDir()
	long := writeText(t, "long.jsonl", `{"text":"a","label":"x"}`+"\n"+`{"text":"`+strings.Repeat("cat ", 90)+`","label":"y"}`+"\n")
	bare := writeText(t, "bare.jsonl", `{"text":"a","label":"x"}`+"\n"+`{"text":"b"}`+"\n")
	for _, tt := range []struct{ task, model, data, says string }{
		{"poems", from, data["tokens"], `"poems" is none of`},
		{"classify", from, bare, `bare.jsonl: line 2: no "label" in it`},
		{"classify", from, long, "long.jsonl: line 2"},
		{"classify", dir, data["classify"], "config.json"},
		{"spans", from, data["tokens"], "tags.jsonl"},
	} {
		_, _, err := inkstone.TuneHead(context.Background(), inkstone.HeadOptions{Task: tt.task, Model: tt.model, Data: []string{tt.data}, Out: filepath.Join(dir, "out"), HeldOut: 0.5})
		if err == nil || !strings.Contains(err.Error(), tt.says) {
			t.Errorf("%s on %s: %v, want %q", tt.task, tt.data, err, tt.says)
		}
	}
}
