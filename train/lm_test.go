package train_test

import (
	"context"
	"errors"
	"testing"

	"github.com/inkstone-ai/inkstone/internal/testkit"
	"github.com/inkstone-ai/inkstone/model"
	"github.com/inkstone-ai/inkstone/model/gpt"
	"github.com/inkstone-ai/inkstone/nn"
	"github.com/inkstone-ai/inkstone/tensor"
	"github.com/inkstone-ai/inkstone/train"
)

// The batches of the language models below: B rows of T tokens of V.
const lmB, lmT, lmV = 6, 24, 50

// newLM returns a GPT-2 with dropout, or a Llama with grouped queries.
func newLM(t *testing.T, d *tensor.Device, name string) model.LM {
	t.Helper()
	var lm model.LM
	var err error
	switch name {
	case "gpt2 with dropout":
		lm, err = gpt.NewGPT2(gpt.GPT2Config{Vocab: lmV, Context: lmT, Layers: 2, Width: 48, Heads: 3, EmbedDropout: 0.1, ResidualDropout: 0.1, Tied: true})
	case "canon llama":
		lm, err = gpt.NewCanonLlama(gpt.CanonLlamaConfig{LlamaConfig: gpt.LlamaConfig{Vocab: lmV, Context: lmT, Layers: 2, Width: 48, Hidden: 80, Heads: 4, KVHeads: 2}})
	}
	if err != nil {
		t.Fatal(err)
	}
	nn.Init(lm, d, 1)
	nn.Walk(lm, func(p nn.Param) { p.Tensor.SetTrainable(true) })
	return lm
}

// lmStepper splits the rows of each update into micro batches.
func lmStepper(lm model.LM, micro int) *train.Stepper {
	var p nn.Pass
	rows := lmB / micro
	return &train.Stepper{
		Groups:   train.MuonGroups(nn.Params(lm), train.Muon{}, 0.02, train.AdamW{Beta2: 0.95}, 3e-3, 0.1),
		Schedule: train.Schedule{Shape: train.WSD, Warmup: 0.2, Decay: 0.5},
		Clip:     1,
		Micro:    micro,
		Tokens:   lmB * lmT,
		Loss: func(s *tensor.Step, index, part int) (*tensor.Tensor, error) {
			ids, targets, weights := make([]int32, rows*lmT), make([]int32, rows*lmT), make([]float32, rows*lmT)
			for i, x := range noise(index, 0, lmB*lmT)[part*rows*lmT:][:rows*lmT] {
				ids[i], targets[i], weights[i] = int32((x+1)/2*lmV), int32((x+1)*2*lmV)%lmV, 1.0/(lmB*lmT)
			}
			p.SetRows(s, ids, lmT)
			return model.Loss(lm, &p, s.Ints(targets, len(targets)), s.Floats(weights, len(weights))), nil
		},
	}
}

// trainLM returns the weights after 12 steps, interrupted and resumed after stop
// of them where stop is not 0.
func trainLM(t *testing.T, name string, threads, micro, stop int) []float32 {
	t.Helper()
	d := cpu(t, threads)
	c := train.Config{Device: d, Steps: 12, Seed: 5}
	if stop > 0 {
		c.Dir, c.Resume = t.TempDir(), true
		ctx, cancel := context.WithCancel(context.Background())
		first := c
		first.Progress = func(m train.Metrics) {
			if m.Step == stop {
				cancel()
			}
		}
		if _, err := train.Run(ctx, first, lmStepper(newLM(t, d, name), micro)); !errors.Is(err, context.Canceled) {
			t.Fatal(err)
		}
	}
	lm := newLM(t, d, name)
	if _, err := train.Run(context.Background(), c, lmStepper(lm, micro)); err != nil {
		t.Fatal(err)
	}
	var all []float32
	nn.Walk(lm, func(p nn.Param) { all = append(all, p.Tensor.Floats()...) })
	return all
}

// Language models: the same bits with any number of threads and after a resume, and
// nearly the same weights from micro batches.
func TestRunLanguageModels(t *testing.T) {
	for _, name := range []string{"gpt2 with dropout", "canon llama"} {
		t.Run(name, func(t *testing.T) {
			want := trainLM(t, name, 1, 1, 0)
			testkit.SameBits(t, "two threads", trainLM(t, name, 2, 1, 0), want)
			testkit.SameBits(t, "resumed", trainLM(t, name, 2, 1, 5), want)
			if name == "canon llama" { // dropout draws other masks for other batches
				testkit.Close(t, "three micro batches", trainLM(t, name, 2, 3, 0), want, 1e-3, 1e-4)
			}
		})
	}
}
