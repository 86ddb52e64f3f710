package bench

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os/exec"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/inkstone-ai/inkstone/internal/kernel/cpu"
)

// PeerOptions say what is measured beside the programs that a user would pick
// instead. The zero value works but for Program.
type PeerOptions struct {
	Program string                            // inkstone's own binary: our side of training runs in a process of its own
	Python  string                            // with PyTorch; "": the first of python3 and /usr/bin/python3 that has it
	Threads int                               // 0: as many as the Go runtime uses
	Rounds  int                               // 0: 3
	Seconds float64                           // of one training, three steps at least; 0: 3
	Only    []string                          // of [PeerParts]; nil: all but shapes
	Tell    func(done, total int, now string) // progress; may be nil
}

// PeerParts are what [Peers] can measure: training the configurations, the
// products that the goal is set for, and those of further shapes.
var PeerParts = []string{"A", "B", "C", "D", "products", "shapes"}

func (o PeerOptions) complete() PeerOptions {
	if o.Threads == 0 {
		o.Threads = runtime.GOMAXPROCS(0)
	}
	if o.Rounds == 0 {
		o.Rounds = 3
	}
	if o.Seconds == 0 {
		o.Seconds = 3
	}
	if o.Only == nil {
		o.Only = PeerParts[:len(PeerParts)-1]
	}
	if o.Tell == nil {
		o.Tell = func(int, int, string) {}
	}
	return o
}

// Check refuses parts that are none.
func (o PeerOptions) Check() error {
	for _, part := range o.Only {
		if !slices.ContainsFunc(PeerParts, func(s string) bool { return strings.EqualFold(s, part) }) {
			return fmt.Errorf("bench: %q is none of %s", part, strings.Join(PeerParts, ", "))
		}
	}
	return nil
}

// wants reports whether a part is asked for, in either case.
func (o PeerOptions) wants(part string) bool {
	return slices.ContainsFunc(o.Only, func(s string) bool { return strings.EqualFold(s, part) })
}

// A PeerReport is our side beside PyTorch's and OpenBLAS's.
type PeerReport struct {
	Machine  Machine   `json:"machine"`
	Load     *float64  `json:"load,omitempty"` // processes that ran in the last minute before it; nil where the system does not tell
	PyTorch  *PyTorch  `json:"pytorch,omitempty"`
	Training []Contest `json:"training,omitempty"`
	Products *Products `json:"products,omitempty"`
	Missing  []string  `json:"missing,omitempty"` // what could not be measured, and why
}

// A Contest is one configuration at one precision, trained by both sides in turn.
// What one side alone measured has no ratio.
type Contest struct {
	Configuration string  `json:"configuration"`
	Precision     string  `json:"precision"`
	Pairs         []Pair  `json:"pairs"`
	Ours          *Spread `json:"ours,omitempty"`   // tokens/s
	Theirs        *Spread `json:"theirs,omitempty"` // tokens/s
	Ratio         *Spread `json:"ratio,omitempty"`  // ours / theirs, pair by pair
	Goal          float64 `json:"goal"`             // of the median ratio, at least
	OurPeak       *Spread `json:"our_peak_bytes,omitempty"`
	TheirPeak     *Spread `json:"their_peak_bytes,omitempty"`
	Memory        *Spread `json:"memory,omitempty"` // ours / theirs, pair by pair
	MemoryGoal    float64 `json:"memory_goal"`      // of the median share, at most
}

// A Pair is one training of each side, one right after the other.
type Pair struct {
	Ours   *Side `json:"ours,omitempty"`
	Theirs *Side `json:"theirs,omitempty"`
}

// A Side is what one process measured: tokens per second of its steps, and the most
// memory that it had resident.
type Side struct {
	Steps           int     `json:"steps"`
	TokensPerSecond float64 `json:"tokens_per_second"`
	Low             float64 `json:"low"`
	High            float64 `json:"high"`
	Best            float64 `json:"best"`
	PeakBytes       int64   `json:"peak_bytes"`
}

// A Spread is a median with its quartiles.
type Spread struct {
	Median float64 `json:"median"`
	Low    float64 `json:"low"`
	High   float64 `json:"high"`
}

// spread of any numbers, nil of none.
func spread(x []float64) *Spread {
	if len(x) == 0 {
		return nil
	}
	var s Spread
	s.Low, s.Median, s.High = quartiles(slices.Sorted(slices.Values(x)))
	return &s
}

// goals are the project's: tokens per second as a multiple of PyTorch's, and peak
// memory as a share of its.
var goals = []Contest{
	{Configuration: "A", Precision: "f32", Goal: 1.7, MemoryGoal: 0.5},
	{Configuration: "A", Precision: "bf16", Goal: 2.0, MemoryGoal: 0.5},
	{Configuration: "B", Precision: "f32", Goal: 1.15, MemoryGoal: 0.5},
	{Configuration: "B", Precision: "bf16", Goal: 1.2, MemoryGoal: 0.5},
	{Configuration: "C", Precision: "f32", Goal: 1.2, MemoryGoal: 0.75},
	{Configuration: "C", Precision: "bf16", Goal: 1.45, MemoryGoal: 0.8},
	{Configuration: "D", Precision: "f32", Goal: 1.1, MemoryGoal: 0.75},
	{Configuration: "D", Precision: "bf16", Goal: 1.25, MemoryGoal: 0.75},
}

// Peers measures our side and the others' in turn. What a side lacks, a whole
// program or one precision, is named in the report and the rest is measured all the
// same; an error is a wrong option or ctx's end.
func Peers(ctx context.Context, o PeerOptions) (PeerReport, error) {
	o = o.complete()
	if err := o.Check(); err != nil {
		return PeerReport{}, err
	}
	p := &peers{PeerOptions: o}
	p.total = p.work()
	p.report.Load = load()
	d := cpu.New(o.Threads)
	p.report.Machine = ThisMachine(d)
	d.Close()
	if err := p.products(ctx); err != nil {
		return PeerReport{}, err
	}
	if err := p.training(ctx); err != nil {
		return PeerReport{}, err
	}
	return p.report, nil
}

// peers is a measurement under way.
type peers struct {
	PeerOptions
	python      string // that has PyTorch; "": none
	report      PeerReport
	done, total int
	lacks       map[string]bool // sides of contests that have failed
}

// work is the number of things that Tell counts.
func (p *peers) work() (n int) {
	for _, c := range goals {
		if p.wants(c.Configuration) {
			n += 2 * p.Rounds
		}
	}
	return n + len(p.shapes())*len(p.productThreads())
}

func (p *peers) tell(now string) {
	p.Tell(p.done, p.total, now)
	p.done++
}

func (p *peers) missing(format string, args ...any) {
	p.report.Missing = append(p.report.Missing, fmt.Sprintf(format, args...))
}

// training lets every contest have its pair in each round, so that a
// disturbance does not fall on one alone.
func (p *peers) training(ctx context.Context) error {
	var contests []Contest
	for _, c := range goals {
		if p.wants(c.Configuration) {
			contests = append(contests, c)
		}
	}
	if len(contests) == 0 {
		return nil
	}
	if err := p.findPyTorch(ctx); err != nil {
		return err
	}
	p.lacks = map[string]bool{}
	for round := range p.Rounds {
		for i := range contests {
			if err := p.pair(ctx, &contests[i], round); err != nil {
				return err
			}
		}
	}
	for i := range contests {
		contests[i].summarize()
	}
	p.report.Training = contests
	return nil
}

// pair trains a contest once on each side; who begins alternates.
func (p *peers) pair(ctx context.Context, c *Contest, round int) error {
	var pair Pair
	sides := []func() error{
		func() (err error) { pair.Ours, err = p.side(ctx, c, "inkstone", p.ours); return err },
		func() (err error) { pair.Theirs, err = p.side(ctx, c, "PyTorch", p.theirs); return err },
	}
	if round%2 == 1 {
		slices.Reverse(sides)
	}
	if err := errors.Join(sides[0](), sides[1]()); err != nil {
		return err
	}
	if pair != (Pair{}) {
		c.Pairs = append(c.Pairs, pair)
	}
	return nil
}

// side measures one side once, nil where it can not: its reason is then in the
// report, and it is not asked again.
func (p *peers) side(ctx context.Context, c *Contest, name string, measure func(context.Context, *Contest) (*Side, error)) (*Side, error) {
	what := fmt.Sprintf("%s, %s %s", name, c.Configuration, c.Precision)
	p.tell(what)
	if p.lacks[what] {
		return nil, nil
	}
	s, err := measure(ctx, c)
	if ctx.Err() != nil {
		return nil, fmt.Errorf("bench: %w", ctx.Err())
	}
	if err != nil {
		p.lacks[what] = true
		p.missing("%s: %v", what, err)
		return nil, nil
	}
	return s, nil
}

// ours trains in a process of its own, whose peak of memory is then of this alone.
func (p *peers) ours(ctx context.Context, c *Contest) (*Side, error) {
	return train1(ctx, p.Program, c.Configuration, c.Precision, p.Threads, p.Seconds)
}

// train1 measures a training in one process of program, which is inkstone.
func train1(ctx context.Context, program, configuration, precision string, threads int, seconds float64) (*Side, error) {
	c := exec.CommandContext(ctx, program)
	c.Args = []string{"inkstone", "bench", "train-" + configuration, "--precision", precision, "--json",
		"--threads", strconv.Itoa(threads), "--seconds", fmt.Sprint(seconds)}
	var s Side
	if err := answer(c, &s); err != nil {
		return nil, err
	}
	return &s, nil
}

// answer runs c and reads the JSON object that it prints into v.
func answer(c *exec.Cmd, v any) error {
	var out, errs bytes.Buffer
	c.Stdout, c.Stderr, c.WaitDelay = &out, &errs, time.Second
	if err := c.Run(); err != nil {
		if line := lastLine(errs.String()); line != "" {
			return errors.New(line)
		}
		return err
	}
	if err := json.Unmarshal(out.Bytes(), v); err != nil {
		return fmt.Errorf("%s printed no JSON object: %w", c.Path, err)
	}
	return nil
}

// lastLine is what a program that failed said at its end: the error.
func lastLine(text string) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	return strings.TrimSpace(lines[len(lines)-1])
}

// summarize computes medians and quartiles from the pairs.
func (c *Contest) summarize() {
	var ours, theirs, ratio, ourPeak, theirPeak, memory []float64
	for _, p := range c.Pairs {
		if p.Ours != nil {
			ours, ourPeak = append(ours, p.Ours.TokensPerSecond), append(ourPeak, float64(p.Ours.PeakBytes))
		}
		if p.Theirs != nil {
			theirs, theirPeak = append(theirs, p.Theirs.TokensPerSecond), append(theirPeak, float64(p.Theirs.PeakBytes))
		}
		if p.Ours != nil && p.Theirs != nil {
			ratio = append(ratio, p.Ours.TokensPerSecond/p.Theirs.TokensPerSecond)
			memory = append(memory, float64(p.Ours.PeakBytes)/float64(p.Theirs.PeakBytes))
		}
	}
	c.Ours, c.Theirs, c.Ratio = spread(ours), spread(theirs), spread(ratio)
	c.OurPeak, c.TheirPeak, c.Memory = spread(ourPeak), spread(theirPeak), spread(memory)
}

// Reached reports whether both goals are reached; false too without a ratio.
func (c *Contest) Reached() (speed, memory bool) {
	return c.Ratio != nil && c.Ratio.Median >= c.Goal, c.Memory != nil && c.Memory.Median <= c.MemoryGoal
}
