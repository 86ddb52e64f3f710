package main

import (
	"context"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/inkstone-ai/inkstone"
	"github.com/inkstone-ai/inkstone/eval"
)

// A runVerb is what train does with a family of pictures or of sound, whose settings are S.
type runVerb[S any] struct {
	data  string                             // what --data is
	read  func(path string) (S, error)       // a config file
	dials func(*S) dials                     // where flags go that most families have
	own   func(f *pflag.FlagSet, s *S) error // sets what its own flags say; may be nil
	train func(ctx context.Context, o inkstone.RunOptions[S]) (*inkstone.Trained, error)
}

// dials are the settings that flags of train set; nil where a family has none.
type dials struct {
	kind, precision            *string
	depth, steps               *int
	evalEvery, checkpointEvery *int
	seed                       *uint64
}

// run trains as the command line says and prints what came of it.
func (v runVerb[S]) run(a *app, c *cobra.Command, r trainRequest) error {
	o, err := v.options(a, c, r)
	if err != nil {
		return err
	}
	var measured *eval.Report
	o.Measured = func(m eval.Report) {
		m.Title = a.t("held out", "留出")
		measured = &m
	}
	var watched *runWatch
	trained, err := a.watch(r.out, func(w *runWatch) (*inkstone.Trained, error) {
		watched = w
		o.Progress, o.Planned = w.step, w.planned
		return v.train(c.Context(), o)
	})
	switch {
	case err != nil:
		return err
	case r.asJSON && measured == nil:
		return a.printJSON(trained)
	case r.asJSON:
		return a.printJSON(tunedHead{trained, *measured})
	}
	if len(watched.names) > 0 && trained.Best == nil {
		watched.printLosses(trained)
	} else {
		a.printTrained(trained)
	}
	a.printNext(c, trained)
	if measured == nil {
		return nil
	}
	return a.report(*measured)
}

// options joins the config file and the flags that were given.
func (v runVerb[S]) options(a *app, c *cobra.Command, r trainRequest) (o inkstone.RunOptions[S], err error) {
	o = inkstone.RunOptions[S]{Data: r.data, Out: r.out, Threads: r.threads, Resume: r.resume, Notice: a.notice}
	switch {
	case len(r.data) == 0 || r.out == "":
		return o, usagef("train: --data %s and --out DIR are needed; see '%s --help'", v.data, c.CommandPath())
	case r.depth < 0 || r.steps < 0 || r.threads < 0 || r.evalEvery < 0 || r.checkpointEvery < 0:
		return o, usagef("train: a negative number for --depth, --steps, --threads, --eval-every or --checkpoint-every")
	}
	if r.config != "" {
		if o.Settings, err = v.read(r.config); err != nil {
			return o, err
		}
	}
	v.dials(&o.Settings).set(c.Flags(), r)
	if v.own == nil {
		return o, nil
	}
	return o, v.own(c.Flags(), &o.Settings)
}

// set sets what flags were given.
func (d dials) set(f *pflag.FlagSet, r trainRequest) {
	dial(f, "model-type", d.kind, r.kind)
	dial(f, "precision", d.precision, r.precision)
	dial(f, "depth", d.depth, r.depth)
	dial(f, "steps", d.steps, r.steps)
	dial(f, "eval-every", d.evalEvery, r.evalEvery)
	dial(f, "checkpoint-every", d.checkpointEvery, r.checkpointEvery)
	dial(f, "seed", d.seed, r.seed)
}

// dial is [override] of a setting that may not be there.
func dial[T any](f *pflag.FlagSet, name string, setting *T, value T) {
	if setting != nil {
		override(f, name, setting, value)
	}
}
