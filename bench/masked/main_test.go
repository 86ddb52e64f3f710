package main

import (
	"bytes"
	"encoding/json"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/inkstone-ai/inkstone/corpus"
	"github.com/inkstone-ai/inkstone/internal/testkit"
)

// TestWhole goes through all tasks with a handful of updates; a second call finds the
// models and says the same.
func TestWhole(t *testing.T) {
	t.Setenv("INKSTONE_DATA", filepath.Dir(testkit.Data(t, "qa-xquad")))
	dir := t.TempDir()
	var all [2][]Result
	for i := range all {
		var out, log bytes.Buffer
		if err := command(t.Context(), []string{"-small", "-json", "-seeds", "2", "-threads", "1", "-out", dir}, &out, &log); err != nil {
			t.Fatalf("%v\n%s", err, &log)
		}
		if err := json.Unmarshal(out.Bytes(), &all[i]); err != nil {
			t.Fatal(err)
		}
	}
	if len(all[0]) != len(tasks()) {
		t.Fatalf("%d results of the tasks %v", len(all[0]), tasks())
	}
	for i, r := range all[0] {
		seeds := 2
		if r.Task == "fill-mask" {
			seeds = 1
		}
		if len(r.Scores) != seeds || len(r.Baselines) == 0 || r.Of == 0 {
			t.Errorf("%+v", r)
		}
		if !slices.Equal(r.Scores, all[1][i].Scores) {
			t.Errorf("%s: %v, and then %v", r.Task, r.Scores, all[1][i].Scores)
		}
	}
	var text bytes.Buffer
	if err := table(&text, all[0]); err != nil || strings.Count(text.String(), "\n") != len(tasks())+1 {
		t.Errorf("%v\n%s", err, &text)
	}
}

// TestNothingTestedIsLearned: no sentence, article or template of a test is in what
// encoders and heads learn from; with -dev the test is in no file at all.
func TestNothingTestedIsLearned(t *testing.T) {
	data := filepath.Dir(testkit.Data(t, "qa-xquad"))
	tested := map[string]bool{}
	for _, dev := range []bool{false, true} {
		e := experiment{data: data, out: t.TempDir(), dev: dev}
		if err := e.prepare(); err != nil {
			t.Fatal(err)
		}
		read := func(name string) string { return string(testkit.ReadFile(t, e.path(name))) }
		learned := read("english.txt") + read("chinese.txt") + read("classify-learn.jsonl") + read("spans-learn.json") + read("tokens-learn.jsonl")
		for s := range tested {
			if strings.Contains(learned, s) || strings.Contains(read("english-held.txt"), s) {
				t.Errorf("-dev uses %.60q of the test", s)
			}
		}
		texts := e.tested(t)
		if len(texts) < 300 {
			t.Errorf("only %d texts are tested", len(texts))
		}
		for _, s := range texts {
			if strings.Contains(learned, s) {
				t.Errorf("%.60q is learned and tested", s)
			}
			tested[s] = true
		}
	}
}

// tested are the texts of the tests, short ones apart.
func (e *experiment) tested(t *testing.T) (texts []string) {
	pairs, err := corpus.LabelledTexts(nil, e.path("classify-test.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range pairs {
		texts = append(texts, x.Text, x.Pair)
	}
	questions, err := corpus.Questions(nil, e.path("spans-test.json"))
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range questions {
		texts = append(texts, x.Context)
	}
	tagged, err := corpus.TaggedTexts(nil, e.path("tokens-test.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range tagged {
		texts = append(texts, x.Text)
	}
	return slices.DeleteFunc(texts, func(s string) bool { return len(s) < 36 })
}

// TestDivide: what is linked, even through others, stands on one side.
func TestDivide(t *testing.T) {
	words := strings.Fields("ab cd bc ef gh hi jk lm")
	keys := func(w string) []string { return strings.Split(w, "") }
	p := divide(words, keys, 3, false) // groups: ab cd bc, ef, gh hi, jk, lm
	if got := strings.Join(p.test, " "); got != "gh hi" {
		t.Errorf("the test is %s", got)
	}
	d := divide(words, keys, 3, true)
	if got := strings.Join(d.test, " ") + " / " + strings.Join(d.learn, " "); got != "ef lm / ab cd bc jk" {
		t.Errorf("test / learned are %s", got)
	}
}

func TestRefuses(t *testing.T) {
	for _, tt := range []struct{ args, says string }{
		{"-data none", "none"},
		{"-only poems", `"poems" is none of`},
		{"-steps 0", "at least one"},
		{"docs", "only flags"},
	} {
		var out, log bytes.Buffer
		if err := command(t.Context(), strings.Fields(tt.args), &out, &log); err == nil || !strings.Contains(err.Error(), tt.says) {
			t.Errorf("%s: %v, want %q", tt.args, err, tt.says)
		}
	}
}
