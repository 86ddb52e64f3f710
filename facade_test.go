package inkstone_test

import (
	"context"
	"errors"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/inkstone-ai/inkstone"
	"github.com/inkstone-ai/inkstone/format"
	"github.com/inkstone-ai/inkstone/generate"
	"github.com/inkstone-ai/inkstone/train"
)

// tiny is a run of a fraction of a second.
func tiny() inkstone.Settings {
	return inkstone.Settings{Depth: 1, Width: 16, Heads: 2, Context: 16, Rows: 2, Steps: 8, Tokenizer: "char", EvalEvery: 8, CheckpointEvery: 8}
}

// book writes a text into a file of its own.
func book(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "book.txt")
	write(path, text)
	return path
}

func mustTrain(t *testing.T, o inkstone.TrainOptions) *inkstone.Trained {
	t.Helper()
	if o.Out == "" {
		o.Out = filepath.Join(t.TempDir(), "model")
	}
	r, err := inkstone.Train(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func load(t *testing.T, dir string, threads int) *inkstone.Model {
	t.Helper()
	m, err := inkstone.Load(dir, &inkstone.LoadOptions{Threads: threads})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.Close() })
	return m
}

// TestSaveLoses nothing: the loss that the run measured in memory is the one that
// the folder's model has on the same text, and a folder that is written anew
// continues a text with the same tokens.
func TestSaveLosesNothing(t *testing.T) {
	text := strings.Repeat(counting, 40)
	for _, kind := range []string{"llama", "gpt2", "inkstone_canon_llama"} {
		t.Run(kind, func(t *testing.T) {
			s := tiny()
			s.Model = kind
			r := mustTrain(t, inkstone.TrainOptions{Data: []string{book(t, text)}, Settings: s})
			m := load(t, r.Dir, 2)
			held := book(t, text[len(text)*9/10:])
			report, err := m.Evaluate(t.Context(), inkstone.EvaluateOptions{Data: []string{held}})
			if err != nil {
				t.Fatal(err)
			}
			if got := report.Rows[0].Value; math.Abs(got-*r.Best) > 1e-6 {
				t.Errorf("the loaded model's loss on the held-out text is %v, the run's was %v", got, *r.Best)
			}
			again := mustTrain(t, inkstone.TrainOptions{Data: []string{book(t, text)}, Settings: s, Threads: 1})
			if got, want := continued(t, load(t, again.Dir, 1)), continued(t, m); !slices.Equal(got, want) {
				t.Errorf("greedy ids %v, of the first model %v", got, want)
			}
		})
	}
}

func continued(t *testing.T, m *inkstone.Model) (ids []int32) {
	t.Helper()
	for token, err := range m.Generate(t.Context(), "one two", inkstone.GenerateOptions{MaxTokens: 9}) {
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, token.ID)
	}
	return ids
}

// TestHeldOutIsNotLearned: another end of the text, of the same length and
// characters, leaves every weight as it was, and what stands there alone is not in
// a vocabulary of words.
func TestHeldOutIsNotLearned(t *testing.T) {
	front := strings.Repeat(counting, 36)
	end := strings.Repeat(counting, 4)
	other := strings.Repeat("ten nine eight seven six five four three two one\n", 4)
	x := mustTrain(t, inkstone.TrainOptions{Data: []string{book(t, front+end)}, Settings: tiny()})
	y := mustTrain(t, inkstone.TrainOptions{Data: []string{book(t, front+other)}, Settings: tiny()})
	if x.WeightsSHA != y.WeightsSHA {
		t.Error("the weights depend on the held-out text")
	}
	if *x.Best == *y.Best {
		t.Error("the held-out loss does not depend on the held-out text")
	}
	s := tiny()
	s.Tokenizer = "word"
	z := mustTrain(t, inkstone.TrainOptions{Data: []string{book(t, front+strings.Repeat("eleven twelve\n", 14))}, Settings: s})
	tok := load(t, z.Dir, 1).Tokenizer()
	if _, ok := tok.ID("eleven"); ok {
		t.Error("a word of the held-out text is in the vocabulary")
	}
	if _, ok := tok.ID("ten"); !ok {
		t.Error("a word of the training text is not in the vocabulary")
	}
}

// TestBestIsKept: where the held-out loss rises in the end, the folder has the
// weights from before.
func TestBestIsKept(t *testing.T) {
	end := strings.Repeat("ten nine eight seven six five four three two one\n", 4)
	s := tiny()
	s.Steps, s.EvalEvery, s.Width, s.LR = 200, 20, 32, 0.02
	r := mustTrain(t, inkstone.TrainOptions{Data: []string{book(t, strings.Repeat(counting, 36)+end)}, Settings: s})
	if r.BestStep >= r.Steps {
		t.Fatalf("the best step is %d of %d: this run shows nothing", r.BestStep, r.Steps)
	}
	report, err := load(t, r.Dir, 1).Evaluate(t.Context(), inkstone.EvaluateOptions{Data: []string{book(t, end)}})
	if err != nil {
		t.Fatal(err)
	}
	if got := report.Rows[0].Value; math.Abs(got-*r.Best) > 1e-6 {
		t.Errorf("the folder's model has a loss of %v, the best was %v", got, *r.Best)
	}
}

// TestResume: a run that ctx ended goes on to the weights of one that it did not
// end, with another number of threads.
func TestResume(t *testing.T) {
	s := tiny()
	s.Steps, s.EvalEvery, s.CheckpointEvery = 30, 10, 100
	data := []string{book(t, strings.Repeat(counting, 40))}
	want := mustTrain(t, inkstone.TrainOptions{Data: data, Settings: s, Threads: 2})
	out := filepath.Join(t.TempDir(), "model")
	for i, stop := range []int{7, 19} {
		ctx, cancel := context.WithCancel(t.Context())
		_, err := inkstone.Train(ctx, inkstone.TrainOptions{
			Data: data, Settings: s, Out: out, Resume: i > 0, Threads: 1 + i,
			Progress: func(m train.Metrics) {
				if m.Step == stop {
					cancel()
				}
			},
		})
		if !errors.Is(err, context.Canceled) {
			t.Fatalf("stopped at step %d: got %v, want %v", stop, err, context.Canceled)
		}
	}
	got := mustTrain(t, inkstone.TrainOptions{Data: data, Settings: s, Out: out, Resume: true, Threads: 1})
	if got.WeightsSHA != want.WeightsSHA || *got.Best != *want.Best || got.BestStep != want.BestStep {
		t.Errorf("resumed: %+v with best %v\nundisturbed: %+v with best %v", got, *got.Best, want, *want.Best)
	}
}

// TestCheckpoint: block checkpointing changes memory and no bit of the weights, so a
// run may be resumed with it; dropout draws the same numbers.
func TestCheckpoint(t *testing.T) {
	data := []string{book(t, strings.Repeat(counting, 40))}
	for _, kind := range []string{"gpt2", "llama", "inkstone_canon_llama"} {
		s := tiny()
		s.Model, s.Depth = kind, 3
		if kind == "gpt2" {
			s.Dropout = 0.2
		}
		o := inkstone.TrainOptions{Data: data, Settings: s}
		plain := mustTrain(t, o)
		less := o
		less.Settings.Checkpoint = true
		if got := mustTrain(t, less); got.WeightsSHA != plain.WeightsSHA {
			t.Errorf("%s: the weights are %s with checkpoints and %s without", kind, got.WeightsSHA, plain.WeightsSHA)
		} else if stored, err := inkstone.ReadSettings(filepath.Join(got.Dir, inkstone.SettingsFile)); err != nil || !stored.Checkpoint {
			t.Errorf("%s: stored %+v, %v", kind, stored, err)
		}
		less.Out, less.Resume = plain.Dir, true
		if got := mustTrain(t, less); got.WeightsSHA != plain.WeightsSHA {
			t.Errorf("%s: resumed with checkpoints, the weights are %s, want %s", kind, got.WeightsSHA, plain.WeightsSHA)
		}
		more, err := inkstone.Plan(t.Context(), o, 0)
		if err != nil {
			t.Fatal(err)
		}
		less.Out, less.Resume = "", false
		if p, err := inkstone.Plan(t.Context(), less, 0); err != nil || !p.Checkpoint || p.Activations >= more.Activations {
			t.Errorf("%s: planned %+v, %v; without checkpoints %+v", kind, p, err, more)
		}
	}
}

// TestFitInto: a run that fits the memory with checkpoints alone gets them, and is told.
func TestFitInto(t *testing.T) {
	s := tiny()
	s.Depth = 6
	plan, err := inkstone.Plan(t.Context(), inkstone.TrainOptions{Data: []string{book(t, strings.Repeat(counting, 40))}, Settings: s}, 0)
	if err != nil {
		t.Fatal(err)
	}
	less := plan.Checkpointed()
	tests := []struct {
		name       string
		plan       train.Plan
		free       int64
		checkpoint bool
		notices    int
		refused    bool
	}{
		{"enough", plan, plan.Total, false, 0, false},
		{"a byte too few", plan, plan.Total - 1, true, 1, false},
		{"just enough with checkpoints", plan, less.Total, true, 1, false},
		{"too few for either", plan, less.Total - 1, false, 0, true},
		{"asked for, enough", less, plan.Total, true, 0, false},
		{"asked for, too few", less, less.Total - 1, true, 0, true},
	}
	for _, tt := range tests {
		var notices []string
		checkpoint, err := inkstone.FitInto(tt.plan, tt.free, func(text string) { notices = append(notices, text) })
		if checkpoint != tt.checkpoint || len(notices) != tt.notices || (err != nil) != tt.refused {
			t.Errorf("%s: checkpoint %v, notices %q, %v", tt.name, checkpoint, notices, err)
		}
		for _, text := range notices {
			if !strings.Contains(text, train.Bytes(less.Total)) || !strings.Contains(text, "checkpoints its blocks") {
				t.Errorf("%s: the notice is %q", tt.name, text)
			}
		}
	}
}

// TestPlanned: what is announced is what happens, and the plan is of the same run.
func TestPlanned(t *testing.T) {
	data := []string{book(t, strings.Repeat(counting, 40))}
	var a inkstone.Announcement
	steps, evaluations := 0, 0
	o := inkstone.TrainOptions{Data: data, Settings: tiny(), Out: filepath.Join(t.TempDir(), "model")}
	o.Planned = func(x inkstone.Announcement) { a = x }
	o.Progress = func(m train.Metrics) {
		if m.Evaluation != nil {
			evaluations++
		} else {
			steps++
		}
	}
	r := mustTrain(t, o)
	if a.Steps != steps || int64(r.Parameters) != a.Parameters || evaluations != 1 || a.TokensPerStep != 32 {
		t.Errorf("announced %+v; there were %d steps, %d evaluations, %d parameters", a, steps, evaluations, r.Parameters)
	}
	if all := a.TrainTokens + a.HeldTokens; all != int64(40*len(counting)) || a.HeldTokens != all/10 {
		t.Errorf("%d tokens to train on and %d held out of %d characters", a.TrainTokens, a.HeldTokens, 40*len(counting))
	}
	o.Planned, o.Progress, o.Out = nil, nil, ""
	p, err := inkstone.Plan(t.Context(), o, time.Millisecond)
	if err != nil {
		t.Fatal(err)
	}
	if p.Parameters != a.Parameters || p.Tokens != int64(steps*a.TokensPerStep) || p.TokensPerSecond == nil || p.Seconds == nil {
		t.Errorf("the plan is %+v, the run was %+v", p, a)
	}
}

// TestRefused: what cannot be done is refused before anything is written.
func TestRefused(t *testing.T) {
	data := []string{book(t, strings.Repeat(counting, 40))}
	out := filepath.Join(t.TempDir(), "model")
	done, cancel := context.WithCancel(t.Context())
	cancel()
	tests := []struct {
		name string
		ctx  context.Context
		o    inkstone.TrainOptions
		want string
	}{
		{"no output", t.Context(), inkstone.TrainOptions{Data: data}, "no output folder"},
		{"no data", t.Context(), inkstone.TrainOptions{Out: out}, "no path given"},
		{"ended", done, inkstone.TrainOptions{Data: data, Out: out, Settings: tiny()}, "interrupted before the first step"},
		{"short", t.Context(), inkstone.TrainOptions{Data: []string{book(t, "a few words of text")}, Out: out}, "too few for one context of 256 and the token after it: give more text, or set a smaller context"},
		{"wide", t.Context(), inkstone.TrainOptions{Data: data, Out: out, Settings: inkstone.Settings{Width: 30, Heads: 4}}, "width 30 is not a multiple of heads 4"},
		{"odd", t.Context(), inkstone.TrainOptions{Data: data, Out: out, Settings: inkstone.Settings{Width: 18, Heads: 2}}, "head_dim 9 is odd"},
		{"giant", t.Context(), inkstone.TrainOptions{Data: data, Out: out, Settings: inkstone.Settings{Depth: 96, Width: 1 << 16, Context: 16}}, "too few:"},
		{"model", t.Context(), inkstone.TrainOptions{Data: data, Out: out, Settings: inkstone.Settings{Model: "mamba"}}, `model "mamba" is none of`},
		{"tokenizer", t.Context(), inkstone.TrainOptions{Data: data, Out: out, Settings: inkstone.Settings{Tokenizer: "none"}}, "none"},
	}
	if runtime.GOOS == "linux" { // a folder in which not even root can write
		tests = append(tests, tests[0])
		last := &tests[len(tests)-1]
		last.name, last.want = "read-only", "train: the folder /proc can not be written: no such file"
		last.o.Out = "/proc/ink/m"
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, err := inkstone.Train(test.ctx, test.o)
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want %q", err, test.want)
			}
		})
	}
	if _, err := os.Stat(out); err == nil {
		t.Errorf("%s was made by a run that was refused", out)
	}
}

// TestOneRunAFolder: the lock is held until the last file is written.
func TestOneRunAFolder(t *testing.T) {
	data := []string{book(t, strings.Repeat(counting, 40))}
	out := filepath.Join(t.TempDir(), "model")
	var second error
	mustTrain(t, inkstone.TrainOptions{Data: data, Settings: tiny(), Out: out, Progress: func(train.Metrics) {
		_, second = inkstone.Train(t.Context(), inkstone.TrainOptions{Data: data, Settings: tiny(), Out: out, Resume: true})
	}})
	if !errors.Is(second, format.ErrLocked) {
		t.Errorf("the second run: %v, want %v", second, format.ErrLocked)
	}
}

// TestLoadRefuses names the folder and the fact.
func TestLoadRefuses(t *testing.T) {
	file := book(t, "text")
	tests := []struct{ dir, want string }{
		{filepath.Join(t.TempDir(), "absent"), "no such file"},
		{file, "is a file; a model is a folder"},
		{filepath.Dir(file), "is not a model folder"},
	}
	for _, test := range tests {
		if _, err := inkstone.Load(test.dir, nil); err == nil || !strings.Contains(err.Error(), test.want) || !strings.Contains(err.Error(), test.dir) {
			t.Errorf("%s: got %v, want %q", test.dir, err, test.want)
		}
	}
}

// TestNoTemplate: a model that was not tuned refuses to converse.
func TestNoTemplate(t *testing.T) {
	m := load(t, trained(), 1)
	if _, err := m.Chat(inkstone.ChatOptions{}); err == nil || !strings.Contains(err.Error(), "has no chat template") {
		t.Errorf("got %v, want that there is no template", err)
	}
}

// TestGenerateOptions: each option does what it says.
func TestGenerateOptions(t *testing.T) {
	m := load(t, trained(), 1)
	tests := []struct {
		name, prompt string
		o            inkstone.GenerateOptions
		want         string
		finish       generate.Finish
	}{
		{"max tokens", "one two", inkstone.GenerateOptions{MaxTokens: 6}, " three", generate.MaxReached},
		{"stop", "one two", inkstone.GenerateOptions{Stop: []string{"ree"}}, " th", generate.Ended},
		{"stop, the first", "one two", inkstone.GenerateOptions{Stop: []string{"four", "ree"}}, " th", generate.Ended},
		{"window", "one two three four five six seven eight nine ten\none two ", inkstone.GenerateOptions{}, "three", generate.ContextFull},
		{"sampled", "one two", inkstone.GenerateOptions{MaxTokens: 6, Sampling: generate.Sampling{Temperature: 5, TopK: 1}}, " three", generate.MaxReached},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			text, finish := "", generate.Finish("")
			for token, err := range m.Generate(t.Context(), test.prompt, test.o) {
				if err != nil {
					t.Fatal(err)
				}
				text, finish = text+token.Text, token.Finish
			}
			if !strings.HasPrefix(text, test.want) || finish != test.finish || finish != generate.ContextFull && text != test.want {
				t.Errorf("got %q, %s; want %q, %s", text, finish, test.want, test.finish)
			}
		})
	}
}

// TestTuneEnds: the special token that ends a turn ends an answer from now on, and
// the settings are kept.
func TestTuneEnds(t *testing.T) {
	dir := tuned()
	for name, want := range map[string]string{
		"generation_config.json": "258,\n    256\n", // the end of a turn, and the end of text as before
		"tune.json":              `"steps": 100`,
		"chat_template.jinja":    "<|im_start|>",
	} {
		b, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(string(b), want) {
			t.Errorf("%s has no %s:\n%s", name, want, b)
		}
	}
}

// TestTrainAgainstAnAdversary: the option reaches the weights, and a resume asks for it.
func TestTrainAgainstAnAdversary(t *testing.T) {
	text := book(t, strings.Repeat(counting, 40))
	sum := map[string]bool{}
	for _, a := range []train.Adversary{{}, {Method: "fgm", Epsilon: 0.5}, {Method: "free", Epsilon: 0.5}, {Method: "virtual", Epsilon: 0.5}} {
		for _, kind := range []string{"llama", "gpt2", "inkstone_canon_llama", "gru"} {
			s := tiny()
			if kind == "gru" {
				s = recurrent(kind)
			}
			s.Model, s.Adversarial = kind, a
			sum[mustTrain(t, inkstone.TrainOptions{Data: []string{text}, Settings: s}).WeightsSHA] = true
		}
	}
	if len(sum) != 16 {
		t.Errorf("%d different weights of sixteen trainings", len(sum))
	}
	s := tiny()
	s.Adversarial = train.Adversary{Method: "fgm"}
	if _, err := inkstone.Train(t.Context(), inkstone.TrainOptions{Data: []string{text}, Out: filepath.Join(t.TempDir(), "m"), Settings: s}); err == nil || !strings.Contains(err.Error(), "epsilon 0") {
		t.Errorf("error %v, want one about epsilon", err)
	}
}
