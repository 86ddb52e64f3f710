// Command fusion trains models that know digits from a picture, a sound and a written name, and prints
// what each gains from the others.
//
//	go run ./bench/fusion levels     [FLAG…]  the noise at which each modality alone is right in 77.5 % of cases
//	go run ./bench/fusion table      [FLAG…]  every way of fusing and every modality alone: errors, three seeds
//	go run ./bench/fusion pairs      [FLAG…]  retrieval between pictures, sounds and names of two languages
//	go run ./bench/fusion captions   [FLAG…]  captions of pictures in two languages
//	go run ./bench/fusion            [FLAG…]  table, pairs and captions
//
// The pictures are MNIST's and the sounds those of the free spoken digits in the shared data folder
// (INKSTONE_DATA, default ../shared/data). A fifth of the pictures and all recordings of one speaker are
// for the test alone; another fifth of the pictures, and of the other speakers' recordings, is for
// validation, by which weights and levels of noise are chosen.
//
// Models stay in the folder of -work, where it is given: what is there already is not trained again.
package main

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"sync"
	"syscall"

	"github.com/inkstone-ai/inkstone"
	"github.com/inkstone-ai/inkstone/eval"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := command(ctx, os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintf(os.Stderr, "fusion: %v\n", err)
		os.Exit(1)
	}
}

type options struct {
	data        []string // pictures, sounds
	work, plot  string
	jobs, steps int
	seeds       int
	out         io.Writer
}

func command(ctx context.Context, args []string, out io.Writer) (err error) {
	what, rest := "", args
	if len(args) > 0 && !strings.HasPrefix(args[0], "-") {
		what, rest = args[0], args[1:]
	}
	o := options{out: out}
	f := flag.NewFlagSet("fusion "+what, flag.ContinueOnError)
	shared := cmp.Or(os.Getenv("INKSTONE_DATA"), filepath.Join("..", "shared", "data"))
	pictures := f.String("pictures", filepath.Join(shared, "img-mnist", "part-a-images-idx3-ubyte.gz"), "labelled pictures")
	sounds := f.String("sounds", filepath.Join(shared, "audio-fsdd", "fsdd-george-jackson-nicolas-theo.tar.gz"), "recordings of the same classes")
	f.StringVar(&o.work, "work", "", "keep models in this folder; \"\": nowhere")
	f.StringVar(&o.plot, "plot", "", "of table: draw the errors to this .png")
	f.IntVar(&o.jobs, "jobs", 2, "trainings at a time, a thread each; the numbers are the same")
	f.IntVar(&o.steps, "steps", 0, "updates of each model, 0: its default")
	f.IntVar(&o.seeds, "seeds", 3, "of table: seeds 1 to so many")
	if err := f.Parse(rest); err != nil {
		return err
	}
	o.data = []string{*pictures, *sounds}
	if o.work == "" {
		if o.work, err = os.MkdirTemp("", "fusion"); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, os.RemoveAll(o.work)) }()
	}
	switch what {
	case "levels":
		return levels(ctx, o)
	case "table":
		return table(ctx, o)
	case "pairs":
		return pairs(ctx, o)
	case "captions":
		return captions(ctx, o)
	case "":
		return errors.Join(table(ctx, o), pairs(ctx, o), captions(ctx, o))
	}
	return fmt.Errorf("%q is none of levels, table, pairs, captions", what)
}

// A job is a training and what is measured of it.
type job struct {
	name     string // of its folder
	settings inkstone.FusionSettings
	parts    []string // of the data: "test", "validation"
}

// run trains, unless the folder is there, and measures: a report for each part.
func (o options) run(ctx context.Context, j job) (reports []eval.Report, err error) {
	dir, data := filepath.Join(o.work, j.name), o.data
	j.settings.Steps = o.steps
	if j.settings.Model == "caption" {
		data = data[:1]
	}
	if _, err := os.Stat(filepath.Join(dir, "config.json")); err == nil {
		if err := trainedAs(dir, j.settings); err != nil {
			return nil, err
		}
	} else {
		resume := false
		if _, err := os.Stat(dir); err == nil {
			resume = true // what was interrupted goes on
		}
		if _, err := inkstone.TrainFusion(ctx, inkstone.FusionOptions{Data: data, Out: dir, Settings: j.settings, Threads: 1, Resume: resume}); err != nil {
			return nil, fmt.Errorf("%s: %w", j.name, err)
		}
	}
	m, err := inkstone.LoadFusion(dir, &inkstone.LoadOptions{Threads: 1})
	if err != nil {
		return nil, err
	}
	defer m.Close()
	for _, part := range j.parts {
		r, err := m.Evaluate(ctx, part, nil, data...)
		if err != nil {
			return nil, err
		}
		reports = append(reports, r)
	}
	return reports, nil
}

// trainedAs refuses a folder that was trained with other settings than those asked for.
func trainedAs(dir string, want inkstone.FusionSettings) error {
	s, err := inkstone.ReadFusionSettings(filepath.Join(dir, inkstone.SettingsFile))
	if err != nil {
		return err
	}
	if want.Steps != 0 && s.Steps != want.Steps || s.Seed != want.Seed || want.Noise != nil && (s.Noise == nil || *s.Noise != *want.Noise) {
		return fmt.Errorf("%s was trained with other steps, seed or noise: remove it, or give another -work", dir)
	}
	return nil
}

// all runs jobs, some at a time, and returns their reports in order.
func (o options) all(ctx context.Context, jobs []job) ([][]eval.Report, error) {
	reports, errs := make([][]eval.Report, len(jobs)), make([]error, len(jobs))
	slots := make(chan struct{}, max(1, o.jobs))
	var wait sync.WaitGroup
	for i, j := range jobs {
		slots <- struct{}{}
		wait.Go(func() {
			defer func() { <-slots }()
			reports[i], errs[i] = o.run(ctx, j)
			fmt.Fprintf(os.Stderr, "%s: done\n", j.name)
		})
	}
	wait.Wait()
	return reports, errors.Join(errs...)
}

// value is a row's.
func value(r eval.Report, name string) float64 {
	for _, row := range r.Rows {
		if row.Name == name {
			return row.Value
		}
	}
	panic("fusion: no row " + name)
}
