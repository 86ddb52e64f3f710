package main

import (
	"context"
	"encoding/binary"
	"fmt"
	"math"
	"os"

	"github.com/inkstone-ai/inkstone/corpus"
	"github.com/inkstone-ai/inkstone/eval"
	"github.com/inkstone-ai/inkstone/format"
	"github.com/inkstone-ai/inkstone/model"
	"github.com/inkstone-ai/inkstone/nn"
	"github.com/inkstone-ai/inkstone/tensor"
	"github.com/inkstone-ai/inkstone/tokenizer"
	"github.com/inkstone-ai/inkstone/train"
)

// A parityRun is what PyTorch is told, as run.json.
type parityRun struct {
	Model   string    `json:"model"`
	Vocab   int       `json:"vocab"`
	Width   int       `json:"width"`
	Depth   int       `json:"depth"`
	Rows    int       `json:"rows"`
	Context int       `json:"context"`
	Dropout float64   `json:"dropout"`
	LR      float64   `json:"lr"`
	Beta2   float64   `json:"beta2"`
	Decay   float64   `json:"decay"`
	Clip    float64   `json:"clip"`
	Seed    uint64    `json:"seed"`
	Rates   []float64 `json:"rates"` // of the peak learning rate, by step
	Past    []int     `json:"past"`  // tokens of the streams before each step's
}

// parity trains the models and PyTorch's on the same batches of characters for as many
// steps, from the same random weights, and compares the held-out losses.
func (e experiment) parity(ctx context.Context) error {
	if err := e.split(); err != nil {
		return err
	}
	var text [2]string
	for i, name := range []string{"train.txt", "held.txt"} {
		b, err := os.ReadFile(e.path(name))
		if err != nil {
			return err
		}
		text[i] = string(b)
	}
	tok, err := tokenizer.NewChars(func(yield func(string) bool) { _ = yield(text[0]) && yield(text[1]) })
	if err != nil {
		return err
	}
	ids, held := tok.Encode(text[0]), tok.Encode(text[1])
	held = held[:min(len(held), 4096)] // one stream, as PyTorch reads it
	for _, kind := range e.kinds() {
		var sums [2]float64
		for seed := range uint64(3) {
			r := parityRun{Model: kind, Vocab: tok.Size(), Width: 128, Depth: 2, Rows: 16, Context: 64, LR: 3e-3, Beta2: 0.95, Decay: 0.1, Clip: 1, Seed: seed}
			ours, theirs, err := e.pair(ctx, &r, ids, held)
			if err != nil {
				return err
			}
			sums[0], sums[1] = sums[0]+ours, sums[1]+theirs
			fmt.Printf("%s seed %d: held-out %.4f, PyTorch %.4f, %+.2f %%\n", kind, seed, ours, theirs, 100*(ours/theirs-1))
		}
		fmt.Printf("%s mean of three: %+.2f %%\n", kind, 100*(sums[0]/sums[1]-1))
	}
	return nil
}

// pair is the held-out loss of both sides.
func (e experiment) pair(ctx context.Context, r *parityRun, ids, held []int32) (ours, theirs float64, err error) {
	streams, err := corpus.NewStreams(corpus.IDs(ids), r.Rows, r.Context, r.Seed)
	if err != nil {
		return 0, 0, err
	}
	n := r.Rows * r.Context
	var all [2][]int32
	row, next := make([]int32, n), make([]int32, n)
	for i := range e.steps {
		past, err := streams.Batch(int64(i), 0, row, next)
		if err != nil {
			return 0, 0, err
		}
		r.Past, r.Rates = append(r.Past, past), append(r.Rates, min(1, (float64(i)+0.5)/20))
		all[0], all[1] = append(all[0], row...), append(all[1], next...)
	}
	for name, x := range map[string][]int32{"ids": all[0], "targets": all[1], "held": held} {
		if err := writeInts(e.path(name+".bin"), x); err != nil {
			return 0, 0, err
		}
	}
	if err := write(e.path("run.json"), r); err != nil {
		return 0, 0, err
	}
	if ours, err = e.ourLoss(ctx, r, all, held); err != nil {
		return 0, 0, err
	}
	var said struct {
		Loss float64 `json:"loss"`
	}
	err = e.pytorch(ctx, &said, "parity", e.out)
	return ours, said.Loss, err
}

func writeInts(path string, x []int32) error {
	b := make([]byte, 0, 4*len(x))
	for _, v := range x {
		b = binary.LittleEndian.AppendUint32(b, uint32(v))
	}
	return os.WriteFile(path, b, 0o666)
}

// ourLoss trains along the batches and measures the held-out text.
func (e experiment) ourLoss(ctx context.Context, r *parityRun, all [2][]int32, held []int32) (float64, error) {
	lm, err := model.BuildLM(fmt.Appendf(nil, `{"model_type":%q,"vocab_size":%d,"hidden_size":%d,"num_hidden_layers":%d,"tie_word_embeddings":true}`, r.Model, r.Vocab, r.Width, r.Depth))
	if err != nil {
		return 0, err
	}
	d := tensor.CPU(e.threads)
	defer d.Close()
	nn.Init(lm, d, r.Seed)
	params := nn.Params(lm)
	for _, p := range params {
		p.Tensor.SetTrainable(true)
		f, err := lm.(model.Exporter).Export(format.Tensor{Name: p.Name}) // PyTorch begins with the same weights
		if err != nil {
			return 0, err
		}
		b := make([]byte, p.Tensor.Bytes())
		p.Tensor.ReadBytes(b)
		if err := os.WriteFile(e.path(f.Name+".bin"), b, 0o666); err != nil {
			return 0, err
		}
	}
	carry := nn.NewCarry(d, r.Rows, lm.(model.Recurrent).StateWidths()...)
	defer carry.Free()
	n := r.Rows * r.Context
	pass, spans, weights := nn.Pass{Cache: carry}, make([]nn.Span, r.Rows), make([]float32, n)
	for i := range weights {
		weights[i] = 1 / float32(n)
	}
	st := &train.Stepper{
		Groups: train.AdamWGroups(params, train.AdamW{Beta2: r.Beta2}, r.LR, r.Decay), Clip: r.Clip, Tokens: n,
		Schedule: train.Schedule{Warmup: 20 / float64(len(r.Rates))},
		Loss: func(s *tensor.Step, index, _ int) (*tensor.Tensor, error) {
			for i := range spans {
				spans[i] = nn.Span{Rows: r.Context, Past: r.Past[index]}
			}
			pass.Set(s, all[0][index*n:][:n], spans...)
			return model.Loss(lm, &pass, s.Ints(all[1][index*n:][:n], n), s.Floats(weights, n)), nil
		},
	}
	if _, err := train.Run(ctx, train.Config{Device: d, Steps: len(r.Rates), Seed: r.Seed}, st); err != nil {
		return math.NaN(), err
	}
	m, err := eval.Language(ctx, lm, nil, corpus.IDs(held), eval.Options{})
	return m.Loss, err
}
