package bench_test

import (
	"context"
	"math"
	"testing"

	"github.com/inkstone-ai/inkstone/bench"
	"github.com/inkstone-ai/inkstone/tensor"
)

// BenchmarkTrain reports the tokens per second of the median step. -cpu sets the
// threads, -benchtime Nx is ignored: a configuration runs for ten seconds.
func BenchmarkTrain(b *testing.B) {
	for _, c := range bench.Configurations {
		for _, p := range []tensor.DType{tensor.F32, tensor.BF16} {
			b.Run(c.Name+"/"+p.String(), func(b *testing.B) {
				for b.Loop() {
					r, err := bench.Train(b.Context(), c, p, 0, 10e9, nil)
					if err != nil {
						b.Fatal(err)
					}
					b.ReportMetric(r.TokensPerSecond, "tokens/s")
				}
			})
		}
	}
}

// TestTrain measures the smallest configuration: the numbers must fit together.
func TestTrain(t *testing.T) {
	c, ok := bench.Find("a")
	if !ok {
		t.Fatal("no configuration A")
	}
	r, err := bench.Train(t.Context(), c, tensor.F32, 1, 0, nil)
	if err != nil {
		t.Fatal(err)
	}
	// By hand: 4 blocks of 12·128², the head 65·128, six operations each, and attention.
	flops := 6*(4*12*128*128+65*128.) + 6*4*128*64.
	if math.Abs(r.FLOPsPerToken-flops) > 1 {
		t.Errorf("%v operations a token, want %v", r.FLOPsPerToken, flops)
	}
	if r.Steps < 3 || r.Low > r.TokensPerSecond || r.TokensPerSecond > r.High || r.High > r.Best || r.Low <= 0 {
		t.Errorf("%d steps, %v ≤ %v ≤ %v ≤ %v tokens/s", r.Steps, r.Low, r.TokensPerSecond, r.High, r.Best)
	}
	if want := r.TokensPerSecond * flops / (r.Roof * 1e9); math.Abs(r.RoofShare-want) > 1e-9 || want > 1 {
		t.Errorf("share of the roof %v, want %v and at most 1", r.RoofShare, want)
	}
	ctx, stop := context.WithCancel(t.Context())
	stop()
	if _, err := bench.Train(ctx, c, tensor.F32, 1, 0, nil); err == nil {
		t.Error("a context that has ended gave no error")
	}
}
