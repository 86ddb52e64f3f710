// Command study makes the measurements behind the pages of curves: docs/expected-loss.md,
// docs/curves.md and docs/scale.md.
//
//	go run ./bench/study losses  the runs that the planner's expected loss is fitted on
//	go run ./bench/study check   runs on other texts, and whether they end where the planner expects
//	go run ./bench/study fit     the law and how it does on texts that it was not fitted on
//	go run ./bench/study curves  what size, width, iterations and learning rate do
//	go run ./bench/study scale   tokens per second and memory by each dimension
//	go run ./bench/study recurrent  RNN, LSTM, GRU and GPT at equal size and time, beside a 5-gram
//	go run ./bench/study recurrent speed | parity | beside  … and beside PyTorch; see docs/recurrent.md
//
// losses and check append a line for each run to -out as it ends, and leave out the
// runs that the file has: what interrupts them costs one run. The shared texts are
// looked for in INKSTONE_DATA, by default ../shared/data.
package main

import (
	"cmp"
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := command(ctx, os.Args[1:]); err != nil {
		fmt.Fprintf(os.Stderr, "study: %v\n", err)
		os.Exit(1)
	}
}

// options are the flags of all commands.
type options struct {
	data, out       string
	threads, rounds int
	seconds         float64
	seed            uint64
	small           bool
}

func command(ctx context.Context, args []string) error {
	what, rest := "", args
	if len(args) > 0 {
		what, rest = args[0], args[1:]
	}
	if what == "recurrent" {
		return recurrent(ctx, rest)
	}
	var o options
	f := flag.NewFlagSet("study "+what, flag.ContinueOnError)
	f.StringVar(&o.data, "data", cmp.Or(os.Getenv("INKSTONE_DATA"), "../shared/data"), "folder of the shared texts")
	f.StringVar(&o.out, "out", "", "file of the runs, or folder of the pictures")
	f.IntVar(&o.threads, "threads", 0, "0: one for each core; losses do not depend on it")
	f.IntVar(&o.rounds, "rounds", 0, "runs of each text of a check, 0: two")
	f.Uint64Var(&o.seed, "seed", 11, "of the draw of check; each seed has other runs")
	f.Float64Var(&o.seconds, "seconds", 1, "of a point of scale, five steps at least")
	f.BoolVar(&o.small, "small", false, "sizes that a test can pay, for a look at scale's working")
	if err := f.Parse(rest); err != nil {
		return err
	}
	switch what {
	case "losses":
		return losses(ctx, wholeStudy(), o)
	case "check":
		return check(ctx, draw(unseen, cmp.Or(o.rounds, checkRounds), o.seed), o)
	case "fit":
		return fit()
	case "curves":
		o.out = cmp.Or(o.out, "docs")
		return curves(ctx, o)
	case "scale":
		all := sweeps(cores())
		if o.small {
			all = small(all)
		}
		o.out, o.threads = cmp.Or(o.out, "docs"), cmp.Or(o.threads, cores())
		return scale(ctx, all, o)
	case "point":
		return measurePoint(ctx, os.Stdin, os.Stdout)
	}
	return fmt.Errorf("%q is none of losses, check, fit, curves, scale, recurrent; see go doc ./bench/study", what)
}
