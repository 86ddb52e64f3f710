package main

import (
	"cmp"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/inkstone-ai/inkstone"
	"github.com/inkstone-ai/inkstone/corpus"
	"github.com/inkstone-ai/inkstone/corpus/ngram"
	"github.com/inkstone-ai/inkstone/eval"
	"github.com/inkstone-ai/inkstone/format"
	"github.com/inkstone-ai/inkstone/internal/plot"
	"github.com/inkstone-ai/inkstone/model"
	"github.com/inkstone-ai/inkstone/model/gpt"
	"github.com/inkstone-ai/inkstone/model/lstm"
	"github.com/inkstone-ai/inkstone/tokenizer"
	"github.com/inkstone-ai/inkstone/train"
)

// An experiment is the flags of recurrent: it trains an RNN, an LSTM, a GRU and a GPT of as
// many parameters for as long on one text and prints what became of them, beside a
// Kneser–Ney 5-gram of the same tokens. The last tenth of the text is held out of
// everything. The time of a model is turned into steps by its speed, measured before; a
// training that was interrupted goes on, and one that is finished is not repeated.
type experiment struct {
	data, out, tokenizer string
	minutes              float64
	width, vocab         int // of the LSTM, whose size the others have
	threads              int
	seed                 uint64
	dropout              float64
	only                 string

	python  string // of speed and parity
	rounds  int
	seconds float64
	steps   int
}

// recurrent is the command: compare, which may be left away, beside, speed or parity.
func recurrent(ctx context.Context, args []string) error {
	var e experiment
	f := flag.NewFlagSet("study recurrent", flag.ContinueOnError)
	f.StringVar(&e.data, "data", filepath.Join(shared(), "lm-war-and-peace", "war-and-peace.txt.gz"), "the text")
	f.StringVar(&e.out, "out", "recurrent", "folder of the models and the table; of beside, that of the model")
	f.StringVar(&e.tokenizer, "tokenizer", "bpe", "bpe, word or char")
	f.Float64Var(&e.minutes, "minutes", 4, "of training, each model")
	f.IntVar(&e.width, "width", 256, "of the LSTM, which has two layers; the others have as many parameters")
	f.IntVar(&e.vocab, "vocab", 0, "ids of a BPE; 0: as the text is long")
	f.IntVar(&e.threads, "threads", 0, "0: one for each core")
	f.Uint64Var(&e.seed, "seed", 0, "of weights and batches")
	f.Float64Var(&e.dropout, "dropout", 0.1, "between the layers of the recurrent models")
	f.StringVar(&e.only, "only", "rnn lstm gru gpt", "the models")
	f.StringVar(&e.python, "python", "python3", "interpreter that has PyTorch")
	f.IntVar(&e.rounds, "rounds", 3, "pairs of speed")
	f.Float64Var(&e.seconds, "seconds", 5, "of each side of a pair of speed")
	f.IntVar(&e.steps, "steps", 400, "of parity")
	what := "compare"
	if len(args) > 0 && !strings.HasPrefix(args[0], "-") {
		what, args = args[0], args[1:]
	}
	if err := f.Parse(args); err != nil {
		return err
	}
	e.threads = cmp.Or(e.threads, runtime.GOMAXPROCS(0))
	run, ok := map[string]func(context.Context) error{"compare": e.run, "speed": e.speed, "parity": e.parity, "beside": e.beside}[what]
	if !ok {
		return fmt.Errorf("%q is none of compare, beside, speed and parity", what)
	}
	return run(ctx)
}

func shared() string {
	if dir := os.Getenv("INKSTONE_DATA"); dir != "" {
		return dir
	}
	return filepath.Join("..", "shared", "data")
}

func (e experiment) path(name string) string { return filepath.Join(e.out, name) }

func (e experiment) run(ctx context.Context) error {
	if err := e.split(); err != nil {
		return err
	}
	var dirs []string
	times := map[string]time.Duration{}
	for _, name := range strings.Fields(e.only) {
		took, err := e.train(ctx, name)
		if err != nil {
			return err
		}
		dirs, times[name] = append(dirs, e.path(name)), took
	}
	all, err := inkstone.Compare(ctx, dirs, inkstone.EvaluateOptions{Data: []string{e.path("held.txt")}}, &inkstone.LoadOptions{Threads: e.threads})
	if err != nil {
		return err
	}
	for i := range all {
		all[i].Training = times[all[i].Name]
	}
	grams, err := e.ngrams(dirs[0])
	if err != nil {
		return err
	}
	return e.write(append(all, grams))
}

// split writes the text's last tenth, from the beginning of a line on, and what is before.
func (e experiment) split() error {
	docs, _, err := corpus.Read(nil, e.data)
	if err != nil {
		return err
	}
	var b strings.Builder
	for _, d := range docs {
		b.WriteString(d.Text)
	}
	text := b.String()
	cut := len(text) * 9 / 10
	cut += strings.IndexByte(text[cut:], '\n') + 1
	if err := os.MkdirAll(e.out, 0o777); err != nil {
		return err
	}
	for name, part := range map[string]string{"train.txt": text[:cut], "held.txt": text[cut:]} {
		if err := os.WriteFile(e.path(name), []byte(part), 0o666); err != nil {
			return err
		}
	}
	return nil
}

// settings are those of a model by name; its width makes it as large as the LSTM, the
// vocabulary being known.
func (e experiment) settings(name string, vocab int) (s inkstone.Settings, err error) {
	s = inkstone.Settings{Tokenizer: e.tokenizer, Vocab: e.vocab, Seed: e.seed, HeldOut: 0.05, Model: name, Depth: 2, Dropout: float32(e.dropout), EvalTokens: 1 << 15}
	if e.tokenizer != "bpe" {
		s.Vocab = 0
	}
	if name == "gpt" {
		s.Model, s.Depth, s.Dropout, s.Context = "llama", 4, 0, 256
	}
	target, err := size("lstm", 2, e.width, vocab)
	if err != nil {
		return s, err
	}
	const step = 32 // channels of a head of the GPT
	best := math.MaxInt
	for w := step; w <= 4*e.width; w += step {
		n, err := size(s.Model, s.Depth, w, vocab)
		if err != nil {
			return s, err
		}
		if off := max(n-target, target-n); off < best {
			s.Width, best = w, off
		}
	}
	if name == "gpt" {
		s.Heads = s.Width / step
	}
	return s, nil
}

// size is the number of parameters of a model.
func size(kind string, depth, width, vocab int) (int, error) {
	var m any
	var err error
	if kind == "llama" {
		m, err = gpt.NewLlama(gpt.LlamaConfig{Vocab: vocab, Context: 256, Layers: depth, Width: width, Hidden: (8*width/3 + 63) / 64 * 64,
			Heads: width / 32, KVHeads: width / 32, Tied: true})
	} else {
		m, err = lstm.New(kind, lstm.Config{Vocab: vocab, Hidden: width, Layers: depth, Tied: true})
	}
	if err != nil {
		return 0, err
	}
	return model.Parameters(m), nil
}

// train trains a model for the minutes, unless its folder is there, and returns how long
// that took.
func (e experiment) train(ctx context.Context, name string) (time.Duration, error) {
	dir := e.path(name)
	o := inkstone.TrainOptions{Data: []string{e.path("train.txt")}, Out: dir, Threads: e.threads, Notice: func(s string) { fmt.Fprintln(os.Stderr, s) }}
	if exists(filepath.Join(dir, "config.json")) {
		return took(dir)
	}
	steps := filepath.Join(e.out, name+".json") // the plan of a run that may be interrupted
	s, err := inkstone.ReadSettings(steps)
	if err != nil {
		if s, err = e.plan(ctx, name, o); err != nil {
			return 0, err
		}
		if err := write(steps, s); err != nil {
			return 0, err
		}
	}
	checkpoints, err := train.Checkpoints(filepath.Join(dir, "run"))
	if err != nil {
		return 0, err
	}
	o.Settings, o.Resume = s, len(checkpoints) > 0
	o.Progress = func(m train.Metrics) {
		if m.Evaluation != nil {
			fmt.Fprintf(os.Stderr, "%s: step %d of %d, held-out %.4f\n", name, m.Step, s.Steps, *m.Evaluation)
		}
	}
	r, err := inkstone.Train(ctx, o)
	if err != nil {
		return 0, err
	}
	return time.Duration(r.Seconds * float64(time.Second)), nil
}

// plan turns the minutes into steps: it finds the vocabulary, the width, and the speed.
func (e experiment) plan(ctx context.Context, name string, o inkstone.TrainOptions) (inkstone.Settings, error) {
	var a inkstone.Announcement
	o.Planned = func(x inkstone.Announcement) { a = x }
	o.Settings = inkstone.Settings{Tokenizer: e.tokenizer, Vocab: e.vocab, Seed: e.seed, HeldOut: 0.05}
	if _, err := inkstone.Plan(ctx, o, 0); err != nil {
		return o.Settings, err
	}
	s, err := e.settings(name, a.Vocabulary)
	if err != nil {
		return s, err
	}
	o.Settings = s
	p, err := inkstone.Plan(ctx, o, 5*time.Second)
	if err != nil {
		return s, err
	}
	s.Steps = max(20, int(e.minutes*60**p.TokensPerSecond/float64(a.TokensPerStep)))
	fmt.Fprintf(os.Stderr, "%s: width %d, %d parameters, %.0f tokens/s, %d steps\n", name, s.Width, p.Parameters, *p.TokensPerSecond, s.Steps)
	return s, nil
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// took is the time of the training in dir, from its log.
func took(dir string) (time.Duration, error) {
	log, err := train.ReadMetrics(filepath.Join(dir, "run"))
	if err != nil || len(log) == 0 {
		return 0, err
	}
	return time.Duration(log[len(log)-1].Seconds * float64(time.Second)), nil
}

func write(path string, v any) error {
	b, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(path, b, 0o666)
}

// ngrams is a Kneser–Ney 5-gram of all the text that the models were given, their own
// held-out part too, on their tokens.
func (e experiment) ngrams(dir string) (c eval.Candidate, err error) {
	tok, err := tokenizer.Load(dir)
	if err != nil {
		return c, err
	}
	var ids [2][]int32
	var bytes int
	for i, name := range []string{"train.txt", "held.txt"} {
		text, err := os.ReadFile(e.path(name))
		if err != nil {
			return c, err
		}
		ids[i], bytes = tok.Encode(string(text)), len(text)
	}
	m, err := ngram.Train(ids[:1], tok.Size(), 5)
	if err != nil {
		return c, err
	}
	began := time.Now()
	bits := m.Bits(ids[1][1:]) // the models predict every token but the first
	return eval.Candidate{
		Name: "Kneser–Ney 5-gram", Parameters: m.Size(), Loss: bits * math.Ln2 / float64(len(ids[1])-1), BitsPerByte: bits / float64(bytes),
		TokensPerSecond: float64(len(ids[1])) / time.Since(began).Seconds(),
	}, nil
}

// write prints the table and writes it, with the picture, to the folder.
func (e experiment) write(all []eval.Candidate) error {
	table := eval.Markdown(eval.Table(all))
	fmt.Print(table)
	if err := os.WriteFile(e.path("recurrent.md"), []byte(table), 0o666); err != nil {
		return err
	}
	if err := write(e.path("recurrent.json"), all); err != nil {
		return err
	}
	return e.draw(all)
}

// draw shows the loss by how many tokens of the text are seen.
func (e experiment) draw(all []eval.Candidate) error {
	p := plot.Chart{X: plot.Scale{Name: "position in the text", Log: true}, Y: plot.Scale{Name: "loss, nats per token"}}
	for _, c := range all {
		line := plot.Line{Name: c.Name, Dots: true}
		for _, b := range c.Bands {
			line.X, line.Y = append(line.X, math.Sqrt(float64(b.From*b.To))), append(line.Y, b.Loss)
		}
		if len(line.X) > 0 {
			p.Lines = append(p.Lines, line)
		}
	}
	return format.WriteFile(e.path("recurrent.png"), p.WritePNG)
}
