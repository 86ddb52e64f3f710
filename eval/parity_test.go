package eval_test

import (
	"context"
	"encoding/json"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/inkstone-ai/inkstone/corpus"
	"github.com/inkstone-ai/inkstone/eval"
	"github.com/inkstone-ai/inkstone/model"
	"github.com/inkstone-ai/inkstone/nn"
	"github.com/inkstone-ai/inkstone/tensor"
)

// TestParity compares with numbers worked out by hand. Logits are ln of
// probabilities, plus a constant, which changes the differences and nothing else.
func TestParity(t *testing.T) {
	ln := func(c float64, p ...float64) (x []float32) {
		for _, v := range p {
			x = append(x, float32(math.Log(v)+c))
		}
		return x
	}
	var s eval.ParitySum
	s.Add(ln(0, 0.5, 0.25, 0.25), ln(0, 0.25, 0.5, 0.25), 0) // KL = 0.5 ln 2 − 0.25 ln 2
	s.Add(ln(0, 0.8, 0.1, 0.1), ln(3, 0.8, 0.1, 0.1), 2)     // equal, 3 apart
	got := s.Parity()
	near := func(what string, got, want float64) {
		if math.Abs(got-want) > 1e-6 {
			t.Errorf("%s: got %g, want %g", what, got, want)
		}
	}
	near("largest difference", got.MaxDiff, 3)
	near("mean difference", got.MeanDiff, (2*math.Ln2+9)/6)
	near("KL", got.KL, 0.25*math.Ln2/2)
	near("top 1", got.Top1(), 0.5)
	near("loss of the first", got.LossA, (math.Log(2)+math.Log(10))/2)
	near("loss of the second", got.LossB, (math.Log(4)+math.Log(10))/2)
	near("perplexity", got.Perplexity(), math.Sqrt2-1)
	if got.Positions != 2 || got.Agree != 1 {
		t.Errorf("%+v", got)
	}
}

// TestParityOfExtremes: large logits do not overflow, and what is not a number is told.
func TestParityOfExtremes(t *testing.T) {
	var s eval.ParitySum
	s.Add([]float32{1e4, -1e4}, []float32{1e4, -1e4}, 1)
	if p := s.Parity(); p.KL != 0 || p.LossA != 2e4 || p.MaxDiff != 0 {
		t.Errorf("%+v", p)
	}
	nan := float32(math.NaN())
	for _, at := range []int{0, 1, 2, 3} {
		var s eval.ParitySum
		both := []float32{1, 2, 1, 2}
		both[at] = nan
		s.Add(both[:2], both[2:], 0)
		s.Add([]float32{1, 2}, []float32{1, 2}, 0) // a good position does not hide it
		if p := s.Parity(); !math.IsNaN(p.KL) || p.Agree != 1 {
			t.Errorf("a NaN at %d: %+v", at, p)
		}
		b, err := json.Marshal(s.Parity())
		if err != nil || !strings.Contains(string(b), `"kl_divergence":null`) || !strings.Contains(string(b), `"top1_agreed":1`) {
			t.Errorf("JSON %s, %v", b, err)
		}
		for _, bound := range []string{"F32", "F16", "Q8_0", "Q4_K", "Q2_K"} {
			if failed := eval.BoundOf([]string{bound}).Failures(s.Parity()); len(failed) == 0 {
				t.Errorf("%s passes with a logit that is not a number", bound)
			}
		}
	}
}

func TestBounds(t *testing.T) {
	good := eval.Parity{Positions: 100, Agree: 100}
	tests := []struct {
		types  []string
		change func(p *eval.Parity)
		says   string
	}{
		{[]string{"F32"}, func(p *eval.Parity) { p.MaxDiff = 2e-4 }, "the largest logit difference is 0.0002, the bound of F32 is 0.0001"},
		{[]string{"F16", "F32"}, func(p *eval.Parity) { p.KL = 2e-3 }, "the KL divergence is 0.002, the bound of F16 is 0.001"},
		{[]string{"F32", "BF16"}, func(p *eval.Parity) { p.KL = 2e-3 }, "the bound of BF16"},
		{[]string{"F32", "Q8_0"}, func(p *eval.Parity) { p.KL = 3e-3 }, "the bound of Q8_0 is 0.002"},
		{[]string{"Q8_0"}, func(p *eval.Parity) { p.Agree = 97 }, "the likeliest token agrees in 97.00 %, the bound of Q8_0 is 98.00 %"},
		{[]string{"Q6_K", "Q4_K", "F32"}, func(p *eval.Parity) { p.LossB = 0.04 }, "the perplexity differs by +4.08 %, the bound of Q4_K is ±3.00 %"},
		{[]string{"Q4_K"}, func(p *eval.Parity) { p.LossB = -0.04 }, "the perplexity differs by -3.92 %"}, // a better model is another one
	}
	for _, tt := range tests {
		b, p := eval.BoundOf(tt.types), good
		if failed := b.Failures(p); len(failed) > 0 || b.None() {
			t.Errorf("%v: equal models fail: %q", tt.types, failed)
		}
		tt.change(&p)
		if failed := b.Failures(p); len(failed) != 1 || !strings.Contains(failed[0], tt.says) {
			t.Errorf("%v: got %q, want %q", tt.types, failed, tt.says)
		}
	}
	for _, types := range [][]string{{"F32", "Q2_K"}, {"Q4_K", "XYZ"}, nil} {
		if b := eval.BoundOf(types); !b.None() {
			t.Errorf("%v has the bound %+v", types, b)
		}
	}
}

// TestCompared: a model equals itself in any window, and a changed one differs as
// much as its losses say.
func TestCompared(t *testing.T) {
	d := tensor.CPU(1)
	defer d.Close()
	build := func(seed uint64) model.LM {
		lm, err := model.BuildLM([]byte(`{"model_type":"gpt2","vocab_size":17,"n_positions":16,"n_embd":8,"n_layer":1,"n_head":2}`))
		if err != nil {
			t.Fatal(err)
		}
		nn.Init(lm, d, seed)
		return lm
	}
	a, b := build(1), build(2)
	ids := make(corpus.IDs, 100)
	for i := range ids {
		ids[i] = int32(i * i % 17)
	}
	same, err := eval.Compared(context.Background(), a, a, ids, 16, nil)
	if err != nil || same.MaxDiff != 0 || same.KL != 0 || same.Top1() != 1 || same.Positions != 99 {
		t.Errorf("%+v, %v", same, err)
	}
	var seen []int
	apart, err := eval.Compared(context.Background(), a, b, ids, 16, func(done int) { seen = append(seen, done) })
	if err != nil || apart.KL <= 0 || apart.MaxDiff <= 0 || !slices.IsSorted(seen) || seen[len(seen)-1] != 99 {
		t.Errorf("%+v, %v, progress %v", apart, err, seen)
	}
	for i, lm := range []model.LM{a, b} {
		m, err := eval.Language(context.Background(), lm, nil, ids, eval.Options{Context: 16})
		if err != nil {
			t.Fatal(err)
		}
		if got := []float64{apart.LossA, apart.LossB}[i]; math.Abs(got-m.Loss) > 1e-5 {
			t.Errorf("loss %d: got %g, a language model's evaluation %g", i, got, m.Loss)
		}
	}
	if _, err := eval.Compared(context.Background(), a, b, corpus.IDs{1, 40}, 16, nil); err == nil || !strings.Contains(err.Error(), "token 40 beyond") {
		t.Errorf("an id beyond the vocabulary: %v", err)
	}
	done, stop := context.WithCancel(context.Background())
	stop()
	if _, err := eval.Compared(done, a, b, ids, 16, nil); err == nil {
		t.Error("a cancelled comparison succeeds")
	}
}
