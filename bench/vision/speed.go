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
	"time"

	"github.com/inkstone-ai/inkstone/model/vision"
	"github.com/inkstone-ai/inkstone/nn"
	"github.com/inkstone-ai/inkstone/tensor"
	"github.com/inkstone-ai/inkstone/train"
)

// rounds of both sides, in turn.
const rounds = 3

// speed prints the steps per second of training the CNN on 128 images, ours and PyTorch's,
// each side's best setting.
func speed(ctx context.Context, o options) error {
	d := tensor.CPU(o.threads)
	defer d.Close()
	best := map[string][]float64{}
	version := ""
	for range rounds {
		for _, p := range []tensor.DType{tensor.F32, tensor.BF16} {
			v, err := steps(ctx, d, p, 2*time.Second)
			if err != nil {
				return err
			}
			name := "Inkstone, " + p.String()
			best[name] = append(best[name], v)
		}
		said, err := pytorch(ctx, o.python, d.Threads())
		if err != nil {
			return err
		}
		version = said.Version
		for name, v := range said.Steps {
			best["PyTorch, "+name] = append(best["PyTorch, "+name], v)
		}
	}
	fmt.Printf("a step of the CNN, 128 images of 28 × 28, %d threads, %s, PyTorch %s; steps/s, median of %d rounds (lowest to highest)\n\n| | |\n|---|---:|\n", d.Threads(), d.Name(), version, rounds)
	var sides [2]float64
	names := make([]string, 0, len(best))
	for name := range best {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		x := best[name]
		slices.Sort(x)
		fmt.Printf("| %s | %.1f (%.1f to %.1f) |\n", name, x[len(x)/2], x[0], x[len(x)-1])
		side := 0
		if name[0] == 'P' {
			side = 1
		}
		sides[side] = max(sides[side], x[len(x)/2])
	}
	fmt.Printf("\nthe best of each: %.2f ×\n", sides[0]/sides[1])
	return nil
}

// steps is the number of steps per second by the median one.
func steps(ctx context.Context, d *tensor.Device, p tensor.DType, spend time.Duration) (float64, error) {
	classes := make([]string, 10)
	for i := range classes {
		classes[i] = strconv.Itoa(i)
	}
	m, err := vision.NewCNN(vision.CNNConfig{Size: [2]int{28, 28}, Channels: 1, Widths: []int{32, 64, 128}, Labels: vision.NewLabels(classes)})
	if err != nil {
		return 0, err
	}
	nn.Init(m, d, 1)
	for _, p := range nn.Trainable(m) {
		p.Tensor.SetTrainable(true)
	}
	const rows = 128
	pixels, labels := make([]float32, rows*28*28), make([]int32, rows)
	for i := range pixels {
		pixels[i] = float32(i*7919%1000) / 1000
	}
	for i := range labels {
		labels[i] = int32(i % 10)
	}
	s := &train.Stepper{
		Groups: train.AdamWGroups(nn.Params(m), train.AdamW{Beta2: 0.98}, 3e-3, 0.05), Clip: 1,
		Loss: func(s *tensor.Step, _, _ int) (*tensor.Tensor, error) {
			z := m.Logits(m.Features(s, s.Floats(pixels, rows, 28, 28, 1), true))
			return z.CrossEntropy(s.Ints(labels, rows), tensor.CEOptions{Smoothing: 0.1}).Mean(), nil
		},
	}
	var times []float64
	last := time.Now()
	_, err = train.Run(ctx, train.Config{Device: d, Steps: 1 << 20, Budget: spend, Precision: p, Progress: func(train.Metrics) {
		now := time.Now()
		times, last = append(times, now.Sub(last).Seconds()), now
	}}, s)
	if err != nil || len(times) < 5 {
		return 0, fmt.Errorf("%d steps: %w", len(times), err)
	}
	times = times[3:] // the first get their memory
	slices.Sort(times)
	return 1 / times[len(times)/2], nil
}

type pytorchSaid struct {
	Version string             `json:"version"`
	Steps   map[string]float64 `json:"steps_per_second"`
	Peak    int64              `json:"peak_bytes"`
}

func pytorch(ctx context.Context, python string, threads int) (said pytorchSaid, err error) {
	n := strconv.Itoa(threads)
	c := exec.CommandContext(ctx, python, filepath.Join("bench", "peers", "vision.py"), "--threads", n)
	c.Env = append(os.Environ(), "OMP_NUM_THREADS="+n, "OPENBLAS_NUM_THREADS="+n,
		"MALLOC_MMAP_THRESHOLD_=4294967295", "MALLOC_TRIM_THRESHOLD_=17179869184", "MALLOC_TOP_PAD_=268435456")
	c.Stderr = os.Stderr
	out, err := c.Output()
	if err != nil {
		return said, fmt.Errorf("%s: %w", python, err)
	}
	return said, json.Unmarshal(out, &said)
}
