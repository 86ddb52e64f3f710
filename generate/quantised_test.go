package generate_test

import (
	"path/filepath"
	"testing"

	"github.com/inkstone-ai/inkstone/format"
	"github.com/inkstone-ai/inkstone/generate"
	"github.com/inkstone-ai/inkstone/model"
	"github.com/inkstone-ai/inkstone/tensor"
)

// wide is a model whose rows are whole blocks of every quantised type.
const wide = `{"model_type":"llama","vocab_size":17,"max_position_embeddings":300,"hidden_size":256,"intermediate_size":256,"num_hidden_layers":2,"num_attention_heads":4,"num_key_value_heads":2,"head_dim":64}`

// quantised is a model's weights in a type, of a GGUF file as a user has them.
func quantised(t *testing.T, dtype format.DType) model.LM {
	t.Helper()
	d := tensor.CPU(2)
	t.Cleanup(d.Close)
	path := filepath.Join(t.TempDir(), "m.gguf")
	o := model.GGUFOptions{Type: func(format.Tensor) (format.DType, error) { return dtype, nil }}
	if err := model.SaveGGUF(path, lively(t, wide, d), o); err != nil {
		t.Fatal(err)
	}
	l, err := model.Load(path, d)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	})
	l.Pack()
	return l.LM
}

// TestQuantisedWeights: with weights of few bits, whose products round the activations, a batch of eight has the
// bits of eight single runs, in chunks of any size, with guesses that are right and wrong.
func TestQuantisedWeights(t *testing.T) {
	other := quantised(t, format.Q5_0)
	for _, dtype := range []format.DType{format.Q8_0, format.Q4_0, format.Q4_K} {
		t.Run(string(dtype), func(t *testing.T) {
			lm, requests := quantised(t, dtype), related()
			want := alone(t, lm, generate.Options{}, requests)
			for _, o := range []generate.Options{{}, {Rows: 1}, {Slots: 3, Rows: 7}, {Rows: 16}} {
				got, err := newEngine(t, lm, o).Run(t.Context(), requests)
				if err != nil {
					t.Fatal(err)
				}
				same(t, "batch", want, got)
			}
			guessedQuantised(t, lm, other)
		})
	}
}

// guessedQuantised compares greedy texts with and without guesses.
func guessedQuantised(t *testing.T, lm, other model.LM) {
	t.Helper()
	requests := related()
	for i := range requests {
		requests[i].Sampling, requests[i].MaxTokens = generate.Sampling{}, 40
	}
	want := alone(t, lm, generate.Options{}, requests)
	for i := range requests {
		requests[i].Drafts = 1 + 2*i
	}
	for name, o := range map[string]generate.Options{"looked up": {}, "by itself": {Draft: lm}, "by another": {Draft: other, Slots: 3, Rows: 16}} {
		got, err := newEngine(t, lm, o).Run(t.Context(), requests)
		if err != nil {
			t.Fatal(err)
		}
		same(t, name, want, got)
		drafted, accepted := 0, 0
		for _, r := range got {
			drafted, accepted = drafted+r.Usage.Drafted, accepted+r.Usage.Accepted
		}
		if t.Logf("%s: %d of %d guesses right", name, accepted, drafted); drafted == 0 || name == "by itself" && accepted != drafted {
			t.Errorf("%s: %d of %d guesses right", name, accepted, drafted)
		}
	}
}

// TestCacheType: weights of F32 have a past of F32, all others one of F16, also where a file keeps what is small in F32.
func TestCacheType(t *testing.T) {
	for dtype, want := range map[format.DType]tensor.DType{
		format.F32: tensor.F32, format.F16: tensor.F16, format.BF16: tensor.F16, format.Q8_0: tensor.F16, format.Q4_K: tensor.F16,
	} {
		if got := generate.CacheType(quantised(t, dtype)); got != want {
			t.Errorf("%s: a cache of %v, want %v", dtype, got, want)
		}
	}
}
