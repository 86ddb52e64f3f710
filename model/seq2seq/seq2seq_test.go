package seq2seq_test

import (
	"encoding/json"
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
)

// small is a config of an architecture.
func small(architecture string) seq2seq.Config {
	c := seq2seq.Config{Architecture: architecture, Vocab: 17, Context: 9, Width: 8, EncoderLayers: 1, DecoderLayers: 1}
	if architecture == seq2seq.TransformerArchitecture {
		c.Heads = 2
	}
	return c
}

// TestSaveAndLoad: a folder that is written and read gives the same bits.
func TestSaveAndLoad(t *testing.T) {
	each(t, func(t *testing.T, g *golden, d *tensor.Device) {
		m := g.open(t, d)
		logits := func(m model.EncoderDecoder) []float32 {
			s := tensor.NewStep(d, tensor.StepOptions{})
			defer s.Close()
			s.Begin(0)
			var source, target nn.Pass
			g.passes(s, &source, &target)
			return m.Logits(m.Decode(&target, m.Encode(&source))).Floats()
		}
		dir := t.TempDir()
		if err := model.Save(dir, m, model.Generation{EOS: model.IDs{0}}); err != nil {
			t.Fatal(err)
		}
		l, err := model.LoadAs[model.EncoderDecoder](dir, d)
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		testkit.SameBits(t, "logits", logits(l.Model), logits(m))
		if l.Type != seq2seq.Type || !slices.Equal(l.Generation.EOS, model.IDs{0}) {
			t.Errorf("type %s, ends %v", l.Type, l.Generation.EOS)
		}
	})
}

// TestAlign: weights are those by which the decoder mixes the source: rows add up to
// 1, and a source of one token has all of it.
func TestAlign(t *testing.T) {
	each(t, func(t *testing.T, g *golden, d *tensor.Device) {
		m, ok := g.open(t, d).(model.Aligner)
		if !ok {
			t.Skip("a fixed vector aligns nothing")
		}
		s := tensor.NewStep(d, tensor.StepOptions{})
		defer s.Close()
		s.Begin(0)
		var source, target nn.Pass
		source.Set(s, g.Sources[:5], nn.Span{Rows: 5})
		target.Set(s, g.Inputs[:4], nn.Span{Rows: 4})
		weights := m.Align(&source, &target)
		if got := fmt.Sprint(weights.Shape()); got != "[4 5]" {
			t.Fatalf("weights of shape %s", got)
		}
		for row := range slices.Chunk(weights.Floats(), 5) {
			sum := float32(0)
			for _, w := range row {
				sum += w
			}
			if math.Abs(float64(sum)-1) > 1e-5 || slices.Max(row) == slices.Min(row) {
				t.Errorf("weights %v", row)
			}
		}
	})
}

func TestConfigErrors(t *testing.T) {
	tests := []struct {
		name   string
		change func(c *seq2seq.Config)
		says   string
	}{
		{"architecture", func(c *seq2seq.Config) { c.Architecture = "perceptron" }, "perceptron"},
		{"vocabulary", func(c *seq2seq.Config) { c.Vocab = 0 }, "vocab_size is 0"},
		{"layers", func(c *seq2seq.Config) { c.DecoderLayers = 1000 }, "decoder_layers is 1000"},
		{"heads", func(c *seq2seq.Config) { c.Heads = 3 }, "attention_heads 3 must divide d_model 8"},
		{"dropout", func(c *seq2seq.Config) { c.Dropout = 1 }, "dropout 1 is not in [0, 1)"},
		{"odd", func(c *seq2seq.Config) { c.Width, c.Heads = 9, 3 }, "d_model 9 is odd"},
		{"heads of another", func(c *seq2seq.Config) { c.Architecture = seq2seq.FixedArchitecture }, "are of the transformer"},
		{"cell", func(c *seq2seq.Config) {
			c.Architecture, c.Heads, c.Cell = seq2seq.AttentionArchitecture, 0, "tanh"
		}, `cell "tanh" is neither gru nor lstm`},
		{"unequal", func(c *seq2seq.Config) {
			c.Architecture, c.Heads, c.DecoderLayers = seq2seq.FixedArchitecture, 0, 2
		}, "layer by layer"},
	}
	for _, tt := range tests {
		c := small(seq2seq.TransformerArchitecture)
		tt.change(&c)
		if _, err := seq2seq.New(c); err == nil || !strings.Contains(err.Error(), tt.says) {
			t.Errorf("%s: %v, want %q", tt.name, err, tt.says)
		}
	}
}

// FuzzConfig looks for a config.json that panics.
func FuzzConfig(f *testing.F) {
	for _, architecture := range seq2seq.Architectures() {
		config, err := json.Marshal(small(architecture))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(`{"model_type":"seq2seq",` + string(config[1:]))
	}
	f.Fuzz(func(t *testing.T, config string) {
		if m, err := model.Build([]byte(config)); err == nil && model.Parameters(m) < 1 {
			t.Errorf("a model without parameters from %s", config)
		}
	})
}

// TestDropout: in training every architecture drops, with other masks at another
// step; in evaluation none does.
func TestDropout(t *testing.T) {
	d := tensor.Reference()
	defer d.Close()
	for _, architecture := range seq2seq.Architectures() {
		c := small(architecture)
		c.Dropout = 0.5
		m, err := seq2seq.New(c)
		if err != nil {
			t.Fatal(err)
		}
		nn.Init(m, d, 1)
		loss := func(train bool, index uint64) float32 {
			s := tensor.NewStep(d, tensor.StepOptions{Grad: train})
			defer s.Close()
			s.Begin(index)
			var source, target nn.Pass
			source.Set(s, []int32{1, 2, 3}, nn.Span{Rows: 3})
			target.Set(s, []int32{4, 5}, nn.Span{Rows: 2})
			return model.EncoderDecoderLoss(m, &source, &target, s.Ints([]int32{5, 6}, 2), nil, 0).Item()
		}
		if a, b, c := loss(true, 1), loss(true, 2), loss(false, 1); a == b || a == c || c != loss(false, 2) {
			t.Errorf("%s: losses %v and %v in training, %v in evaluation", architecture, a, b, c)
		}
	}
}

// TestPairs: batches are functions of seed and number; an epoch has every pair once;
// what is too long is named.
func TestPairs(t *testing.T) {
	tok, err := tokenizer.NewByte("<end>")
	if err != nil {
		t.Fatal(err)
	}
	var pairs []corpus.Pair
	for i := range 7 {
		pairs = append(pairs, corpus.Pair{Source: strings.Repeat("a", i+1), Target: "b", File: "f.tsv", Line: i + 1})
	}
	d, err := seq2seq.NewPairs(tok, pairs, 256, 9, 2, 1)
	if err != nil {
		t.Fatal(err)
	}
	if d.Steps(2) != 7 || d.Longest() != 8 || d.Tokens() != 28+7+14 {
		t.Errorf("%d steps, longest %d, %d tokens", d.Steps(2), d.Longest(), d.Tokens())
	}
	if _, err := seq2seq.NewPairs(tok, pairs, 256, 7, 2, 1); err == nil || !strings.Contains(err.Error(), "f.tsv: line 7: a sentence of 8 tokens, the context has 7") {
		t.Errorf("a long pair: %v", err)
	}
	if _, err := seq2seq.NewPairs(tok, nil, 256, 7, 2, 1); err == nil {
		t.Error("no pairs, no error")
	}
}

func TestInitialLoss(t *testing.T) {
	d := tensor.Reference()
	defer d.Close()
	for _, architecture := range seq2seq.Architectures() {
		m, err := seq2seq.New(small(architecture))
		if err != nil {
			t.Fatal(err)
		}
		nn.Init(m, d, 3)
		s := tensor.NewStep(d, tensor.StepOptions{})
		defer s.Close()
		s.Begin(0)
		var source, target nn.Pass
		source.Set(s, []int32{1, 2, 3}, nn.Span{Rows: 3})
		target.Set(s, []int32{4, 5, 7, 8}, nn.Span{Rows: 4})
		got := model.EncoderDecoderLoss(m, &source, &target, s.Ints([]int32{5, 6, 8, 9}, 4), s.Full(0.25, 4), 0).Item()
		if want := math.Log(17); math.Abs(float64(got)-want) > 1.2 {
			t.Errorf("%s: loss %.3f, a guess has %.3f", architecture, got, want)
		}
	}
}
