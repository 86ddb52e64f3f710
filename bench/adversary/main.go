// Command adversary measures what adversarial training of embeddings does to a small
// classifier: the accuracy on clean sentences and on harmed ones, with and without, for
// several seeds.
//
//	go run ./bench/adversary [-out DIR] [-seeds N] [-methods LIST] [-epsilon E] [-sentences N]
//
// The task is to say which kind of prejudice a sentence of CrowS-Pairs (Nangia et al.
// 2020, arXiv:2010.00133) is about, one of nine. A small GPT is trained once a seed on the
// sentences and on WikiText-2, then tuned to answer with the label, by each
// method with the same number of updates. Both sentences of a pair are on the same side of
// the split. The data are read from INKSTONE_DATA (default ../shared/data).
//
// It prints a table and writes adversary.png and adversary.json into DIR.
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
	"slices"
	"strings"

	"github.com/inkstone-ai/inkstone"
	"github.com/inkstone-ai/inkstone/corpus"
	"github.com/inkstone-ai/inkstone/format"
	"github.com/inkstone-ai/inkstone/internal/plot"
	"github.com/inkstone-ai/inkstone/train"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "adversary:", err)
		os.Exit(1)
	}
}

type options struct {
	out, methods   string
	seeds, threads int
	epsilon        float64
	steps          int // of pretraining; a test has few
	epochs         int // of tuning
	sentences      int // most of each part; 0: all
}

func run(ctx context.Context, args []string) error {
	var o options
	f := flag.NewFlagSet("adversary", flag.ContinueOnError)
	f.StringVar(&o.out, "out", "docs", "write the picture and the numbers to this folder")
	f.StringVar(&o.methods, "methods", "none,fgm,free,virtual", "methods to compare")
	f.IntVar(&o.seeds, "seeds", 3, "seeds of each")
	f.Float64Var(&o.epsilon, "epsilon", 0.5, "how far embeddings are moved")
	f.IntVar(&o.threads, "threads", 0, "threads, 0: one for each core")
	f.IntVar(&o.steps, "steps", 600, "updates of pretraining")
	f.IntVar(&o.epochs, "epochs", 6, "passes of tuning")
	f.IntVar(&o.sentences, "sentences", 0, "use N sentences to learn and N to test, 0: all")
	if err := f.Parse(args); err != nil {
		return err
	}
	if f.NArg() > 0 {
		return fmt.Errorf("%s is not understood; there are only flags", f.Arg(0))
	}
	dir, err := os.MkdirTemp("", "adversary")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	e := &experiment{options: o, dir: dir}
	if err := e.prepare(); err != nil {
		return err
	}
	results, err := e.run(ctx)
	if err != nil {
		return err
	}
	printTable(os.Stdout, e.baseline, results)
	return write(o.out, results)
}

// dataDir is where the shared data lie.
func dataDir() string {
	if dir := os.Getenv("INKSTONE_DATA"); dir != "" {
		return dir
	}
	return filepath.Join("..", "shared", "data")
}

// harms are what test sentences suffer; the first is none.
var harms = []string{"", "chars:0.05", "chars:0.1", "chars:0.2", "words:0.1", "words:0.2", "words:0.4"}

// A Result is one method's accuracy, over seeds, under each of harms.
type Result struct {
	Method   string               `json:"method"`
	Accuracy map[string][]float64 `json:"accuracy"` // of each seed, by harm
	Seconds  []float64            `json:"seconds"`  // of tuning
}

func (r Result) mean(harm string) float64 {
	sum := 0.0
	for _, x := range r.Accuracy[harm] {
		sum += x
	}
	return sum / float64(len(r.Accuracy[harm]))
}

// An experiment has its data as files in dir.
type experiment struct {
	options
	dir      string
	text     []string // to pretrain on
	baseline float64  // accuracy of the most frequent label
}

func (e *experiment) path(name string) string { return filepath.Join(e.dir, name) }

// prepare writes the conversations: every fifth pair is for testing.
func (e *experiment) prepare() error {
	learn, test, err := readPairs(filepath.Join(dataDir(), "safety-bias", "crows_pairs_anonymized.csv.gz"))
	if err != nil {
		return err
	}
	e.text = []string{e.path("learn.txt"), filepath.Join(dataDir(), "lm-wikitext2")}
	if n := e.sentences; n > 0 {
		learn, test = learn[:min(n, len(learn))], test[:min(n, len(test))]
		e.text = e.text[:1]
	}
	e.baseline = mostFrequent(learn, test)
	for name, write := range map[string]func(io.Writer) error{
		"learn.jsonl": func(w io.Writer) error { return conversations(w, learn) },
		"test.jsonl":  func(w io.Writer) error { return conversations(w, test) },
		"learn.txt":   func(w io.Writer) error { return sentences(w, learn) },
	} {
		if err := format.WriteFile(e.path(name), write); err != nil {
			return err
		}
	}
	return nil
}

func (e *experiment) run(ctx context.Context) ([]Result, error) {
	methods := strings.Split(e.methods, ",")
	results := make([]Result, len(methods))
	for seed := range uint64(e.seeds) {
		base := e.path(fmt.Sprintf("base-%d", seed))
		fmt.Fprintf(os.Stderr, "seed %d: pretraining\n", seed)
		_, err := inkstone.Train(ctx, inkstone.TrainOptions{Data: e.text, Out: base, Threads: e.threads, Settings: inkstone.Settings{
			Depth: 2, Width: 128, Heads: 4, Context: 128, Rows: 16, Steps: e.steps, Vocab: 1024, Seed: seed,
		}})
		if err != nil {
			return nil, err
		}
		for i, method := range methods {
			r := &results[i]
			r.Method = method
			if err := e.tune(ctx, base, r, seed); err != nil {
				return nil, fmt.Errorf("%s: %w", method, err)
			}
			fmt.Fprintf(os.Stderr, "seed %d: %s: %.1f %% clean, %.1f %% with %s\n", seed, method, last(r.Accuracy[""]), last(r.Accuracy["chars:0.1"]), "chars:0.1")
		}
	}
	return results, nil
}

func last(x []float64) float64 { return x[len(x)-1] }

// tune makes a classifier of base and measures it.
func (e *experiment) tune(ctx context.Context, base string, r *Result, seed uint64) error {
	out := e.path(fmt.Sprintf("tuned-%s-%d", r.Method, seed))
	o := inkstone.TuneOptions{Model: base, Data: []string{e.path("learn.jsonl")}, Out: out, Epochs: e.epochs, Seed: seed, Threads: e.threads}
	if r.Method != "none" {
		o.Adversarial = train.Adversary{Method: r.Method, Epsilon: e.epsilon}
	}
	tuned, err := inkstone.Tune(ctx, o)
	if err != nil {
		return err
	}
	r.Seconds = append(r.Seconds, tuned.Seconds)
	m, err := inkstone.Load(out, &inkstone.LoadOptions{Threads: e.threads})
	if err != nil {
		return err
	}
	defer m.Close()
	if r.Accuracy == nil {
		r.Accuracy = map[string][]float64{}
	}
	for _, harm := range harms {
		accuracy, err := e.accuracy(ctx, m, harm)
		if err != nil {
			return err
		}
		r.Accuracy[harm] = append(r.Accuracy[harm], accuracy)
	}
	return nil
}

// accuracy is the exact match of labels, in per cent. Every model meets the same harm.
func (e *experiment) accuracy(ctx context.Context, m *inkstone.Model, harm string) (float64, error) {
	o := inkstone.EvaluateOptions{Data: []string{e.path("test.jsonl")}}
	if harm != "" {
		var err error
		if o.Perturb, err = corpus.ParsePerturbation(harm, 1); err != nil {
			return 0, err
		}
	}
	report, err := m.Evaluate(ctx, o)
	if err != nil {
		return 0, err
	}
	i := slices.IndexFunc(report.Rows, func(r reportRow) bool { return r.Name == "exact match" })
	if i < 0 {
		return 0, errors.New("the evaluation has no exact match")
	}
	return 100 * report.Rows[i].Value, nil
}

func printTable(w io.Writer, baseline float64, results []Result) {
	fmt.Fprintf(w, "accuracy, %%, mean of seeds; the most frequent label has %.1f\n%-10s", baseline, "")
	for _, harm := range harms {
		fmt.Fprintf(w, "%12s", name(harm))
	}
	fmt.Fprintf(w, "%12s\n", "seconds")
	for _, r := range results {
		fmt.Fprintf(w, "%-10s", r.Method)
		for _, harm := range harms {
			fmt.Fprintf(w, "%12.1f", r.mean(harm))
		}
		fmt.Fprintf(w, "%12.0f\n", r.Seconds[0])
	}
	for _, r := range results {
		fmt.Fprintf(w, "%s, each seed:", r.Method)
		for _, harm := range harms {
			fmt.Fprintf(w, " %s %.1f;", name(harm), r.Accuracy[harm])
		}
		fmt.Fprintln(w)
	}
}

func name(harm string) string {
	if harm == "" {
		return "clean"
	}
	return harm
}

// write draws accuracy over the rate of harmed letters, and keeps all numbers.
func write(dir string, results []Result) error {
	c := plot.Chart{Title: "Accuracy when letters are harmed", X: plot.Scale{Name: "share of letters harmed, %"}, Y: plot.Scale{Name: "accuracy, %"}}
	for _, r := range results {
		l := plot.Line{Name: r.Method, Dots: true}
		for _, harm := range harms {
			kind, rate, _ := strings.Cut(harm, ":")
			if kind == "words" {
				continue
			}
			x := 0.0
			if rate != "" {
				if _, err := fmt.Sscan(rate, &x); err != nil {
					return err
				}
			}
			l.X, l.Y = append(l.X, 100*x), append(l.Y, r.mean(harm))
		}
		c.Lines = append(c.Lines, l)
	}
	return errors.Join(
		format.WriteFile(filepath.Join(dir, "adversary.png"), c.WritePNG),
		format.WriteFile(filepath.Join(dir, "adversary.json"), func(w io.Writer) error {
			e := json.NewEncoder(w)
			e.SetIndent("", "\t")
			return e.Encode(results)
		}),
	)
}
