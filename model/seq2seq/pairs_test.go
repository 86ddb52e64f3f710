package seq2seq_test

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/inkstone-ai/inkstone/corpus"
	"github.com/inkstone-ai/inkstone/internal/testkit"
	"github.com/inkstone-ai/inkstone/model"
	"github.com/inkstone-ai/inkstone/model/seq2seq"
	"github.com/inkstone-ai/inkstone/nn"
	"github.com/inkstone-ai/inkstone/tensor"
	"github.com/inkstone-ai/inkstone/tokenizer"
	"github.com/inkstone-ai/inkstone/train"
)

// unequal are n pairs whose sides have other lengths: source i is i%4+1 letters.
func unequal(t *testing.T, n, rows int, seed uint64) *seq2seq.Pairs {
	t.Helper()
	tok, err := tokenizer.NewByte("<end>")
	if err != nil {
		t.Fatal(err)
	}
	var pairs []corpus.Pair
	for i := range n {
		letter := string(rune('a' + i))
		pairs = append(pairs, corpus.Pair{Source: strings.Repeat(letter, i%4+1), Target: strings.Repeat("z"+letter, i*i%3+1), File: "f", Line: i + 1})
	}
	d, err := seq2seq.NewPairs(tok, pairs, 256, 9, rows, seed)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// overBytes is a small config of an architecture for bytes and an end.
func overBytes(architecture string) seq2seq.Config {
	c := small(architecture)
	c.Vocab = 257
	return c
}

// drawn is a model, not trained.
func drawn(t *testing.T, c seq2seq.Config, d *tensor.Device) model.EncoderDecoder {
	t.Helper()
	m, err := seq2seq.New(c)
	if err != nil {
		t.Fatal(err)
	}
	nn.Init(m, d, 1)
	for _, p := range nn.Params(m) {
		p.Tensor.SetTrainable(true)
		if p.Role == nn.Head || p.Role == nn.Table { // far from even odds
			w := p.Tensor.Floats()
			for i := range w {
				w[i] *= 5
			}
			p.Tensor.WriteFloats(w)
		}
	}
	return m
}

// plainLoss is the sum over a target's tokens and its end of the cross-entropy with label
// smoothing ε, (1−ε)·−log p(y) + ε·mean over the vocabulary of −log p, the pair read alone.
func plainLoss(m model.EncoderDecoder, source, target []int32, smoothing float64) (sum float64, tokens int) {
	s := tensor.NewStep(m.HeadWeight().Device(), tensor.StepOptions{})
	defer s.Close()
	s.Begin(0)
	var from, to nn.Pass
	from.Set(s, source, nn.Span{Rows: len(source)})
	to.Set(s, append([]int32{256}, target...), nn.Span{Rows: len(target) + 1})
	logits := m.Logits(m.Decode(&to, m.Encode(&from)))
	V := logits.Dim(1)
	for i, y := range append(slices.Clone(target), 256) {
		row := logits.Floats()[i*V : (i+1)*V]
		total, all := 0.0, 0.0
		for _, x := range row {
			total += math.Exp(float64(x))
		}
		for _, x := range row {
			all += (math.Log(total) - float64(x)) / float64(V)
		}
		sum += (1-smoothing)*(math.Log(total)-float64(row[y])) + smoothing*all
	}
	return sum, len(target) + 1
}

// TestPairsLoss: a batch's loss is the mean over the tokens of its targets, ends among
// them, whatever the pairs' lengths, smoothed in training and not in evaluation.
func TestPairsLoss(t *testing.T) {
	for _, architecture := range seq2seq.Architectures() {
		d := tensor.Reference()
		defer d.Close()
		m, pairs := drawn(t, overBytes(architecture), d), unequal(t, 7, 3, 5)
		step := tensor.NewStep(d, tensor.StepOptions{Grad: true})
		defer step.Close()
		for _, smoothing := range []float32{0, 0.3} {
			for _, a := range []train.Adversary{{}, {Method: "fgm", Epsilon: 1e-9}, {Method: "virtual", Epsilon: 1e-9}} {
				stepper := &train.Stepper{}
				done, err := pairs.Teach(stepper, m, smoothing, a)
				if err != nil {
					t.Fatal(err)
				}
				want, tokens := 0.0, 0
				for _, p := range pairs.Batch(1) {
					sum, n := plainLoss(m, p[0], p[1], float64(smoothing))
					want, tokens = want+sum, tokens+n
				}
				want /= float64(tokens)
				got := 0.0 // of all passes together
				for micro := range max(1, stepper.Micro) {
					step.Begin(uint64(micro))
					loss, err := stepper.Loss(step, 1, micro)
					if err != nil {
						t.Fatal(err)
					}
					got += float64(loss.Item())
					step.Backward(loss)
				}
				testkit.Close(t, fmt.Sprintf("%s against %q, smoothing %g: loss", architecture, a.Method, smoothing), []float64{got}, []float64{want}, 1e-5, 0)
				done()
			}
			step.Begin(0)
			loss, err := seq2seq.BatchLoss(pairs.Batch(0), 256, smoothing, m)(step, 9, 0)
			if err != nil {
				t.Fatal(err)
			}
			want, tokens := 0.0, 0
			for _, p := range pairs.Batch(0) {
				sum, n := plainLoss(m, p[0], p[1], float64(smoothing))
				want, tokens = want+sum, tokens+n
			}
			testkit.Close(t, architecture+": loss of one batch", []float64{float64(loss.Item())}, []float64{want / float64(tokens)}, 1e-5, 0)
		}
		sum, tokens := 0.0, 0
		for _, e := range pairs.Examples {
			nats, n := plainLoss(m, e.Source, e.Target, 0)
			sum, tokens = sum+nats, tokens+n
		}
		got, err := pairs.Evaluate(t.Context(), m)
		if err != nil {
			t.Fatal(err)
		}
		testkit.Close(t, architecture+": loss of all", []float64{got}, []float64{sum / float64(tokens)}, 1e-5, 0)
	}
}

// TestPairsOrder: an epoch has every pair once, a source with its own target and its end;
// the order is another one in each epoch and with each seed, and does not depend on
// which batches were asked for before.
func TestPairsOrder(t *testing.T) {
	order := func(d *seq2seq.Pairs, batches ...int) (letters string) {
		for _, index := range batches {
			batch := d.Batch(index)
			if len(batch) != 2 {
				t.Errorf("batch %d has %d pairs, want 2", index, len(batch))
			}
			for _, p := range batch {
				i := int(p[0][0] - 'a')
				source := append(slices.Repeat([]int32{p[0][0]}, i%4+1), 256)
				target := slices.Repeat([]int32{'z', p[0][0]}, i*i%3+1)
				if !slices.Equal(p[0], source) || !slices.Equal(p[1], target) {
					t.Errorf("batch %d: the pair %v", index, p)
				}
				letters += string(rune(p[0][0]))
			}
		}
		return letters
	}
	all := order(unequal(t, 7, 2, 1), 0, 1, 2, 3, 4, 5, 6)
	first, second := all[:7], all[7:]
	for _, epoch := range []string{first, second} {
		if got := string(slices.Sorted(slices.Values([]byte(epoch)))); got != "abcdefg" {
			t.Errorf("an epoch has the pairs %s", got)
		}
	}
	if first == second || first == "abcdefg" {
		t.Errorf("epochs in the orders %s and %s", first, second)
	}
	if got, want := order(unequal(t, 7, 2, 1), 6, 3, 0, 3), all[12:]+all[6:8]+all[:2]+all[6:8]; got != want {
		t.Errorf("batches 6, 3, 0 and 3 have %s, want %s", got, want)
	}
	if other := order(unequal(t, 7, 2, 2), 0, 1, 2, 3, 4, 5, 6); other == all {
		t.Error("two seeds, one order")
	}
}

// TestPairsSides: mean lengths, ends counted, rounded up; a target fills the context with
// its end.
func TestPairsSides(t *testing.T) {
	if source, target := unequal(t, 3, 2, 1).Sides(); source != 3 || target != 5 { // 2, 3, 4 and 3, 5, 5 tokens
		t.Errorf("%d and %d tokens on the mean, want 3 and 5", source, target)
	}
	tok, err := tokenizer.NewByte("<end>")
	if err != nil {
		t.Fatal(err)
	}
	for context, fits := range map[int]bool{4: false, 5: true} {
		_, err := seq2seq.NewPairs(tok, []corpus.Pair{{Source: "a", Target: "bbbb"}}, 256, context, 1, 1)
		if fits != (err == nil) {
			t.Errorf("four letters and an end in a context of %d: error %v", context, err)
		}
	}
}
