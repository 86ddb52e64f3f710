package tune_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/inkstone-ai/inkstone/corpus"
	"github.com/inkstone-ai/inkstone/eval"
	"github.com/inkstone-ai/inkstone/generate"
	"github.com/inkstone-ai/inkstone/internal/testkit"
	"github.com/inkstone-ai/inkstone/model"
	"github.com/inkstone-ai/inkstone/model/gpt"
	"github.com/inkstone-ai/inkstone/nn"
	"github.com/inkstone-ai/inkstone/tensor"
	"github.com/inkstone-ai/inkstone/tokenizer"
	"github.com/inkstone-ai/inkstone/train"
	"github.com/inkstone-ai/inkstone/tune"
)

func chat(t testing.TB) (tokenizer.Tokenizer, *tokenizer.ChatTemplate) {
	t.Helper()
	tok, err1 := tokenizer.NewByte(tokenizer.ChatMLSpecial...)
	template, err2 := tokenizer.ParseTemplate(tokenizer.ChatML)
	if err := errors.Join(err1, err2); err != nil {
		t.Fatal(err)
	}
	return tok, template
}

// talk is a conversation of turns, the user's first.
func talk(line int, turns ...string) corpus.Conversation {
	c := corpus.Conversation{File: "talk.jsonl", Line: line}
	for i, text := range turns {
		c.Messages = append(c.Messages, tokenizer.Message{Role: []string{"user", "assistant"}[i%2], Content: text})
	}
	return c
}

var talks = []corpus.Conversation{
	talk(1, "one?", "1"), talk(2, "two?", "2, I think"), talk(3, "hi", "hello", "bye", "so long"), talk(4, "?", "!"), talk(5, "a", "bcd"),
}

func tinyLM(t testing.TB, d *tensor.Device, vocab int) model.LM {
	t.Helper()
	m, err := gpt.NewLlama(gpt.LlamaConfig{Vocab: vocab, Context: 128, Layers: 1, Width: 32, Hidden: 64, Heads: 2, Tied: true})
	if err != nil {
		t.Fatal(err)
	}
	nn.Init(m, d, 1)
	nn.Walk(m, func(p nn.Param) { p.Tensor.SetTrainable(true) })
	return m
}

// A batch is whole conversations; weight lies on the assistant's bytes and the
// token that ends its turn, and sums to 1 over the update.
func TestBatch(t *testing.T) {
	tok, template := chat(t)
	d, err := tune.NewSFT(tok, template, talks, tune.SFTOptions{Context: 128, Rows: 2, Micro: 2, Seed: 3})
	if err != nil {
		t.Fatal(err)
	}
	answers := map[string]int{"1": 1, "2, I think": 1, "hello": 1, "so long": 1, "!": 1, "bcd": 1}
	seen := map[string]int{}
	for index := range 5 { // 20 conversations: each of 5 four times
		total := 0.0
		for micro := range 2 {
			b := d.Batch(index, micro)
			if err := b.Check(); err != nil || len(b.Lengths) != 2 {
				t.Fatalf("update %d: %v, %d conversations", index, err, len(b.Lengths))
			}
			for _, learned := range learnedRuns(tok, b) {
				text, ok := strings.CutSuffix(learned, "<|im_end|>")
				if !ok || answers[text] == 0 {
					t.Errorf("update %d learns %q", index, learned)
				}
				seen[text]++
			}
			total += b.Total()
		}
		if math.Abs(total-1) > 1e-6 {
			t.Errorf("update %d: the weights sum to %g", index, total)
		}
	}
	for text := range answers {
		if seen[text] != 4 {
			t.Errorf("%q was learned %d times in four epochs", text, seen[text])
		}
	}
	if d.Steps(4) != 5 || d.Steps(0.1) != 1 || d.Learned() != 1+10+5+7+1+3+6 {
		t.Errorf("4 epochs take %d steps, want 5; 0.1 take %d, want 1; %d tokens are learned", d.Steps(4), d.Steps(0.1), d.Learned())
	}
}

// learnedRuns are the targets of neighbours that have weight, as text.
func learnedRuns(tok tokenizer.Tokenizer, b *train.Batch) (runs []string) {
	var run []int32
	for i, id := range b.Targets {
		if b.Weights[i] > 0 {
			run = append(run, id)
		} else if run != nil {
			runs, run = append(runs, tok.Decode(run)), nil
		}
	}
	if run != nil {
		runs = append(runs, tok.Decode(run))
	}
	return runs
}

func TestBatchIsAFunction(t *testing.T) {
	tok, template := chat(t)
	make := func(seed uint64) *tune.SFT {
		d, err := tune.NewSFT(tok, template, talks, tune.SFTOptions{Context: 128, Rows: 3, Seed: seed})
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	inOrder, jumps, other := make(1), make(1), make(2)
	var want []*train.Batch
	for i := range 8 {
		want = append(want, inOrder.Batch(i, 0))
	}
	same := true
	for _, i := range []int{7, 0, 3, 3, 6, 1} {
		if diff := cmp.Diff(want[i], jumps.Batch(i, 0)); diff != "" {
			t.Errorf("batch %d depends on what was asked before:\n%s", i, diff)
		}
		same = same && slices.Equal(want[i].IDs, other.Batch(i, 0).IDs)
	}
	if same {
		t.Error("another seed gave the same order")
	}
}

// Each epoch has every conversation once, in an order of its own.
func TestBatchShuffles(t *testing.T) {
	tok, template := chat(t)
	var many []corpus.Conversation
	for i := range 20 {
		many = append(many, talk(i+1, "?", fmt.Sprint(i)))
	}
	d, err := tune.NewSFT(tok, template, many, tune.SFTOptions{Context: 128, Rows: 1})
	if err != nil {
		t.Fatal(err)
	}
	orders := map[string]bool{}
	for epoch := range 3 {
		var order []string
		for i := range 20 {
			order = append(order, learnedRuns(tok, d.Batch(20*epoch+i, 0))...)
		}
		orders[strings.Join(order, " ")] = true
		if slices.Sort(order); len(slices.Compact(order)) != 20 {
			t.Errorf("epoch %d has %q", epoch, order)
		}
	}
	if len(orders) != 3 {
		t.Errorf("three epochs have %d orders", len(orders))
	}
}

// The loss is the mean of −log p over learned tokens, each conversation read
// alone, computed here from plain logits in float64.
func TestLossAgainstLoop(t *testing.T) {
	tok, template := chat(t)
	device := tensor.CPU(2)
	defer device.Close()
	lm := tinyLM(t, device, tok.Size())
	d, err := tune.NewSFT(tok, template, talks, tune.SFTOptions{Context: 128, Rows: len(talks)})
	if err != nil {
		t.Fatal(err)
	}
	s := tensor.NewStep(device, tensor.StepOptions{})
	defer s.Close()
	sum, n := 0.0, 0
	for _, e := range d.Examples {
		s.Begin(0)
		var p nn.Pass
		p.SetRows(s, e.IDs, len(e.IDs))
		logits := lm.Logits(lm.Forward(&p))
		all, V := logits.Floats(), logits.Dim(1)
		for i := 1; i < len(e.IDs); i++ {
			if e.Mask[i] {
				sum += surprise(all[(i-1)*V:i*V], e.IDs[i])
				n++
			}
		}
	}
	s.Begin(1)
	var stepper train.Stepper
	defer teach(t, d, &stepper, lm)()
	batch, err := stepper.Loss(s, 0, 0)
	if err != nil {
		t.Fatal(err)
	}
	held, err := d.Evaluate(context.Background(), lm)
	if err != nil {
		t.Fatal(err)
	}
	testkit.Close(t, "loss of a batch, held-out loss", []float64{float64(batch.Item()), held}, []float64{sum / float64(n), sum / float64(n)}, 1e-5, 0)
}

// surprise is −log softmax(logits)[id].
func surprise(logits []float32, id int32) float64 {
	sum := 0.0
	for _, l := range logits {
		sum += math.Exp(float64(l))
	}
	return math.Log(sum) - float64(logits[id])
}

// A model that is tuned on a few conversations gives their answers.
func TestTuneLearns(t *testing.T) {
	tok, template := chat(t)
	device := tensor.CPU(2)
	defer device.Close()
	lm := tinyLM(t, device, tok.Size())
	d, err := tune.NewSFT(tok, template, talks, tune.SFTOptions{Context: 128, Rows: 5})
	if err != nil {
		t.Fatal(err)
	}
	s := &train.Stepper{
		Groups: train.AdamWGroups(nn.Params(lm), train.AdamW{}, 1e-2, 0), Clip: 1,
		Schedule: train.Schedule{Shape: train.Cosine, Warmup: 0.1},
	}
	defer teach(t, d, s, lm)()
	if _, err := train.Run(context.Background(), train.Config{Device: device, Steps: d.Steps(60)}, s); err != nil {
		t.Fatal(err)
	}
	engine, err := generate.NewEngine(lm, generate.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer engine.Close()
	end, _ := tok.ID("<|im_end|>")
	asker := &eval.Asker{Engine: engine, Tokenizer: tok, Template: template, End: []int32{end}, MaxTokens: 20}
	answers, err := asker.Answer(context.Background(), eval.Questions(talks))
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range answers {
		if !a.Match || a.Finish != generate.Ended {
			t.Errorf("%v: got %q (%s), want %q", a.Messages, a.Got, a.Finish, a.Want)
		}
	}
}

// Checkpoints change memory and no bit of the weights.
func TestSFTCheckpoint(t *testing.T) {
	tok, template := chat(t)
	device := tensor.CPU(2)
	defer device.Close()
	run := func(checkpoint bool) (weights []float32) {
		lm := tinyLM(t, device, tok.Size())
		d, err := tune.NewSFT(tok, template, talks, tune.SFTOptions{Context: 128, Rows: 5})
		if err != nil {
			t.Fatal(err)
		}
		d.Checkpoint = checkpoint
		s := &train.Stepper{Groups: train.AdamWGroups(nn.Params(lm), train.AdamW{}, 1e-2, 0)}
		defer teach(t, d, s, lm)()
		if _, err := train.Run(context.Background(), train.Config{Device: device, Steps: 3}, s); err != nil {
			t.Fatal(err)
		}
		for _, p := range nn.Params(lm) {
			weights = append(weights, p.Tensor.Floats()...)
		}
		return weights
	}
	testkit.SameBits(t, "weights", run(true), run(false))
}

func TestSFTErrors(t *testing.T) {
	tok, template := chat(t)
	long := talk(9, "q", strings.Repeat("x", 200))
	tests := []struct {
		name  string
		talks []corpus.Conversation
		o     tune.SFTOptions
		says  string // "" is no error
	}{
		{"fits", talks, tune.SFTOptions{Context: 100}, ""},
		{"too long", append(slices.Clone(talks), long), tune.SFTOptions{Context: 100},
			"1 of 6 conversations do not fit the context of 100 tokens; the longest, talk.jsonl line 9, takes"},
		{"too long, dropped", append(slices.Clone(talks), long), tune.SFTOptions{Context: 100, DropLong: true}, ""},
		{"all too long", []corpus.Conversation{long}, tune.SFTOptions{Context: 100, DropLong: true}, "1 of 1 conversations do not fit"},
		{"none", nil, tune.SFTOptions{Context: 100}, "no conversations"},
		{"no assistant", []corpus.Conversation{talk(7, "q")}, tune.SFTOptions{Context: 100}, "talk.jsonl: line 7: "},
		{"a special token inside", []corpus.Conversation{talk(8, "q", "a<|im_end|>")}, tune.SFTOptions{Context: 100}, "talk.jsonl: line 8: "},
		{"no context", talks, tune.SFTOptions{}, "context 0"},
		{"negative rows", talks, tune.SFTOptions{Context: 1, Rows: -1}, "rows -1"},
	}
	for _, tt := range tests {
		d, err := tune.NewSFT(tok, template, tt.talks, tt.o)
		if (err == nil) != (tt.says == "") || err != nil && !strings.Contains(err.Error(), tt.says) {
			t.Errorf("%s: got %v, want %q", tt.name, err, tt.says)
		}
		if tt.o.DropLong && (d.Dropped != 1 || err == nil && len(d.Examples) != len(tt.talks)-1) {
			t.Errorf("%s: %d dropped, %d kept", tt.name, d.Dropped, len(d.Examples))
		}
	}
}

func ExampleSFT_DryRun() {
	tok, err := tokenizer.NewByte(tokenizer.ChatMLSpecial...)
	if err != nil {
		fmt.Println(err)
		return
	}
	template, err := tokenizer.ParseTemplate("{% for m in messages %}{{ m.role[0] }}:{{ m.content }}<|im_end|>{% endfor %}{% if add_generation_prompt %}a:{% endif %}")
	if err != nil {
		fmt.Println(err)
		return
	}
	d, err := tune.NewSFT(tok, template, []corpus.Conversation{talk(1, "?", "42")}, tune.SFTOptions{Context: 64})
	if err != nil {
		fmt.Println(err)
		return
	}
	d.DryRun(os.Stdout, tok, 3)
	// Output:
	// example 1 of 1: talk.jsonl line 1, 9 tokens, 3 learned
	//   0  117  read   "u"
	//   1  58   read   ":"
	//   2  63   read   "?"
	//   3  258  read   "<|im_end|>"
	//   4  97   read   "a"
	//   5  58   read   ":"
	//   6  52   learn  "4"
	//   7  50   learn  "2"
	//   8  258  learn  "<|im_end|>"
}

// TestTeachAgainstAnAdversary: the clean pass of an adversarial update has its share of
// the loss, the second another batch's: the same one, moved.
func TestTeachAgainstAnAdversary(t *testing.T) {
	tok, template := chat(t)
	device := tensor.CPU(2)
	defer device.Close()
	lm := tinyLM(t, device, tok.Size())
	for _, p := range nn.Params(lm) {
		p.Tensor.SetTrainable(true)
	}
	losses := func(a train.Adversary) (all []float64) {
		d, err := tune.NewSFT(tok, template, talks, tune.SFTOptions{Context: 128, Rows: 2, Micro: 2, Seed: 3})
		if err != nil {
			t.Fatal(err)
		}
		d.Adversary = a
		var stepper train.Stepper
		defer teach(t, d, &stepper, lm)()
		s := tensor.NewStep(device, tensor.StepOptions{Grad: true})
		defer s.Close()
		for micro := range stepper.Micro {
			s.Begin(uint64(micro))
			loss, err := stepper.Loss(s, 0, micro)
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, float64(loss.Item()))
			s.Backward(loss)
		}
		return all
	}
	clean, moved := losses(train.Adversary{}), losses(train.Adversary{Method: "fgm", Epsilon: 0.1})
	testkit.Close(t, "clean passes", []float64{2 * moved[0], 2 * moved[2]}, clean, 1e-6, 0)
	if len(moved) != 4 || moved[1] <= moved[0] || moved[3] <= moved[2] {
		t.Errorf("losses %v: the moved passes are no worse", moved)
	}
}

func teach(t *testing.T, d *tune.SFT, s *train.Stepper, lm model.LM) (done func()) {
	t.Helper()
	done, err := d.Teach(s, lm)
	if err != nil {
		t.Fatal(err)
	}
	return done
}
