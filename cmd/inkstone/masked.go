package main

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/inkstone-ai/inkstone"
	"github.com/inkstone-ai/inkstone/eval"
	"github.com/inkstone-ai/inkstone/model/bert"
	"github.com/inkstone-ai/inkstone/tensor"
	"github.com/inkstone-ai/inkstone/tokenizer"
	"github.com/inkstone-ai/inkstone/train"
	"github.com/inkstone-ai/inkstone/tune"
)

// masked is the family of masked language models.
func (a *app) masked() family {
	return family{
		name: "masked language models", types: inkstone.MaskedModels(), train: a.trainMasked, plan: a.planMasked, generate: a.fillMask, eval: a.evalMasked,
		trainFlags: slices.Concat(networkFlags, []string{"force", "adversarial", "epsilon", "replays"}), generateFlags: []string{"prompt", "number", "json"}, evalFlags: []string{"context", "baseline"},
	}
}

// maskedOptions joins the config file and the flags that were given.
func (a *app) maskedOptions(c *cobra.Command, r trainRequest) (inkstone.MaskedOptions, error) {
	o := inkstone.MaskedOptions{Data: r.data, Stdin: a.in, Out: r.out, Threads: r.threads, Resume: r.resume, Force: r.force, Notice: a.notice}
	if err := refuse(c, "masked language models", "checkpoint"); err != nil {
		return o, err
	}
	switch {
	case len(r.data) == 0:
		return o, usagef("%s: --data PATH is missing; see '%s --help'", c.Name(), c.CommandPath())
	case r.depth < 0 || r.steps < 0 || r.threads < 0 || r.evalEvery < 0 || r.checkpointEvery < 0:
		return o, usagef("%s: a negative number for --depth, --steps, --threads, --eval-every or --checkpoint-every", c.Name())
	}
	if r.config != "" {
		var err error
		if o.Settings, err = inkstone.ReadMaskedSettings(r.config); err != nil {
			return o, err
		}
	}
	s, f := &o.Settings, c.Flags()
	override(f, "depth", &s.Depth, r.depth)
	override(f, "steps", &s.Steps, r.steps)
	override(f, "seed", &s.Seed, r.seed)
	override(f, "precision", &s.Precision, r.precision)
	r.overrideAdversary(f, &s.Adversarial)
	override(f, "eval-every", &s.EvalEvery, r.evalEvery)
	override(f, "checkpoint-every", &s.CheckpointEvery, r.checkpointEvery)
	return o, nil
}

func (a *app) planMasked(c *cobra.Command, r trainRequest, seconds float64) (train.Plan, error) {
	o, err := a.maskedOptions(c, r)
	if err != nil {
		return train.Plan{}, err
	}
	o.Planned = a.announce
	return inkstone.PlanMasked(c.Context(), o, time.Duration(seconds*float64(time.Second)))
}

func (a *app) trainMasked(c *cobra.Command, r trainRequest) error {
	o, err := a.maskedOptions(c, r)
	if err != nil {
		return err
	}
	if r.out == "" {
		return usagef("train: --out DIR is missing; see '%s --help'", c.CommandPath())
	}
	fmt.Fprintln(a.errs, a.t("reading the text and learning the tokenizer …", "正在读取文本并训练分词器 …"))
	var measured *eval.MaskedMeasurement
	if !r.asJSON {
		o.Measured = func(m *eval.MaskedMeasurement) { measured = m }
	}
	if err := a.watchRun(c, r.out, r.asJSON, func(w *runWatch) (*inkstone.Trained, error) {
		o.Progress, o.Planned = w.step, w.planned
		return inkstone.TrainMasked(c.Context(), o)
	}); err != nil || measured == nil {
		return err
	}
	return a.report(measured.Report(a.t("held-out text", "留出的文本")))
}

// filled is what generate --json prints of a masked language model.
type filled struct {
	Prompt string               `json:"prompt"`
	Masks  [][]inkstone.Filling `json:"masks"` // of each mask, the likeliest first
}

func (a *app) fillMask(c *cobra.Command, r generateRequest) error {
	m, err := inkstone.LoadMasked(r.dir, &inkstone.LoadOptions{Threads: r.threads})
	if err != nil {
		return err
	}
	defer m.Close()
	if m.Task() != bert.FillMask {
		if err := refuse(c, "models tuned for a task", "number"); err != nil {
			return err
		}
		return a.sayHead(m, r)
	}
	n := r.numberOr(c, 5)
	all, err := m.Fill(r.prompt, n)
	if err != nil {
		return err
	}
	if r.asJSON {
		return a.printJSON(filled{r.prompt, all})
	}
	for i, fillings := range all {
		if len(all) > 1 {
			fmt.Fprintf(a.out, a.t("mask %d\n", "第 %d 处\n"), i+1)
		}
		for _, f := range fillings {
			fmt.Fprintf(a.out, "%5.1f %%  %s\n", 100*f.Probability, readable([]byte(f.Token)))
		}
	}
	return nil
}

func (a *app) evalMasked(c *cobra.Command, dir string, threads int, asJSON bool, o inkstone.EvaluateOptions) error {
	m, err := inkstone.LoadMasked(dir, &inkstone.LoadOptions{Threads: threads})
	if err != nil {
		return err
	}
	defer m.Close()
	if m.Task() != bert.FillMask {
		if err := refuse(c, "models tuned for a task", "context", "baseline"); err != nil {
			return err
		}
		r, err := m.EvaluateHead(o)
		if err != nil {
			return err
		}
		return a.printReport(r, asJSON)
	}
	counted, _ := c.Flags().GetStringArray("baseline")
	options := inkstone.MaskedEvaluateOptions{EvaluateOptions: o, Counted: counted}
	measured, err := m.Evaluate(c.Context(), options)
	if err != nil {
		return err
	}
	r := measured.Report(strings.Join(o.Data, " "))
	if len(counted) == 0 {
		r.Note("the baselines have counted this very text, which favours them; --baseline PATH names the training text")
	}
	return a.printReport(r, asJSON)
}

// sayHead prints what a tuned model says of a prompt; [SEP] stands between a text
// and its pair, or a question and its passage.
func (a *app) sayHead(m *inkstone.Masked, r generateRequest) error {
	text, pair, _ := strings.Cut(r.prompt, tokenizer.SepToken)
	text, pair = strings.TrimSpace(text), strings.TrimSpace(pair)
	if m.Task() == bert.Answers && pair == "" {
		return usagef("generate: this model finds answers: want --prompt \"QUESTION %s PASSAGE\"", tokenizer.SepToken)
	}
	said, err := m.Say(text, pair)
	if err != nil {
		return err
	}
	if r.asJSON {
		return a.printJSON(said)
	}
	switch {
	case said.Score != nil:
		fmt.Fprintf(a.out, "%.3f\n", *said.Score)
	case said.Labels != nil:
		for _, l := range said.Labels {
			fmt.Fprintf(a.out, "%5.1f %%  %s\n", 100*l.Probability, l.Token)
		}
	case said.Words != nil:
		for _, w := range said.Words {
			if w.Label != tune.Outside {
				fmt.Fprintf(a.out, "%s\t%s\n", text[w.From:w.To], w.Label)
			}
		}
	default:
		fmt.Fprintln(a.out, said.Answer)
	}
	return nil
}

// warmUp is what is learned before a task: examples made of plain text.
type warmUp struct {
	texts []string
	steps int
}

// tuneHead is tune for a task of an encoder; what o has for conversations alone is
// refused where it was given.
func (a *app) tuneHead(c *cobra.Command, task string, o inkstone.TuneOptions, warm warmUp, asJSON bool) error {
	for _, name := range []string{"template", "dry-run", "drop-long", "force"} {
		if c.Flags().Changed(name) {
			return usagef("tune: --%s is of conversations, not of the task %s", name, task)
		}
	}
	switch {
	case o.Model == "" || len(o.Data) == 0 || o.Out == "":
		return usagef("tune: --model DIR, --data FILE and --out DIR are needed")
	case o.Epochs < 1 || o.Steps < 0 || o.Rows < 1 || o.LR <= 0 || o.Threads < 0 || o.EvalEvery < 0 || o.CheckpointEvery < 0:
		return usagef("tune: --epochs, --batch and --lr must be positive, the other numbers not negative")
	case warm.steps < 1 || len(warm.texts) == 0 && c.Flags().Changed("warm-up-steps"):
		return usagef("tune: --warm-up-steps must be positive, and needs --warm-up FILE")
	}
	if _, err := tensor.ParsePrecision(o.Precision); err != nil {
		return usagef("tune: --%v", err)
	}
	h := inkstone.HeadOptions{
		Task: task, Model: o.Model, Data: o.Data, Stdin: a.in, Out: o.Out, Epochs: o.Epochs, Steps: o.Steps, LR: o.LR, Seed: o.Seed,
		Threads: o.Threads, Precision: o.Precision, EvalEvery: o.EvalEvery, CheckpointEvery: o.CheckpointEvery, Resume: o.Resume, Notice: a.notice,
		Adversarial: o.Adversarial, WarmUp: warm.texts, WarmUpSteps: warm.steps,
	}
	if c.Flags().Changed("batch") {
		h.Rows = o.Rows
	}
	var done tunedHead
	var err error
	done.Trained, err = a.watch(o.Out, func(w *runWatch) (r *inkstone.Trained, err error) {
		h.Progress, h.Planned = w.step, w.planned
		r, done.Report, err = inkstone.TuneHead(c.Context(), h)
		return r, err
	})
	switch {
	case err != nil:
		return err
	case asJSON:
		return a.printJSON(done)
	}
	a.ended(c, done.Trained)
	return a.report(done.Report)
}

// tunedHead is what tune --json prints of a head: what tune prints of a chat, and the
// report on what was held out.
type tunedHead struct {
	*inkstone.Trained
	Report eval.Report `json:"report"`
}
