package main

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/inkstone-ai/inkstone"
	"github.com/inkstone-ai/inkstone/generate"
	"github.com/inkstone-ai/inkstone/train"
)

// translators are the encoder–decoders.
func (a *app) translators() family {
	return family{
		name: "encoder–decoders", types: []string{"seq2seq"}, next: "generate --model %s --prompt \"…\" --beam 4", train: a.trainTranslator, plan: a.planTranslator, generate: a.translate, eval: a.evalTranslator,
		trainFlags: slices.Concat(networkFlags, []string{"force", "adversarial", "epsilon", "replays"}), evalFlags: []string{"beam", "length-penalty"},
		generateFlags: slices.Concat(samplingFlags, beamFlags, []string{"prompt", "number", "json"}),
	}
}

// addBeamFlags adds what generate and eval share for encoder–decoders.
func (a *app) addBeamFlags(f *pflag.FlagSet) {
	f.Int("beam", 4, a.t("of seq2seq: follow `N` hypotheses at once, 1: greedy; of ctc: `N` readings, without the flag greedy", "seq2seq：同时跟踪 `N` 个假设，1 为贪心；ctc：跟踪 `N` 种读法，不给此选项则贪心"))
	f.Float64("length-penalty", 0.6, a.t("of seq2seq: `A` of ((5+length)/6)^A, by which log-probabilities are divided", "seq2seq：对数概率除以 ((5+长度)/6)^A，此为 `A`"))
}

// beamOptions reads those flags. A temperature asks for sampling and a repetition penalty for
// what was said so far: neither has a beam.
func beamOptions(c *cobra.Command, sampling generate.Sampling) (o inkstone.TranslateOptions, err error) {
	f := c.Flags()
	o.Sampling = sampling
	o.Beam, _ = f.GetInt("beam")
	o.LengthPenalty, _ = f.GetFloat64("length-penalty")
	alone := sampling.Temperature > 0 || sampling.RepetitionPenalty != 0 && sampling.RepetitionPenalty != 1
	if alone && !f.Changed("beam") {
		o.Beam = 1
	}
	if o.Beam < 1 || !(o.LengthPenalty >= 0) {
		return o, usagef("%s: --beam must be positive and --length-penalty not negative", c.Name())
	}
	return o, nil
}

// translatorOptions joins the config file and the flags that were given.
func (a *app) translatorOptions(c *cobra.Command, r trainRequest) (o inkstone.TranslatorOptions, err error) {
	o = inkstone.TranslatorOptions{Data: r.data, Stdin: a.in, Out: r.out, Threads: r.threads, Resume: r.resume, Force: r.force, Notice: a.notice}
	if r.config != "" {
		if o.Settings, err = inkstone.ReadTranslatorSettings(r.config); err != nil {
			return o, err
		}
	}
	s, f := &o.Settings, c.Flags()
	override(f, "steps", &s.Steps, r.steps)
	override(f, "seed", &s.Seed, r.seed)
	override(f, "precision", &s.Precision, r.precision)
	r.overrideAdversary(f, &s.Adversarial)
	override(f, "eval-every", &s.EvalEvery, r.evalEvery)
	override(f, "checkpoint-every", &s.CheckpointEvery, r.checkpointEvery)
	override(f, "depth", &s.Layers, r.depth)
	return o, nil
}

func (a *app) planTranslator(c *cobra.Command, r trainRequest, seconds float64) (train.Plan, error) {
	if err := refuse(c, "encoder–decoders", "checkpoint"); err != nil {
		return train.Plan{}, err
	}
	if len(r.data) == 0 {
		return train.Plan{}, usagef("plan: --data PAIRS is missing; see '%s --help'", c.CommandPath())
	}
	o, err := a.translatorOptions(c, r)
	if err != nil {
		return train.Plan{}, err
	}
	o.Planned = a.announce
	return inkstone.PlanTranslator(c.Context(), o, time.Duration(seconds*float64(time.Second)))
}

func (a *app) trainTranslator(c *cobra.Command, r trainRequest) error {
	switch {
	case len(r.data) == 0 || r.out == "":
		return usagef("train: --data PAIRS and --out DIR are needed; see '%s --help'", c.CommandPath())
	case r.depth < 0 || r.steps < 0 || r.threads < 0 || r.evalEvery < 0 || r.checkpointEvery < 0:
		return usagef("train: a negative number for --depth, --steps, --threads, --eval-every or --checkpoint-every")
	}
	o, err := a.translatorOptions(c, r)
	if err != nil {
		return err
	}
	fmt.Fprintln(a.errs, a.t("reading the pairs and learning the tokenizer …", "正在读取句对并训练分词器 …"))
	return a.watchRun(c, r.out, r.asJSON, func(w *runWatch) (*inkstone.Trained, error) {
		o.Progress, o.Planned = w.step, w.planned
		return inkstone.TrainTranslator(c.Context(), o)
	})
}

// translate prints the target of each line of the prompt.
func (a *app) translate(c *cobra.Command, r generateRequest) error {
	o, err := beamOptions(c, r.options.Sampling)
	if err != nil {
		return err
	}
	o.MaxTokens = r.options.MaxTokens
	t, err := inkstone.LoadTranslator(r.dir, &inkstone.LoadOptions{Threads: r.threads})
	if err != nil {
		return err
	}
	defer t.Close()
	sources := strings.Split(strings.TrimRight(r.prompt, "\r\n"), "\n")
	if path, _ := c.Flags().GetString("alignment"); path != "" {
		if err := a.draw(c, t, sources, path); err != nil {
			return err
		}
	}
	o.Beam = max(o.Beam, map[bool]int{true: r.n}[o.Sampling.Temperature == 0])
	for i := range map[bool]int{true: r.n, false: 1}[o.Sampling.Temperature > 0] {
		o.Sampling.Stream = uint64(i)
		all, err := t.Translate(c.Context(), sources, o)
		if err != nil {
			return err
		}
		for _, x := range all {
			if err := a.printTranslation(x, r); err != nil {
				return err
			}
		}
	}
	return nil
}

// draw draws where the decoder looked for the one source there is.
func (a *app) draw(c *cobra.Command, t *inkstone.Translator, sources []string, path string) error {
	if len(sources) != 1 {
		return usagef("generate: --alignment draws one source, the prompt has %d lines", len(sources))
	}
	picture, err := t.Align(c.Context(), sources[0])
	if err != nil {
		return err
	}
	if err := picture.WritePNG(path); err != nil {
		return err
	}
	fmt.Fprintf(a.errs, a.t("%s: columns %q, rows %q\n", "%s：列 %q，行 %q\n"), path, picture.Source, picture.Target)
	return nil
}

func (a *app) printTranslation(x inkstone.Translation, r generateRequest) error {
	x.Hypotheses = x.Hypotheses[:min(r.n, len(x.Hypotheses))]
	if r.asJSON {
		return a.printJSON(x)
	}
	for _, h := range x.Hypotheses {
		if _, err := fmt.Fprintln(a.out, h.Text); err != nil {
			return err
		}
		if h.Finish != generate.Ended {
			fmt.Fprintf(a.errs, a.t("ended: the target of %q is cut at %d tokens; --max-tokens sets the number\n", "结束：%q 的目标在 %d 个词元处截断；--max-tokens 可另设\n"), x.Source, len(h.IDs))
		}
	}
	return nil
}

// evalTranslator prints BLEU and chrF.
func (a *app) evalTranslator(c *cobra.Command, dir string, threads int, asJSON bool, o inkstone.EvaluateOptions) error {
	beam, err := beamOptions(c, generate.Sampling{})
	if err != nil {
		return err
	}
	t, err := inkstone.LoadTranslator(dir, &inkstone.LoadOptions{Threads: threads})
	if err != nil {
		return err
	}
	defer t.Close()
	r, err := t.Evaluate(c.Context(), inkstone.TranslationOptions{Data: o.Data, Stdin: o.Stdin, TranslateOptions: beam})
	if err != nil {
		return err
	}
	if asJSON {
		return a.printJSON(r)
	}
	return a.translationReport(r)
}

func (a *app) translationReport(r *inkstone.TranslationReport) error {
	fmt.Fprintln(a.out, r.Title)
	p := r.BLEU.Precisions
	rows := []row{
		{"BLEU", "BLEU", fmt.Sprintf(a.t("%.2f (%.1f/%.1f/%.1f/%.1f, brevity %.3f)", "%.2f（%.1f/%.1f/%.1f/%.1f，长度惩罚 %.3f）"), r.BLEU.Score, p[0], p[1], p[2], p[3], r.BLEU.Brevity)},
		{"chrF2", "chrF2", fmt.Sprintf("%.2f", r.ChrF.Score)},
		{"cut before their end", "未结束即截断", thousands(int64(r.Cut))},
		{"exact match", "完全匹配", fmt.Sprintf(a.t("%s of %s", "%s，共 %s"), thousands(int64(r.Exact)), thousands(int64(r.Pairs)))},
		{"seconds", "秒", fmt.Sprintf("%.1f", r.Seconds)},
	}
	for _, l := range r.Lengths {
		name := fmt.Sprintf("%d–%d", l.From, l.To)
		rows = append(rows, row{"sources of " + name + " characters", "源句 " + name + " 字符",
			fmt.Sprintf(a.t("BLEU %5.2f · chrF2 %5.2f · %s pairs", "BLEU %5.2f · chrF2 %5.2f · %s 对"), l.BLEU, l.ChrF, thousands(int64(l.Pairs)))})
	}
	if err := a.table(rows); err != nil {
		return err
	}
	_, err := fmt.Fprintf(a.out, "BLEU|%s\nchrF2|%s\n", r.BLEU.Signature, r.ChrF.Signature)
	return err
}
