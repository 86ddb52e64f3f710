// Command speech trains models of spoken digits on the shared recordings and measures them on a speaker
// whom they have not heard, beside baselines that have heard no more.
//
//	go run ./bench/speech [-unheard NAME] [-model ctc|audio-cnn] [-steps N] [-seed N] [-threads N] [-beam N] [-out DIR] [DATA…]
//
// The recordings are those of the Free Spoken Digit Dataset in the shared data folder (INKSTONE_DATA,
// default ../shared/data), or DATA. Each speaker in turn is the unheard one, or NAME alone. For each it
// prints
//
//   - single words: errors of the audio-cnn, of the nearest neighbour by dynamic time warping among 20
//     recordings of each word by each speaker who was heard, those that choose weights included, and of the
//     commonest word;
//   - utterances of 1 to 7 words, silence or overlap between them: word error rates of the CTC, greedy and
//     by beam search, and of pieces cut at silence that the audio-cnn names.
//
// It writes speech.png, an utterance as the CTC hears it, into DIR.
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
	"slices"
	"syscall"
	"time"

	"github.com/inkstone-ai/inkstone"
	"github.com/inkstone-ai/inkstone/corpus"
	"github.com/inkstone-ai/inkstone/eval"
	"github.com/inkstone-ai/inkstone/format"
	"github.com/inkstone-ai/inkstone/train"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "speech:", err)
		os.Exit(1)
	}
}

type options struct {
	data                        []string
	unheard, model, config, out string
	steps, threads, beam, n     int
	seed                        uint64
}

func run(ctx context.Context, args []string, w io.Writer) error {
	o := options{}
	f := flag.NewFlagSet("speech", flag.ContinueOnError)
	f.StringVar(&o.unheard, "unheard", "", "this speaker alone; \"\": each in turn")
	f.StringVar(&o.model, "model", "", "train ctc or audio-cnn alone")
	f.StringVar(&o.config, "config", "", "settings of the trainings beside those of the flags, a JSON file")
	f.StringVar(&o.out, "out", "docs", "write the picture to this folder; \"\": none")
	f.IntVar(&o.steps, "steps", 0, "updates of each model, 0: its default")
	f.IntVar(&o.threads, "threads", 0, "0: one for each core; the numbers are the same")
	f.IntVar(&o.beam, "beam", 16, "width of the beam search")
	f.IntVar(&o.n, "utterances", 300, "that are measured")
	f.Uint64Var(&o.seed, "seed", 0, "of all")
	if err := f.Parse(args); err != nil {
		return err
	}
	if o.data = f.Args(); len(o.data) == 0 {
		root := os.Getenv("INKSTONE_DATA")
		if root == "" {
			root = filepath.Join("..", "shared", "data")
		}
		o.data = []string{filepath.Join(root, "audio-fsdd", "fsdd-george-jackson-nicolas-theo.tar.gz")}
	}
	dir, err := os.MkdirTemp("", "speech")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	return (&experiment{options: o, dir: dir, w: w}).run(ctx)
}

type experiment struct {
	options
	dir string
	w   io.Writer
}

// run goes through the speakers.
func (e *experiment) run(ctx context.Context) error {
	all, err := corpus.ReadSounds(corpus.SoundOptions{Pattern: "{label}_{speaker}_{number}.wav", Rate: 8000}, e.data...)
	if err != nil {
		return err
	}
	voices := all.Voices()
	if e.unheard != "" {
		voices = []string{e.unheard}
	}
	for _, voice := range voices {
		if err := e.speaker(ctx, all, voice); err != nil {
			return err
		}
	}
	return nil
}

// speaker trains what was asked for without one speaker, and prints that speaker's tables.
func (e *experiment) speaker(ctx context.Context, all *corpus.Sounds, voice string) error {
	heard, unheard, err := all.SplitSpeakers(voice)
	if err != nil {
		return err
	}
	fmt.Fprintf(e.w, "\n%s is not heard: %d recordings of others, seed %d\n\n", voice, heard.Len(), e.seed)
	var words *inkstone.Speech
	if e.model != "ctc" {
		if words, err = e.train(ctx, "audio-cnn", voice); err != nil {
			return err
		}
		defer words.Close()
		if err := e.singles(ctx, words, heard, unheard); err != nil {
			return err
		}
	}
	if e.model == "audio-cnn" {
		return nil
	}
	writer, err := e.train(ctx, "ctc", voice)
	if err != nil {
		return err
	}
	defer writer.Close()
	return errors.Join(e.utterances(ctx, writer, words, unheard), e.draw(writer, unheard))
}

// train trains a model in a folder of its own and opens it.
func (e *experiment) train(ctx context.Context, kind, voice string) (*inkstone.Speech, error) {
	var s inkstone.SpeechSettings
	if e.config != "" {
		var err error
		if s, err = inkstone.ReadSpeechSettings(e.config); err != nil {
			return nil, err
		}
	}
	s.Model, s.Unheard, s.Steps, s.Seed = kind, []string{voice}, cmp.Or(e.steps, s.Steps), cmp.Or(e.seed, s.Seed)
	last := time.Now()
	trained, err := inkstone.TrainSpeech(ctx, inkstone.SpeechOptions{
		Data: e.data, Out: filepath.Join(e.dir, kind+"-"+voice), Settings: s, Threads: e.threads,
		Progress: func(m train.Metrics) {
			if m.Evaluation == nil && time.Since(last) > 10*time.Second {
				last = time.Now()
				fmt.Fprintf(os.Stderr, "%s without %s: step %d, loss %.3f\n", kind, voice, m.Step, m.Loss)
			}
		},
	})
	if err != nil {
		return nil, err
	}
	fmt.Fprintf(e.w, "%s: %d weights, %d steps, %.0f s\n", kind, trained.Parameters, trained.Steps, trained.Seconds)
	return inkstone.LoadSpeech(trained.Dir, &inkstone.LoadOptions{Threads: e.threads})
}

// singles prints errors on recordings of one word.
func (e *experiment) singles(ctx context.Context, m *inkstone.Speech, heard, unheard *corpus.Sounds) error {
	r, err := m.MeasureWords(ctx, unheard.Alone())
	if err != nil {
		return err
	}
	near, err := nearest(ctx, heard, unheard)
	if err != nil {
		return err
	}
	fmt.Fprintf(e.w, "\n| single words | errors (95 %% interval) |\n|---|---:|\n")
	e.wrong("audio-cnn", r.Of-r.Right, r.Of)
	e.wrong("nearest by time warping", near, r.Of)
	counts := make([]int, len(unheard.Classes))
	for _, k := range unheard.Labels {
		counts[k]++
	}
	e.wrong("the commonest word", r.Of-slices.Max(counts), r.Of)
	fmt.Fprintln(e.w)
	return nil
}

func (e *experiment) wrong(name string, wrong, of int) {
	low, high := eval.Wilson(wrong, of)
	fmt.Fprintf(e.w, "| %s | %.1f %% (%.1f to %.1f) |\n", name, 100*float64(wrong)/float64(of), 100*low, 100*high)
}

// utterances prints word error rates. words may be nil.
func (e *experiment) utterances(ctx context.Context, m, words *inkstone.Speech, unheard *corpus.Sounds) error {
	made, err := m.Utterances(unheard, e.n, e.seed)
	if err != nil {
		return err
	}
	alone, err := m.Measure(ctx, unheard.Alone(), e.beam)
	if err != nil {
		return err
	}
	r, err := m.Measure(ctx, made, e.beam)
	if err != nil {
		return err
	}
	fmt.Fprintf(e.w, "\n| word error rate | recordings of one word | %d utterances |\n|---|---:|---:|\n", e.n)
	row := func(name string, a, b eval.ErrorRate) {
		fmt.Fprintf(e.w, "| %s | %.2f %% | %.2f %% |\n", name, 100*a.Rate(), 100*b.Rate())
	}
	row("ctc, greedy", alone.Greedy, r.Greedy)
	if e.beam > 0 {
		row(fmt.Sprintf("ctc, beam of %d", e.beam), alone.Beam, r.Beam)
	}
	if words != nil {
		a, err := cutUp(ctx, words, unheard.Alone())
		if err != nil {
			return err
		}
		b, err := cutUp(ctx, words, made)
		if err != nil {
			return err
		}
		row("audio-cnn on pieces between silence", a, b)
	}
	fmt.Fprintf(e.w, "\n| words of an utterance |")
	for n := range r.ByLength[1:] {
		fmt.Fprintf(e.w, " %d |", n+1)
	}
	fmt.Fprintf(e.w, "\n|---|")
	for range r.ByLength[1:] {
		fmt.Fprint(e.w, "---:|")
	}
	if e.beam > 0 {
		fmt.Fprintf(e.w, "\n| ctc, beam of %d |", e.beam)
	} else {
		fmt.Fprint(e.w, "\n| ctc, greedy |")
	}
	for _, one := range r.ByLength[1:] {
		fmt.Fprintf(e.w, " %.1f %% |", 100*one.Rate())
	}
	_, err = fmt.Fprintf(e.w, "\n\nwithout an error: %d of %d utterances\n", r.Whole, r.Utterances)
	return err
}

// draw writes the first utterance of five words as a picture.
func (e *experiment) draw(m *inkstone.Speech, unheard *corpus.Sounds) error {
	if e.out == "" {
		return nil
	}
	all, err := m.Utterances(unheard, 50, e.seed)
	if err != nil {
		return err
	}
	i := max(0, slices.IndexFunc(all, func(u *corpus.Utterance) bool { return len(u.Labels) == 5 }))
	p, err := m.Posteriors(unheard.Rate, all[i].Samples)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(e.out, 0o777); err != nil {
		return err
	}
	return format.WriteFile(filepath.Join(e.out, "speech.png"), func(w io.Writer) error { return m.WriteScore(w, p) })
}
