package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/inkstone-ai/inkstone"
	"github.com/inkstone-ai/inkstone/format"
	"github.com/inkstone-ai/inkstone/internal/plot"
	"github.com/inkstone-ai/inkstone/train"
)

// A figure of docs/curves.md: some runs on Tiny Shakespeare's characters that differ
// in one thing.
type figure struct {
	file, title string
	runs        []curve
}

// A curve is the held-out loss of one run while it trains.
type curve struct {
	name     string
	share    int // one n-th of the text
	training bool
	settings inkstone.Settings
}

// base is what all runs of the figures have in common: two blocks of 128 channels,
// a quarter of a million characters, 32 evaluations.
func base(change func(*inkstone.Settings)) inkstone.Settings {
	s := inkstone.Settings{
		Depth: 2, Context: 128, Tokenizer: "char", Rows: 8, Micro: 1, Steps: 256, EvalEvery: 8, EvalTokens: 1 << 13, Seed: 1,
	}
	change(&s)
	return s
}

func figures() []figure {
	size := figure{file: "curve-size.png", title: "Larger models learn more from the same text"}
	for depth := 1; depth <= 4; depth++ {
		s := base(func(s *inkstone.Settings) { s.Depth = depth })
		size.runs = append(size.runs, curve{name: fmt.Sprintf("depth %d", depth), settings: s})
	}
	wide := figure{file: "curve-width.png", title: "Two blocks, wider and wider"}
	for _, width := range []int{16, 32, 64, 128, 256} {
		s := base(func(s *inkstone.Settings) { s.Width, s.Heads = width, max(1, width/64) })
		wide.runs = append(wide.runs, curve{name: fmt.Sprintf("%d channels", width), settings: s})
	}
	return []figure{size, wide, iterations(), rates()}
}

// iterations go on long after the small text is known by heart.
func iterations() figure {
	f := figure{file: "curve-iterations.png", title: "Many iterations on a small text, and on a larger one"}
	for _, text := range []struct {
		name  string
		share int
	}{{"1 MB", 1}, {"35 kB", 32}} {
		s := base(func(s *inkstone.Settings) { s.Steps, s.EvalEvery = 1024, 32 })
		f.runs = append(f.runs, curve{name: text.name, share: text.share, training: true, settings: s})
	}
	return f
}

// rates are AdamW's alone, so that one number is the learning rate.
func rates() figure {
	f := figure{file: "curve-rate.png", title: "A learning rate too small, right, and too large"}
	for _, rate := range []struct {
		lr   float64
		name string
	}{{3e-5, "0.00003, too small"}, {3e-4, "0.0003, small"}, {3e-3, "0.003, right"}, {3e-2, "0.03, large"}, {0.3, "0.3, too large"}} {
		s := base(func(s *inkstone.Settings) { s.Optimizer, s.LR = "adamw", rate.lr })
		f.runs = append(f.runs, curve{name: rate.name, settings: s})
	}
	return f
}

// curves trains what the figures show and draws them into the folder -out.
func curves(ctx context.Context, o options) error {
	scratch, err := os.MkdirTemp("", "curves")
	if err != nil {
		return err
	}
	defer os.RemoveAll(scratch)
	all := figures()
	total, done := 0.0, 0.0
	for _, f := range all {
		for _, c := range f.runs {
			total += c.work()
		}
	}
	pace := startPace(total)
	for _, f := range all {
		chart := plot.Chart{
			Title: f.title, X: plot.Scale{Name: "updates, of 1,024 characters each"}, Y: plot.Scale{Name: "loss, nats per character; held out unless said"},
		}
		for _, c := range f.runs {
			lines, err := c.train(ctx, o, scratch)
			if err != nil {
				return fmt.Errorf("%s, %s: %w", f.file, c.name, err)
			}
			chart.Lines = append(chart.Lines, lines...)
			done += c.work()
			pace.tell(done, f.file+": "+c.name)
		}
		if err := format.WriteFile(filepath.Join(o.out, f.file), chart.WritePNG); err != nil {
			return err
		}
	}
	return nil
}

// work is about what the run costs: weights times tokens.
func (c curve) work() float64 {
	width := c.settings.Width
	if width == 0 {
		width = 64 * c.settings.Depth
	}
	return float64(c.settings.Depth*width*width+40_000) * float64(c.settings.Steps)
}

// train returns the run's held-out loss over updates, and the training loss too
// where it is asked for. A run whose loss stops being a number ends there.
func (c curve) train(ctx context.Context, o options, scratch string) ([]plot.Line, error) {
	docs, err := first[0].read(ctx, o.data)
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp(scratch, "")
	if err != nil {
		return nil, err
	}
	path := filepath.Join(dir, "text.jsonl")
	if err := save(path, share(docs, c.share)); err != nil {
		return nil, err
	}
	t := inkstone.TrainOptions{Data: []string{path}, Out: filepath.Join(dir, "model"), Settings: c.settings, Threads: o.threads}
	held, training := plot.Line{Name: c.name}, plot.Line{Name: c.name + ", training", Pair: true}
	mean, n := 0.0, 0
	t.Progress = func(m train.Metrics) {
		if m.Evaluation == nil {
			mean, n = mean+m.Loss, n+1
			return
		}
		x := float64(m.Step)
		held.X, held.Y = append(held.X, x), append(held.Y, *m.Evaluation)
		training.X, training.Y = append(training.X, x-float64(n)/2), append(training.Y, mean/float64(n))
		mean, n = 0, 0
	}
	var broken *train.NonFiniteError
	if _, err := inkstone.Train(ctx, t); err != nil && !errors.As(err, &broken) {
		return nil, err
	}
	if broken != nil {
		held.Name += fmt.Sprintf(", no number from update %d on", broken.Step)
	}
	if c.training {
		return []plot.Line{held, training}, nil
	}
	return []plot.Line{held}, nil
}

// A pace says how far work of known parts has come and when it ends.
type pace struct {
	total float64
	began time.Time
}

func startPace(total float64) *pace { return &pace{total, time.Now()} }

func (p *pace) tell(done float64, what string) {
	spent := time.Since(p.began)
	left := time.Duration(float64(spent) * (p.total - done) / max(done, 1e-9))
	fmt.Fprintf(os.Stderr, "%3.0f %% · %s · %s · ETA %s\n", 100*done/p.total, what, spent.Round(time.Second), left.Round(time.Second))
}
