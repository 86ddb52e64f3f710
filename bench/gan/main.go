// Command gan trains a GAN of handwritten digits and measures what it makes beside what
// is no generator.
//
//	go run ./bench/gan [-out DIR] [-objective NAME] [-steps N] [-seed N] [-threads N] [-number N] [-config FILE] [DATA…]
//
// The images are MNIST's of the shared data folder (INKSTONE_DATA, default ../shared/data),
// or DATA. Three tenths are held out; a judge, a CNN, learns from four fifths of those. What
// the GAN makes, N images of each class, is measured by the judge's accuracy on the class
// asked for, an inception score and a Fréchet distance on the judge's features, coverage of
// the real images, classes that appear, and the distance to the nearest image that the GAN
// learned from. The same measures of three others stand beside it: real images that
// neither saw, copies of those that the GAN learned from, and the mean image of each class.
//
// It prints the table and writes gan.json, gan.png (samples) and gan.gif (a walk) into DIR.
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
	"time"

	"github.com/inkstone-ai/inkstone"
	"github.com/inkstone-ai/inkstone/corpus"
	"github.com/inkstone-ai/inkstone/eval"
	"github.com/inkstone-ai/inkstone/format"
	"github.com/inkstone-ai/inkstone/model/gan"
	"github.com/inkstone-ai/inkstone/train"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "gan:", err)
		os.Exit(1)
	}
}

type options struct {
	out, objective    string
	config            string
	data              []string
	steps, threads, n int
	seed              uint64
}

func run(ctx context.Context, args []string, w io.Writer) error {
	o := options{}
	f := flag.NewFlagSet("gan", flag.ContinueOnError)
	f.StringVar(&o.out, "out", "docs", "write the pictures and the numbers to this folder")
	f.StringVar(&o.objective, "objective", "", "non-saturating or wasserstein (default that of the settings, non-saturating)")
	f.IntVar(&o.steps, "steps", 0, "updates of the GAN, 0: as its settings say")
	f.IntVar(&o.threads, "threads", 0, "threads, 0: one for each core")
	f.IntVar(&o.n, "number", 100, "images of each class that are measured")
	f.StringVar(&o.config, "config", "", "settings of the GAN, a JSON file; other flags go before it")
	f.Uint64Var(&o.seed, "seed", 1, "seed of all")
	if err := f.Parse(args); err != nil {
		return err
	}
	if o.data = f.Args(); len(o.data) == 0 {
		root := os.Getenv("INKSTONE_DATA")
		if root == "" {
			root = filepath.Join("..", "shared", "data")
		}
		o.data = []string{filepath.Join(root, "img-mnist", "part-a-images-idx3-ubyte.gz")}
	}
	dir, err := os.MkdirTemp("", "gan")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	return errors.Join(os.MkdirAll(o.out, 0o777), (&experiment{options: o, dir: dir, w: w}).run(ctx))
}

type experiment struct {
	options
	dir string
	w   io.Writer
}

// A row is a source of images and what was measured of it.
type row struct {
	Name string `json:"name"`
	*eval.GeneratedMeasurement
}

func (e *experiment) run(ctx context.Context) error {
	began := time.Now()
	folder, judgeFolder := filepath.Join(e.dir, "gan"), filepath.Join(e.dir, "judge")
	last := 0
	settings, err := e.settings()
	if err != nil {
		return err
	}
	e.objective = cmp.Or(settings.Objective, string(gan.NonSaturating))
	_, err = inkstone.TrainGAN(ctx, inkstone.GANOptions{
		Data: e.data, Out: folder, Threads: e.threads, Settings: settings,
		Notice: func(s string) { fmt.Fprintln(e.w, s) },
		Progress: func(m train.Metrics) {
			if m.Step%100 == 0 && m.Step != last {
				last = m.Step
				fmt.Fprintf(os.Stderr, "step %d: %s %.4f, %.0f s\n", m.Step, m.Stepper, m.Loss, m.Seconds)
			}
		},
	})
	if err != nil {
		return err
	}
	seconds := time.Since(began).Seconds()
	_, err = inkstone.TrainImages(ctx, inkstone.ImageOptions{
		Data: []string{filepath.Join(folder, inkstone.HeldOutImages)}, Out: judgeFolder, Threads: e.threads, Settings: inkstone.ImageSettings{Seed: e.seed},
	})
	if err != nil {
		return err
	}
	rows, err := e.measure(ctx, folder, judgeFolder)
	if err != nil {
		return err
	}
	e.table(rows, seconds)
	return e.write(rows, seconds, folder)
}

// settings are those of the GAN.
func (e *experiment) settings() (s inkstone.GANSettings, err error) {
	if e.config != "" {
		if s, err = inkstone.ReadGANSettings(e.config); err != nil {
			return s, err
		}
	}
	s.Objective, s.Steps, s.Seed = cmp.Or(e.objective, s.Objective), cmp.Or(e.steps, s.Steps), e.seed
	return s, nil
}

func (e *experiment) measure(ctx context.Context, folder, judgeFolder string) (rows []row, err error) {
	g, err := inkstone.LoadGAN(folder, &inkstone.LoadOptions{Threads: e.threads})
	if err != nil {
		return nil, err
	}
	defer g.Close()
	judge, err := inkstone.LoadClassifier(judgeFolder, &inkstone.LoadOptions{Threads: e.threads})
	if err != nil {
		return nil, err
	}
	defer judge.Close()
	images, err := g.Read(nil, e.data...)
	if err != nil {
		return nil, err
	}
	learned, held, err := g.HeldOut(images)
	if err != nil {
		return nil, err
	}
	unseen, err := judge.HeldOut(held) // by either
	if err != nil {
		return nil, err
	}
	var classes []int32
	for k := range g.Images().Classes {
		for range e.n {
			classes = append(classes, int32(k))
		}
	}
	made, err := g.Sample(classes, e.seed)
	if err != nil {
		return nil, err
	}
	for _, source := range []struct {
		name   string
		images *corpus.Images
	}{
		{"GAN", made}, {"real, held out", unseen}, {"copies of training images", some(learned, made.Len())}, {"mean image of each class", means(learned, e.n)},
	} {
		m, err := judge.Judge(ctx, source.images, unseen, learned)
		if err != nil {
			return nil, err
		}
		rows = append(rows, row{source.name, m})
	}
	return rows, nil
}

// some are at most n images, evenly from all: they may be in the order of their classes.
func some(m *corpus.Images, n int) *corpus.Images {
	n = min(n, m.Len())
	part := &corpus.Images{H: m.H, W: m.W, C: m.C, Classes: m.Classes}
	for i := range n {
		at := i * m.Len() / n
		part.Pixels, part.Labels = append(part.Pixels, m.Image(at)...), append(part.Labels, m.Labels[at])
	}
	return part
}

// means are n times the mean image of each class.
func means(m *corpus.Images, n int) *corpus.Images {
	one := m.H * m.W * m.C
	sum, count := make([]int, one*len(m.Classes)), make([]int, len(m.Classes))
	for i, k := range m.Labels {
		count[k]++
		for j, v := range m.Image(i) {
			sum[int(k)*one+j] += int(v)
		}
	}
	mean := &corpus.Images{H: m.H, W: m.W, C: m.C, Classes: m.Classes}
	for k := range m.Classes {
		for range n {
			for _, v := range sum[k*one : (k+1)*one] {
				mean.Pixels = append(mean.Pixels, uint8((v+count[k]/2)/max(1, count[k])))
			}
			mean.Labels = append(mean.Labels, int32(k))
		}
	}
	return mean
}

func (e *experiment) table(rows []row, seconds float64) {
	fmt.Fprintf(e.w, "%s, seed %d, trained in %.0f s\n\n", e.objective, e.seed, seconds)
	fmt.Fprintln(e.w, "| images | recognised as asked for | classes | inception score | Fréchet | coverage | to the nearest learned | diversity |")
	fmt.Fprintln(e.w, "|---|---|---|---|---|---|---|---|")
	for _, r := range rows {
		fmt.Fprintf(e.w, "| %s | %.1f %% of %d | %d | %.2f | %.3f | %.1f %% | %.2f | %s |\n",
			r.Name, 100*r.Accuracy(), r.Of, r.Modes(), r.InceptionScore, r.Frechet, 100*r.Coverage, r.Nearest, diversity(r.Diversity))
	}
}

// diversity is that of a row, which has none where a class has one image only.
func diversity(d *float64) string {
	if d == nil {
		return "–"
	}
	return fmt.Sprintf("%.2f", *d)
}

func (e *experiment) write(rows []row, seconds float64, folder string) error {
	g, err := inkstone.LoadGAN(folder, &inkstone.LoadOptions{Threads: e.threads})
	if err != nil {
		return err
	}
	defer g.Close()
	path := func(name string) string { return filepath.Join(e.out, name) }
	return errors.Join(
		format.WriteFile(path("gan.png"), func(w io.Writer) error { return g.WriteGrid(w, nil, 0, e.seed) }),
		format.WriteFile(path("gan.gif"), func(w io.Writer) error { return g.WriteWalk(w, nil, 5, e.seed) }),
		format.WriteFile(path("gan.json"), func(w io.Writer) error {
			j := json.NewEncoder(w)
			j.SetIndent("", "  ")
			return j.Encode(struct {
				Objective string  `json:"objective"`
				Seed      uint64  `json:"seed"`
				Seconds   float64 `json:"seconds"`
				Rows      []row   `json:"rows"`
			}{e.objective, e.seed, seconds, rows})
		}),
	)
}
