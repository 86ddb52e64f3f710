package bench

import (
	"bufio"
	"context"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"time"

	"github.com/inkstone-ai/inkstone/internal/kernel"
	"github.com/inkstone-ai/inkstone/internal/kernel/cpu"
)

// Products are ours beside OpenBLAS's.
type Products struct {
	Library string    `json:"library"` // which OpenBLAS, with the kernels it chose
	Rows    []Product `json:"rows"`
	Means   []Mean    `json:"means"` // over the shapes that the goal is set for
}

// A Product is one shape, multiplied by both sides in turn.
type Product struct {
	What    string        `json:"what"`
	M       int           `json:"m"`
	N       int           `json:"n"`
	K       int           `json:"k"`
	TA      bool          `json:"transposed_a,omitempty"`
	TB      bool          `json:"transposed_b,omitempty"`
	Threads int           `json:"threads"`
	Pairs   []ProductPair `json:"pairs"`
	Ours    float64       `json:"ours"`   // the best, GFLOP/s
	Theirs  float64       `json:"theirs"` // the best, GFLOP/s
	Ratio   Spread        `json:"ratio"`  // ours / theirs, pair by pair
}

// A ProductPair is the speed of both sides, one right after the other, in GFLOP/s.
type ProductPair struct {
	Ours   float64 `json:"ours"`
	Theirs float64 `json:"theirs"`
}

// A Mean is the geometric mean of the median ratios at one number of threads.
type Mean struct {
	Threads    int     `json:"threads"`
	Ratio      float64 `json:"ratio"`
	Goal       float64 `json:"goal"` // at least
	Lowest     float64 `json:"lowest"`
	LowestGoal float64 `json:"lowest_goal"` // at least
}

// counted are the shapes of the goal: squares, and those of GPT-2 and of a small GPT.
var counted = []Product{
	{What: "square", M: 256, N: 256, K: 256},
	{What: "square", M: 512, N: 512, K: 512},
	{What: "square", M: 1024, N: 1024, K: 1024},
	{What: "square", M: 2048, N: 2048, K: 2048},
	{What: "GPT-2, queries, keys, values", M: 256, N: 2304, K: 768},
	{What: "GPT-2, up", M: 256, N: 3072, K: 768},
	{What: "GPT-2, down", M: 256, N: 768, K: 3072},
	{What: "GPT-2, head", M: 256, N: 50257, K: 768},
	{What: "small GPT, up", M: 1024, N: 1536, K: 384},
}

// further are the transposed and the narrow ones of training.
var further = []Product{
	{What: "GPT-2, up, weights (out, in)", M: 256, N: 3072, K: 768, TB: true},
	{What: "smaller GPT, forward", M: 768, N: 384, K: 128, TB: true},
	{What: "smaller GPT, dx", M: 768, N: 128, K: 384},
	{What: "smaller GPT, dw", M: 384, N: 128, K: 768, TA: true},
	{What: "small GPT, forward", M: 3072, N: 1536, K: 384, TB: true},
	{What: "small GPT, dx", M: 3072, N: 384, K: 1536},
	{What: "small GPT, dw", M: 1536, N: 384, K: 3072, TA: true},
	{What: "head, 600 tokens", M: 3072, N: 600, K: 128, TB: true},
	{What: "head, 50257 tokens", M: 256, N: 50257, K: 768, TB: true},
	{What: "scores of one head", M: 64, N: 64, K: 32, TB: true},
	{What: "values of one head", M: 64, N: 32, K: 64},
	{What: "tall", M: 3072, N: 16, K: 128},
}

func (p *peers) shapes() (all []Product) {
	if p.wants("products") {
		all = append(all, counted...)
	}
	if p.wants("shapes") {
		all = append(all, further...)
	}
	return all
}

// productThreads are one and all.
func (p *peers) productThreads() []int {
	if p.Threads == 1 {
		return []int{1}
	}
	return []int{1, p.Threads}
}

// products measures every shape, where OpenBLAS is installed.
func (p *peers) products(ctx context.Context) error {
	if len(p.shapes()) == 0 {
		return nil
	}
	var r Products
	blas, err := p.startOpenBLAS(ctx)
	if err == nil {
		defer blas.close()
		r.Library = blas.version
		for _, threads := range p.productThreads() {
			if err = p.multiply(ctx, blas, &r, threads); err != nil {
				break
			}
		}
	}
	if ctx.Err() != nil {
		return fmt.Errorf("bench: %w", ctx.Err())
	}
	if err != nil {
		p.missing("products beside OpenBLAS: %v", err)
		return nil
	}
	p.report.Products = &r
	return nil
}

func (p *peers) multiply(ctx context.Context, blas *openBLAS, r *Products, threads int) error {
	d := cpu.New(threads)
	defer d.Close()
	runtime.LockOSThread() // whose processor time is measured
	defer runtime.UnlockOSThread()
	var medians []float64
	for i, s := range p.shapes() {
		s.Threads = threads
		p.tell(fmt.Sprintf("%d×%d×%d, threads %d", s.M, s.N, s.K, threads))
		if err := s.measure(ctx, d, blas, 3*p.Rounds); err != nil {
			return err
		}
		r.Rows = append(r.Rows, s)
		if p.wants("products") && i < len(counted) {
			medians = append(medians, s.Ratio.Median)
		}
	}
	if len(medians) > 0 {
		r.Means = append(r.Means, mean(medians, threads))
	}
	return nil
}

func mean(ratios []float64, threads int) Mean {
	m := Mean{Threads: threads, Lowest: math.Inf(1), Goal: 0.95, LowestGoal: 0.88}
	logs := 0.0
	for _, r := range ratios {
		logs += math.Log(r)
		m.Lowest = min(m.Lowest, r)
	}
	m.Ratio = math.Exp(logs / float64(len(ratios)))
	return m
}

// measure lets both sides multiply in turn; who begins alternates.
func (s *Product) measure(ctx context.Context, d kernel.Device, blas *openBLAS, rounds int) error {
	flop := 2e-9 * float64(s.M) * float64(s.N) * float64(s.K)
	during := max(20*time.Millisecond, time.Duration(3*flop/(90*float64(s.Threads))*1e9)) // three calls at an ordinary speed
	var ratios []float64
	for round := range rounds {
		var pair ProductPair
		ours := func() error { pair.Ours = flop / shortest(d, s, during).Seconds(); return nil }
		theirs := func() error {
			seconds, err := blas.shortest(s, during)
			pair.Theirs = flop / seconds
			return err
		}
		if round%2 == 1 {
			ours, theirs = theirs, ours
		}
		if err := errors.Join(ctx.Err(), ours(), theirs()); err != nil {
			return err
		}
		s.Pairs = append(s.Pairs, pair)
		s.Ours, s.Theirs = max(s.Ours, pair.Ours), max(s.Theirs, pair.Theirs)
		ratios = append(ratios, pair.Ours/pair.Theirs)
	}
	s.Ratio = *spread(ratios)
	return nil
}

// shortest is the shortest of our repetitions of one product. With one thread it
// is processor time, which other processes disturb less.
func shortest(d kernel.Device, s *Product, during time.Duration) time.Duration {
	h := &hall{device: d}
	a, b, c := h.matrix(s.M, s.K), h.matrix(s.K, s.N), h.matrix(s.M, s.N)
	defer d.Free(a.Buf)
	defer d.Free(b.Buf)
	defer d.Free(c.Buf)
	product := h.product(c, a, b, kernel.Product{TA: s.TA, TB: s.TB})
	product()
	clock := wallClock
	if s.Threads == 1 {
		clock = threadClock
	}
	times := 1 + 10_000_000/(2*s.M*s.N*s.K) // a sample of 0.1 ms at least
	best := time.Hour
	for start := time.Now(); time.Since(start) < during; {
		t := clock()
		for range times {
			product()
		}
		best = min(best, (clock()-t)/time.Duration(times))
	}
	return best
}

var begin = time.Now()

func wallClock() time.Duration { return time.Since(begin) }

// blasScript times OpenBLAS; python reads it from its command line, for its
// standard input has the questions.
//
//go:embed peers/_openblas/openblas.py
var blasScript string

// openBLAS is a process that multiplies when it is asked.
type openBLAS struct {
	process *exec.Cmd
	in      io.WriteCloser
	out     *bufio.Reader
	errs    strings.Builder
	version string // of the library, with the kernels it chose
}

// startOpenBLAS needs a python but no PyTorch. Where it fails it says why.
func (p *peers) startOpenBLAS(ctx context.Context) (*openBLAS, error) {
	if !threadTimes {
		return nil, fmt.Errorf("they are compared on Linux alone, not on %s", runtime.GOOS)
	}
	python := p.Python
	if python == "" {
		python = "python3"
	}
	b := &openBLAS{process: exec.CommandContext(ctx, python, "-c", blasScript)}
	b.process.Env = without(favourable(os.Environ(), p.Threads), "OMP_WAIT_POLICY", "GOMP_SPINCOUNT") // its threads must sleep while ours work
	b.process.Stderr, b.process.WaitDelay = &b.errs, time.Second
	in, err := b.process.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := b.process.StdoutPipe()
	if err != nil {
		return nil, err
	}
	b.in, b.out = in, bufio.NewReader(out)
	if err := b.process.Start(); err != nil {
		return nil, err
	}
	b.version, err = b.line()
	return b, err
}

// line reads what the process says; where it ends instead, its last words are the error.
func (b *openBLAS) line() (string, error) {
	s, err := b.out.ReadString('\n')
	if err != nil {
		b.close()
		if said := lastLine(b.errs.String()); said != "" {
			return "", errors.New(said)
		}
		return "", fmt.Errorf("%s: %w", b.process.Path, err)
	}
	return strings.TrimSpace(s), nil
}

func (b *openBLAS) close() {
	b.in.Close()
	b.process.Wait()
}

func (b *openBLAS) shortest(s *Product, during time.Duration) (seconds float64, err error) {
	number := map[bool]int{true: 1}
	if _, err := fmt.Fprintln(b.in, s.M, s.N, s.K, number[s.TA], number[s.TB], s.Threads, during.Milliseconds()); err != nil {
		return 0, err
	}
	text, err := b.line()
	if err != nil {
		return 0, err
	}
	return strconv.ParseFloat(text, 64)
}
