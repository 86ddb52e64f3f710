package gpt_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/inkstone-ai/inkstone/internal/testkit"
	"github.com/inkstone-ai/inkstone/model"
	"github.com/inkstone-ai/inkstone/model/gpt"
	"github.com/inkstone-ai/inkstone/nn"
	"github.com/inkstone-ai/inkstone/tensor"
)

// TestPresetSizes counts the parameters of the published models. The weights
// have shapes only, so the largest takes no memory.
func TestPresetSizes(t *testing.T) {
	tests := map[string]int{
		"gpt2":        124_439_808,
		"gpt2-medium": 354_823_168,
		"gpt2-large":  774_030_080,
		"gpt2-xl":     1_557_611_200,
	}
	for name, want := range tests {
		if got := parameters(t, name); got != want {
			t.Errorf("%s has %d parameters, want %d", name, got, want)
		}
	}
	if got := float64(parameters(t, "gpt3-175b")); math.Abs(got/175e9-1) > 0.005 {
		t.Errorf("gpt3-175b has %.4g parameters, want about 175e9", got)
	}
	if _, err := gpt.GPT2Preset("gpt5"); err == nil {
		t.Error("a preset gpt5")
	}
}

func parameters(t *testing.T, preset string) int {
	t.Helper()
	c, err := gpt.GPT2Preset(preset)
	if err != nil {
		t.Fatal(err)
	}
	m, err := gpt.NewGPT2(c)
	if err != nil {
		t.Fatal(err)
	}
	return model.Parameters(m)
}

// TestSequencesOfAPassAreApart: two sequences in one pass give the bits of two
// passes.
func TestSequencesOfAPassAreApart(t *testing.T) {
	each(t, func(t *testing.T, g *golden, d *tensor.Device) {
		l, err := model.Load(g.folder(t), d)
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		s := tensor.NewStep(d, tensor.StepOptions{})
		defer s.Close()
		s.Begin(0)
		run := func(ids []int32, spans ...nn.Span) []float32 {
			var p nn.Pass
			p.Set(s, ids, spans...)
			return l.LM.Logits(l.LM.Forward(&p)).Floats()
		}
		both := run(g.IDs, g.spans()...)
		n := g.Lengths[0]
		alone := append(run(g.IDs[:n], g.spans()[0]), run(g.IDs[n:], g.spans()[1])...)
		testkit.SameBits(t, "logits", both, alone)
	})
}

// TestInitialLoss: fresh weights know nothing, so that the loss is that of a
// guess, log V.
func TestInitialLoss(t *testing.T) {
	for _, name := range goldens {
		t.Run(name, func(t *testing.T) {
			g := readGolden(t, name)
			lm, err := model.BuildLM(g.Config)
			if err != nil {
				t.Fatal(err)
			}
			d := tensor.Reference()
			defer d.Close()
			nn.Init(lm, d, 1)
			s := tensor.NewStep(d, tensor.StepOptions{})
			defer s.Close()
			s.Begin(0)
			got, want := float64(g.loss(lm, s, &nn.Pass{}).Item()), math.Log(23)
			if math.Abs(got-want) > 0.15 {
				t.Errorf("loss %.3f, want about %.3f", got, want)
			}
		})
	}
}

// TestStepAllocatesNothing: after the first, a training step leaves the heap
// alone, so the collector never runs. (The oracle's kernels allocate; they are
// written to be read.)
func TestStepAllocatesNothing(t *testing.T) {
	each(t, func(t *testing.T, g *golden, d *tensor.Device) {
		if strings.Contains(d.Name(), "ref") {
			t.Skip("the oracle allocates")
		}
		lm := g.trainable(t, d)
		s := tensor.NewStep(d, tensor.StepOptions{Grad: true})
		defer s.Close()
		var p nn.Pass
		spans, weights, n := g.spans(), g.rowWeights(), len(g.IDs)
		got := testing.AllocsPerRun(5, func() {
			s.Begin(0)
			p.Set(s, g.IDs, spans...)
			s.Backward(model.Loss(lm, &p, s.Ints(g.Targets, n), s.Floats(weights, n)))
		})
		if got != 0 {
			t.Errorf("%v allocations a step, want 0", got)
		}
	})
}

// TestCheckpointChangesNothing: with every layer computed twice, dropout
// included, gradients are the same bits and the arena's peak is lower.
func TestCheckpointChangesNothing(t *testing.T) {
	devices(t, func(t *testing.T, d *tensor.Device) {
		m, err := gpt.NewGPT2(gpt.GPT2Config{Vocab: 13, Context: 16, Width: 16, Layers: 6, Heads: 2, Tied: true,
			EmbedDropout: 0.1, ResidualDropout: 0.3})
		if err != nil {
			t.Fatal(err)
		}
		nn.Init(m, d, 1)
		params := nn.Params(m)
		for _, p := range params {
			p.Tensor.SetTrainable(true)
		}
		gradients := func(checkpoint bool, index uint64) (all []float32, peak int) {
			s := tensor.NewStep(d, tensor.StepOptions{Grad: true, Seed: 5})
			defer s.Close()
			s.Begin(index)
			p := nn.Pass{Checkpoint: checkpoint}
			ids := []int32{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 1, 2, 3, 4}
			p.SetRows(s, ids, 8)
			s.Backward(model.Loss(m, &p, s.Ints(ids, len(ids)), nil))
			for _, p := range params {
				all = append(all, p.Tensor.Grad().Floats()...)
				p.Tensor.ZeroGrad()
			}
			_, peak = s.Bytes()
			return all, peak
		}
		plain, most := gradients(false, 1)
		again, less := gradients(true, 1)
		testkit.SameBits(t, "gradients", again, plain)
		if less >= most {
			t.Errorf("%d bytes with checkpoints, %d without", less, most)
		}
		if other, _ := gradients(false, 2); slices.Equal(other, plain) {
			t.Error("two steps dropped the same elements")
		}
	})
}

// TestDropout: each of GPT-2's three places drops for itself, in training only. The
// two halves of a block are made to add nothing, but for the one in question.
func TestDropout(t *testing.T) {
	d := tensor.Reference()
	defer d.Close()
	loss := func(train bool, embed, residual float32, silent ...string) float32 {
		m, err := gpt.NewGPT2(gpt.GPT2Config{Vocab: 13, Context: 4, Width: 16, Layers: 1, Heads: 2, Tied: true,
			EmbedDropout: embed, ResidualDropout: residual})
		if err != nil {
			t.Fatal(err)
		}
		nn.Init(m, d, 1)
		for _, p := range nn.Params(m) {
			if slices.Contains(silent, p.Name) {
				p.Tensor.Fill(0)
			}
		}
		s := tensor.NewStep(d, tensor.StepOptions{Grad: train})
		defer s.Close()
		s.Begin(0)
		var p nn.Pass
		p.SetRows(s, []int32{1, 2, 3, 4}, 4)
		return model.Loss(m, &p, s.Ints([]int32{2, 3, 4, 5}, 4), nil).Item()
	}
	const attention, mlp = "transformer.h.0.attn.c_proj.weight", "transformer.h.0.mlp.c_proj.weight"
	tests := []struct {
		name            string
		embed, residual float32
		silent          []string
		drops           bool
	}{
		{"embedding", 0.5, 0, []string{attention, mlp}, true},
		{"attention", 0, 0.5, []string{mlp}, true},
		{"feed-forward", 0, 0.5, []string{attention}, true},
		{"nothing to drop", 0, 0.5, []string{attention, mlp}, false},
	}
	for _, tt := range tests {
		for _, train := range []bool{true, false} {
			drops := loss(train, tt.embed, tt.residual, tt.silent...) != loss(train, 0, 0, tt.silent...)
			if want := tt.drops && train; drops != want {
				t.Errorf("%s, training %t: dropout changes the loss: %t, want %t", tt.name, train, drops, want)
			}
		}
	}
}

// TestInitialScale: maps that end in the residual stream start smaller by 1/√(2L),
// Llama's others with variance 1/(3·in).
func TestInitialScale(t *testing.T) {
	d := tensor.Reference()
	defer d.Close()
	const C, L = 48, 2
	tests := []struct {
		config string
		std    map[string]float64
	}{
		{`{"model_type":"gpt2","vocab_size":50,"n_positions":64,"n_embd":48,"n_layer":2,"n_head":2}`, map[string]float64{
			"transformer.wte.weight": 0.02, "transformer.h.1.attn.c_attn.weight": 0.02,
			"transformer.h.0.attn.c_proj.weight": 0.02 / 2, "transformer.h.1.mlp.c_proj.weight": 0.02 / 2,
		}},
		{`{"model_type":"llama","vocab_size":50,"hidden_size":48,"intermediate_size":96,"num_hidden_layers":2,"num_attention_heads":2}`, map[string]float64{
			"model.embed_tokens.weight": 0.02, "model.layers.0.self_attn.q_proj.weight": math.Sqrt(1. / (3 * C)),
			"model.layers.1.self_attn.o_proj.weight": math.Sqrt(1. / (3 * C * 2 * L)), "model.layers.0.mlp.down_proj.weight": math.Sqrt(1. / (3 * 96 * 2 * L)),
		}},
	}
	for _, tt := range tests {
		lm, err := model.BuildLM([]byte(tt.config))
		if err != nil {
			t.Fatal(err)
		}
		nn.Init(lm, d, 1)
		seen := 0
		for _, p := range nn.Params(lm) {
			want, ok := tt.std[p.Name]
			if !ok {
				continue
			}
			seen++
			if got := math.Sqrt(p.Tensor.SumSquares() / float64(p.Tensor.Len())); math.Abs(got/want-1) > 0.06 {
				t.Errorf("%s: standard deviation %.4f, want %.4f", p.Name, got, want)
			}
		}
		if seen != len(tt.std) {
			t.Errorf("%d of %d weights found", seen, len(tt.std))
		}
	}
}

// TestAbsentKeys: a config.json that leaves keys out means what Hugging Face's
// classes mean.
func TestAbsentKeys(t *testing.T) {
	tests := []struct{ config, want string }{
		{`{"model_type":"gpt2","vocab_size":9,"n_positions":8,"n_embd":6,"n_layer":1,"n_head":2}`,
			`"n_inner":24 "activation_function":"gelu_new" "layer_norm_epsilon":0.00001 "tie_word_embeddings":true`},
		{`{"model_type":"llama","vocab_size":9,"hidden_size":8,"intermediate_size":6,"num_hidden_layers":1,"num_attention_heads":2}`,
			`"max_position_embeddings":2048 "num_key_value_heads":2 "head_dim":4 "hidden_act":"silu" "rms_norm_eps":0.000001 "tie_word_embeddings":false "rope_theta":10000`},
	}
	for _, tt := range tests {
		lm, err := model.BuildLM([]byte(tt.config))
		if err != nil {
			t.Fatal(err)
		}
		var got, want map[string]any
		text, err := json.Marshal(lm.Config())
		if err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(json.Unmarshal(text, &got), json.Unmarshal([]byte("{"+strings.ReplaceAll(tt.want, " ", ",")+"}"), &want)); err != nil {
			t.Fatal(err)
		}
		for key, value := range want {
			if got[key] != value {
				t.Errorf("%s: %s is %v, want %v", tt.config, key, got[key], value)
			}
		}
	}
}

func Example() {
	config, err := gpt.GPT2Preset("gpt2")
	if err != nil {
		panic(err)
	}
	m, err := gpt.NewGPT2(config) // shapes only: nothing is allocated yet
	if err != nil {
		panic(err)
	}
	fmt.Println(model.Parameters(m), "parameters")
	// Output: 124439808 parameters
}

// BenchmarkStep trains nanoGPT's small configuration: 4 layers of 128 channels,
// 12 sequences of 64 characters.
func BenchmarkStep(b *testing.B) {
	m, err := gpt.NewGPT2(gpt.GPT2Config{Vocab: 65, Context: 64, Width: 128, Layers: 4, Heads: 4, Tied: true})
	if err != nil {
		b.Fatal(err)
	}
	d := tensor.CPU(0)
	defer d.Close()
	nn.Init(m, d, 1)
	for _, p := range nn.Params(m) {
		p.Tensor.SetTrainable(true)
	}
	s := tensor.NewStep(d, tensor.StepOptions{Grad: true})
	defer s.Close()
	const N, T = 12 * 64, 64
	ids, targets, weights := make([]int32, N), make([]int32, N), make([]float32, N)
	for i := range N {
		ids[i], targets[i], weights[i] = int32(i%65), int32((i+1)%65), 1.0/N
	}
	var p nn.Pass
	for i := 0; b.Loop(); i++ {
		s.Begin(uint64(i))
		p.SetRows(s, ids, T)
		s.Backward(model.Loss(m, &p, s.Ints(targets, N), s.Floats(weights, N)))
	}
	b.ReportMetric(float64(N)*float64(b.N)/b.Elapsed().Seconds(), "tokens/s")
}
