package generate_test

import (
	"testing"

	"github.com/inkstone-ai/inkstone/model"

	"github.com/inkstone-ai/inkstone/generate"
	"github.com/inkstone-ai/inkstone/model/gpt"
	"github.com/inkstone-ai/inkstone/nn"
	"github.com/inkstone-ai/inkstone/tensor"
)

// BenchmarkDecode writes tokens with GPT-2's smallest model, random weights, for
// one sequence and for eight at once.
func BenchmarkDecode(b *testing.B) {
	for name, batch := range map[string]int{"batch=1": 1, "batch=8": 8} {
		b.Run(name, func(b *testing.B) {
			e := gpt2Engine(b)
			n := 0
			for b.Loop() {
				n += batch * 32
				run(b, e, batch, 8, 32)
			}
			b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "tokens/s")
		})
	}
}

// BenchmarkPrefill reads a prompt of 512 tokens.
func BenchmarkPrefill(b *testing.B) {
	e := gpt2Engine(b)
	for b.Loop() {
		run(b, e, 1, 512, 1)
	}
	b.ReportMetric(512*float64(b.N)/b.Elapsed().Seconds(), "tokens/s")
}

func gpt2Engine(b *testing.B) *generate.Engine {
	b.Helper()
	c, err := gpt.GPT2Preset("gpt2")
	if err != nil {
		b.Fatal(err)
	}
	m, err := gpt.NewGPT2(c)
	if err != nil {
		b.Fatal(err)
	}
	d := tensor.CPU(0)
	b.Cleanup(d.Close)
	nn.Walk(m, func(p nn.Param) { p.Tensor.Bind(d) }) // zeros: their products take as long as others
	model.Pack(m)
	return newEngine(b, m, generate.Options{})
}

func run(b *testing.B, e *generate.Engine, batch, prompt, tokens int) {
	b.Helper()
	requests := make([]generate.Request, batch)
	for i := range requests {
		requests[i] = generate.Request{Prompt: make([]int32, prompt), MaxTokens: tokens}
	}
	if _, err := e.Run(b.Context(), requests); err != nil {
		b.Fatal(err)
	}
}

// BenchmarkShortAnswers asks a small model 500 short questions, as the
// evaluation of the little world does.
func BenchmarkShortAnswers(b *testing.B) {
	m, err := gpt.NewCanonLlama(gpt.CanonLlamaConfig{CanonWidth: 6, LlamaConfig: gpt.LlamaConfig{
		Vocab: 560, Context: 128, Layers: 3, Width: 128, Hidden: 352, Heads: 4, Tied: true}})
	if err != nil {
		b.Fatal(err)
	}
	d := tensor.CPU(0)
	b.Cleanup(d.Close)
	nn.Init(m, d, 1)
	model.Pack(m)
	e := newEngine(b, m, generate.Options{Slots: 64})
	n := 0
	for b.Loop() {
		n += 500
		run(b, e, 500, 60, 12)
	}
	b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "answers/s")
	b.ReportMetric(float64(72*n)/b.Elapsed().Seconds(), "tokens/s")
}
