package bench

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os/exec"
	"slices"
	"strconv"
	"time"

	"github.com/inkstone-ai/inkstone/generate"
	"github.com/inkstone-ai/inkstone/model"
	"github.com/inkstone-ai/inkstone/nn"
	"github.com/inkstone-ai/inkstone/tensor"
)

// GenerateOptions say how a model's generation is measured. The zero value works but for Model.
type GenerateOptions struct {
	Model   string // a folder or a .gguf file
	Threads int    // 0: one for each core
	Prompt  int    // tokens that are read, 0: 512
	Tokens  int    // that are written by each sequence, 0: 128
	Batch   int    // sequences at once, 0: 8
	Rounds  int    // 0: 3
	Tell    func(done, total int, now string)
}

// A GenerateReport is what generation reaches, beside what the memory gives and, where
// llama-bench is on PATH and reads the same file, beside it.
type GenerateReport struct {
	Machine     Machine  `json:"machine"`
	Load        *float64 `json:"load,omitempty"` // of the machine, when it began
	Model       string   `json:"model"`
	Parameters  int      `json:"parameters"`
	WeightBytes int64    `json:"weight_bytes"` // that writing a token reads
	LoadSeconds float64  `json:"load_seconds"` // from the start of loading to the first token
	PeakBytes   int64    `json:"peak_bytes,omitempty"`

	Prefill   Spread `json:"prefill"`   // tokens/s of a prompt
	Decode    Spread `json:"decode"`    // tokens/s of one sequence
	Batch     Spread `json:"batch"`     // tokens/s of all sequences together
	Bandwidth Spread `json:"bandwidth"` // GB/s of reading memory, right before each decode
	Share     Spread `json:"share"`     // of it, that the weights' bytes of decode make

	Peer *PeerGenerates `json:"llama_bench,omitempty"`
}

// PeerGenerates is llama-bench's side, and how many times faster ours is, round by round.
type PeerGenerates struct {
	Prefill, Decode           Spread
	PrefillTimes, DecodeTimes Spread
}

func (o GenerateOptions) complete() GenerateOptions {
	for _, d := range []struct {
		n      *int
		absent int
	}{{&o.Prompt, 512}, {&o.Tokens, 128}, {&o.Batch, 8}, {&o.Rounds, 3}} {
		if *d.n == 0 {
			*d.n = d.absent
		}
	}
	if o.Tell == nil {
		o.Tell = func(int, int, string) {}
	}
	return o
}

// Generate measures reading a prompt and writing tokens, alone and many sequences at once.
//
// Errors: those of loading; a context shorter than what is asked for.
func Generate(ctx context.Context, o GenerateOptions) (GenerateReport, error) {
	o = o.complete()
	r := GenerateReport{Load: load(), Model: o.Model}
	h := newHall(o.Threads)
	defer h.close()
	r.Machine = ThisMachine(h.device)
	g, err := openGeneration(ctx, o, &r)
	if err != nil {
		return r, fmt.Errorf("bench: %w", err)
	}
	defer g.close()
	if err := g.warm(); err != nil {
		return r, fmt.Errorf("bench: warming up: %w", err)
	}
	read := h.roofs()[1]
	var all, peer series
	for round := range o.Rounds {
		for i, m := range []struct {
			name string
			run  func() error
		}{
			{"prefill", func() error { return all.add(0, g.prefill) }},
			{"decode", func() error {
				all[3] = append(all[3], sample(read, 200*time.Millisecond))
				return all.add(1, g.decode)
			}},
			{"batch", func() error { return all.add(2, g.batch) }},
			{"llama-bench", func() error { return o.peer(ctx, &peer) }},
		} {
			o.Tell(4*round+i, 4*o.Rounds, m.name)
			if err := m.run(); err != nil {
				return r, fmt.Errorf("bench: %s: %w", m.name, err)
			}
		}
	}
	r.Prefill, r.Decode, r.Batch, r.Bandwidth = *spread(all[0]), *spread(all[1]), *spread(all[2]), *spread(all[3])
	r.Share = *spread(ratios(all[1], all[3], float64(r.WeightBytes)/1e9))
	r.PeakBytes = Peak()
	if peer[0] != nil {
		r.Peer = &PeerGenerates{*spread(peer[0]), *spread(peer[1]), *spread(ratios(all[0], peer[0], 1)), *spread(ratios(all[1], peer[1], 1))}
	}
	return r, nil
}

// series are the rounds of several measurements.
type series [4][]float64

func (s *series) add(i int, f func() (float64, error)) error {
	x, err := f()
	s[i] = append(s[i], x)
	return err
}

func ratios(a, b []float64, by float64) []float64 {
	list := make([]float64, len(a))
	for i := range a {
		list[i] = a[i] * by / b[i]
	}
	return list
}

// A generation is a loaded model that is measured.
type generation struct {
	GenerateOptions
	ctx    context.Context
	device *tensor.Device
	loaded *model.Loaded
	engine *generate.Engine
	rng    *rand.Rand
}

func openGeneration(ctx context.Context, o GenerateOptions, r *GenerateReport) (*generation, error) {
	start := time.Now()
	g := &generation{GenerateOptions: o, ctx: ctx, device: tensor.CPU(o.Threads), rng: rand.New(rand.NewPCG(1, 2))}
	var err error
	if g.loaded, err = model.Load(o.Model, g.device); err != nil {
		g.device.Close()
		return nil, err
	}
	lm := g.loaded.LM
	r.Parameters, r.WeightBytes = model.Parameters(lm), streamed(lm)
	g.loaded.Pack()
	window := max(o.Prompt, o.Tokens) + 1
	if c := lm.Shape().Context; c > 0 && c < window {
		g.close()
		return nil, fmt.Errorf("the model's context is %d, the measurement needs %d", c, window)
	}
	if g.engine, err = generate.NewEngine(lm, generate.Options{Slots: o.Batch, Context: window}); err != nil {
		g.close()
		return nil, err
	}
	_, err = g.engine.Run(ctx, []generate.Request{g.request(1, 1)})
	r.LoadSeconds = time.Since(start).Seconds()
	return g, err
}

// streamed is how many bytes of weights writing a token reads: all matrices and the head.
func streamed(lm model.LM) (n int64) {
	head := lm.HeadWeight()
	n = int64(head.Bytes())
	nn.Walk(lm, func(p nn.Param) {
		if p.Role == nn.Matrix && p.Tensor != head {
			n += int64(p.Tensor.Bytes())
		}
	})
	return n
}

func (g *generation) close() {
	if g.engine != nil {
		g.engine.Close()
	}
	g.loaded.Close()
	g.device.Close()
}

// request is a prompt of random tokens, so that no two share a beginning.
func (g *generation) request(prompt, tokens int) generate.Request {
	ids := make([]int32, prompt)
	for i := range ids {
		ids[i] = g.rng.Int32N(int32(g.loaded.LM.Shape().Vocab))
	}
	return generate.Request{Prompt: ids, MaxTokens: tokens}
}

// warm fills the cache once: memory that nobody has touched is slow at the first touch, and what
// is measured is a program that has worked for a while.
func (g *generation) warm() error {
	var list []generate.Request
	for range g.Batch {
		list = append(list, g.request(g.Prompt, 1))
	}
	_, err := g.engine.Run(g.ctx, list)
	return err
}

func (g *generation) prefill() (float64, error) {
	r := []generate.Request{g.request(g.Prompt, 1)}
	start := time.Now()
	_, err := g.engine.Run(g.ctx, r)
	return float64(g.Prompt) / time.Since(start).Seconds(), err
}

// decode counts from the first token on.
func (g *generation) decode() (float64, error) {
	var start time.Time
	n := 0
	for _, err := range g.engine.Stream(g.ctx, g.request(1, g.Tokens+1)) {
		if err != nil {
			return 0, err
		}
		if start.IsZero() {
			start = time.Now()
		} else {
			n++
		}
	}
	return float64(n) / time.Since(start).Seconds(), nil
}

func (g *generation) batch() (float64, error) {
	var list []generate.Request
	for range g.Batch {
		list = append(list, g.request(1, g.Tokens))
	}
	start := time.Now()
	_, err := g.engine.Run(g.ctx, list)
	return float64(g.Batch*g.Tokens) / time.Since(start).Seconds(), err
}

// peer runs llama-bench once, if it is on PATH.
func (o GenerateOptions) peer(ctx context.Context, s *series) error {
	program, err := exec.LookPath("llama-bench")
	if err != nil {
		return nil
	}
	threads := o.Threads
	if threads == 0 {
		threads = tensorThreads()
	}
	c := exec.CommandContext(ctx, program, "-m", o.Model, "-t", strconv.Itoa(threads),
		"-p", strconv.Itoa(o.Prompt), "-n", strconv.Itoa(o.Tokens), "-r", "1", "-o", "json")
	out, err := c.Output()
	if err != nil {
		return err
	}
	var tests []struct {
		Prompt int     `json:"n_prompt"`
		Gen    int     `json:"n_gen"`
		Rate   float64 `json:"avg_ts"`
	}
	if err := json.Unmarshal(out, &tests); err != nil {
		return err
	}
	for _, t := range tests {
		i := slices.Index([]bool{t.Gen == 0, t.Prompt == 0}, true)
		if i >= 0 {
			s[i] = append(s[i], t.Rate)
		}
	}
	if len(s[0]) != len(s[1]) {
		return fmt.Errorf("its report has %d tests", len(tests))
	}
	return nil
}

// tensorThreads is what a device takes for 0 threads.
func tensorThreads() int {
	h := newHall(0)
	defer h.close()
	return h.device.Threads()
}
