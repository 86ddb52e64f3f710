package train_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/inkstone-ai/inkstone/corpus"
	"github.com/inkstone-ai/inkstone/internal/testkit"
	"github.com/inkstone-ai/inkstone/model/seq2seq"
	"github.com/inkstone-ai/inkstone/nn"
	"github.com/inkstone-ai/inkstone/tensor"
	"github.com/inkstone-ai/inkstone/tokenizer"
	"github.com/inkstone-ai/inkstone/train"
)

// pairDimensions is what a caller makes of an encoder–decoder's config.
func pairDimensions(c seq2seq.Config) train.Dimensions {
	d := train.Dimensions{Layers: c.DecoderLayers, Width: c.Width, Hidden: c.Hidden, Heads: c.Heads, Vocab: c.Vocab}
	cell := map[string]nn.Cell{seq2seq.FixedArchitecture: nn.LSTM, seq2seq.AttentionArchitecture: nn.GRU}
	if k, ok := cell[c.Architecture]; ok {
		d.Cell, d.Hidden, d.Attends = &k, c.Width, c.Architecture == seq2seq.AttentionArchitecture
	}
	return d
}

// The formula of an encoder–decoder's activations against what the arena holds: never
// less than 2 % below, and above by no more than buffers that happen to have one size.
func TestActivationsPairs(t *testing.T) {
	d := cpu(t, 1)
	for _, c := range []seq2seq.Config{
		{Architecture: "transformer", Vocab: 512, Width: 128, DecoderLayers: 2, Heads: 2, Hidden: 512},
		{Architecture: "transformer", Vocab: 700, Width: 64, DecoderLayers: 3, Heads: 1, Hidden: 256},
		{Architecture: "fixed", Vocab: 512, Width: 64, DecoderLayers: 1},
		{Architecture: "fixed", Vocab: 700, Width: 128, DecoderLayers: 2},
		{Architecture: "attention", Vocab: 512, Width: 64, DecoderLayers: 1},
		{Architecture: "attention", Vocab: 700, Width: 128, DecoderLayers: 1},
	} {
		c.Context, c.EncoderLayers, c.Dropout = 64, c.DecoderLayers, 0.1
		m, err := seq2seq.New(c)
		if err != nil {
			t.Fatal(err)
		}
		nn.Init(m, d, 1)
		nn.Walk(m, func(p nn.Param) { p.Tensor.SetTrainable(true) })
		for _, l := range []train.Load{{Rows: 16, Source: 20, Context: 18}, {Rows: 16, Source: 14, Context: 22}, {Rows: 32, Source: 24, Context: 18}} {
			s := &train.Stepper{Groups: train.AdamWGroups(nn.Params(m), train.AdamW{}, 1e-3, 0.1), Tokens: l.Rows * (l.Source + l.Context)}
			s.Loss = seq2seq.BatchLoss(evenPairs(l, c.Vocab), 0, 0.1, m)
			measured, err := train.Speed(context.Background(), d, tensor.F32, s, 0)
			if err != nil {
				t.Fatal(err)
			}
			plan := train.Make(s.Groups, pairDimensions(c), l)
			ratio := float64(plan.Activations) / float64(measured.Activations)
			what := fmt.Sprintf("%s of %d, %d layers, %+v", c.Architecture, c.Width, c.DecoderLayers, l)
			t.Logf("%s: %d bytes planned, %.3f of the arena's", what, plan.Activations, ratio)
			if ratio < 0.98 || ratio > 1.05 {
				t.Errorf("%s: %d bytes planned, the arena holds %d: %.3f of it", what, plan.Activations, measured.Activations, ratio)
			}
			if plan.TokensPerUpdate != int64(s.Tokens) || plan.Checkpoints() || plan.FLOPsPerToken <= 0 {
				t.Errorf("%s: %+v", what, plan)
			}
			if err := plan.Fit(plan.Total - 1); err == nil || !strings.Contains(err.Error(), fmt.Sprintf("an update of %d pairs instead of %d fits", l.Rows-1, l.Rows)) {
				t.Errorf("%s, a byte too few: %v", what, err)
			}
		}
	}
}

// evenPairs are pairs of the load's lengths.
func evenPairs(l train.Load, vocab int) (pairs [][2][]int32) {
	for i := range l.Rows {
		source, target := make([]int32, l.Source), make([]int32, l.Context-1)
		for k := range source {
			source[k] = int32((i*7 + k*3) % vocab)
		}
		pairs = append(pairs, [2][]int32{source, target})
	}
	return pairs
}

// realPairs are pairs of English and Chinese sentences in batches of so many.
func realPairs(t *testing.T, rows int) (*seq2seq.Pairs, int) {
	t.Helper()
	all, err := corpus.Pairs(nil, testkit.Data(t, "mt-tatoeba-en-zh/en-zh.tsv.gz"))
	if err != nil {
		t.Fatal(err)
	}
	all = all[:4000]
	tok, err := tokenizer.NewChars(func(yield func(string) bool) {
		for _, p := range all {
			if !yield(p.Source) || !yield(p.Target) {
				return
			}
		}
	}, "<|endoftext|>")
	if err != nil {
		t.Fatal(err)
	}
	end, _ := tok.ID("<|endoftext|>")
	pairs, err := seq2seq.NewPairs(tok, all, end, 256, rows, 1)
	if err != nil {
		t.Fatal(err)
	}
	return pairs, tok.Size()
}

// The plan of runs over sentences of all lengths against the most that the arena comes to
// hold: within a tenth, where the plan of their mean lengths has less than half.
func TestActivationsMixedPairs(t *testing.T) {
	d, steps := cpu(t, 2), 8
	for _, tt := range []struct {
		rows   int
		method string
		c      seq2seq.Config
	}{
		{8, "", seq2seq.Config{Architecture: "transformer", Width: 64, DecoderLayers: 2, Heads: 2, Hidden: 256}},
		{32, "", seq2seq.Config{Architecture: "transformer", Width: 64, DecoderLayers: 1, Heads: 2, Hidden: 256}},
		{16, "", seq2seq.Config{Architecture: "fixed", Width: 64, DecoderLayers: 1}},
		{8, "", seq2seq.Config{Architecture: "attention", Width: 32, DecoderLayers: 1}},
		{8, "fgm", seq2seq.Config{Architecture: "transformer", Width: 64, DecoderLayers: 1, Heads: 2, Hidden: 256}},
		{8, "virtual", seq2seq.Config{Architecture: "transformer", Width: 64, DecoderLayers: 1, Heads: 2, Hidden: 256}},
		{8, "virtual", seq2seq.Config{Architecture: "fixed", Width: 64, DecoderLayers: 1}},
		{4, "virtual", seq2seq.Config{Architecture: "attention", Width: 32, DecoderLayers: 1}},
		{8, "virtual", seq2seq.Config{Architecture: "fixed", Width: 16, DecoderLayers: 1, Vocab: 16000}}, // so much that the step gives it back
	} {
		pairs, vocab := realPairs(t, tt.rows)
		tt.c.Vocab, tt.c.Context, tt.c.EncoderLayers, tt.c.Dropout = max(vocab, tt.c.Vocab), 256, tt.c.DecoderLayers, 0.1
		m, err := seq2seq.New(tt.c)
		if err != nil {
			t.Fatal(err)
		}
		nn.Init(m, d, 1)
		nn.Walk(m, func(p nn.Param) { p.Tensor.SetTrainable(true) })
		a := train.Adversary{Method: tt.method}
		if tt.method != "" {
			a.Epsilon = 1
		}
		s := &train.Stepper{Groups: train.AdamWGroups(nn.Params(m), train.AdamW{}, 1e-4, 0)}
		done, err := pairs.Teach(s, m, 0.1, a)
		if err != nil {
			t.Fatal(err)
		}
		most, trimmed, loss := 0, false, s.Loss
		s.Loss = func(step *tensor.Step, index, micro int) (*tensor.Tensor, error) {
			now := step.Held() // of the batches before, unless the step gave it back
			most, trimmed = max(most, now), trimmed || now < most
			x, err := loss(step, index, micro)
			if index < steps { // the one behind is not planned, it looks at what the others left
				most = max(most, step.Held())
			}
			return x, err
		}
		if _, err := train.Run(context.Background(), train.Config{Device: d, Steps: steps + 1}, s); err != nil {
			t.Fatal(err)
		}
		done()
		source, target := pairs.Sides()
		l := train.Load{Rows: tt.rows, Source: source, Context: target, Lengths: pairs.Lengths(steps * tt.rows), Longest: pairs.Longest(), Adversary: a}
		plan := train.Make(s.Groups, pairDimensions(tt.c), l)
		what := fmt.Sprintf("%s, %q, %d pairs", tt.c.Architecture, tt.method, tt.rows)
		ratio := float64(plan.Activations) / float64(most)
		l.Lengths = nil
		even := train.Make(s.Groups, pairDimensions(tt.c), l).Activations
		t.Logf("%s: %d bytes planned, %.3f of the arena's; of mean lengths %.3f", what, plan.Activations, ratio, float64(even)/float64(most))
		if trimmed != (tt.c.Vocab == 16000) {
			t.Errorf("%s: the step gave memory back: %v", what, trimmed)
		}
		if ratio < 0.9 || ratio > 1.1 {
			t.Errorf("%s: %d bytes planned, the arena came to hold %d: %.3f of it", what, plan.Activations, most, ratio)
		}
	}
}
