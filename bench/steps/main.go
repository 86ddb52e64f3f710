// Command steps measures training steps of the models of pictures and of sound beside PyTorch's.
//
//	go run ./bench/steps -python python3
//
// prints a table: steps per second of the same model, trained the same way, of each side at its
// best setting (ours: float32 or bf16; PyTorch's: channels first or last, float32 or bf16
// autocast), medians of rounds in which the sides take turns; and the most memory that each
// side's process ever held at that setting. -model NAME measures one alone.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"
	"time"

	"github.com/inkstone-ai/inkstone/bench"
	"github.com/inkstone-ai/inkstone/tensor"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := command(ctx, os.Args[1:]); err != nil {
		fmt.Fprintf(os.Stderr, "steps: %v\n", err)
		os.Exit(1)
	}
}

type options struct {
	python, model, one string
	threads, rounds    int
	seconds            float64
}

func command(ctx context.Context, args []string) error {
	var o options
	f := flag.NewFlagSet("steps", flag.ContinueOnError)
	f.StringVar(&o.python, "python", "python3", "interpreter that has PyTorch; \"\": measure ours alone")
	f.StringVar(&o.model, "model", "", "measure this one alone")
	f.StringVar(&o.one, "setting", "", "measure our side of -model at this precision and print it as JSON")
	f.IntVar(&o.threads, "threads", 0, "0: one for each core")
	f.IntVar(&o.rounds, "rounds", 5, "in which the sides take turns")
	f.Float64Var(&o.seconds, "seconds", 2, "of each measurement")
	if err := f.Parse(args); err != nil {
		return err
	}
	if o.rounds < 1 || o.seconds <= 0 || o.threads < 0 {
		return errors.New("-rounds and -seconds must be positive, -threads not negative")
	}
	if o.one != "" {
		return measureOne(ctx, o)
	}
	found := false
	for _, m := range models {
		if o.model != "" && o.model != m.name {
			continue
		}
		found = true
		if err := compare(ctx, o, m); err != nil {
			return fmt.Errorf("%s: %w", m.name, err)
		}
	}
	if !found {
		return fmt.Errorf("no model %q", o.model)
	}
	return nil
}

// A measurement is what either side prints of a setting.
type measurement struct {
	Steps float64 `json:"steps_per_second"` // by the median step
	Peak  int64   `json:"peak_bytes"`       // most memory that the process ever held
}

// measureOne measures our side in this process, which has done nothing else.
func measureOne(ctx context.Context, o options) error {
	p, err := tensor.ParsePrecision(o.one)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(models, func(m subject) bool { return m.name == o.model })
	if i < 0 {
		return fmt.Errorf("no model %q", o.model)
	}
	v, err := stepsPerSecond(ctx, models[i], o.threads, p, time.Duration(o.seconds*float64(time.Second)))
	if err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(measurement{v, bench.Peak()})
}

// A setting of a side, with what was measured of it in each round.
type setting struct {
	side, name string
	run        func(ctx context.Context, o options, model string) (measurement, error)
	steps      []float64
	peak       int64
}

// compare prints the table of one model.
func compare(ctx context.Context, o options, m subject) error {
	settings := []*setting{{side: "Inkstone", name: "f32", run: ours("f32")}, {side: "Inkstone", name: "bf16", run: ours("bf16")}}
	if o.python != "" {
		for _, layout := range []string{"first", "last"} {
			for _, precision := range []string{"f32", "bf16"} {
				settings = append(settings, &setting{side: "PyTorch", name: "channels " + layout + ", " + precision, run: theirs(layout, precision)})
			}
		}
	}
	for range o.rounds {
		for _, s := range settings {
			v, err := s.run(ctx, o, m.name)
			if err != nil {
				return fmt.Errorf("%s, %s: %w", s.side, s.name, err)
			}
			s.steps, s.peak = append(s.steps, v.Steps), max(s.peak, v.Peak)
		}
	}
	fmt.Printf("a step of %s; steps/s, median of %d rounds (lowest to highest)\n\n| | | | MB |\n|---|---|---:|---:|\n", m.what, o.rounds)
	best := map[string]*setting{}
	for _, s := range settings {
		slices.Sort(s.steps)
		fmt.Printf("| %s | %s | %.2f (%.2f to %.2f) | %.0f |\n", s.side, s.name, s.median(), s.steps[0], s.steps[len(s.steps)-1], float64(s.peak)/1e6)
		if b := best[s.side]; b == nil || s.median() > b.median() {
			best[s.side] = s
		}
	}
	if a, b := best["Inkstone"], best["PyTorch"]; b != nil {
		fmt.Printf("\nthe best of each: %.2f × the steps, %.2f × the memory\n\n", a.median()/b.median(), float64(a.peak)/float64(b.peak))
	}
	return nil
}

func (s *setting) median() float64 { return s.steps[len(s.steps)/2] }

// ours measures a setting of our side in a process of its own.
func ours(precision string) func(context.Context, options, string) (measurement, error) {
	return func(ctx context.Context, o options, model string) (measurement, error) {
		self, err := os.Executable()
		if err != nil {
			return measurement{}, err
		}
		return said(exec.CommandContext(ctx, self, "-model", model, "-setting", precision, "-threads", strconv.Itoa(o.threads), "-seconds", fmt.Sprint(o.seconds)))
	}
}

// theirs measures a setting of PyTorch, with as many threads as ours and an allocator that keeps
// its memory between steps.
func theirs(layout, precision string) func(context.Context, options, string) (measurement, error) {
	return func(ctx context.Context, o options, model string) (measurement, error) {
		d := tensor.CPU(o.threads)
		n := strconv.Itoa(d.Threads())
		d.Close()
		c := exec.CommandContext(ctx, o.python, filepath.Join("bench", "peers", "steps.py"), "--model", model, "--layout", layout, "--precision", precision,
			"--threads", n, "--seconds", fmt.Sprint(o.seconds))
		c.Env = append(os.Environ(), "OMP_NUM_THREADS="+n, "OPENBLAS_NUM_THREADS="+n,
			"MALLOC_MMAP_THRESHOLD_=4294967295", "MALLOC_TRIM_THRESHOLD_=17179869184", "MALLOC_TOP_PAD_=268435456")
		return said(c)
	}
}

// said is what a process prints.
func said(c *exec.Cmd) (m measurement, err error) {
	c.Stderr = os.Stderr
	out, err := c.Output()
	if err != nil {
		return m, fmt.Errorf("%s: %w", c.Path, err)
	}
	if err := json.Unmarshal(out, &m); err != nil {
		return m, err
	}
	if !(m.Steps > 0) {
		return m, errors.New("no step was measured")
	}
	return m, nil
}
