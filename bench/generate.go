package bench

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/inkstone-ai/inkstone/format"
	"github.com/inkstone-ai/inkstone/generate"
	"github.com/inkstone-ai/inkstone/model"
	"github.com/inkstone-ai/inkstone/nn"
	"github.com/inkstone-ai/inkstone/tensor"
)

// GenerateOptions say how a model's generation is measured. The zero value works but for Model.
type GenerateOptions struct {
	Model   string // a folder or a .gguf file
	Threads int    // 0: one for each core
	Prompt  int    // tokens that are read, 0: 512, fewer where the model's context is shorter
	Tokens  int    // that are written by each sequence, 0: 128, fewer where the context is shorter
	Depth   int    // tokens behind which one sequence reads and writes
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
	WeightBytes int64    `json:"weight_bytes"`         // that writing a token reads
	CacheType   string   `json:"cache_type"`           // of keys and values, as generate chooses it
	LoadSeconds float64  `json:"load_seconds"`         // from the start of loading to the first token
	PeakBytes   int64    `json:"peak_bytes,omitempty"` // without what the memory's speed is measured on
	Prompt      int      `json:"prompt_tokens"`
	Tokens      int      `json:"tokens"`          // that each sequence wrote
	Depth       int      `json:"depth,omitempty"` // tokens that were there before, for Prefill and Decode

	Prefill   Spread `json:"prefill"`   // tokens/s of a prompt
	Decode    Spread `json:"decode"`    // tokens/s of one sequence
	Batch     Spread `json:"batch"`     // tokens/s of all sequences together
	First     Spread `json:"first"`     // seconds to the first token of the median of as many prompts of 64 tokens that come at once
	Bandwidth Spread `json:"bandwidth"` // GB/s of reading as many bytes of memory, right before each decode
	Share     Spread `json:"share"`     // of it, that the weights' bytes of decode make

	Peer       *PeerGenerates `json:"llama_bench,omitempty"`
	PeerFailed string         `json:"llama_bench_failed,omitempty"` // why there is no Peer where llama-bench ran
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
	}{{&o.Batch, 8}, {&o.Rounds, 3}} {
		if *d.n == 0 {
			*d.n = d.absent
		}
	}
	if o.Tell == nil {
		o.Tell = func(int, int, string) {}
	}
	return o
}

// fit makes the numbers of tokens that are not asked for those of a context, 0 for one without end.
func (o *GenerateOptions) fit(context int) error {
	for _, d := range []struct {
		n      *int
		absent int
	}{{&o.Prompt, 512}, {&o.Tokens, 128}} {
		if *d.n != 0 {
			continue
		}
		if *d.n = d.absent; context > 0 {
			*d.n = max(1, min(d.absent, context-1-o.Depth))
		}
	}
	if context > 0 && context < o.window() {
		return fmt.Errorf("the model's context is %d, the measurement needs %d: --depth with --prompt or --tokens may be at most %d", context, o.window(), context-1)
	}
	return nil
}

// window is how many positions a sequence takes.
func (o *GenerateOptions) window() int { return o.Depth + max(o.Prompt, o.Tokens) + 1 }

// Generate measures reading a prompt and writing tokens, alone and many sequences at once, and how long many prompts at
// once wait for their first tokens.
//
// Errors: those of loading; a context shorter than what is asked for. That llama-bench fails is no
// error: the report says why.
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
	o, r.Prompt, r.Tokens, r.Depth = g.GenerateOptions, g.Prompt, g.Tokens, g.Depth
	memory := h.touched(max(far, int(r.WeightBytes/4))) // what a cache holds of the weights it holds of this
	read := h.reading(memory)
	var all, peer series
	program := peerProgram(o.Model)
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
			{"first", func() error { return all.add(4, g.first) }},
			{"llama-bench", func() error {
				if program != "" && r.PeerFailed == "" {
					r.PeerFailed = reason(o.peer(ctx, program, &peer))
				}
				return ctx.Err()
			}},
		} {
			o.Tell(5*round+i, 5*o.Rounds, m.name)
			if err := m.run(); err != nil {
				return r, fmt.Errorf("bench: %s: %w", m.name, err)
			}
		}
	}
	r.Prefill, r.Decode, r.Batch, r.Bandwidth, r.First = *spread(all[0]), *spread(all[1]), *spread(all[2]), *spread(all[3]), *spread(all[4])
	r.Share = *spread(ratios(all[1], all[3], float64(r.WeightBytes)/1e9))
	r.PeakBytes = max(0, Peak()-int64(memory.Buf.Bytes)) // which the model does not need
	if program != "" && r.PeerFailed == "" {
		r.Peer = &PeerGenerates{*spread(peer[0]), *spread(peer[1]), *spread(ratios(all[0], peer[0], 1)), *spread(ratios(all[1], peer[1], 1))}
	}
	return r, nil
}

// series are the rounds of several measurements.
type series [5][]float64

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
	r.CacheType = generate.CacheType(lm).String()
	g.loaded.Pack()
	if err = g.begin(); err != nil {
		g.close()
		return nil, err
	}
	r.LoadSeconds = time.Since(start).Seconds()
	return g, nil
}

// begin makes the engine and writes the first token.
func (g *generation) begin() (err error) {
	lm := g.loaded.LM
	if err = g.fit(lm.Shape().Context); err != nil {
		return err
	}
	if g.engine, err = generate.NewEngine(lm, generate.Options{Slots: g.Batch, Context: g.window(), CacheType: generate.CacheType(lm)}); err != nil {
		return err
	}
	_, err = g.engine.Run(g.ctx, []generate.Request{g.request(1, 1)})
	return err
}

// streamed is how many bytes of weights writing a token reads: all matrices and the head, and of a
// mixture's experts as many as a token meets.
func streamed(lm model.LM) int64 {
	head := lm.HeadWeight()
	n, ofExperts, experts := int64(head.Bytes()), int64(0), 0
	nn.Walk(lm, func(p nn.Param) {
		if p.Role != nn.Matrix || p.Tensor == head {
			return
		}
		if i, ok := expert(p.Name); ok {
			experts = max(experts, i+1)
			ofExperts += int64(p.Tensor.Bytes())
			return
		}
		n += int64(p.Tensor.Bytes())
	})
	if experts > 0 {
		n += ofExperts * int64(lm.Shape().Experts) / int64(experts)
	}
	return n
}

// expert is the number of the expert of which a weight of this name is.
func expert(name string) (int, bool) {
	_, rest, found := strings.Cut(name, ".experts.")
	number, _, _ := strings.Cut(rest, ".")
	i, err := strconv.Atoi(number)
	return i, found && err == nil
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

// prefill reads what comes behind a past that the cache has.
func (g *generation) prefill() (float64, error) {
	r := g.request(g.Depth+g.Prompt, 1)
	if g.Depth > 0 {
		if _, err := g.engine.Run(g.ctx, []generate.Request{{Prompt: r.Prompt[:g.Depth], MaxTokens: 1}}); err != nil {
			return 0, err
		}
	}
	start := time.Now()
	results, err := g.engine.Run(g.ctx, []generate.Request{r})
	if err != nil {
		return 0, err
	}
	return float64(len(r.Prompt)-results[0].Usage.Shared) / time.Since(start).Seconds(), nil
}

// decode counts from the first token on.
func (g *generation) decode() (float64, error) {
	var start time.Time
	n := 0
	for _, err := range g.engine.Stream(g.ctx, g.request(max(1, g.Depth), g.Tokens+1)) {
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

// first is how long the median of many requests waits for its first token; each writes a few.
func (g *generation) first() (float64, error) {
	const prompt, tokens = 64, 8
	waits, failed := make([]float64, g.Batch), make([]error, g.Batch)
	var group sync.WaitGroup
	start := time.Now()
	for i := range waits {
		r := g.request(min(prompt, g.window()-1), min(tokens, g.Tokens))
		group.Go(func() {
			for _, err := range g.engine.Stream(g.ctx, r) {
				if failed[i] = err; waits[i] == 0 {
					waits[i] = time.Since(start).Seconds()
				}
			}
		})
	}
	group.Wait()
	return spread(waits).Median, errors.Join(failed...)
}

// peerProgram is llama-bench, "" where it is not on PATH or does not read the model.
func peerProgram(model string) string {
	program, err := exec.LookPath("llama-bench")
	if err != nil || !format.NamesGGUF(model) {
		return ""
	}
	return program
}

// reason is an error's text, with the end of what a program said before it failed.
func reason(err error) string {
	if err == nil {
		return ""
	}
	var exit *exec.ExitError
	if errors.As(err, &exit) && len(exit.Stderr) > 0 {
		said := strings.ToValidUTF8(strings.TrimSpace(string(exit.Stderr)), "")
		return fmt.Sprintf("%v: %s", err, said[max(0, len(said)-500):])
	}
	return err.Error()
}

// peer runs llama-bench once.
func (o GenerateOptions) peer(ctx context.Context, program string, s *series) error {
	threads := o.Threads
	if threads == 0 {
		threads = tensorThreads()
	}
	args := []string{"-m", o.Model, "-t", strconv.Itoa(threads), "-p", strconv.Itoa(o.Prompt), "-n", strconv.Itoa(o.Tokens), "-r", "1", "-o", "json"}
	if o.Depth > 0 {
		args = append(args, "-d", strconv.Itoa(o.Depth))
	}
	out, err := exec.CommandContext(ctx, program, args...).Output()
	if err != nil {
		return err
	}
	var tests []struct {
		Prompt int     `json:"n_prompt"`
		Gen    int     `json:"n_gen"`
		Rate   float64 `json:"avg_ts"`
	}
	if err := json.Unmarshal(out, &tests); err != nil {
		return fmt.Errorf("its report is no list of tests: %w", err)
	}
	var rates [2]float64
	for _, t := range tests {
		if i := slices.Index([]bool{t.Gen == 0, t.Prompt == 0}, true); i >= 0 {
			rates[i] = t.Rate
		}
	}
	if len(tests) != 2 || !(rates[0] > 0 && rates[1] > 0) {
		return fmt.Errorf("its report has %d tests, want the rates of one that reads and one that writes", len(tests))
	}
	s[0], s[1] = append(s[0], rates[0]), append(s[1], rates[1])
	return nil
}

// tensorThreads is what a device takes for 0 threads.
func tensorThreads() int {
	h := newHall(0)
	defer h.close()
	return h.device.Threads()
}
