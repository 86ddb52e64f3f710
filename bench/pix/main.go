// Command pix trains networks that make a picture of a picture and measures them beside what
// needs no network.
//
//	go run ./bench/pix [-out DIR] [-only NAME] [-steps N] [-seed N] [-threads N] [-digits PATH] [-letters PATH]
//
// Four parts, of which -only chooses one:
//
//   - digits: holes in MNIST's digits are filled, beside the mean of the learned pictures and
//     the nearest of them;
//   - letters: the same for Omniglot's characters, at 32 × 32;
//   - pix2pix: digits thinned to lines are drawn in neon, adversarially and by the absolute
//     error alone, beside the lines as they are;
//   - style: digits take on the style of two textures by the features of the judge of the
//     neon pictures, with both losses, with content alone and with style alone.
//
// Pictures are MNIST's and Omniglot's of the shared data folder (INKSTONE_DATA, default
// ../shared/data), or -digits and -letters. Three tenths are held out, half of the letters; a
// judge, a CNN, learns from four fifths of those; the last fifth, which nothing has seen, is
// measured.
//
// It prints the tables and writes pix.json and pictures into DIR.
package main

import (
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
	"github.com/inkstone-ai/inkstone/format"
	"github.com/inkstone-ai/inkstone/train"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "pix:", err)
		os.Exit(1)
	}
}

type options struct {
	out, only, digits, letters string
	steps, threads             int
	seed                       uint64
}

// An experiment has all models in one folder, which goes when it is over.
type experiment struct {
	options
	dir string
	w   io.Writer

	parts []part
}

// A part is a table and what pix.json has of it.
type part struct {
	Name    string                  `json:"name"`
	Seconds float64                 `json:"seconds"` // of training
	Scores  []inkstone.PictureScore `json:"scores,omitempty"`
	Styles  []styled                `json:"styles,omitempty"`
}

func run(ctx context.Context, args []string, w io.Writer) error {
	o := options{}
	root := os.Getenv("INKSTONE_DATA")
	if root == "" {
		root = filepath.Join("..", "shared", "data")
	}
	f := flag.NewFlagSet("pix", flag.ContinueOnError)
	f.StringVar(&o.out, "out", "docs", "write the pictures and the numbers to this folder")
	f.StringVar(&o.only, "only", "", "one part alone: digits, letters, pix2pix or style")
	f.StringVar(&o.digits, "digits", filepath.Join(root, "img-mnist", "part-a-images-idx3-ubyte.gz"), "pictures with labels")
	f.StringVar(&o.letters, "letters", filepath.Join(root, "img-omniglot", "images_background_small1.zip"), "pictures with labels")
	f.IntVar(&o.steps, "steps", 0, "updates of each network and each picture, 0: as their settings say")
	f.IntVar(&o.threads, "threads", 0, "threads, 0: one for each core")
	f.Uint64Var(&o.seed, "seed", 1, "seed of all")
	if err := f.Parse(args); err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "pix")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	if err := os.MkdirAll(o.out, 0o777); err != nil {
		return err
	}
	return (&experiment{options: o, dir: dir, w: w}).run(ctx)
}

func (e *experiment) run(ctx context.Context) error {
	parts := []struct {
		name string
		run  func(context.Context) error
	}{{"digits", e.fillDigits}, {"letters", e.fillLetters}, {"pix2pix", e.redraw}, {"style", e.stylize}}
	known := false
	for _, p := range parts {
		if e.only != "" && e.only != p.name {
			continue
		}
		known = true
		if err := p.run(ctx); err != nil {
			return fmt.Errorf("%s: %w", p.name, err)
		}
	}
	if !known {
		return fmt.Errorf("-only %q is none of digits, letters, pix2pix, style", e.only)
	}
	return format.WriteFile(filepath.Join(e.out, "pix.json"), func(w io.Writer) error {
		j := json.NewEncoder(w)
		j.SetIndent("", "  ")
		return j.Encode(struct {
			Seed  uint64 `json:"seed"`
			Parts []part `json:"parts"`
		}{e.seed, e.parts})
	})
}

// folder is where a model lies.
func (e *experiment) folder(name string) string { return filepath.Join(e.dir, name) }

// train trains a network and copies its samples to the pictures.
func (e *experiment) train(ctx context.Context, name, data string, s inkstone.PictureSettings) (seconds float64, err error) {
	began, last := time.Now(), 0
	s.Steps, s.Seed = e.steps, e.seed
	_, err = inkstone.TrainPictures(ctx, inkstone.PictureOptions{
		Data: []string{data}, Out: e.folder(name), Threads: e.threads, Settings: s,
		Notice: func(s string) { fmt.Fprintln(os.Stderr, s) },
		Progress: func(m train.Metrics) {
			if m.Step%100 == 0 && m.Step != last && m.Evaluation == nil {
				last = m.Step
				fmt.Fprintf(os.Stderr, "%s, step %d: loss %.4f, %.0f s\n", name, m.Step, m.Loss, m.Seconds)
			}
		},
	})
	if err != nil {
		return 0, err
	}
	seconds = time.Since(began).Seconds()
	b, err := os.ReadFile(filepath.Join(e.folder(name), "samples.png"))
	if err != nil {
		return 0, err
	}
	return seconds, errors.Join(os.WriteFile(filepath.Join(e.out, name+".png"), b, 0o666))
}

// judge trains a classifier on what a network has held out, and opens it.
func (e *experiment) judge(ctx context.Context, name string) (*inkstone.Classifier, error) {
	dir := e.folder(name + "-judge")
	_, err := inkstone.TrainImages(ctx, inkstone.ImageOptions{
		Data: []string{filepath.Join(e.folder(name), inkstone.HeldOutImages)}, Out: dir, Threads: e.threads,
		Settings: inkstone.ImageSettings{Seed: e.seed, Steps: e.steps},
	})
	if err != nil {
		return nil, err
	}
	return inkstone.LoadClassifier(dir, &inkstone.LoadOptions{Threads: e.threads})
}

func (e *experiment) fillDigits(ctx context.Context) error {
	return e.fill(ctx, "inpaint", e.digits, inkstone.PictureSettings{Model: "inpaint"})
}

func (e *experiment) fillLetters(ctx context.Context) error {
	return e.fill(ctx, "inpaint-letters", e.letters, inkstone.PictureSettings{Model: "inpaint", Size: [2]int{32, 32}, Channels: 1, HeldOut: 0.5})
}

// fill is a part whose network fills holes.
func (e *experiment) fill(ctx context.Context, name, data string, s inkstone.PictureSettings) error {
	seconds, err := e.train(ctx, name, data, s)
	if err != nil {
		return err
	}
	judge, err := e.judge(ctx, name)
	if err != nil {
		return err
	}
	defer judge.Close()
	m, err := inkstone.LoadInpainter(e.folder(name), &inkstone.LoadOptions{Threads: e.threads})
	if err != nil {
		return err
	}
	defer m.Close()
	scores, err := m.Evaluate(ctx, judge, e.seed, nil, data)
	if err != nil {
		return err
	}
	e.add(part{Name: name, Seconds: seconds, Scores: scores})
	return nil
}

// redraw is the part whose networks draw lines in neon.
func (e *experiment) redraw(ctx context.Context) error {
	names := map[string]string{"adversarial": "pix2pix", "l1": "pix2pix-l1"}
	var judge *inkstone.Classifier
	for _, objective := range []string{"adversarial", "l1"} {
		name := names[objective]
		seconds, err := e.train(ctx, name, e.digits, inkstone.PictureSettings{Model: "pix2pix", From: "thin", To: "neon", Objective: objective})
		if err != nil {
			return err
		}
		if judge == nil {
			if judge, err = e.judge(ctx, name); err != nil {
				return err
			}
			defer judge.Close()
		}
		m, err := inkstone.LoadPix2Pix(e.folder(name), &inkstone.LoadOptions{Threads: e.threads})
		if err != nil {
			return err
		}
		scores, err := m.Evaluate(ctx, judge, nil, e.digits)
		if err = errors.Join(err, m.Close()); err != nil {
			return err
		}
		e.add(part{Name: name, Seconds: seconds, Scores: scores})
	}
	return nil
}

// add keeps a part and prints its table.
func (e *experiment) add(p part) {
	e.parts = append(e.parts, p)
	fmt.Fprintf(e.w, "\n%s, seed %d, trained in %.0f s\n\n", p.Name, e.seed, p.Seconds)
	if p.Styles != nil {
		styleTable(e.w, p.Styles)
		return
	}
	fmt.Fprintln(e.w, "| pictures | PSNR of holes, dB | PSNR, dB | mean absolute error | recognised |")
	fmt.Fprintln(e.w, "|---|---:|---:|---:|---:|")
	for _, s := range p.Scores {
		hole := "–"
		if s.Hole != 0 {
			hole = fmt.Sprintf("%.2f", s.Hole)
		}
		fmt.Fprintf(e.w, "| %s | %s | %.2f | %.4f | %.1f %% of %d |\n", s.Name, hole, s.PSNR, s.L1, 100*s.Accuracy(), s.Of)
	}
}
