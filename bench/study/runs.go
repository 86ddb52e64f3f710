package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"

	"github.com/inkstone-ai/inkstone"
	"github.com/inkstone-ai/inkstone/train"
)

// checkRounds is how many runs a check makes of each text.
const checkRounds = 2

// wholeStudy is what the law is fitted on.
func wholeStudy() []run {
	return slices.Concat(draw(first, 7, 1), draw(second, 2, 2), draw(second, 2, 5), draw(third, 2, 7))
}

// A run of the study: a text, of which one n-th is used, and settings.
type run struct {
	id       string
	text     text
	share    int
	settings inkstone.Settings // without steps
	tokens   float64           // of the horizon
}

// most tokens of a run by depth: half a minute of one free thread.
var most = map[int]float64{1: 2.5e6, 2: 800e3, 3: 250e3, 4: 120e3}

// draw gives each text its runs, in rounds, so that an interrupted study has all
// texts. Depths take turns; what else is drawn is the recipe's own value in most runs.
func draw(all []text, rounds int, seed uint64) (runs []run) {
	r := rand.New(rand.NewPCG(seed, 0))
	for round := range rounds {
		for i, t := range all {
			u := run{id: fmt.Sprintf("%s-%d-%d", t.name, seed, round), text: t, share: 1}
			s := &u.settings
			s.Depth = 1 + (round+i)%4
			u.tokens = math.Exp(between(r, math.Log(40e3), math.Log(most[s.Depth])))
			s.Seed = r.Uint64() >> 12
			s.EvalTokens = 1 << 15
			if r.IntN(3) == 0 {
				u.share = []int{2, 4, 8, 16}[r.IntN(4)]
			}
			switch r.IntN(6) {
			case 0:
				s.Tokenizer = "char"
			case 1:
				s.Tokenizer = "byte"
			case 2:
				s.Vocab = []int{512, 1024, 4096}[r.IntN(3)]
			}
			switch r.IntN(5) {
			case 0:
				s.Context = 64
			case 1:
				s.Context = 128
			}
			switch r.IntN(4) {
			case 0:
				s.Rows, s.Micro = max(1, 1024/max(s.Context, 64)), 1
			case 1:
				s.Rows, s.Micro = 16, 1
			}
			runs = append(runs, u)
		}
	}
	return runs
}

// work is about what the run costs: the weights of a depth times its tokens.
func (u run) work() float64 { return math.Pow(float64(u.settings.Depth), 2.2) * u.tokens }

func between(r *rand.Rand, lo, hi float64) float64 { return lo + (hi-lo)*r.Float64() }

// A result is a line of the file that runs are appended to.
type result struct {
	ID    string `json:"id"`
	Share int    `json:"share"`
	train.Trial
}

// losses trains the runs that the file -out does not have yet, and appends what became
// of them.
func losses(ctx context.Context, runs []run, o options) error {
	if o.out == "" {
		return fmt.Errorf("-out FILE is missing: the runs are appended to it")
	}
	have, err := results(o.out)
	if err != nil {
		return err
	}
	f, err := os.OpenFile(o.out, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o666)
	if err != nil {
		return err
	}
	defer f.Close()
	dir, err := os.MkdirTemp("", "study")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	done := map[string]bool{}
	for _, r := range have {
		done[r.ID] = true
	}
	pace := startPace(float64(len(runs)))
	for i, u := range runs {
		if done[u.id] {
			continue
		}
		r, err := u.train(ctx, dir, o)
		if err != nil {
			return fmt.Errorf("%s: %w", u.id, err)
		}
		line, err := json.Marshal(r)
		if err != nil {
			return err
		}
		if _, err := f.Write(append(line, '\n')); err != nil {
			return err
		}
		pace.tell(float64(i+1), fmt.Sprintf("%s, depth %d, %d tokens: loss %.3f", u.id, r.Depth, r.Tokens, r.Loss))
	}
	return nil
}

// results reads the lines of a file of runs; a file that is not there has none.
func results(path string) (all []result, err error) {
	b, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	for line := range bytes.Lines(b) {
		var r result
		if err := json.Unmarshal(line, &r); err != nil {
			return nil, fmt.Errorf("%s: line %d: %w", path, len(all)+1, err)
		}
		all = append(all, r)
	}
	return all, err
}

// train makes the run's text, asks the planner, and trains.
func (u run) train(ctx context.Context, dir string, o options) (r result, err error) {
	docs, err := u.text.read(ctx, o.data)
	if err != nil {
		return r, err
	}
	path := filepath.Join(dir, u.id+".jsonl")
	if err := save(path, share(docs, u.share)); err != nil {
		return r, err
	}
	t := inkstone.TrainOptions{Data: []string{path}, Settings: u.settings, Threads: o.threads, Out: filepath.Join(dir, u.id)}
	defer os.Remove(path)
	defer os.RemoveAll(t.Out)
	plan, err := inkstone.Plan(ctx, t, 0)
	if err != nil {
		return r, err
	}
	t.Settings.Steps = max(10, int(u.tokens/float64(plan.TokensPerUpdate)))
	if plan, err = inkstone.Plan(ctx, t, 0); err != nil {
		return r, err
	}
	trained, err := inkstone.Train(ctx, t)
	if err != nil {
		return r, err
	}
	r = result{ID: u.id, Share: u.share, Trial: plan.Trial}
	r.Text, r.Loss = u.text.name, *trained.Best
	return r, nil
}
