package inkstone_test

import (
	"context"
	"errors"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/inkstone-ai/inkstone"
	"github.com/inkstone-ai/inkstone/generate"
	"github.com/inkstone-ai/inkstone/internal/testkit"
	"github.com/inkstone-ai/inkstone/train"
)

// recurrent is tiny for a recurrent model of a kind.
func recurrent(kind string) inkstone.Settings {
	s := tiny()
	s.Model, s.Depth, s.Heads, s.Dropout = kind, 2, 0, 0.1
	return s
}

// TestRecurrentSaveLosesNothing: the folder's model has the loss that the run measured,
// and two runs, with one and two threads, have the same weights.
func TestRecurrentSaveLosesNothing(t *testing.T) {
	text := strings.Repeat(counting, 40)
	for _, tt := range [][2]string{{"rnn", "char"}, {"lstm", "char"}, {"lstm", "word"}, {"gru", "char"}} {
		kind, tokenizer := tt[0], tt[1]
		t.Run(kind+"/"+tokenizer, func(t *testing.T) {
			s := recurrent(kind)
			s.Tokenizer = tokenizer
			r := mustTrain(t, inkstone.TrainOptions{Data: []string{book(t, text)}, Settings: s, Threads: 2})
			m := load(t, r.Dir, 2)
			report, err := m.Evaluate(t.Context(), inkstone.EvaluateOptions{Data: []string{book(t, text[len(text)*9/10:])}})
			if err != nil {
				t.Fatal(err)
			}
			if got := report.Rows[0].Value; math.Abs(got-*r.Best) > 1e-6 {
				t.Errorf("the loaded model's loss on the held-out text is %v, the run's was %v", got, *r.Best)
			}
			again := mustTrain(t, inkstone.TrainOptions{Data: []string{book(t, text)}, Settings: s, Threads: 1})
			if again.WeightsSHA != r.WeightsSHA {
				t.Error("one and two threads give different weights")
			}
			if got, want := continued(t, load(t, again.Dir, 1)), continued(t, m); !slices.Equal(got, want) {
				t.Errorf("greedy ids %v, of the first model %v", got, want)
			}
		})
	}
}

// TestRecurrentResume: a run that is ended twice, in the middle of an epoch of its
// streams, goes on with the states it had.
func TestRecurrentResume(t *testing.T) {
	for _, tt := range []struct {
		kind      string
		micro     int
		adversary train.Adversary
	}{
		{"rnn", 2, train.Adversary{}}, {"lstm", 2, train.Adversary{}}, {"gru", 2, train.Adversary{}},
		{"lstm", 2, train.Adversary{Method: "free", Epsilon: 0.1}}, {"gru", 1, train.Adversary{Method: "virtual", Epsilon: 0.1}},
	} {
		t.Run(tt.kind+tt.adversary.Method, func(t *testing.T) {
			s := recurrent(tt.kind)
			s.Steps, s.EvalEvery, s.CheckpointEvery, s.Micro, s.Adversarial = 30, 10, 100, tt.micro, tt.adversary
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
				if cancel(); !errors.Is(err, context.Canceled) {
					t.Fatalf("error %v, want the context's", err)
				}
			}
			got := mustTrain(t, inkstone.TrainOptions{Data: data, Settings: s, Out: out, Resume: true, Threads: 1})
			if got.WeightsSHA != want.WeightsSHA || *got.Best != *want.Best {
				t.Errorf("resumed: weights %s, best %v; want %s, %v", got.WeightsSHA, *got.Best, want.WeightsSHA, *want.Best)
			}
		})
	}
}

// TestRecurrentMicroBatches: two micro batches of two streams are a batch of four: the
// states of each stream go on, and the losses are the same to rounding.
func TestRecurrentMicroBatches(t *testing.T) {
	data := []string{book(t, strings.Repeat(counting, 40))}
	for _, kind := range []string{"rnn", "lstm", "gru"} {
		t.Run(kind, func(t *testing.T) {
			s := recurrent(kind)
			s.Steps, s.EvalEvery, s.CheckpointEvery, s.Dropout = 12, 100, 100, 0
			losses := func(rows, micro int) (all []float64) {
				s.Rows, s.Micro = rows, micro
				mustTrain(t, inkstone.TrainOptions{Data: data, Settings: s, Progress: func(m train.Metrics) {
					if m.Evaluation == nil {
						all = append(all, m.Loss)
					}
				}})
				return all
			}
			testkit.Close(t, "losses", losses(2, 2), losses(4, 1), 1e-4, 0)
		})
	}
}

// TestRecurrentHasNoWindow: a text goes on past the length of back-propagation, and
// without a number of tokens it ends at generate.Endless.
func TestRecurrentHasNoWindow(t *testing.T) {
	r := mustTrain(t, inkstone.TrainOptions{Data: []string{book(t, strings.Repeat(counting, 40))}, Settings: recurrent("gru")})
	m, n := load(t, r.Dir, 2), 0
	for token, err := range m.Generate(t.Context(), "one two", inkstone.GenerateOptions{Sampling: generate.Sampling{Temperature: 1}}) {
		if err != nil {
			t.Fatal(err)
		}
		if n++; token.Finish == generate.ContextFull {
			t.Errorf("the context is full after %d tokens", n)
		}
	}
	if n != generate.Endless {
		t.Errorf("%d tokens, want %d", n, generate.Endless)
	}
}

func TestRecurrentRefuses(t *testing.T) {
	data := []string{book(t, strings.Repeat(counting, 40))}
	tests := map[string]struct {
		change func(s *inkstone.Settings)
		says   string
	}{
		"heads":             {func(s *inkstone.Settings) { s.Heads = 2 }, "not of lstm"},
		"checkpoints":       {func(s *inkstone.Settings) { s.Checkpoint = true }, "not of lstm"},
		"too many streams":  {func(s *inkstone.Settings) { s.Rows = 4000 }, "too few for 4000 streams"},
		"dropout of a half": {func(s *inkstone.Settings) { s.Dropout = 1 }, "not in [0, 1)"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			s := recurrent("lstm")
			tt.change(&s)
			_, err := inkstone.Train(t.Context(), inkstone.TrainOptions{Data: data, Settings: s, Out: filepath.Join(t.TempDir(), "m")})
			if err == nil || !strings.Contains(err.Error(), tt.says) {
				t.Errorf("error %v, want %q", err, tt.says)
			}
		})
	}
}

// TestRecurrentTunes: a recurrent model learns answers like any other, in conversations
// of different lengths side by side.
func TestRecurrentTunes(t *testing.T) {
	s := recurrent("gru")
	s.Tokenizer = "byte" // which has a template's marks
	r := mustTrain(t, inkstone.TrainOptions{Data: []string{book(t, strings.Repeat("up down hot cold\n", 200))}, Settings: s})
	chats := filepath.Join(t.TempDir(), "chats.jsonl")
	write(chats, strings.Repeat(`{"messages":[{"role":"user","content":"up"},{"role":"assistant","content":"down"}]}
{"messages":[{"role":"user","content":"hot"},{"role":"assistant","content":"cold cold"}]}
`, 4))
	tuned, err := inkstone.Tune(t.Context(), inkstone.TuneOptions{Model: r.Dir, Data: []string{chats}, Out: filepath.Join(t.TempDir(), "tuned"), Steps: 4})
	if err != nil {
		t.Fatal(err)
	}
	if m := load(t, tuned.Dir, 1); m.Context() != 0 {
		t.Errorf("the tuned model has a window of %d", m.Context())
	}
}
