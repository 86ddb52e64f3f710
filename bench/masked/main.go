// Command masked trains the example of masked language models from nothing: two English
// encoders and a Chinese one, and on them a head for each task of a tuning. It prints how well each
// does beside its baselines.
//
//	go run ./bench/masked [-out DIR] [-steps N] [-seeds N] [-threads N] [-only LIST] [-json]
//
// The tasks are hidden words of WikiText-2's last tenth; the likeness of two Chinese
// sentences (STS benchmark), of which no sentence of the test is learned from; answers to
// questions about articles that are not learned from (XQuAD, English); and personal data in
// sentences of templates that are not learned from (presidio-research). No text of a task
// is in what the encoders are pretrained on. The data are read from INKSTONE_DATA (default
// ../shared/data).
//
// -dev measures on a part of what is otherwise learned from and leaves the test alone: for
// choosing settings.
package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"text/tabwriter"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := command(ctx, os.Args[1:], os.Stdout, os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "masked:", err)
		os.Exit(1)
	}
}

// An experiment is the flags, and where what it makes lies.
type experiment struct {
	data, out, only       string
	steps, seeds, threads int
	seed                  uint64
	dev, small, asJSON    bool

	log  io.Writer
	took map[string]float64 // seconds of the encoders' training, by name
}

// A Result is one task's score.
type Result struct {
	Task      string     `json:"task"`
	Measure   string     `json:"measure"`
	Scores    []float64  `json:"scores"` // of each seed
	Baselines []Baseline `json:"baselines"`
	Of        int        `json:"of"`      // what is counted in the test
	Seconds   float64    `json:"seconds"` // of training, the encoder's apart
}

// A Baseline is the score of what learns less.
type Baseline struct {
	Name  string  `json:"name"`
	Score float64 `json:"score"`
}

// tasks in the order of the table.
func tasks() []string { return []string{"fill-mask", "classify", "spans", "tokens"} }

func command(ctx context.Context, args []string, out, log io.Writer) (err error) {
	e := experiment{log: log, took: map[string]float64{}}
	f := flag.NewFlagSet("masked", flag.ContinueOnError)
	f.SetOutput(log)
	f.StringVar(&e.data, "data", cmp.Or(os.Getenv("INKSTONE_DATA"), filepath.Join("..", "shared", "data")), "folder of the shared data")
	f.StringVar(&e.out, "out", "", "keep models and texts in this folder, and go on from those that are there; else they are deleted")
	f.StringVar(&e.only, "only", strings.Join(tasks(), ","), "tasks")
	f.IntVar(&e.steps, "steps", 10000, "updates of an English encoder; what else is trained follows from it")
	f.IntVar(&e.seeds, "seeds", 3, "seeds of each head")
	f.Uint64Var(&e.seed, "seed", 0, "the first of them, and that of encoders and warm-ups")
	f.IntVar(&e.threads, "threads", 0, "0: one for each core; the scores are the same")
	f.BoolVar(&e.dev, "dev", false, "measure on a part of what is learned from, the test is not read")
	f.BoolVar(&e.small, "small", false, "a handful of updates and examples, to see that it works")
	f.BoolVar(&e.asJSON, "json", false, "print the table as JSON")
	if err := f.Parse(args); err != nil {
		return err
	}
	if f.NArg() > 0 {
		return fmt.Errorf("%s is not understood; there are only flags", f.Arg(0))
	}
	only := strings.Split(e.only, ",")
	if i := slices.IndexFunc(only, func(task string) bool { return !slices.Contains(tasks(), task) }); i >= 0 {
		return fmt.Errorf("the task %q is none of %s", only[i], strings.Join(tasks(), ", "))
	}
	if e.steps < 1 || e.seeds < 1 {
		return fmt.Errorf("%d steps and %d seeds: want at least one of each", e.steps, e.seeds)
	}
	if e.out == "" {
		if e.out, err = os.MkdirTemp("", "masked"); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, os.RemoveAll(e.out)) }()
	}
	results, err := e.run(ctx, only)
	if err != nil {
		return err
	}
	if e.asJSON {
		j := json.NewEncoder(out)
		j.SetIndent("", "\t")
		return j.Encode(results)
	}
	return table(out, results)
}

func (e *experiment) shared(names ...string) string {
	return filepath.Join(append([]string{e.data}, names...)...)
}

func (e *experiment) path(name string) string { return filepath.Join(e.out, name) }

func (e *experiment) run(ctx context.Context, only []string) (all []Result, err error) {
	if err := os.MkdirAll(e.out, 0o777); err != nil {
		return nil, err
	}
	if err := e.prepare(); err != nil {
		return nil, err
	}
	for _, task := range tasks() {
		if !slices.Contains(only, task) {
			continue
		}
		measure := e.head
		if task == "fill-mask" {
			measure = e.fillMask
		}
		r, err := measure(ctx, task)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", task, err)
		}
		fmt.Fprintf(e.log, "%s: %s\n", task, r.scores())
		all = append(all, r)
	}
	return all, nil
}

// mean and spread of the seeds' scores.
func (r Result) mean() (sum float64) {
	for _, s := range r.Scores {
		sum += s / float64(len(r.Scores))
	}
	return sum
}

func (r Result) scores() string {
	if len(r.Scores) == 1 {
		return fmt.Sprintf("%.3f", r.Scores[0])
	}
	return fmt.Sprintf("%.3f (%.3f to %.3f)", r.mean(), slices.Min(r.Scores), slices.Max(r.Scores))
}

func table(w io.Writer, all []Result) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "task\tmeasure\tscore\tbaselines\tof\tseconds\tseeds")
	for _, r := range all {
		var b []string
		for _, x := range r.Baselines {
			b = append(b, fmt.Sprintf("%s %.3f", x.Name, x.Score))
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%d\t%.0f\t%d\n", r.Task, r.Measure, r.scores(), strings.Join(b, "; "), r.Of, r.Seconds, len(r.Scores))
	}
	return t.Flush()
}
