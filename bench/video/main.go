// Command video measures models of clips on digits of the shared data that move and bounce in
// frames of 64 × 64.
//
//	go run ./bench/video [-out DIR] [-steps N] [-clips N]
//
// It trains a CNN that reads digits and, once with one digit a clip and once with two, a ConvLSTM
// that predicts ten frames from ten. On clips of digits that none of them has seen, it prints the
// squared error of the frames predicted beside that of a copy of the last frame and of linear
// motion, and how many digits the CNN reads in the last of them; and how many it reads in the first
// and the tenth frame of clips of the model's own. It writes predicted.gif (the truth above,
// the prediction below) and made.gif, a clip of each digit, into DIR.
//
// The data are read from INKSTONE_DATA (default ../shared/data).
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

	"github.com/inkstone-ai/inkstone"
	"github.com/inkstone-ai/inkstone/corpus"
	"github.com/inkstone-ai/inkstone/eval"
	"github.com/inkstone-ai/inkstone/train"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "video:", err)
		os.Exit(1)
	}
}

type options struct {
	data, out, config string
	steps, clips      int
	judgeSteps        int
	threads           int
}

func run(ctx context.Context, args []string, w io.Writer) (err error) {
	var o options
	f := flag.NewFlagSet("video", flag.ContinueOnError)
	data := f.String("data", cmp.Or(os.Getenv("INKSTONE_DATA"), "../shared/data"), "folder of the shared data")
	f.StringVar(&o.out, "out", "docs", "write the animations to this folder")
	f.StringVar(&o.config, "config", "", "settings of the models of clips, a JSON file")
	f.IntVar(&o.steps, "steps", 0, "updates of each of them, 0: as the settings say")
	f.IntVar(&o.judgeSteps, "judge-steps", 0, "updates of the CNN, 0: its default")
	f.IntVar(&o.clips, "clips", 256, "clips to measure")
	f.IntVar(&o.threads, "threads", 0, "threads, 0: one for each core")
	if err := f.Parse(args); err != nil {
		return err
	}
	if f.NArg() > 0 || o.clips < 1 {
		return fmt.Errorf("%q and %d clips are not understood; there are only flags, and 1 clip or more", f.Args(), o.clips)
	}
	o.data = filepath.Join(*data, "img-mnist", "part-a-images-idx3-ubyte.gz")
	dir, err := os.MkdirTemp("", "video")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	if err := os.MkdirAll(o.out, 0o777); err != nil {
		return err
	}
	judge, err := trainJudge(ctx, o, filepath.Join(dir, "judge"))
	if err != nil {
		return err
	}
	defer judge.Close()
	for digits := 1; digits <= 2; digits++ {
		if err := measure(ctx, o, filepath.Join(dir, fmt.Sprint("clips", digits)), digits, judge, w); err != nil {
			return err
		}
	}
	return nil
}

// trainJudge trains the CNN: with the same seed and share it holds the same digits out.
func trainJudge(ctx context.Context, o options, dir string) (*inkstone.Classifier, error) {
	_, err := inkstone.TrainImages(ctx, inkstone.ImageOptions{
		Data: []string{o.data}, Out: dir, Threads: o.threads, Settings: inkstone.ImageSettings{Steps: o.judgeSteps, HeldOut: 0.2},
		Progress: progress("judge"),
	})
	if err != nil {
		return nil, err
	}
	return inkstone.LoadClassifier(dir, &inkstone.LoadOptions{Threads: o.threads})
}

// progress tells evaluations on standard error.
func progress(name string) func(train.Metrics) {
	return func(m train.Metrics) {
		if m.Evaluation != nil {
			fmt.Fprintf(os.Stderr, "%s: step %d, held-out loss %.4f\n", name, m.Step, *m.Evaluation)
		}
	}
}

// measure trains a model of clips of so many digits, prints its table and writes animations of the one
// of one digit.
func measure(ctx context.Context, o options, dir string, digits int, judge *inkstone.Classifier, w io.Writer) error {
	s := inkstone.VideoSettings{}
	if o.config != "" {
		var err error
		if s, err = inkstone.ReadVideoSettings(o.config); err != nil {
			return err
		}
	}
	s.Digits, s.HeldOut, s.Seed = digits, 0.2, 0
	if o.steps > 0 {
		s.Steps = o.steps
	}
	trained, err := inkstone.TrainVideo(ctx, inkstone.VideoOptions{Data: []string{o.data}, Out: dir, Threads: o.threads, Settings: s, Progress: progress(fmt.Sprintf("%d a clip", digits))})
	if err != nil {
		return err
	}
	v, err := inkstone.LoadVideo(dir, &inkstone.LoadOptions{Threads: o.threads})
	if err != nil {
		return err
	}
	defer v.Close()
	clips, err := heldOut(v, o.data)
	if err != nil {
		return err
	}
	m, err := v.Evaluate(ctx, clips, o.clips, judge)
	if err != nil {
		return err
	}
	fmt.Fprintf(w, "\ndigits a clip: %d, %d parameters, %d steps\n", digits, trained.Parameters, trained.Steps)
	if err := printTable(w, m); err != nil || digits > 1 {
		return err
	}
	return writeAnimations(o.out, v, clips)
}

// heldOut are clips of digits that neither model has learned from.
func heldOut(v *inkstone.Video, data string) (*corpus.Moving, error) {
	all, err := v.Read(nil, data)
	if err != nil {
		return nil, err
	}
	held, err := v.HeldOut(all)
	if err != nil {
		return nil, err
	}
	return v.Clips(held, 1)
}

// printTable has a column for each way to go on.
func printTable(w io.Writer, m *eval.VideoMeasurement) error {
	fmt.Fprintf(w, "squared error of %d clips\n%-16s%10s%10s%10s\n", m.Clips, "", "model", "copy", "linear")
	var mean [3]float64
	for t := range m.Model.SquaredError {
		e := [3]float64{m.Model.SquaredError[t], m.Copy.SquaredError[t], m.Linear.SquaredError[t]}
		fmt.Fprintf(w, "frame %-10d%10.1f%10.1f%10.1f\n", m.First+t, e[0], e[1], e[2])
		for k := range mean {
			mean[k] += e[k] / float64(len(m.Model.SquaredError))
		}
	}
	fmt.Fprintf(w, "%-16s%10.1f%10.1f%10.1f\n", "mean", mean[0], mean[1], mean[2])
	for _, r := range []struct {
		name  string
		score eval.VideoScore
	}{
		{"model", m.Model}, {"copy of the last frame", m.Copy}, {"linear motion", m.Linear}, {"truth", m.Truth},
		{"own clips, first frame", m.Drawn}, {fmt.Sprintf("own clips, frame %d", m.First-1), m.Made},
	} {
		if _, err := fmt.Fprintf(w, "digits read, %-24s%6.1f %% of %d\n", r.name, 100*float64(r.score.Right)/float64(r.score.Of), r.score.Of); err != nil {
			return err
		}
	}
	return nil
}
