package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"

	"github.com/inkstone-ai/inkstone"
	"github.com/inkstone-ai/inkstone/format"
	"github.com/inkstone-ai/inkstone/internal/plot"
	"github.com/inkstone-ai/inkstone/model/fusion"
)

// A contestant is a modality alone, or a way of fusing all.
type contestant struct {
	name     string
	settings inkstone.FusionSettings
	has      fusion.Set
	errors   map[string][]float64 // by what is measured: a number for each seed
}

func contestants() (all []*contestant) {
	for _, m := range fusion.All.List() {
		all = append(all, &contestant{name: m.String() + " alone", settings: inkstone.FusionSettings{Modalities: []string{m.String()}}, has: fusion.SetOf(m)})
	}
	for _, way := range fusion.Ways() {
		all = append(all, &contestant{name: way, settings: inkstone.FusionSettings{Fusion: way}, has: fusion.All})
	}
	return all
}

// table prints the errors of all, mean and spread over the seeds.
func table(ctx context.Context, o options) error {
	all := contestants()
	var jobs []job
	for seed := 1; seed <= o.seeds; seed++ {
		for _, c := range all {
			s := c.settings
			s.Seed = uint64(seed)
			name := fmt.Sprintf("%s-%d", strings.ReplaceAll(c.name, " ", "-"), seed)
			jobs = append(jobs, job{name, s, []string{"test", "validation"}})
		}
	}
	if err := o.measure(ctx, all, jobs); err != nil {
		return err
	}
	o.print(all)
	if o.plot == "" {
		return nil
	}
	return draw(all, o.plot)
}

// measure runs the trainings and measures each on both parts.
func (o options) measure(ctx context.Context, all []*contestant, jobs []job) error {
	reports, err := o.all(ctx, jobs)
	if err != nil {
		return err
	}
	for i, r := range reports {
		c, r, valid := all[i%len(all)], r[0], r[1]
		if c.errors == nil {
			c.errors = map[string][]float64{}
		}
		add := func(key string, accuracy float64) { c.errors[key] = append(c.errors[key], 100*(1-accuracy)) }
		add("validation", value(valid, "noisy, accuracy from "+c.has.String()))
		add("noisy", value(r, "noisy, accuracy from "+c.has.String()))
		add("clean", value(r, "clean, accuracy from "+c.has.String()))
		for _, m := range c.has.List() {
			if left := c.has &^ fusion.SetOf(m); left != 0 {
				add("without "+m.String(), value(r, "noisy, accuracy from "+left.String()))
			}
		}
	}
	return nil
}

var columns = []string{"validation", "noisy", "without picture", "without sound", "without name", "clean"}

// print writes the table, and what the best modality alone is beside it.
func (o options) print(all []*contestant) {
	fmt.Fprintf(o.out, "errors in %% of triples, mean ± standard deviation of %d seeds\n\n", o.seeds)
	fmt.Fprintln(o.out, "| | validation, noisy | test, noisy | without picture | without sound | without name | test, clean | of the best alone, noisy | more than the best alone, clean |")
	fmt.Fprintln(o.out, "|---|---|---|---|---|---|---|---|---|")
	for _, c := range all {
		fmt.Fprintf(o.out, "| %s |", c.name)
		for _, key := range columns {
			fmt.Fprintf(o.out, " %s |", spread(c.errors[key]))
		}
		if c.has != fusion.All {
			fmt.Fprintln(o.out, " | |")
			continue
		}
		ratio, more := c.beside(all)
		fmt.Fprintf(o.out, " %s | %s |\n", spread(ratio), spread(more))
	}
	fmt.Fprintln(o.out)
}

// beside compares with the best modality alone of each seed: the ratio of the errors with noise, the
// difference in points without.
func (c *contestant) beside(all []*contestant) (ratio, more []float64) {
	for seed := range c.errors["noisy"] {
		noisy, clean := math.Inf(1), math.Inf(1)
		for _, other := range all {
			if other.has != fusion.All {
				noisy, clean = min(noisy, other.errors["noisy"][seed]), min(clean, other.errors["clean"][seed])
			}
		}
		ratio = append(ratio, c.errors["noisy"][seed]/noisy)
		more = append(more, c.errors["clean"][seed]-clean)
	}
	return ratio, more
}

// moments are mean and standard deviation (of a sample).
func moments(x []float64) (mean, deviation float64) {
	for _, v := range x {
		mean += v / float64(len(x))
	}
	for _, v := range x {
		deviation += (v - mean) * (v - mean) / float64(max(1, len(x)-1))
	}
	return mean, math.Sqrt(deviation)
}

func spread(x []float64) string {
	if len(x) == 0 {
		return ""
	}
	mean, deviation := moments(x)
	return fmt.Sprintf("%.2f ± %.2f", mean, deviation)
}

// draw draws test errors with noise, means and the least and the greatest of the seeds, and without.
func draw(all []*contestant, path string) error {
	mean, seeds, clean := plot.Line{Name: "noisy, mean"}, plot.Line{Name: "best, worst seed"}, plot.Line{Name: "clean, mean"}
	point := func(l *plot.Line, x int, y float64, label string) {
		l.X, l.Y, l.Labels = append(l.X, float64(x+1)), append(l.Y, y), append(l.Labels, label)
	}
	for i, c := range all {
		noisy, _ := moments(c.errors["noisy"])
		without, _ := moments(c.errors["clean"])
		low, high := extremes(c.errors["noisy"])
		point(&mean, i, noisy, c.name)
		point(&seeds, i, low, "")
		point(&seeds, i, high, "")
		point(&clean, i, without, "")
	}
	chart := plot.Chart{
		Title: "error on the test: a modality alone, and ways of fusing all three", X: plot.Scale{Name: "row of the table"}, Y: plot.Scale{Name: "error, %", Zero: true},
		Lines: []plot.Line{mean, seeds, clean},
	}
	return format.WriteFile(path, chart.WritePNG)
}

func extremes(x []float64) (low, high float64) {
	low, high = math.Inf(1), math.Inf(-1)
	for _, v := range x {
		low, high = min(low, v), max(high, v)
	}
	return low, high
}

// pairs prints retrieval@k between every two views, with noise and without.
func pairs(ctx context.Context, o options) error {
	return o.report(ctx, job{"pairs", inkstone.FusionSettings{Model: "contrastive", Seed: 1}, []string{"test"}})
}

// captions prints how many captions are right.
func captions(ctx context.Context, o options) error {
	return o.report(ctx, job{"captions", inkstone.FusionSettings{Model: "caption", Seed: 1}, []string{"test"}})
}

func (o options) report(ctx context.Context, j job) error {
	reports, err := o.run(ctx, j)
	if err != nil {
		return err
	}
	reports[0].Title = j.name
	err = reports[0].WriteText(o.out)
	_, newline := fmt.Fprintln(o.out)
	return errors.Join(err, newline)
}
