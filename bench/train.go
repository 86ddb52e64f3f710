package bench

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/inkstone-ai/inkstone/internal/kernel"
	"github.com/inkstone-ai/inkstone/internal/kernel/cpu"
	"github.com/inkstone-ai/inkstone/model"
	"github.com/inkstone-ai/inkstone/model/gpt"
	"github.com/inkstone-ai/inkstone/nn"
	"github.com/inkstone-ai/inkstone/tensor"
	"github.com/inkstone-ai/inkstone/train"
)

// A Configuration is a GPT-2 with a tied head and the batch it is trained on.
type Configuration struct {
	Name    string
	Layers  int
	Width   int // C
	Heads   int
	Context int // T
	Rows    int // B
	Vocab   int // V

	Checkpoint bool // the inside of blocks is computed again in the backward
}

// Configurations are nanoGPT's for a CPU (A), a small model of characters (B), and
// GPT-2 124M with short, longer and its whole context (C, D, E).
var Configurations = []Configuration{
	{"A", 4, 128, 4, 64, 12, 65, false},
	{"B", 6, 384, 6, 256, 8, 65, false},
	{"C", 12, 768, 12, 64, 4, 50304, false},
	{"D", 12, 768, 12, 256, 4, 50304, false},
	{"E", 12, 768, 12, 1024, 4, 50304, false},
}

// String describes the configuration in a line.
func (c Configuration) String() string {
	return fmt.Sprintf("%s: %d layers × %d, %d heads, context %d, batch %d, vocabulary %d",
		c.Name, c.Layers, c.Width, c.Heads, c.Context, c.Rows, c.Vocab)
}

// Find returns the configuration called name, in either case.
func Find(name string) (Configuration, bool) {
	i := slices.IndexFunc(Configurations, func(c Configuration) bool { return strings.EqualFold(c.Name, name) })
	if i < 0 {
		return Configuration{}, false
	}
	return Configurations[i], true
}

// A TrainReport is the speed of training steps: batch, forward, backward,
// clipping, AdamW.
type TrainReport struct {
	Configuration   string  `json:"configuration"`
	Precision       string  `json:"precision"`
	Checkpoint      bool    `json:"checkpoint"`
	Machine         Machine `json:"machine"`
	Parameters      int     `json:"parameters"`
	Steps           int     `json:"steps"`
	TokensPerSecond float64 `json:"tokens_per_second"` // the median step's
	Low             float64 `json:"low"`               // the lower quartile
	High            float64 `json:"high"`              // the upper one
	Best            float64 `json:"best"`
	// Memory that the process had resident at the start, before anything of the model
	// existed, and at most; 0 where the system does not tell. The difference is what
	// the plan foretells.
	StartBytes    int64   `json:"start_bytes"`
	PeakBytes     int64   `json:"peak_bytes"`
	PlannedBytes  int64   `json:"planned_bytes"`
	FLOPsPerToken float64 `json:"flops_per_token"`
	Roof          float64 `json:"roof_gflops"` // measured just before and after
	RoofShare     float64 `json:"roof_share"`  // of the median step
}

// Train measures one configuration for at least three steps, or two that take longer
// than a minute, and during; the first step, which allocates, does not count.
func Train(ctx context.Context, c Configuration, precision tensor.DType, threads int, during time.Duration, tell func(train.Metrics)) (TrainReport, error) {
	startBytes := residentBytes()
	d := tensor.CPU(threads)
	defer d.Close()
	m, err := c.declare()
	if err != nil {
		return TrainReport{}, err
	}
	start(m, d)
	h := &hall{device: cpu.New(threads)}
	defer h.close()
	roof := path{unit: "GFLOP/s", run: func() float64 { return h.peak(kernel.DType(d.Precision(precision))) }}
	look := min(max(during/4, 50*time.Millisecond), time.Second/2)
	roofs := []float64{sample(roof, look)}
	speeds, err := c.speeds(ctx, d, m, precision, during, tell)
	if err != nil {
		return TrainReport{}, err
	}
	peak := peakBytes()
	roofs = append(roofs, sample(roof, look))
	plan := c.plan(m)
	r := TrainReport{
		Configuration: c.Name, Precision: d.Precision(precision).String(), Checkpoint: c.Checkpoint, Machine: ThisMachine(h.device),
		Parameters: model.Parameters(m), Steps: len(speeds),
		StartBytes: startBytes, PeakBytes: peak, PlannedBytes: plan.Total,
		FLOPsPerToken: plan.FLOPsPerToken, Roof: max(roofs[0], roofs[1]),
	}
	slices.Sort(speeds)
	r.Low, r.TokensPerSecond, r.High = quartiles(speeds)
	r.Best = speeds[len(speeds)-1]
	r.RoofShare = r.TokensPerSecond * r.FLOPsPerToken / (r.Roof * 1e9)
	return r, nil
}

// declare makes the configuration's model, without memory yet.
func (c Configuration) declare() (model.LM, error) {
	return gpt.NewGPT2(gpt.GPT2Config{
		Vocab: c.Vocab, Context: c.Context, Layers: c.Layers, Width: c.Width, Heads: c.Heads, Tied: true,
	})
}

// start draws the weights and makes them trainable.
func start(m model.LM, d *tensor.Device) {
	nn.Init(m, d, 1)
	nn.Walk(m, func(p nn.Param) { p.Tensor.SetTrainable(true) })
}

func (c Configuration) dimensions() train.Dimensions {
	return train.Dimensions{
		Layers: c.Layers, Width: c.Width, Hidden: 4 * c.Width, Heads: c.Heads, KVHeads: c.Heads, HeadDim: c.Width / c.Heads, Vocab: c.Vocab,
	}
}

// plan is what training m needs.
func (c Configuration) plan(m model.LM) train.Plan {
	return train.Make(c.stepper(m).Groups, c.dimensions(), train.Load{Rows: c.Rows, Context: c.Context, Checkpoint: c.Checkpoint})
}

// enough says whether so many steps that took so long are a measurement.
func enough(steps int, took, during time.Duration) bool {
	return took >= during && (steps >= 3 || steps >= 2 && took >= time.Minute)
}

// speeds are the tokens per second of each step but the first.
func (c Configuration) speeds(ctx context.Context, d *tensor.Device, m model.LM, precision tensor.DType, during time.Duration, tell func(train.Metrics)) ([]float64, error) {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	var speeds []float64
	var start, last time.Time
	_, err := train.Run(ctx, train.Config{
		Device: d, Steps: 1 << 30, Precision: precision,
		Progress: func(m train.Metrics) {
			if start.IsZero() {
				start = time.Now()
				return
			}
			speeds, last = append(speeds, m.TokensPerSecond), time.Now()
			if tell != nil {
				tell(m)
			}
			if enough(len(speeds), time.Since(start), during) {
				stop()
			}
		},
	}, c.stepper(m))
	if err != nil && !enough(len(speeds), last.Sub(start), 0) {
		return nil, fmt.Errorf("bench: %s: %w", c.Name, err)
	}
	return speeds, nil
}

// stepper trains m on tokens without meaning: speed does not depend on them.
func (c Configuration) stepper(m model.LM) *train.Stepper {
	n := c.Rows * c.Context
	ids, targets, weights := make([]int32, n), make([]int32, n), make([]float32, n)
	for i := range weights {
		weights[i] = 1 / float32(n)
	}
	vocab := uint32(c.Vocab)
	pass := nn.Pass{Checkpoint: c.Checkpoint}
	return &train.Stepper{
		Groups: train.AdamWGroups(nn.Params(m), train.AdamW{Beta2: 0.99}, 1e-3, 0.1), Clip: 1, Tokens: n,
		Loss: func(s *tensor.Step, index, _ int) (*tensor.Tensor, error) {
			for i := range ids {
				at := uint32(index*n + i)
				ids[i], targets[i] = int32(at*2654435761%vocab), int32((at+1)*2654435761%vocab)
			}
			pass.SetRows(s, ids, c.Context)
			return model.Loss(m, &pass, s.Ints(targets, n), s.Floats(weights, n)), nil
		},
	}
}
