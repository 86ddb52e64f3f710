package main

import (
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/inkstone-ai/inkstone"
	"github.com/inkstone-ai/inkstone/corpus"
)

// fusions is the family of models of several modalities.
func (a *app) fusions() family {
	return family{
		name: "models of several modalities", types: inkstone.FusionModels(), next: "eval --model %s --data DATA --held-out", train: a.trainFusion, generate: a.fuse, eval: a.evalFusion,
		trainFlags: networkFlags, generateFlags: []string{"prompt", "number", "json"}, evalFlags: []string{"held-out"},
	}
}

func (a *app) trainFusion(c *cobra.Command, r trainRequest) error {
	data := "IMAGES --data WAVS"
	if r.kind == "caption" {
		data = "IMAGES"
	}
	return runVerb[inkstone.FusionSettings]{
		data: data, read: inkstone.ReadFusionSettings, train: inkstone.TrainFusion,
		dials: func(s *inkstone.FusionSettings) dials {
			return dials{&s.Model, &s.Precision, &s.Depth, &s.Steps, &s.EvalEvery, &s.CheckpointEvery, &s.Seed}
		},
	}.run(a, c, r)
}

// evalFusion prints what a model says of its data with noise and without, from every choice of
// modalities.
func (a *app) evalFusion(c *cobra.Command, dir string, threads int, asJSON bool, o inkstone.EvaluateOptions) error {
	m, err := inkstone.LoadFusion(dir, &inkstone.LoadOptions{Threads: threads})
	if err != nil {
		return err
	}
	defer m.Close()
	part := ""
	if held, _ := c.Flags().GetBool("held-out"); held {
		part = "test"
	}
	r, err := m.Evaluate(c.Context(), part, a.notice, o.Data...)
	if err != nil {
		return err
	}
	r.Title = strings.Join(o.Data, " ")
	return a.printReport(r, asJSON)
}

// fuse says what the things are that the prompt shows: its lines are pictures, .wav files and names.
func (a *app) fuse(c *cobra.Command, r generateRequest) error {
	things, err := shown(r.prompt)
	if err != nil {
		return err
	}
	m, err := inkstone.LoadFusion(r.dir, &inkstone.LoadOptions{Threads: r.threads})
	if err != nil {
		return err
	}
	defer m.Close()
	n := r.numberOr(c, 3)
	said, err := m.Say(things, n)
	if err != nil {
		return err
	}
	for _, answer := range said {
		if r.asJSON {
			err = a.printJSON(answer)
		} else {
			a.printAnswer(answer)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// shown are the things of a prompt: its pictures, recordings and names in their order, the first
// of each are one thing.
func shown(prompt string) ([]inkstone.Shown, error) {
	var of [3][]string
	for _, line := range strings.Split(prompt, "\n") {
		line = strings.TrimSpace(line)
		kind := 2
		if info, err := os.Stat(line); err == nil && info.IsDir() {
			return nil, fmt.Errorf("generate: %s is a folder: want pictures and .wav files, a line each", line)
		} else if err == nil {
			kind = 0
			if _, sounds, err := corpus.SortPaths([]string{line}); err == nil && len(sounds) > 0 {
				kind = 1
			}
		} else if strings.ContainsAny(line, `/\.`) {
			return nil, fmt.Errorf("generate: %s: there is no such file, and it is no name", line)
		}
		if line != "" {
			of[kind] = append(of[kind], line)
		}
	}
	n := max(len(of[0]), len(of[1]), len(of[2]))
	if n == 0 {
		return nil, usagef("generate: this model tells what is shown: want --prompt with a picture, a .wav file or a name, a line each")
	}
	for _, list := range of {
		if len(list) != 0 && len(list) != n {
			return nil, usagef("generate: the prompt has %d pictures, %d recordings and %d names: of each modality as many, or none", len(of[0]), len(of[1]), len(of[2]))
		}
	}
	things := make([]inkstone.Shown, n)
	for i := range things {
		at := func(list []string) string {
			if len(list) == 0 {
				return ""
			}
			return list[i]
		}
		things[i] = inkstone.Shown{Picture: at(of[0]), Sound: at(of[1]), Name: at(of[2])}
	}
	return things, nil
}

// printAnswer prints what is said of one thing, and from what.
func (a *app) printAnswer(x inkstone.FusedAnswer) {
	var parts []string
	for _, text := range []string{x.Picture, x.Sound, x.Name} {
		if text != "" {
			parts = append(parts, text)
		}
	}
	fmt.Fprintln(a.out, strings.Join(parts, " + "))
	fmt.Fprintf(a.out, a.t("said from: %s\n", "依据：%s\n"), a.modalities(x.Used))
	if len(x.Unused) > 0 {
		fmt.Fprintf(a.errs, a.t("the model does not read: %s\n", "模型不读取：%s\n"), a.modalities(x.Unused))
	}
	a.printClasses(x.Classes)
	for _, language := range slices.Sorted(maps.Keys(x.Captions)) {
		fmt.Fprintf(a.out, "%s  %s\n", language, x.Captions[language])
	}
}

// modalities are their names.
func (a *app) modalities(names []string) string {
	var said []string
	for _, name := range names {
		said = append(said, a.phrase(name))
	}
	return strings.Join(said, a.t(", ", "、"))
}
