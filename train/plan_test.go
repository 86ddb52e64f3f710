package train_test

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/inkstone-ai/inkstone/model"
	"github.com/inkstone-ai/inkstone/model/gpt"
	"github.com/inkstone-ai/inkstone/nn"
	"github.com/inkstone-ai/inkstone/tensor"
	"github.com/inkstone-ai/inkstone/train"
)

// dimensions is what a caller makes of a model's shape.
func dimensions(lm model.LM) train.Dimensions {
	s := lm.Shape()
	g, gpt2 := lm.(*gpt.GPT2)
	_, canon := lm.(*gpt.CanonLlama)
	return train.Dimensions{Layers: s.Layers, Width: s.Width, Hidden: s.Hidden, Heads: s.Heads, KVHeads: s.KVHeads,
		HeadDim: s.HeadDim, Vocab: s.Vocab, Gated: !gpt2, Conv: canon, HeadNorms: s.HeadNorms, PostNorms: s.PostNorms, Fused: s.Fused, Experts: s.Experts, Drops: gpt2 && g.Config().(gpt.GPT2Config).EmbedDropout > 0}
}

func lms(t *testing.T) map[string]model.LM {
	t.Helper()
	all := map[string]model.LM{}
	add := func(name string, lm model.LM, err error) {
		if err != nil {
			t.Fatal(err)
		}
		all[name] = lm
	}
	m, err := gpt.NewLlama(gpt.LlamaConfig{Vocab: 512, Context: 64, Layers: 4, Width: 128, Hidden: 384, Heads: 4, KVHeads: 2, Tied: true})
	add("llama", m, err)
	m, err = gpt.NewLlama(gpt.LlamaConfig{Vocab: 300, Context: 64, Layers: 2, Width: 64, Hidden: 512, Heads: 2})
	add("llama, wide inside", m, err)
	c, err := gpt.NewCanonLlama(gpt.CanonLlamaConfig{LlamaConfig: gpt.LlamaConfig{Vocab: 700, Context: 64, Layers: 3, Width: 128, Hidden: 256, Heads: 4, Tied: true}})
	add("canon", c, err)
	g, err := gpt.NewGPT2(gpt.GPT2Config{Vocab: 600, Context: 64, Layers: 4, Width: 128, Heads: 4, Tied: true})
	add("gpt2", g, err)
	g, err = gpt.NewGPT2(gpt.GPT2Config{Vocab: 600, Context: 64, Layers: 4, Width: 128, Heads: 4, Tied: true, EmbedDropout: 0.1, ResidualDropout: 0.1})
	add("gpt2, dropout", g, err)
	return all
}

// kin are models of other papers that share Llama's parts.
func kin(t *testing.T) map[string]model.LM {
	t.Helper()
	all := map[string]model.LM{}
	add := func(name string, lm model.LM, err error) {
		if err != nil {
			t.Fatal(err)
		}
		all[name] = lm
	}
	llama := gpt.LlamaConfig{Vocab: 512, Context: 64, Layers: 3, Width: 128, Hidden: 384, Heads: 4, KVHeads: 2, Tied: true}
	q2, err := gpt.NewQwen2(gpt.Qwen2Config{LlamaConfig: llama})
	add("qwen2", q2, err)
	q3, err := gpt.NewQwen3(gpt.Qwen3Config{LlamaConfig: llama})
	add("qwen3", q3, err)
	ph, err := gpt.NewPhi3(gpt.Phi3Config{LlamaConfig: llama})
	add("phi3", ph, err)
	window := 16
	gemma := gpt.Gemma2Config{Vocab: 512, Context: 64, Layers: 3, Width: 128, Hidden: 384, Heads: 4, KVHeads: 2, Window: &window, Tied: true}
	g2, err := gpt.NewGemma2(gemma)
	add("gemma2", g2, err)
	g3, err := gpt.NewGemma3(gpt.Gemma3Config{Gemma2Config: gemma})
	add("gemma3", g3, err)
	mo, err := gpt.NewQwen3MoE(gpt.Qwen3MoEConfig{LlamaConfig: llama, Experts: 8, Top: 2, ExpertHidden: 192})
	add("qwen3moe", mo, err)
	return all
}

// stepperOf trains lm on B rows of T arbitrary tokens.
func stepperOf(lm model.LM, B, T int, checkpoint bool) *train.Stepper {
	ids, targets, weights := make([]int32, B*T), make([]int32, B*T), make([]float32, B*T)
	for i := range ids {
		ids[i], targets[i], weights[i] = int32(i*7%lm.Shape().Vocab), int32(i*11%lm.Shape().Vocab), 1/float32(B*T)
	}
	p := nn.Pass{Checkpoint: checkpoint}
	return &train.Stepper{
		Groups: train.AdamWGroups(nn.Params(lm), train.AdamW{}, 1e-3, 0.1),
		Tokens: B * T,
		Loss: func(s *tensor.Step, _, _ int) (*tensor.Tensor, error) {
			p.SetRows(s, ids, T)
			return model.Loss(lm, &p, s.Ints(targets, B*T), s.Floats(weights, B*T)), nil
		},
	}
}

// The formula of the activations against what the arena holds, which rounds tensors of
// odd sizes up by at most an eighth, those here hardly.
func TestActivations(t *testing.T) {
	d := cpu(t, 2)
	all := lms(t)
	maps.Copy(all, kin(t))
	for name, lm := range all {
		nn.Init(lm, d, 1)
		nn.Walk(lm, func(p nn.Param) { p.Tensor.SetTrainable(true) })
		for _, B := range []int{4, 12} {
			for _, checkpoint := range []bool{false, true} {
				what := fmt.Sprintf("%s, %d rows, checkpoint %v", name, B, checkpoint)
				m, err := train.Speed(context.Background(), d, tensor.F32, stepperOf(lm, B, 64, checkpoint), 0)
				if err != nil {
					t.Fatal(err)
				}
				want := dimensions(lm).Activations(B, 64, checkpoint)
				t.Logf("%s: formula %d, arena %d", what, want, m.Activations)
				if ratio := float64(m.Activations) / float64(want); math.Abs(ratio-1) > slack(dimensions(lm)) {
					t.Errorf("%s: the formula has %d bytes, the arena holds %d, %.3f of it", what, want, m.Activations, ratio)
				}
				if m.TokensPerSecond <= 0 || m.Steps < 2 {
					t.Errorf("%s: %+v", what, m)
				}
			}
		}
	}
}

// slack is how far the formula may be off: what norms of heads and fused gradients reuse depends
// on which sizes are equal, and the buffers of experts change theirs from step to step.
func slack(d train.Dimensions) float64 {
	switch {
	case d.Experts > 0:
		return 0.2
	case d.HeadNorms || d.PostNorms || d.Fused:
		return 0.08
	}
	return 0.03
}

// Muon's updates compute in the memory of the activations, which are idle by then, and
// get memory of their own where a batch is too small for that.
func TestActivationsMuon(t *testing.T) {
	d := cpu(t, 2)
	m, err := gpt.NewLlama(gpt.LlamaConfig{Vocab: 300, Context: 64, Layers: 2, Width: 128, Hidden: 384, Heads: 2, Tied: true})
	if err != nil {
		t.Fatal(err)
	}
	nn.Init(m, d, 1)
	nn.Walk(m, func(p nn.Param) { p.Tensor.SetTrainable(true) })
	for _, rows := range []int{4, 1} {
		s := stepperOf(m, rows, 64, false)
		s.Groups = train.MuonGroups(nn.Params(m), train.Muon{}, 0.02, train.AdamW{}, 3e-3, 0.1)
		measured, err := train.Speed(context.Background(), d, tensor.F32, s, 0)
		if err != nil {
			t.Fatal(err)
		}
		plan := train.Make(s.Groups, dimensions(m), train.Load{Rows: rows, Context: 64})
		t.Logf("%d rows: planned %d, arena %d", rows, plan.Activations, measured.Activations)
		if ratio := float64(plan.Activations) / float64(measured.Activations); ratio < 0.95 || ratio > 1.05 {
			t.Errorf("%d rows: %d bytes planned, the arena holds %d", rows, plan.Activations, measured.Activations)
		}
		if adamw := dimensions(m).Activations(rows, 64, false); (plan.Activations > adamw) != (rows == 1) {
			t.Errorf("%d rows: %d bytes planned, %d without Muon", rows, plan.Activations, adamw)
		}
	}
}

// Operations are counted here from the weights themselves.
func TestFLOPs(t *testing.T) {
	for name, lm := range lms(t) {
		d, T := dimensions(lm), 64
		products := 0.0
		nn.Walk(lm, func(p nn.Param) {
			if p.Role == nn.Matrix || p.Role == nn.Head {
				products += float64(p.Tensor.Len())
			}
		})
		if lm.HeadWeight() == tableOf(lm) {
			products += float64(lm.HeadWeight().Len())
		}
		attention := 0.0 // a query against half of the keys, scores and sums, forward and twice that backward
		attention += 3 * 2 * 2 * float64(d.Layers*d.Heads*d.HeadDim) * float64(T) / 2
		if got, want := d.FLOPs(T), 6*products+attention; math.Abs(got/want-1) > 1e-12 {
			t.Errorf("%s: %g, want %g", name, got, want)
		}
	}
}

// tableOf is the embedding of tokens.
func tableOf(lm model.LM) (table *tensor.Tensor) {
	nn.Walk(lm, func(p nn.Param) {
		if p.Role == nn.Table && p.Tensor.Dim(0) == lm.Shape().Vocab {
			table = p.Tensor
		}
	})
	return table
}

// A model of 175 × 10⁹ parameters is planned without memory for it.
func TestPlanPresets(t *testing.T) {
	tests := []struct {
		preset     string
		parameters int64
	}{
		{"gpt2", 124439808}, {"gpt2-medium", 354823168}, {"gpt2-large", 774030080}, {"gpt2-xl", 1557611200}, {"gpt3-175b", 174_600_000_000},
	}
	for _, tt := range tests {
		c, err := gpt.GPT2Preset(tt.preset)
		if err != nil {
			t.Fatal(err)
		}
		lm, err := gpt.NewGPT2(c)
		if err != nil {
			t.Fatal(err)
		}
		p := train.Make(train.AdamWGroups(nn.Params(lm), train.AdamW{}, 1e-3, 0.1), dimensions(lm),
			train.Load{Rows: 4, Context: 1024, Tokens: 300e9})
		if off := p.Parameters - tt.parameters; off != 0 && (tt.preset != "gpt3-175b" || off < -1e8 || off > 1e8) {
			t.Errorf("%s: %d parameters, want %d", tt.preset, p.Parameters, tt.parameters)
		}
		if p.Weights != 4*p.Parameters || p.Gradients != p.Weights || p.Optimizer != 2*p.Weights ||
			p.Total != 4*p.Weights+p.Activations+p.Process || p.TokensPerUpdate != 4096 {
			t.Errorf("%s: %+v", tt.preset, p)
		}
	}
}

func TestPlanFit(t *testing.T) {
	lm := lms(t)["llama"]
	plan := func(rows int) train.Plan {
		return train.Make(train.AdamWGroups(nn.Params(lm), train.AdamW{}, 1e-3, 0.1), dimensions(lm), train.Load{Rows: rows, Context: 64, Tokens: 1e6})
	}
	keeping, small := plan(16), plan(4).Checkpointed()
	big := keeping.Checkpointed()
	if !big.Checkpoint || keeping.Checkpoint || big.Total-big.Activations != keeping.Total-keeping.Activations || big.Activations >= keeping.Activations {
		t.Errorf("with checkpoints %+v, without %+v", big, keeping)
	}
	if err := keeping.Fit(big.Total); err == nil || !strings.Contains(err.Error(), "checkpoint the blocks") {
		t.Errorf("a plan that fits with checkpoints: %v", err)
	}
	if err := keeping.Fit(big.Total - 1); err == nil || strings.Contains(err.Error(), "checkpoint the blocks") {
		t.Errorf("a plan that does not fit with checkpoints: %v", err)
	}
	tests := []struct {
		name      string
		available int64
		says      []string
	}{
		{"fits", big.Total, nil},
		{"a byte too few", big.Total - 1, []string{"1 B too few", "train on 2 micro batches of 8 rows instead of 1 of 16"}},
		{"a quarter", small.Total, []string{"the run needs " + train.Bytes(big.Total), "train on 4 micro batches of 4 rows"}},
		{"not one row", small.Total - small.Activations - small.Process + 1, []string{"take a shorter context and a smaller model"}},
		{"not the model", big.Weights, []string{"the model alone does not fit"}},
	}
	for _, tt := range tests {
		err := big.Fit(tt.available)
		if (err == nil) != (tt.says == nil) {
			t.Errorf("%s: got %v", tt.name, err)
		}
		for _, say := range tt.says {
			if err != nil && !strings.Contains(err.Error(), say) {
				t.Errorf("%s: %q does not say %q", tt.name, err, say)
			}
		}
	}
}

func TestPlanWrite(t *testing.T) {
	lm := lms(t)["llama"]
	p := train.Make(train.AdamWGroups(nn.Params(lm), train.AdamW{}, 1e-3, 0.1), dimensions(lm), train.Load{Rows: 4, Context: 64, Tokens: 3_600_000})
	write := func() string {
		var b bytes.Buffer
		if err := p.Write(&b); err != nil {
			t.Fatal(err)
		}
		return b.String()
	}
	if got := write(); strings.Count(got, "not measured") != 3 || !strings.Contains(got, "tokens             3,600,000\n") {
		t.Errorf("got\n%s", got)
	}
	p.Measured(train.Measurement{TokensPerSecond: 1000, JoulesPerToken: 0.5})
	for _, want := range []string{"tokens per second  1000\n", "time               1h0m0s\n", "energy             0.5 J per token, 0.5 kWh in all\n"} {
		if got := write(); !strings.Contains(got, want) {
			t.Errorf("%q is not in\n%s", want, got)
		}
	}
}

func TestSpeedErrors(t *testing.T) {
	d := tensor.Reference()
	s := newToy(d).stepper()
	over, end := context.WithCancel(context.Background())
	end()
	if _, err := train.Speed(over, d, tensor.F32, s, time.Hour); err == nil {
		t.Error("an interrupted measurement gave no error")
	}
	s.Tokens = 0
	if _, err := train.Speed(context.Background(), d, tensor.F32, s, 0); err == nil || !strings.Contains(err.Error(), "Tokens is 0") {
		t.Errorf("got %v", err)
	}
}

func TestBytes(t *testing.T) {
	tests := map[int64]string{0: "0 B", 1023: "1023 B", 1536: "1.5 KiB", 3 << 30: "3.0 GiB", 5 << 40: "5.0 TiB"}
	for n, want := range tests {
		if got := train.Bytes(n); got != want {
			t.Errorf("Bytes(%d) = %q, want %q", n, got, want)
		}
	}
}

func BenchmarkStep(b *testing.B) {
	for _, threads := range []int{1, 2} {
		b.Run(fmt.Sprintf("4x128 threads %d", threads), func(b *testing.B) {
			d := cpu(b, threads)
			m, err := gpt.NewGPT2(gpt.GPT2Config{Vocab: 65, Context: 64, Layers: 4, Width: 128, Heads: 4, Tied: true})
			if err != nil {
				b.Fatal(err)
			}
			nn.Init(m, d, 1)
			nn.Walk(m, func(p nn.Param) { p.Tensor.SetTrainable(true) })
			c := train.Config{Device: d, Steps: max(2, b.N)}
			if _, err := train.Run(context.Background(), c, stepperOf(m, 12, 64, false)); err != nil {
				b.Fatal(err)
			}
			b.ReportMetric(12*64*float64(max(2, b.N))/b.Elapsed().Seconds(), "tokens/s")
		})
	}
}
