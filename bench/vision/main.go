// Command vision trains classifiers on the shared digits and prints their tables.
//
//	go run ./bench/vision classify  a CNN and a ViT beside the nearest neighbour, the nearest
//	                                mean and the commonest class
//	go run ./bench/vision robust    a CNN that was trained on attacked images beside one that
//	                                was not, under attacks of ever larger ε, and under attacks
//	                                made for the other; -plot FILE.png draws the curves
//
// The shared data are looked for in INKSTONE_DATA, by default ../shared/data. Other images:
// -data PATH, an IDX file or a folder with a folder for each class.
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
	"time"

	"github.com/inkstone-ai/inkstone"
	"github.com/inkstone-ai/inkstone/corpus"
	"github.com/inkstone-ai/inkstone/eval"
	"github.com/inkstone-ai/inkstone/train"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := command(ctx, os.Args[1:]); err != nil {
		fmt.Fprintf(os.Stderr, "vision: %v\n", err)
		os.Exit(1)
	}
}

// options are the flags of both commands.
type options struct {
	data, scratch, plot string
	threads, steps      int
	epsilon             float64
	seed                uint64
}

func command(ctx context.Context, args []string) (err error) {
	what, rest := "", args
	if len(args) > 0 {
		what, rest = args[0], args[1:]
	}
	var o options
	f := flag.NewFlagSet("vision "+what, flag.ContinueOnError)
	shared := cmp.Or(os.Getenv("INKSTONE_DATA"), filepath.Join("..", "shared", "data"))
	f.StringVar(&o.data, "data", filepath.Join(shared, "img-mnist", "part-a-images-idx3-ubyte.gz"), "labelled images")
	f.StringVar(&o.plot, "plot", "", "of robust: draw the curves to this .png")
	f.IntVar(&o.threads, "threads", 0, "0: one for each core; the numbers are the same")
	f.IntVar(&o.steps, "steps", 0, "updates of each model, 0: its default; of the one that is attacked 1,500")
	f.Float64Var(&o.epsilon, "epsilon", 0.2, "of robust: ε of the attacks in training")
	f.Uint64Var(&o.seed, "seed", 0, "of weights, batches and the choice of held-out images")
	if err := f.Parse(rest); err != nil {
		return err
	}
	if o.scratch, err = os.MkdirTemp("", "vision"); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(o.scratch)) }()
	switch what {
	case "classify":
		return classify(ctx, o)
	case "robust":
		return robust(ctx, o)
	}
	return fmt.Errorf("what to measure? classify or robust")
}

// A trained model with what its training took, and the images that it has not learned.
type trained struct {
	*inkstone.Classifier
	*inkstone.Trained
	learned, held *corpus.Images
}

// train trains a model in a folder of its own.
func (o options) train(ctx context.Context, name string, s inkstone.ImageSettings) (t trained, err error) {
	s.Seed, s.Steps = o.seed, cmp.Or(o.steps, s.Steps)
	last := time.Now()
	t.Trained, err = inkstone.TrainImages(ctx, inkstone.ImageOptions{
		Data: []string{o.data}, Out: filepath.Join(o.scratch, name), Settings: s, Threads: o.threads,
		Progress: func(m train.Metrics) {
			if m.Evaluation == nil && time.Since(last) > 10*time.Second {
				last = time.Now()
				fmt.Fprintf(os.Stderr, "%s: step %d, loss %.3f\n", name, m.Step, m.Loss)
			}
		},
	})
	if err != nil {
		return t, err
	}
	if t.Classifier, err = inkstone.LoadClassifier(t.Dir, &inkstone.LoadOptions{Threads: o.threads}); err != nil {
		return t, err
	}
	all, err := t.ReadLabelled(nil, o.data)
	if err != nil {
		return t, err
	}
	if t.held, err = t.HeldOut(all); err != nil {
		return t, err
	}
	t.learned = rest(all, t.held)
	return t, nil
}

// rest is all images but those of part.
func rest(all, part *corpus.Images) *corpus.Images {
	out := map[string]bool{}
	for _, name := range part.Names {
		out[name] = true
	}
	r := &corpus.Images{H: all.H, W: all.W, C: all.C, Classes: all.Classes}
	for i, name := range all.Names {
		if !out[name] {
			r.Names, r.Pixels, r.Labels = append(r.Names, name), append(r.Pixels, all.Image(i)...), append(r.Labels, all.Labels[i])
		}
	}
	return r
}

func row(name string, right, of int, more string) {
	low, high := eval.Wilson(right, of)
	fmt.Printf("| %s | %.2f %% (%.2f to %.2f) | %s |\n", name, 100*float64(right)/float64(of), 100*low, 100*high, more)
}
