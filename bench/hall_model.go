package bench

import (
	"context"
	"fmt"
	"iter"

	"github.com/inkstone-ai/inkstone/generate"
	"github.com/inkstone-ai/inkstone/model"
	"github.com/inkstone-ai/inkstone/model/gpt"
	"github.com/inkstone-ai/inkstone/nn"
	"github.com/inkstone-ai/inkstone/tensor"
	"github.com/inkstone-ai/inkstone/train"
)

// steps are whole training steps, as users run them, of the configurations that
// finish one in a second or two, and the decoding of a token.
func (h *hall) steps() (all []path, err error) {
	for _, c := range Configurations[:3] {
		p, err := h.training(c)
		if err != nil {
			return nil, err
		}
		if p != nil {
			all = append(all, *p)
		}
	}
	p, err := h.decoding()
	if p != nil {
		all = append(all, *p)
	}
	return all, err
}

// training is one step of c; nil where the memory does not suffice.
func (h *hall) training(c Configuration) (*path, error) {
	d := tensor.CPU(h.device.Threads())
	h.atEnd(d.Close)
	m, err := c.declare()
	if err != nil {
		return nil, err
	}
	n := int64(model.Parameters(m))
	name := "training step " + c.Name
	if !h.fits(name, 16*n+c.dimensions().Activations(c.Rows, c.Context, c.Checkpoint)) { // a weight, its gradient, two moments
		return nil, nil
	}
	start(m, d)
	next, stop := iter.Pull(endless(d, c.stepper(m)))
	h.atEnd(stop)
	next() // gets its memory
	return &path{name: name, unit: "tokens/s", roof: roofCompute, each: c.dimensions().FLOPs(c.Context), run: func() float64 {
		next()
		return float64(c.Rows * c.Context)
	}}, nil
}

// endless is a run that makes one step each time that the next is asked for.
func endless(d *tensor.Device, s *train.Stepper) iter.Seq[train.Metrics] {
	return func(yield func(train.Metrics) bool) {
		ctx, stop := context.WithCancel(context.Background())
		defer stop()
		progress := func(m train.Metrics) {
			if ctx.Err() == nil && !yield(m) {
				stop()
			}
		}
		train.Run(ctx, train.Config{Device: d, Steps: 1 << 30, Progress: progress}, s) // its error is that it was stopped
	}
}

// decoding writes tokens with GPT-2's smallest model, its weights laid out for it; each
// token reads all of them.
func (h *hall) decoding() (*path, error) {
	config, err := gpt.GPT2Preset("gpt2")
	if err != nil {
		return nil, err
	}
	m, err := gpt.NewGPT2(config)
	if err != nil {
		return nil, err
	}
	n := int64(model.Parameters(m))
	if !h.fits("decode step", 8*n) { // as loaded, and laid out
		return nil, nil
	}
	d := tensor.CPU(h.device.Threads())
	h.atEnd(d.Close)
	nn.Init(m, d, 1)
	model.Pack(m)
	e, err := generate.NewEngine(m, generate.Options{Slots: 1, Context: 64})
	if err != nil {
		return nil, err
	}
	h.atEnd(e.Close)
	const tokens = 4
	request := []generate.Request{{Prompt: []int32{0}, MaxTokens: tokens}}
	read := float64(4 * (n - int64(config.Context*config.Width))) // but one row of the positions
	return &path{name: "decode step, GPT-2 124M", unit: "tokens/s", roof: roofRead, each: read, run: func() float64 {
		if _, err := e.Run(context.Background(), request); err != nil {
			panic(fmt.Sprintf("bench: %v", err)) // the request is ours
		}
		return tokens
	}}, nil
}

// fits reports whether so many bytes are free; where not, the report says so.
func (h *hall) fits(name string, bytes int64) bool {
	free, known := h.memory, true
	if free == 0 {
		free, known = train.Available()
	}
	if known && bytes > free {
		h.absent = append(h.absent, fmt.Sprintf("%s: needs %.1f GB of memory, %.1f are free", name, float64(bytes)/1e9, float64(free)/1e9))
		return false
	}
	return true
}
