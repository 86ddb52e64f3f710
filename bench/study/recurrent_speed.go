package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/inkstone-ai/inkstone/model"
	"github.com/inkstone-ai/inkstone/model/lstm"
	"github.com/inkstone-ai/inkstone/nn"
	"github.com/inkstone-ai/inkstone/tensor"
	"github.com/inkstone-ai/inkstone/train"
)

// speed trains 2 layers of 512 along 64 tokens of 16 streams, vocabulary 10,000, and
// lets PyTorch do the same in turn.
func (e experiment) speed(ctx context.Context) error {
	for _, kind := range e.kinds() {
		var ours, theirs, ratios []float64
		for range e.rounds {
			a, err := e.ourSpeed(ctx, kind)
			if err != nil {
				return err
			}
			var said struct {
				StepsPerSecond float64 `json:"steps_per_second"`
			}
			if err := e.pytorch(ctx, &said, "speed", "--kind", kind, "--seconds", fmt.Sprint(e.seconds)); err != nil {
				return err
			}
			ours, theirs, ratios = append(ours, a), append(theirs, said.StepsPerSecond), append(ratios, a/said.StepsPerSecond)
		}
		fmt.Printf("%s: %.2f steps/s, PyTorch %.2f, ratio %.2f (%.2f to %.2f)\n", kind,
			median(ours), median(theirs), median(ratios), slices.Min(ratios), slices.Max(ratios))
	}
	return nil
}

// kinds are the recurrent models among those asked for.
func (e experiment) kinds() (all []string) {
	for _, kind := range strings.Fields(e.only) {
		if kind != "gpt" {
			all = append(all, kind)
		}
	}
	return all
}

func median(x []float64) float64 { return slices.Sorted(slices.Values(x))[len(x)/2] }

// ourSpeed is the steps per second of the median step.
func (e experiment) ourSpeed(ctx context.Context, kind string) (float64, error) {
	const V, H, L, B, T = 10000, 512, 2, 16, 64
	lm, err := model.BuildLM(fmt.Appendf(nil, `{"model_type":%q,"vocab_size":%d,"hidden_size":%d,"num_hidden_layers":%d,"tie_word_embeddings":true}`, kind, V, H, L))
	if err != nil {
		return 0, err
	}
	d := tensor.CPU(e.threads)
	defer d.Close()
	nn.Init(lm, d, 1)
	nn.Walk(lm, func(p nn.Param) { p.Tensor.SetTrainable(true) })
	carry := nn.NewCarry(d, B, lm.(model.Recurrent).StateWidths()...)
	defer carry.Free()
	ids, targets, weights, spans := make([]int32, B*T), make([]int32, B*T), make([]float32, B*T), make([]nn.Span, B)
	for i := range weights {
		weights[i] = 1.0 / (B * T)
	}
	pass := nn.Pass{Cache: carry}
	st := &train.Stepper{
		Groups: train.AdamWGroups(nn.Params(lm), train.AdamW{Beta2: 0.95}, 1e-3, 0.1), Clip: 1, Tokens: B * T,
		Loss: func(s *tensor.Step, index, _ int) (*tensor.Tensor, error) {
			for i := range ids {
				at := uint32(index*B*T + i)
				ids[i], targets[i] = int32(at*2654435761%V), int32((at+1)*2654435761%V)
			}
			for i := range spans {
				spans[i] = nn.Span{Rows: T, Past: index * T}
			}
			pass.Set(s, ids, spans...)
			return model.Loss(lm, &pass, s.Ints(targets, B*T), s.Floats(weights, B*T)), nil
		},
	}
	m, err := train.Speed(ctx, d, tensor.F32, st, time.Duration(e.seconds*float64(time.Second)))
	return m.TokensPerSecond / (B * T), err
}

var _ = lstm.Config{} // registers the models

// pytorch runs PyTorch's side in the environment in which it is fastest.
func (e experiment) pytorch(ctx context.Context, said any, args ...string) error {
	n := strconv.Itoa(e.threads)
	c := exec.CommandContext(ctx, e.python, append([]string{filepath.Join("bench", "peers", "lstm.py"), "--threads", n}, args...)...)
	c.Env = append(os.Environ(), "OMP_NUM_THREADS="+n, "OPENBLAS_NUM_THREADS="+n,
		"MALLOC_MMAP_THRESHOLD_=4294967295", "MALLOC_TRIM_THRESHOLD_=17179869184", "MALLOC_TOP_PAD_=268435456")
	c.Stderr = os.Stderr
	out, err := c.Output()
	if err != nil {
		return fmt.Errorf("%s: %w", e.python, err)
	}
	return json.Unmarshal(out, said)
}
