// Command vectors measures word vectors on War and Peace of the shared data.
//
//	go run ./bench/vectors embeddings  word-level models that start from vectors beside
//	                                   those that do not: held-out loss at equal steps
//	go run ./bench/vectors speed       running words per second of one core
//
// The shared texts are looked for in INKSTONE_DATA, by default ../shared/data.
package main

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := command(ctx, os.Args[1:]); err != nil {
		fmt.Fprintf(os.Stderr, "vectors: %v\n", err)
		os.Exit(1)
	}
}

// options are the flags of both commands.
type options struct {
	text           string
	steps, threads int
	seeds, epochs  int
	scratch        string
}

func command(ctx context.Context, args []string) (err error) {
	what, rest := "", args
	if len(args) > 0 {
		what, rest = args[0], args[1:]
	}
	var o options
	f := flag.NewFlagSet("vectors "+what, flag.ContinueOnError)
	data := f.String("data", cmp.Or(os.Getenv("INKSTONE_DATA"), "../shared/data"), "folder of the shared texts")
	f.IntVar(&o.steps, "steps", 400, "of a language model")
	f.IntVar(&o.seeds, "seeds", 3, "runs of each kind")
	f.IntVar(&o.epochs, "epochs", 2, "of a measurement of speed")
	f.IntVar(&o.threads, "threads", 0, "of a language model, 0: one for each core; losses do not depend on it")
	if err := f.Parse(rest); err != nil {
		return err
	}
	o.text = filepath.Join(*data, "lm-war-and-peace", "war-and-peace.txt.gz")
	if o.scratch, err = os.MkdirTemp("", "vectors"); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(o.scratch)) }()
	switch what {
	case "embeddings":
		return embeddings(ctx, o)
	case "speed":
		return speed(ctx, o)
	}
	return fmt.Errorf("what to measure? embeddings or speed")
}
