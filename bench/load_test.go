package bench_test

import (
	"testing"

	"github.com/inkstone-ai/inkstone"
	"github.com/inkstone-ai/inkstone/model"
	"github.com/inkstone-ai/inkstone/model/gpt"
	"github.com/inkstone-ai/inkstone/nn"
	"github.com/inkstone-ai/inkstone/tensor"
	"github.com/inkstone-ai/inkstone/tokenizer"
)

// BenchmarkLoad opens a model's folder of 100 MB and gives it back; with
// /token it also asks for a first token, which touches every weight. The
// file is in the page cache, as it is when a server restarts.
func BenchmarkLoad(b *testing.B) {
	dir := folder(b)
	load := func(b *testing.B) *inkstone.Model {
		m, err := inkstone.Load(dir, nil)
		if err != nil {
			b.Fatal(err)
		}
		return m
	}
	b.Run("open", func(b *testing.B) {
		for b.Loop() {
			load(b).Close()
		}
	})
	b.Run("token", func(b *testing.B) {
		for b.Loop() {
			m := load(b)
			for _, err := range m.Generate(b.Context(), "Once", inkstone.GenerateOptions{MaxTokens: 1}) {
				if err != nil {
					b.Fatal(err)
				}
			}
			m.Close()
		}
	})
}

// folder writes a model of 25.2 million weights of four bytes.
func folder(b *testing.B) string {
	dir := b.TempDir()
	t, err := tokenizer.NewByte("<|endoftext|>")
	if err != nil {
		b.Fatal(err)
	}
	m, err := gpt.NewLlama(gpt.LlamaConfig{Vocab: t.Size(), Context: 256, Layers: 8, Width: 512, Hidden: 1376, Heads: 8, Tied: true})
	if err != nil {
		b.Fatal(err)
	}
	d := tensor.CPU(0)
	defer d.Close()
	nn.Init(m, d, 1)
	if err := model.Save(dir, m, model.Generation{}); err != nil {
		b.Fatal(err)
	}
	if err := tokenizer.Save(t, dir); err != nil {
		b.Fatal(err)
	}
	b.Logf("%d weights", model.Parameters(m))
	return dir
}
