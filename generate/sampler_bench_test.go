package generate

import (
	"testing"

	"github.com/inkstone-ai/inkstone/internal/kernel"
)

// BenchmarkDraw draws a token of a vocabulary of 150,000 with each sampler, behind a text of 2,000
// tokens. The scores fall off as a language model's do: a few tokens have most of the probability.
func BenchmarkDraw(b *testing.B) {
	scores, text := make([]float32, 150_000), make([]int32, 2000)
	for i := range scores {
		scores[i] = 12*kernel.Uniform(1, uint64(i))*kernel.Uniform(2, uint64(i)) - 8*kernel.Uniform(3, uint64(i))
	}
	for i := range text {
		text[i] = int32(i * i % 1000)
	}
	for i := range 20 {
		scores[7001*i] += float32(20-i) / 2
	}
	for _, s := range []struct {
		name     string
		sampling Sampling
	}{
		{"greedy", Sampling{}},
		{"temperature", Sampling{Temperature: 1}},
		{"top-k=40", Sampling{Temperature: 1, TopK: 40}},
		{"top-p=0.95", Sampling{Temperature: 1, TopP: 0.95}},
		{"min-p=0.05", Sampling{Temperature: 1, MinP: 0.05}},
		{"typical=0.9", Sampling{Temperature: 1, Typical: 0.9}},
		{"all", Sampling{Temperature: 1, TopK: 40, Typical: 0.99, TopP: 0.95, MinP: 0.05, RepetitionPenalty: 1.1, DRY: DRY{Multiplier: 0.8}}},
	} {
		b.Run(s.name, func(b *testing.B) {
			var w sampler
			index := 0
			for b.Loop() {
				if _, err := w.draw(&s.sampling, scores, text, index); err != nil {
					b.Fatal(err)
				}
				index++
			}
		})
	}
}
