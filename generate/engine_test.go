package generate_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/inkstone-ai/inkstone/generate"
	"github.com/inkstone-ai/inkstone/internal/testkit"
	"github.com/inkstone-ai/inkstone/model"
	_ "github.com/inkstone-ai/inkstone/model/gpt"
	_ "github.com/inkstone-ai/inkstone/model/lstm"
	"github.com/inkstone-ai/inkstone/nn"
	"github.com/inkstone-ai/inkstone/tensor"
)

// configs are small models of every architecture, context 24.
var configs = map[string]string{
	"lstm":  `{"model_type":"lstm","vocab_size":17,"hidden_size":12,"num_hidden_layers":2,"tie_word_embeddings":true}`,
	"gru":   `{"model_type":"gru","vocab_size":17,"hidden_size":12,"num_hidden_layers":1}`,
	"rnn":   `{"model_type":"rnn","vocab_size":17,"hidden_size":12,"num_hidden_layers":3}`,
	"gpt2":  `{"model_type":"gpt2","vocab_size":17,"n_positions":24,"n_embd":12,"n_layer":2,"n_head":3}`,
	"llama": `{"model_type":"llama","vocab_size":17,"max_position_embeddings":24,"hidden_size":12,"intermediate_size":20,"num_hidden_layers":2,"num_attention_heads":4,"num_key_value_heads":2,"head_dim":4}`,
	"canon": `{"model_type":"inkstone_canon_llama","vocab_size":17,"max_position_embeddings":24,"hidden_size":12,"intermediate_size":20,"num_hidden_layers":2,"num_attention_heads":2,"head_dim":6,"tie_word_embeddings":true,"canon_width":4}`,
}

// lively draws larger weights than training starts from, so that the tokens
// differ and every layer counts.
func lively(t testing.TB, config string, d *tensor.Device) model.LM {
	t.Helper()
	lm, err := model.BuildLM([]byte(config))
	if err != nil {
		t.Fatal(err)
	}
	nn.Init(lm, d, 1)
	for i, p := range nn.Params(lm) {
		if p.Role != nn.Gain {
			p.Tensor.FillNormal(uint64(i+1), 0.5)
		}
	}
	return lm
}

func newEngine(t testing.TB, lm model.LM, o generate.Options) *generate.Engine {
	t.Helper()
	e, err := generate.NewEngine(lm, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(e.Close)
	return e
}

// eachModel runs a test for every architecture on every device.
func eachModel(t *testing.T, run func(t *testing.T, lm model.LM)) {
	for name, config := range configs {
		for device, open := range map[string]func() *tensor.Device{
			"ref": tensor.Reference,
			"cpu": func() *tensor.Device { return tensor.CPU(2) },
		} {
			t.Run(name+"/"+device, func(t *testing.T) {
				d := open()
				t.Cleanup(d.Close)
				run(t, lively(t, config, d))
			})
		}
	}
}

// prompts are eight of different lengths.
func prompts() (all []generate.Request) {
	for i := range 8 {
		r := generate.Request{MaxTokens: 5 + i, LogProbs: 3}
		for j := range 1 + i*5%11 {
			r.Prompt = append(r.Prompt, int32((7*i+3*j)%17))
		}
		if i%2 == 1 {
			r.Sampling = generate.Sampling{Temperature: 1, Seed: uint64(i)}
		}
		all = append(all, r)
	}
	return all
}

// uncached continues a prompt greedily by running the whole text for every
// token: what a cache must not change, not by a bit.
func uncached(lm model.LM, r generate.Request) (ids []int32, best []float32) {
	s := tensor.NewStep(lm.HeadWeight().Device(), tensor.StepOptions{})
	defer s.Close()
	var p nn.Pass
	text := append([]int32{}, r.Prompt...)
	for range r.MaxTokens {
		s.Begin(0)
		p.Set(s, text, nn.Span{Rows: len(text)})
		logits := lm.Logits(lm.Forward(&p)).Floats()
		logits = logits[len(logits)-17:]
		top := 0
		sum := 0.0
		for id, x := range logits {
			if x > logits[top] {
				top = id
			}
			sum += math.Exp(float64(x))
		}
		text = append(text, int32(top))
		ids = append(ids, int32(top))
		best = append(best, float32(float64(logits[top])-math.Log(sum)))
	}
	return ids, best
}

func TestCacheChangesNothing(t *testing.T) {
	eachModel(t, func(t *testing.T, lm model.LM) {
		e := newEngine(t, lm, generate.Options{})
		for _, r := range prompts() {
			r.Sampling = generate.Sampling{}
			got, err := e.Run(t.Context(), []generate.Request{r})
			if err != nil {
				t.Fatal(err)
			}
			ids, best := uncached(lm, r)
			if diff := cmp.Diff(ids, got[0].IDs()); diff != "" {
				t.Errorf("prompt of %d: -without +with cache:\n%s", len(r.Prompt), diff)
			}
			var logProbs []float32
			for _, x := range got[0].Tokens {
				logProbs = append(logProbs, x.LogProb)
			}
			testkit.Close(t, "log-probabilities", logProbs, best, 1e-6, 1e-6)
		}
	})
}

// TestBatchChangesNothing: eight ragged requests at once, or queueing for three
// slots, or read four tokens at a time, give the bits of eight single runs.
func TestBatchChangesNothing(t *testing.T) {
	eachModel(t, func(t *testing.T, lm model.LM) {
		var want []generate.Result
		for _, r := range prompts() {
			one, err := newEngine(t, lm, generate.Options{}).Run(t.Context(), []generate.Request{r})
			if err != nil {
				t.Fatal(err)
			}
			want = append(want, one[0])
		}
		for _, o := range []generate.Options{{}, {Slots: 3}, {Slots: 8, Rows: 4}, {Slots: 1, Rows: 1}} {
			got, err := newEngine(t, lm, o).Run(t.Context(), prompts())
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, got, cmpopts.IgnoreTypes(generate.Usage{})); diff != "" {
				t.Errorf("%+v: -single +batch:\n%s", o, diff)
			}
		}
	})
}

// TestConcurrentStreams: goroutines that stream at the same time share passes
// and get what each would get alone.
func TestConcurrentStreams(t *testing.T) {
	d := tensor.CPU(2)
	defer d.Close()
	lm := lively(t, configs["llama"], d)
	want, err := newEngine(t, lm, generate.Options{}).Run(t.Context(), prompts())
	if err != nil {
		t.Fatal(err)
	}
	e := newEngine(t, lm, generate.Options{Slots: 4})
	var group sync.WaitGroup
	for i, r := range prompts() {
		group.Go(func() {
			var got []generate.Token
			for x, err := range e.Stream(t.Context(), r) {
				if err != nil {
					t.Error(err)
				}
				got = append(got, x)
			}
			if diff := cmp.Diff(want[i].Tokens, got, cmpopts.IgnoreTypes(generate.Usage{})); diff != "" {
				t.Errorf("stream %d: -alone +together:\n%s", i, diff)
			}
		})
	}
	group.Wait()
}

// fixed is a language model whose scores never change.
type fixed struct {
	one, head *tensor.Tensor // (V, 1)
	context   int
}

func newFixed(d *tensor.Device, context int, scores ...float32) *fixed {
	m := &fixed{one: tensor.New(d, len(scores), 1), head: tensor.FromFloats(d, scores, len(scores), 1), context: context}
	m.one.Fill(1)
	return m
}

func (m *fixed) Forward(p *nn.Pass) *tensor.Tensor      { return m.one.Rows(p.IDs) }
func (m *fixed) Logits(x *tensor.Tensor) *tensor.Tensor { return x.Linear(m.head, nil) }
func (m *fixed) HeadWeight() *tensor.Tensor             { return m.head }
func (m *fixed) Shape() model.Shape                     { return model.Shape{Vocab: m.head.Dim(0), Context: m.context} }
func (m *fixed) Config() any                            { return nil }

func TestFinish(t *testing.T) {
	d := tensor.Reference()
	tests := []struct {
		name    string
		request generate.Request
		tokens  int
		finish  generate.Finish
		text    int // tokens of the text
	}{
		{"end", generate.Request{Prompt: []int32{0}, End: []int32{1, 2}}, 1, generate.Ended, 0},
		{"max", generate.Request{Prompt: []int32{0}, MaxTokens: 3}, 3, generate.MaxReached, 3},
		{"window", generate.Request{Prompt: []int32{0, 1}}, 9, generate.ContextFull, 9},
		{"window, in time", generate.Request{Prompt: []int32{0, 1}, MaxTokens: 9}, 9, generate.MaxReached, 9},
		{"a full window", generate.Request{Prompt: make([]int32, 10)}, 1, generate.ContextFull, 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			e := newEngine(t, newFixed(d, 10, 0, 1, 2), generate.Options{})
			got, err := e.Run(t.Context(), []generate.Request{tt.request})
			if err != nil {
				t.Fatal(err)
			}
			r := got[0]
			if len(r.Tokens) != tt.tokens || r.Finish != tt.finish || len(r.IDs()) != tt.text {
				t.Errorf("%d tokens, %d of them text, finish %q; want %d, %d, %q", len(r.Tokens), len(r.IDs()), r.Finish, tt.tokens, tt.text, tt.finish)
			}
			if r.Tokens[0].ID != 2 {
				t.Errorf("greedy token %d, want 2", r.Tokens[0].ID)
			}
		})
	}
}

func TestRequestErrors(t *testing.T) {
	nan := float32(math.NaN())
	tests := []struct {
		name    string
		request generate.Request
		says    string
	}{
		{"no prompt", generate.Request{}, "an empty prompt"},
		{"too long", generate.Request{Prompt: make([]int32, 11)}, "prompt of 11 tokens, context of 10"},
		{"unknown id", generate.Request{Prompt: []int32{0, 3}}, "prompt[1] is token 3, the vocabulary has 3"},
		{"negative id", generate.Request{Prompt: []int32{-1}}, "prompt[0] is token -1"},
		{"max tokens", generate.Request{Prompt: []int32{0}, MaxTokens: -1}, "max tokens -1"},
		{"temperature", generate.Request{Prompt: []int32{0}, Sampling: generate.Sampling{Temperature: nan}}, "temperature is NaN"},
		{"penalty", generate.Request{Prompt: []int32{0}, Sampling: generate.Sampling{RepetitionPenalty: -1}}, "repetition penalty is -1"},
		{"top-k", generate.Request{Prompt: []int32{0}, Sampling: generate.Sampling{TopK: -1}}, "top-k is -1"},
		{"top-p", generate.Request{Prompt: []int32{0}, Sampling: generate.Sampling{TopP: 1.5}}, "top-p is 1.5"},
		{"min-p", generate.Request{Prompt: []int32{0}, Sampling: generate.Sampling{MinP: 2}}, "min-p is 2"},
	}
	e := newEngine(t, newFixed(tensor.Reference(), 10, 0, 1, 2), generate.Options{})
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := e.Run(t.Context(), []generate.Request{tt.request})
			if err == nil || !strings.Contains(err.Error(), tt.says) {
				t.Errorf("error %v, want %q", err, tt.says)
			}
			for _, streamed := range e.Stream(t.Context(), tt.request) {
				if streamed == nil || !strings.Contains(err.Error(), streamed.Error()) {
					t.Errorf("stream's error %v, want %v", streamed, err)
				}
			}
		})
	}
	_, err := e.Run(t.Context(), []generate.Request{{Prompt: make([]int32, 11)}})
	if !errors.Is(err, generate.ErrTooLong) {
		t.Errorf("error %v is not ErrTooLong", err)
	}
	if _, err := generate.NewEngine(newFixed(tensor.Reference(), 10, 0, 1), generate.Options{Context: 11}); err == nil {
		t.Error("a window longer than the model's")
	}
}

func TestBrokenScores(t *testing.T) {
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	for _, tt := range []struct {
		scores []float32
		says   string
	}{
		{[]float32{0, nan, 1}, "token 1 is not a number"},
		{[]float32{0, 1, inf}, "of token 2, is +Inf"},
	} {
		e := newEngine(t, newFixed(tensor.Reference(), 10, tt.scores...), generate.Options{})
		_, err := e.Run(t.Context(), []generate.Request{{Prompt: []int32{0}}})
		if err == nil || !strings.Contains(err.Error(), tt.says) {
			t.Errorf("error %v, want %q", err, tt.says)
		}
	}
}

// TestLeavingFreesTheSlot: a consumer that stops, or whose context ends, makes
// room for the next in an engine of one slot.
func TestLeavingFreesTheSlot(t *testing.T) {
	e := newEngine(t, newFixed(tensor.Reference(), 1000, 0, 1), generate.Options{Slots: 1})
	r := generate.Request{Prompt: []int32{0}}
	for range 3 {
		for _, err := range e.Stream(t.Context(), r) {
			if err != nil {
				t.Fatal(err)
			}
			break
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	n := 0
	for _, err := range e.Stream(ctx, r) {
		if n++; n == 3 {
			cancel()
		}
		if n <= 3 && err != nil || n == 4 && !errors.Is(err, context.Canceled) {
			t.Fatalf("token %d: %v", n, err)
		}
	}
	if n != 4 {
		t.Errorf("%d tokens after the context's end at 3", n)
	}
	r.MaxTokens = 2
	if _, err := e.Run(t.Context(), []generate.Request{r, r}); err != nil {
		t.Error(err)
	}
	e.Close()
	if _, err := e.Run(t.Context(), []generate.Request{r}); err == nil {
		t.Error("a closed engine works")
	}
}

// TestClosedEngine: what is under way when an engine is closed, and what comes later, ends with an error; to
// close it twice is nothing.
func TestClosedEngine(t *testing.T) {
	d := tensor.CPU(1)
	defer d.Close()
	lm := lively(t, long["llama"], d)
	for name, o := range map[string]generate.Options{"plain": {}, "with a draft model": {Draft: lm}} {
		e := newEngine(t, lm, o)
		r := generate.Request{Prompt: []int32{1, 2}, MaxTokens: 100, Drafts: 2}
		var ended error
		n := 0
		for _, err := range e.Stream(t.Context(), r) {
			if ended = err; n == 0 {
				e.Close()
			}
			n++
		}
		if ended == nil || !strings.Contains(ended.Error(), "the engine is closed") || n > 10 {
			t.Errorf("%s: a stream ends with %v after %d tokens", name, ended, n)
		}
		e.Close()
		if _, err := e.Run(t.Context(), []generate.Request{r}); err == nil || !strings.Contains(err.Error(), "the engine is closed") {
			t.Errorf("%s: Run of a closed engine: %v", name, err)
		}
		if err := e.SavePrompt(t.Context(), filepath.Join(t.TempDir(), "prompt"), r.Prompt); err == nil || !strings.Contains(err.Error(), "the engine is closed") {
			t.Errorf("%s: SavePrompt of a closed engine: %v", name, err)
		}
	}
}

func TestLogProbs(t *testing.T) {
	e := newEngine(t, newFixed(tensor.Reference(), 10, 0, 2, 1, 2), generate.Options{})
	got, err := e.Run(t.Context(), []generate.Request{{Prompt: []int32{0}, MaxTokens: 1, LogProbs: 4, Sampling: generate.Sampling{Temperature: 3, Seed: 5}}})
	if err != nil {
		t.Fatal(err)
	}
	norm := math.Log(1 + 2*math.Exp(2) + math.Exp(1))
	x := got[0].Tokens[0]
	if len(x.Top) != 3 || x.Top[0].ID != 1 || x.Top[1].ID != 3 || x.Top[2].ID != 2 {
		t.Fatalf("top %+v, want tokens 1, 3, 2", x.Top)
	}
	scores := []float64{0, 2, 1, 2}
	testkit.Close(t, "log-probabilities",
		[]float64{float64(x.Top[0].LogProb), float64(x.Top[1].LogProb), float64(x.Top[2].LogProb), float64(x.LogProb)},
		[]float64{2 - norm, 2 - norm, 1 - norm, scores[x.ID] - norm}, 1e-6, 0)
}

func ExampleEngine_Stream() {
	d := tensor.Reference()
	defer d.Close()
	// A model that always scores the tokens 0, 1, 2 the same way.
	e, err := generate.NewEngine(newFixed(d, 100, 0.5, 2, 1), generate.Options{})
	if err != nil {
		panic(err)
	}
	defer e.Close()
	r := generate.Request{Prompt: []int32{0}, MaxTokens: 3, LogProbs: 1}
	for t, err := range e.Stream(context.Background(), r) {
		if err != nil {
			panic(err)
		}
		fmt.Printf("%d %.2f %q\n", t.ID, t.LogProb, t.Finish)
	}
	// Output:
	// 1 -0.46 ""
	// 1 -0.46 ""
	// 1 -0.46 "length"
}

// TestStreamsAtOnce: streams that guess, each read by a goroutine of its own, bring what single runs bring, and the
// last token's account is whole when it is read.
func TestStreamsAtOnce(t *testing.T) {
	d := tensor.CPU(2)
	defer d.Close()
	lm, requests := lively(t, wide, d), related()
	for i := range requests {
		requests[i].Drafts, requests[i].MaxTokens = 4, 30
	}
	want, e := alone(t, lm, generate.Options{}, requests), newEngine(t, lm, generate.Options{Slots: 3})
	var group sync.WaitGroup
	for i, r := range requests {
		group.Go(func() {
			var got generate.Result
			for token, err := range e.Stream(t.Context(), r) {
				if err != nil {
					t.Error(err)
					return
				}
				if got.Tokens = append(got.Tokens, token); token.Usage != nil {
					got.Usage = *token.Usage
				}
			}
			if !slices.Equal(got.IDs(), want[i].IDs()) {
				t.Errorf("request %d: %v, want %v", i, got.IDs(), want[i].IDs())
			}
			if u, w := got.Usage, want[i].Usage; u.Drafted != w.Drafted || u.Accepted != w.Accepted || u.Written != 30 {
				t.Errorf("request %d: usage %+v, alone %+v", i, u, w)
			}
		})
	}
	group.Wait()
}

// TestReaderPanics: a reader's panic in the middle of a pass leaves no finished sequence in its slot.
func TestReaderPanics(t *testing.T) {
	d := tensor.CPU(2)
	defer d.Close()
	lm := lively(t, wide, d)
	e := newEngine(t, lm, generate.Options{Slots: 2})
	func() {
		defer func() {
			if recover() == nil {
				t.Error("no panic")
			}
		}()
		e.Run(t.Context(), []generate.Request{
			{Prompt: []int32{1, 2, 3}, MaxTokens: 1},
			{Prompt: []int32{4, 5, 6}, MaxTokens: 1, Reader: panics{}},
		})
	}()
	requests := []generate.Request{{Prompt: []int32{7, 8}, MaxTokens: 5}, {Prompt: []int32{9, 1}, MaxTokens: 5}}
	got, err := e.Run(t.Context(), requests)
	if err != nil {
		t.Fatal(err)
	}
	same(t, "after a panic", alone(t, lm, generate.Options{}, requests), got)
	if n := generate.Running(e); n > 0 {
		t.Errorf("%d sequences run on", n)
	}
}

// TestReaderPanicIsItsOwn: what a reader panics with comes out where its request is read, and a request beside it in the
// same passes goes on to the same tokens, whoever runs them.
func TestReaderPanicIsItsOwn(t *testing.T) {
	d := tensor.CPU(2)
	defer d.Close()
	beside := generate.Request{Prompt: []int32{1, 2, 4}, MaxTokens: 20}
	for name, config := range configs {
		lm := lively(t, config, d)
		want := alone(t, lm, generate.Options{}, []generate.Request{beside})[0].IDs()
		e := newEngine(t, lm, generate.Options{})
		bad, stop := iter.Pull2(e.Stream(t.Context(), generate.Request{Prompt: []int32{1, 2}, MaxTokens: 20, Reader: &panicsLater{5}}))
		defer stop()
		if _, err, _ := bad(); err != nil {
			t.Fatal(err)
		}
		got, err := e.Run(t.Context(), []generate.Request{beside})
		if err != nil || !slices.Equal(got[0].IDs(), want) {
			t.Errorf("%s: beside it %v, %v; want %v", name, got, err, want)
		}
		func() {
			defer func() {
				if x := fmt.Sprint(recover()); !strings.HasPrefix(x, "a reader's own") {
					t.Errorf("%s: its own panic is %s", name, x)
				}
			}()
			for more := true; more; {
				_, _, more = bad()
			}
		}()
		if n := generate.Running(e); n > 0 {
			t.Errorf("%s: %d sequences run on", name, n)
		}
	}
}

// panicsLater panics at token n.
type panicsLater struct{ n int }

func (p *panicsLater) Next(int32) (string, bool) {
	if p.n--; p.n == 0 {
		panic("a reader's own")
	}
	return "", false
}
func (*panicsLater) Flush() string { return "" }

// TestBrokenPass: a pass that panics in the model ends all texts that run, and nothing of what it did not write is
// shared with later ones.
func TestBrokenPass(t *testing.T) {
	d := tensor.CPU(2)
	defer d.Close()
	for name, config := range configs {
		lm := lively(t, config, d)
		r := generate.Request{Prompt: []int32{1, 2, 4, 5, 6, 7, 8}, MaxTokens: 9}
		want := alone(t, lm, generate.Options{}, []generate.Request{r})[0].IDs()
		broken := &breaks{LM: lm, at: 3}
		e := newEngine(t, broken, generate.Options{Rows: 2})
		beside, stop := iter.Pull2(e.Stream(t.Context(), generate.Request{Prompt: []int32{3}, MaxTokens: 9}))
		defer stop()
		if _, err, _ := beside(); err != nil {
			t.Fatal(err)
		}
		func() {
			defer func() {
				if recover() == nil {
					t.Error("no panic")
				}
			}()
			e.Run(t.Context(), []generate.Request{r})
		}()
		var err error
		for more := true; more && err == nil; {
			_, err, more = beside()
		}
		if err == nil || !strings.Contains(err.Error(), "broke off a pass") {
			t.Errorf("%s: the request beside it ends with %v", name, err)
		}
		if got, err := e.Run(t.Context(), []generate.Request{r}); err != nil || !slices.Equal(got[0].IDs(), want) {
			t.Errorf("%s: afterwards %v, %v; want %v", name, got, err, want)
		}
		if n := generate.Running(e); n > 0 {
			t.Errorf("%s: %d sequences run on", name, n)
		}
	}
}

// breaks is a model that panics in one of its passes.
type breaks struct {
	model.LM
	at int
}

func (m *breaks) Forward(p *nn.Pass) *tensor.Tensor {
	if m.at--; m.at == 0 {
		panic("no memory")
	}
	return m.LM.Forward(p)
}

type panics struct{}

func (panics) Next(int32) (string, bool) { panic("a reader's own") }
func (panics) Flush() string             { return "" }
